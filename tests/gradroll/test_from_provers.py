"""Sums and audit bundles from real parties, when there is no coordinator: nobody is believed, and a quorum is found."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import pytest

import gradroll.model_owner.from_provers
import native
from circuits import payload
from circuits.commitment import CommitmentKey
from circuits.errors import UnavailableError, UnknownError, catalogue
from circuits.groth16 import VerifyingKey
from circuits.statement import Committee, Context, GrothProof, Policy
from circuits.terms import TaskTerms
from circuits.verify import verify_batch
from commons.chain.facts import AcceptedBatch, CommitteeRecord, RecordedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import ConflictingAttestations
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest
from commons.storage import evidencefiles
from commons.storage.evidencefiles import load_evidence
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from coordinator.machine import Completed
from gradroll.audit.auditor import Auditor
from gradroll.audit.recheck import CHECKS
from gradroll.commands import audit
from gradroll.console import Console
from gradroll.model_owner.from_provers import ProverReader
from tests.support.faults import lie_in_vector
from tests.support.network import Fault, Network, network_with
from tests.support.perjury import attested, of_owners
from tests.support.plain_batch import address_of, seed_of

T = TypeVar("T")
OWNERS = 3


@dataclass
class World:
    """A batch that a network has proven, the chain that shows it, and what each prover keeps of it.

    Attributes:
        certificates: what each prover serves; at first the batch with its own attestation alone.
        bundles: the same for audit bundles.
        down: provers that do not answer.
        endless: provers that go on answering until the caller hangs up.
        faults: lies about shares of the sum.
        present: members' addresses by now, where they have changed since.
    """

    network: Network
    done: Completed
    certificates: dict[int, Certificate] = field(init=False)
    bundles: dict[int, AuditBundle] = field(init=False)
    down: set[int] = field(default_factory=set)
    endless: set[int] = field(default_factory=set)
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    present: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        bundle = self.done.bundle
        own = dict(bundle.certificate.attestations)
        self.bundles = {p: bundle.attested_by([(p, signature)]) for p, signature in own.items()}
        self.certificates = {p: each.certificate for p, each in self.bundles.items()}

    @property
    def batch(self) -> AcceptedBatch:
        owners = self.done.statement.owners
        record = RecordedBatch(
            0, self.done.batch_id, self.done.proof.commitment_sum, tuple(h.owner_index for h in owners)
        )
        return AcceptedBatch(self.network.terms.task_id, 0, record, tuple(h.owner for h in owners), 1, ())

    @property
    def key(self) -> CommitmentKey:
        return self.network.setup.commitment

    @property
    def view(self) -> ChainView:
        return cast(ChainView, _View(self.network, self.present or self.network.committee.members))

    @property
    def reader(self) -> ProverReader:
        return ProverReader(self.view)

    @property
    def auditor(self) -> Auditor:
        """An auditor whose coordinator is gone."""
        parameters = cast(PublicParameters, _Parameters(self.network))
        return Auditor(self.view, cast(CoordinatorClient, _Gone()), parameters)

    def client(self, endpoint: str, **options: object) -> _Client:
        return _Client(self, int(endpoint.removeprefix("prover-")))

    def check(self, encoded: bytes) -> None:
        """It is the sum of all owners' gradients."""
        opened = payload.decode(encoded, self.network.dimension)
        assert np.array_equal(opened.values, np.sum([plan.gradient for plan in self.network.plans], axis=0))


@dataclass
class _View:
    network: Network
    present: tuple[bytes, ...]

    def terms(self, task_id: int) -> TaskTerms:
        return self.network.terms

    def policy(self, task_id: int) -> Policy:
        return self.network.policy

    def context(self, task_id: int, number: int) -> Context:
        return self.network.context

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return self.network.committee

    def committee(self, committee_id: int) -> Committee:
        return replace(self.network.committee, members=tuple(self.present))

    def committee_record(self, committee_id: int) -> CommitteeRecord:
        endpoints = tuple(f"prover-{p}" for p in range(self.network.provers))
        return CommitteeRecord(self.network.committee, endpoints, (bytes(32),) * self.network.provers, True)


