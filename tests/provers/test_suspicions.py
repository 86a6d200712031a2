"""What a prover notices of the others in certificates that it is shown, whatever it answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from threading import Event

import pytest

from circuits.errors import GradrollError, RuleViolationError, UnknownError
from circuits.terms import TaskTerms
from commons.protocol import release
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import ConflictingAttestations, Evidence, TooFewOwners, WrongSum
from commons.protocol.messages import Step, StepRequest
from commons.protocol.signing import sign_digest
from commons.protocol.witness import Witness
from commons.storage.evidencefiles import FOLDER, load_evidence
from commons.wire._generated.prover_pb2_grpc import add_ProverServicer_to_server
from commons.wire.calls import Calls, Limits
from commons.wire.channel import bind, new_server
from commons.wire.prover_client import ProverClient
from provers.background import Background
from provers.node import Servicer
from provers.suspicions import _Looked
from tests.provers.test_prover import OWN, World
from tests.support.network import network_with
from tests.support.perjury import attested, of_owners, with_false_sum

OTHERS = tuple(p for p in range(4) if p != OWN)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prover.close()


@cache
def whole() -> Certificate:
    """A batch of three owners, in the context that the world's node shows."""
    return network_with(3).run().completed.bundle.certificate


def signed(world: World, certificate: Certificate, *provers: int) -> Certificate:
    """With attestations of members whose keys the network has: all but the prover's own."""
    network = network_with(3)
    attesters = Attesters(world.committee, network.policy.verifier_code)
    signing = {p: partial(sign_digest, network.prover_keys[p]) for p in provers or OTHERS}
    return attested(certificate, attesters, signing)


def show(world: World, certificate: Certificate) -> None:
    """Ask for the release of its sum, in vain: its owners are too few."""
    look_at(world, release.request(certificate))


def look_at(world: World, request: StepRequest) -> None:
    with pytest.raises(GradrollError):
        world.prover.run(request)
    world.prover.look_at(request)


def found(world: World) -> dict[int, Evidence]:
    """Evidence by member."""
    directory = world.directory / "state" / FOLDER
    pieces = map(load_evidence, directory.iterdir() if directory.exists() else ())
    return {world.committee.members.index(evidence.culprit()): evidence for evidence in pieces}


def test_who_attested_too_few_owners_or_a_wrong_sum_is_noticed(world: World) -> None:
    show(world, signed(world, of_owners(whole(), (1,)), 0))
    show(world, signed(world, with_false_sum(whole()), 1, 3))
    kinds = {member: type(evidence) for member, evidence in found(world).items()}
    assert kinds == {0: TooFewOwners, 1: WrongSum, 3: WrongSum}


def test_who_attested_beside_what_it_attested_here_is_noticed_also_after_a_restart(world: World) -> None:
    """What was attested here lies on the prover's disk; of the round it is read once, whoever asks again."""
    world.store.put_certificate(signed(world, of_owners(whole(), (0, 1)), 0, 1, 3))
    show(world, signed(world, of_owners(whole(), (1, 2)), 1, 3))
    assert {member: type(evidence) for member, evidence in found(world).items()} == {
        1: ConflictingAttestations, 3: ConflictingAttestations,
    }  # fmt: skip
    show(world, signed(world, of_owners(whole(), (0, 2)), 0))
    assert set(found(world)) == {0, 1, 3}


def test_what_it_attested_after_the_first_look_is_held_against_later_ones(world: World) -> None:
    show(world, signed(world, of_owners(whole(), (0, 1)), 3))
    world.store.put_certificate(signed(world, of_owners(whole(), (1, 2)), 0, 1))
    show(world, signed(world, of_owners(whole(), (0, 2)), 0))
    assert set(found(world)) == {0}
    assert found(world)[0].culprit() == world.committee.members[0]


def test_a_batch_that_is_deleted_while_the_others_are_read_does_not_hide_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [signed(world, of_owners(whole(), slots), 0) for slots in ((0, 1), (0, 1, 2))]
    for certificate in own:
        world.store.put_certificate(certificate)
    first = min(each.batch_id for each in own)
    read = world.store.certificate

    def tidied(batch_id: bytes) -> bytes:
        if batch_id == first:
            raise UnknownError("deleted")
        return read(batch_id)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "certificate", tidied)
        show(world, signed(world, of_owners(whole(), (1, 2)), 0))
    assert set(found(world)) == {0}