@dataclass
class _Parameters:
    network: Network

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return self.network.setup.commitment

    def verifying_key(self, key_hash: bytes) -> VerifyingKey:
        return self.network.setup.verifying


class _Gone:
    def payload(self, batch_id: bytes, dimension: int) -> bytes:
        raise UnavailableError("the coordinator cannot be reached")

    def audit_bundle(self, batch_id: bytes, dimension: int) -> AuditBundle:
        raise UnavailableError("the coordinator cannot be reached")


@dataclass
class _Client:
    """A prover's node as `commons.wire.prover_client.ProverClient` shows it."""

    world: World
    prover: int
    closed: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> _Client:
        if self.prover in self.world.down:
            raise UnavailableError(f"prover-{self.prover} cannot be reached")
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()

    def batches(self, task_id: int, round_number: int) -> Iterator[bytes]:
        self._trickle()
        if self.prover in self.world.certificates:
            yield self.world.certificates[self.prover].batch_id

    def certificate(self, batch_id: bytes) -> Certificate:
        return self._kept(self.world.certificates)

    def audit_bundle(self, batch_id: bytes, dimension: int) -> AuditBundle:
        return self._kept(self.world.bundles)

    def run(self, request: StepRequest, dimension: int, timeout: float | None = None) -> StepReply:
        self._trickle()
        reply = self.world.network.answer(self.prover, request, self.world.faults)
        if isinstance(reply, Failure):
            raise catalogue()[reply.code](reply.message)
        return reply

    def _trickle(self) -> None:
        if self.prover in self.world.endless:
            self.closed.wait()
            raise UnavailableError("hung up")

    def _kept(self, kept: dict[int, T]) -> T:
        self._trickle()
        if self.prover not in kept:
            raise UnknownError("this prover has nothing of the batch: it did not attest it")
        return kept[self.prover]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    network = network_with(OWNERS)
    made = World(network, network.run().completed)
    network.accept(made.done)
    monkeypatch.setattr(gradroll.model_owner.from_provers, "ProverClient", made.client)
    yield made


def test_a_sum_is_read_without_a_coordinator(world: World) -> None:
    """Every prover has its own attestation only; together they have the certificate."""
    world.check(world.reader.aggregate(world.batch, world.key).payload)
    assert [len(c.attestations) for c in world.reader.certificates(world.batch)] == [4]


def test_a_quorum_of_provers_is_enough(world: World) -> None:
    world.down = {1}
    world.check(world.reader.aggregate(world.batch, world.key).payload)


def test_fewer_than_a_quorum_have_no_certificate(world: World) -> None:
    world.down = {0, 1}
    with pytest.raises(UnavailableError, match=r"needs 3 attestations.*prover 0: .*cannot be reached.*prover 1"):
        world.reader.aggregate(world.batch, world.key)


def test_once_a_prover_has_released_it_serves_the_whole_certificate(world: World) -> None:
    """Then t + 1 provers are enough for a reader."""
    world.certificates[2] = world.done.bundle.certificate
    world.down = {0, 1}
    world.check(world.reader.aggregate(world.batch, world.key).payload)


def test_before_the_acceptance_is_final_nothing_is_released(world: World) -> None:
    for memory in world.network.memories:
        memory.acceptances.clear()
    with pytest.raises(UnavailableError, match="the market has not accepted this batch yet"):
        world.reader.aggregate(world.batch, world.key)
    assert not any(memory.ledger.released for memory in world.network.memories)


def test_a_prover_that_lies_about_its_share_is_passed_over(world: World) -> None:
    world.faults[2] = [lie_in_vector(Step.RELEASE)]
    world.check(world.reader.aggregate(world.batch, world.key).payload)


def test_provers_that_did_not_attest_still_release(world: World) -> None:
    """They hold shares, and the certificate that the reader shows them convinces them."""
    world.certificates.pop(3)
    world.down = {0}
    world.certificates[1] = world.done.bundle.certificate
    world.check(world.reader.aggregate(world.batch, world.key).payload)
    assert world.network.memories[3].ledger.released


def _forged_for_others(world: World) -> Certificate:
    mine = dict(world.certificates[0].attestations)[0]
    return world.certificates[0].attested_by([(0, mine), (1, mine), (2, mine), (3, mine)])


def _other_signatures(world: World) -> Certificate:
    """Not bound by the identifier, nor by the attestations."""
    statement = world.certificates[0].statement
    owners = tuple(replace(header, signature=bytes(65)) for header in statement.owners)
    return replace(world.certificates[0], statement=replace(statement, owners=owners))


def _other_proof(world: World) -> Certificate:
    proof = world.certificates[0].proof
    return replace(world.certificates[0], proof=replace(proof, groth=replace(proof.groth, a=native.g1_generator)))


def _other_square_norm(world: World) -> Certificate:
    proof = world.certificates[0].proof
    return replace(world.certificates[0], proof=replace(proof, square_norm=proof.square_norm + 1))


def _other_headers(world: World) -> Certificate:
    """The same identifier: what it binds of an owner is place, address and commitment."""
    statement = world.certificates[0].statement
    owners = tuple(replace(h, signature=bytes(65), share_digests=h.share_digests[::-1]) for h in statement.owners)
    return replace(world.certificates[0], statement=replace(statement, owners=owners))


def _other_cohort(world: World) -> Certificate:
    return replace(world.certificates[0], cohort=(bytes(32),))


def _malformed_signature(world: World) -> Certificate:
    return world.certificates[0].attested_by([(0, bytes(65)), (9, bytes(65))])


@pytest.mark.parametrize(
    "forge",
    [
        _forged_for_others, _other_signatures, _other_proof, _other_square_norm, _other_headers, _other_cohort,
        _malformed_signature,
    ],
)  # fmt: skip
def test_one_prover_that_serves_a_false_certificate_hinders_nobody(
    world: World, forge: Callable[[World], Certificate]
) -> None:
    world.certificates[0] = forge(world)
    assert world.certificates[0].batch_id == world.done.batch_id
    certificates = world.reader.certificates(world.batch)
    assert all({p for p, _ in each.attestations} >= {1, 2, 3} for each in certificates)
    assert world.done.statement.owners in [each.statement.owners for each in certificates]
    world.check(world.reader.aggregate(world.batch, world.key).payload)


def _made_anew(proof: GrothProof, factor: int) -> GrothProof:
    """Another valid proof of the same: e(A, B) stays when A is multiplied and B divided by a factor."""
    inverse = pow(factor, -1, native.R)
    return replace(proof, a=native.g1_mul(proof.a, factor), b=native.g2_linear_combination([proof.b], [inverse]))


def test_provers_that_were_shown_different_proofs_of_a_batch_count_together(world: World) -> None:
    """Anybody can make another proof of a batch from one; a coordinator that vanishes must not gain by it."""
    for p, kept in world.certificates.items():
        groth = _made_anew(kept.proof.groth, p + 2)
        world.certificates[p] = replace(kept, proof=replace(kept.proof, groth=groth))
        verify_batch(kept.statement, world.certificates[p].proof, world.network.setup.verifying)
    assert len(world.reader.certificates(world.batch)) == 4
    world.check(world.reader.aggregate(world.batch, world.key).payload)


def test_forged_attestations_make_no_quorum(world: World) -> None:
    world.certificates[0] = _forged_for_others(world)
    world.down = {1, 2, 3}
    with pytest.raises(UnavailableError, match="needs 3 attestations"):
        world.reader.certificates(world.batch)


def test_attestations_of_another_verifier_make_no_quorum(world: World) -> None:
    """The digest has the code that the reader's own node shows."""
    world.network.policy = replace(world.network.policy, verifier_code=bytes(32))
    with pytest.raises(UnavailableError, match=r"needs 3 attestations.*do not fit"):
        world.reader.certificates(world.batch)


def test_attestations_for_different_payees_do_not_count_together(world: World) -> None:
    """A coordinator that names another payee to each prover finds a quorum for none."""
    for p in (0, 1):
        world.certificates[p] = replace(world.certificates[p], payee=b"\x66" * 20)
    with pytest.raises(UnavailableError, match="needs 3 attestations"):
        world.reader.certificates(world.batch)


def test_bundles_come_with_a_quorums_attestations(world: World) -> None:
    world.down = {0}
    bundles = list(world.reader.audit_bundles(world.batch))
    assert len(bundles) == 3
    expected = world.done.bundle.attested_by(a for a in world.done.bundle.certificate.attestations if a[0] != 0)
    assert all(bundle.encode() == expected.encode() for bundle in bundles)