def test_what_was_looked_at_is_not_looked_at_again_and_what_failed_is(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody with one certificate can ask as often as they like."""
    looked = list[Certificate]()
    look = Witness.certificate

    def counted(witness: Witness, certificate: Certificate, attesters: Attesters, terms: TaskTerms) -> list[Evidence]:
        looked.append(certificate)
        if len(looked) < 3:
            raise ValueError("a mistake")
        return look(witness, certificate, attesters, terms)

    monkeypatch.setattr(Witness, "certificate", counted)
    own, given = signed(world, of_owners(whole(), (0, 1)), 0), signed(world, of_owners(whole(), (1, 2)), 0, 1)
    world.store.put_certificate(own)
    fewer, more = given.attested_by([]), signed(world, of_owners(whole(), (1, 2)), 0, 1, 3)
    for certificate in (given, given, given, fewer, more, more, given):
        show(world, certificate)
    assert [_words(seen) for seen in looked] == [_words(seen) for seen in (own, given, own, given, more)]
    assert caplog.text.count("event=evidence-error") == 2
    assert set(found(world)) == {0}


def _words(certificate: Certificate) -> tuple[bytes, list[int]]:
    return certificate.batch_id, [prover for prover, _ in certificate.attestations]


def test_what_is_remembered_of_own_and_of_shown_batches_is_bounded() -> None:
    looked = _Looked(3)
    for nth in range(9):
        looked.add(bytes([nth]), frozenset({nth}))
    looked.add(bytes([7]), frozenset({1}))
    assert [nth for nth in range(9) if looked.has(bytes([nth]))] == [6, 7, 8]
    assert looked.has(bytes([7]), frozenset({1, 7}))
    assert not looked.has(bytes([7]), frozenset({1, 2}))


def test_a_mistake_in_here_is_logged_and_no_more(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(Attesters, "valid", mistaken)
    show(world, signed(world, whole()))
    assert "event=certificate-error" in caplog.text


def test_nothing_is_written_of_certificates_that_nobody_has_to_answer_for(world: World) -> None:
    true, few = whole(), of_owners(whole(), (1,))
    elsewhere = replace(few.statement, context=replace(few.statement.context, round=7))
    innocent = (
        signed(world, true),
        few,
        few.attested_by((p, bytes(65)) for p in OTHERS),
        signed(world, few, 0).attested_by([(1, signed(world, few, 0).attestations[0][1])]),
        signed(world, replace(few, statement=elsewhere)),
    )
    for certificate in innocent:
        show(world, certificate)
    look_at(world, StepRequest(Step.RELEASE, bytes(32), payload=b"junk"))
    assert found(world) == {}


def test_a_disk_that_is_full_is_no_mistake(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (world.directory / "state" / FOLDER).write_text("in the way")
    show(world, signed(world, of_owners(whole(), (1,)), 0))
    assert "event=evidence-not-kept" in caplog.text


def test_it_looks_behind_the_answer_and_a_flood_of_requests_piles_nothing_up(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking asks a node, which may be slow: whoever asks for a sum has its answer meanwhile."""
    caplog.set_level(logging.INFO, "provers.node")
    background, begun, free = Background("suspicions", 1), Event(), Event()
    look = world.prover.look_at

    def slow(request: StepRequest) -> None:
        begun.set()
        free.wait()
        look(request)

    monkeypatch.setattr(world.prover, "look_at", slow)
    calls = Calls(Limits(4))
    server = new_server(calls)
    add_ProverServicer_to_server(Servicer(world.prover, background, calls), server)
    port = bind(server, "127.0.0.1:0", None)
    server.start()
    try:
        with ProverClient(f"127.0.0.1:{port}") as client:
            for slot in (1, 2):
                with pytest.raises(RuleViolationError, match="fewer than 2 owners"):
                    client.run(release.request(signed(world, of_owners(whole(), (slot,)), slot - 1)), 5)
        begun.wait()
    finally:
        free.set()
        server.stop(None).wait()
        background.close()
    assert set(found(world)) == {0}
    assert caplog.text.count("event=certificate-not-looked-at") == 1