def test_an_audit_needs_no_coordinator(world: World) -> None:
    report = world.auditor.audit_batch(world.batch)
    assert (report.verdict, report.passed, report.reason) == ("passed", tuple(CHECKS), "")


def test_the_endpoints_are_those_of_the_registry(world: World) -> None:
    asked: list[str] = []

    def client(endpoint: str, *, stall: float, tls_roots: bytes | None) -> _Client:
        asked.append(endpoint)
        assert (stall, tls_roots) == (5.0, b"roots")
        return world.client(endpoint)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradroll.model_owner.from_provers, "ProverClient", client)
        ProverReader(world.view, 5.0, b"roots").certificates(world.batch)
    assert sorted(asked) == [f"prover-{p}" for p in range(4)]


def test_a_prover_that_never_ends_holds_up_nobody(world: World) -> None:
    world.endless = {1}
    reader = ProverReader(world.view, stall=0.1)
    world.check(reader.aggregate(world.batch, world.key).payload)


def test_an_audit_without_anybody_to_ask_says_so(world: World) -> None:
    world.down = set(range(4))
    with pytest.raises(UnavailableError, match=r"nobody serves the sum.*coordinator cannot be reached"):
        world.auditor.audit_batch(world.batch)


def test_an_audit_finds_who_attested_a_second_set_as_far_as_an_honest_prover_shows_it(world: World) -> None:
    """One piece a culprit, whoever shows it; of honest provers, and of those that are down, there is none."""
    assert world.auditor.evidence(world.network.terms.task_id, 0) == ()
    attesters = Attesters(world.network.committee, world.network.policy.verifier_code)
    second = of_owners(world.done.bundle.certificate, (1, 2))
    signing = {p: partial(sign_digest, world.network.prover_keys[p]) for p in (1, 3)}
    world.certificates[3] = attested(second, attesters, signing)
    world.certificates[2] = world.certificates[3]
    world.down = {0}
    found = world.auditor.evidence(world.network.terms.task_id, 0)
    assert [evidence.culprit() for evidence in found] == [world.network.committee.members[1]]
    assert isinstance(found[0], ConflictingAttestations)


def test_what_an_audit_finds_is_kept_and_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attesters = Attesters(world.network.committee, world.network.policy.verifier_code)
    few = of_owners(world.done.bundle.certificate, (0,))
    false = attested(few, attesters, {2: partial(sign_digest, world.network.prover_keys[2])})
    world.certificates[2] = false
    found = world.auditor.evidence(world.network.terms.task_id, 0)
    arguments = argparse.Namespace(evidence=tmp_path / "evidence", console=Console())
    (told,) = audit._accused(arguments, found)
    said = capsys.readouterr().out
    assert "attested a batch of 1 owners, and its task asks for 2 at least; report it: gradroll committee" in said
    assert load_evidence(Path(str(told["file"]))) == found[0]
    monkeypatch.setattr(evidencefiles, "_MOST_FILES", 0)
    arguments.evidence = tmp_path / "full"
    arguments.evidence.mkdir()
    audit._accused(arguments, found)
    assert "is full; use another" in capsys.readouterr().out


def with_key(key: bytes) -> Fault:
    """The prover signs its share of the sum with another key."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        return replace(reply, message=replace(reply.message, signature=sign_digest(key, reply.message.digest)))

    return fault


def test_members_that_have_other_keys_by_now_release_earlier_sums(world: World) -> None:
    """Three of four have: with the former keys alone nobody could read the sum.  A stranger's word does no harm."""
    keys = [seed_of("later", p) for p in range(4)]
    world.faults = {p: [with_key(keys[p])] for p in range(3)}
    with pytest.raises(UnavailableError, match="is signed by"):
        world.reader.aggregate(world.batch, world.key)
    world.present = (*map(address_of, keys[:3]), world.network.committee.members[3])
    world.check(world.reader.aggregate(world.batch, world.key).payload)
    world.faults[1] = [lie_in_vector(Step.RELEASE), with_key(keys[1])]
    world.check(world.reader.aggregate(world.batch, world.key).payload)
