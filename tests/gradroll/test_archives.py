"""A round that was exported is audited with a node alone, and a file that is not what it was is refused by name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import gradroll.model_owner.from_provers
from circuits.errors import (
    ChainError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    ProofError,
    StorageError,
    UnknownError,
)
from circuits.statement import Committee, Context, Policy
from circuits.terms import MarketId
from commons.chain.facts import AcceptedBatch, RecordedBatch
from commons.chain.view import ChainView
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import ConflictingAttestations
from commons.protocol.signing import sign_digest
from commons.storage import roundarchives
from commons.storage.parameters import PublicParameters
from commons.storage.roundarchives import ArchivedBatch, ArchiveHead, archive_pieces, read_archive
from gradroll.audit.archived import ArchiveAuditor
from gradroll.audit.auditing import RoundOutcome
from gradroll.audit.auditor import Auditor
from gradroll.audit.recheck import CHECKS
from tests.gradroll.test_from_provers import OWNERS, World
from tests.support.network import network_with
from tests.support.perjury import attested, of_owners, with_false_sum
from tests.support.plain_batch import PlainBatch, address_of, bundle_of
from tests.vectors.v1.archives import generate

WHOLE = (generate.HERE / "round.archive").read_bytes()
SECOND = b"\x07" * 32
"""Identifier of a batch that is in no file."""


@cache
def made() -> PlainBatch:
    return generate.batch()


@dataclass
class Chain:
    """The chain that accepted the batch of the vector, and what a reader has of its own."""

    batches: tuple[bytes, ...] = field(default_factory=lambda: (made().batch_id,))
    forgotten: int = 0

    @property
    def market_id(self) -> MarketId:
        return made().at.market

    @property
    def auditor(self) -> ArchiveAuditor:
        setup = made().setup
        parameters = SimpleNamespace(commitment_key=lambda _: setup.commitment, verifying_key=lambda _: setup.verifying)
        return ArchiveAuditor(cast(ChainView, self), cast(PublicParameters, parameters))

    def context(self, task_id: int, number: int) -> Context:
        if (task_id, number) != (made().at.task_id, made().at.round):
            raise UnknownError(f"round {number} of task {task_id} was not opened")
        context: Context = made().statement.context
        return context

    def terms(self, task_id: int) -> SimpleNamespace:
        return SimpleNamespace(
            dimension=generate.DIMENSION, terms_hash=bytes(32), grading=None, grading_rule=None, sums_private=False
        )

    def policy(self, task_id: int) -> Policy:
        return Policy(4, bytes(32), made().at.verifier_code)

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return Committee(made().at.committee_id, 1, tuple(map(address_of, generate.KEYS)))

    def round(self, task_id: int, number: int) -> SimpleNamespace:
        return SimpleNamespace(settle_deadline=0, batches=len(self.batches) + self.forgotten)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        owners = made().statement.owners
        indices, addresses = tuple(h.owner_index for h in owners), tuple(h.owner for h in owners)
        return tuple(
            AcceptedBatch(
                task_id, number, RecordedBatch(n, batch_id, made().proof.commitment_sum, indices), addresses, 1, ()
            )
            for n, batch_id in enumerate(self.batches)
        )


def sealed(raw: bytes) -> bytes:
    """An archive's bytes without their digest, with the digest of whoever changed them."""
    return raw + hashlib.sha256(raw).digest()


def audited(tmp_path: Path, raw: bytes, chain: Chain | None = None) -> RoundOutcome:
    path = tmp_path / "round"
    path.write_bytes(raw)
    return (chain or Chain()).auditor.audit(path)[1]


def verdict(tmp_path: Path, raw: bytes) -> str:
    """The check that fails, or how the file is refused."""
    try:
        outcome = audited(tmp_path, raw)
    except GradrollError as error:
        assert "/round " in str(error) or isinstance(error, UnknownError)
        return str(error)
    return "; ".join(report.verdict for _, report in outcome.reports)


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]


def test_the_vector_passes_an_audit_with_the_chain_alone(tmp_path: Path) -> None:
    outcome = audited(tmp_path, WHOLE)
    assert [(report.verdict, report.passed) for _, report in outcome.reports] == [("passed", tuple(CHECKS))]
    assert outcome.evidence == ()


def test_the_code_still_writes_the_vector_and_reads_out_of_it_what_went_in(tmp_path: Path) -> None:
    assert generate.archive(made()) == WHOLE
    said = json.loads((generate.HERE / "round.json").read_text(encoding="utf-8"))
    assert said == generate.contents(made())
    with read_archive(generate.HERE / "round.archive") as archive:
        archive.require_whole(generate.DIMENSION)
        batches, certificates = list(archive.batches(generate.DIMENSION)), list(archive.certificates())
    assert b"".join(archive_pieces(archive.head, batches, certificates)) == WHOLE[:-32]
    assert [len(batch.bundle.certificate.attestations) for batch in batches] == [3]
    assert [len(certificate.attestations) for certificate in certificates] == [4]


BUNDLE = roundarchives._HEAD + 8
SUM = BUNDLE + int.from_bytes(WHOLE[BUNDLE - 8 : BUNDLE], "big")
CERTIFICATE = SUM + 8 + int.from_bytes(WHOLE[SUM : SUM + 8], "big")
"""Where the first byte of the bundle stands, and those of the lengths of the sum and of the certificate."""
REGIONS = {
    "magic": (3, "is no archive of a round"),
    "version": (15, "another version than 1; use the release that wrote it"),
    "chain": (47, "is of the market 0x0000000000000000000000000000000000000042 on chain 0"),
    "market": (50, "name the file's market and a node of its chain"),
    "deployment": (80, "name the file's market and a node of its chain"),
    "task": (131, "was not opened"),
    "round": (163, "was not opened"),
    "batches": (167, "is damaged: 0 batches"),
    "certificates": (171, "is damaged: its digest differs"),
    "bundle's length": (BUNDLE - 1, "is damaged: its digest differs"),
    "bundle": (BUNDLE + 5000, "is damaged: its digest differs"),
    "sum": (SUM + 100, "is damaged: its digest differs"),
    "certificate": (CERTIFICATE + 100, "is damaged: its digest differs"),
    "digest": (len(WHOLE) - 1, "is damaged: its digest differs"),
}


@pytest.mark.parametrize("region", REGIONS)
def test_a_bit_that_flipped_anywhere_is_refused_by_name(tmp_path: Path, region: str) -> None:
    at, said = REGIONS[region]
    assert said in verdict(tmp_path, flipped(WHOLE, at))


@pytest.mark.parametrize("cut", [0, 10, 171, 172, 5000, len(WHOLE) - 33, len(WHOLE) - 1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    said = "is no archive of a round" if cut < 172 else "is damaged: "
    assert said in verdict(tmp_path, WHOLE[:cut])


def test_a_file_with_more_behind_it_is_refused(tmp_path: Path) -> None:
    assert "its digest differs" in verdict(tmp_path, WHOLE + b"\0")
    assert "something follows its last certificate" in verdict(tmp_path, sealed(WHOLE[:-32] + b"\0"))


def archive_of(
    *,
    head: Callable[[ArchiveHead], ArchiveHead] = lambda head: head,
    batches: Callable[[list[ArchivedBatch]], list[ArchivedBatch]] = lambda kept: kept,
    certificates: Callable[[Certificate], list[Certificate]] = lambda one: [one],
) -> bytes:
    """The vector's archive, made anew by somebody who changes it."""
    bundle = bundle_of(made(), generate.KEYS[:3])
    kept = batches([ArchivedBatch(bundle, made().payload)])
    shown = certificates(bundle_of(made(), generate.KEYS).certificate)
    at = made().at
    usual = ArchiveHead(at.market, at.task_id, at.round, len(kept), len(shown))
    return sealed(b"".join(archive_pieces(head(usual), kept, shown)))


def _other_round(certificate: Certificate) -> Certificate:
    statement = certificate.statement
    return replace(certificate, statement=replace(statement, context=replace(statement.context, round=1)))


def _of_other_round(kept: list[ArchivedBatch]) -> list[ArchivedBatch]:
    (one,) = kept
    return [replace(one, bundle=replace(one.bundle, certificate=_other_round(one.bundle.certificate)))]


def _without_a_quorum(kept: list[ArchivedBatch]) -> list[ArchivedBatch]:
    (one,) = kept
    return [replace(one, bundle=one.bundle.attested_by(one.bundle.certificate.attestations[:2]))]


FORGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "what is somebody's own, made anew": (archive_of, "passed"),
    "a bundle of another round": (lambda: archive_of(batches=_of_other_round), "something of another round"),
    "a bundle without a quorum": (lambda: archive_of(batches=_without_a_quorum), "attestations"),
    "a sum that is another": (lambda: sealed(flipped(WHOLE[:-32], SUM + 8 + 20)), "aggregate"),
    "a sum that is none": (lambda: archive_of(batches=lambda kept: [replace(kept[0], payload=b"")]), "aggregate"),
    "a row that is another": (lambda: sealed(flipped(WHOLE[:-32], SUM - 8 - 129 * 32 - 1)), "combination"),
    "a certificate of another round":
    (lambda: archive_of(certificates=lambda one: [_other_round(one)]), "something of another round"),
    "a certificate that nobody signed":
    (lambda: archive_of(certificates=lambda one: [one.attested_by(())]), "no member of the round's committee signed"),
    "a certificate that a stranger signed":
    (lambda: sealed(flipped(WHOLE[:-32], len(WHOLE) - 32 - 10)), "no member of the round's committee signed"),
    "a certificate twice": (lambda: archive_of(certificates=lambda one: [one, one]), "are not in order"),
    "no batch": (lambda: archive_of(batches=lambda _: []), "is damaged: 0 batches"),
    "the batch twice": (lambda: archive_of(batches=lambda kept: kept * 2), "the chain accepted 1; whoever made it"),
    "more certificates than are":
    (lambda: archive_of(head=lambda head: replace(head, certificates=2)), "a record in it is cut off"),
    "more certificates than can be":
    (lambda: archive_of(head=lambda head: replace(head, certificates=1025)), "1025 certificates are in no round"),
    "fewer certificates than are":
    (lambda: archive_of(head=lambda head: replace(head, certificates=0)), "something follows"),
    "a record without end":
    (lambda: sealed(WHOLE[: BUNDLE - 8] + b"\xff" * 8 + WHOLE[BUNDLE:-32]), "a record in it is longer than can be"),
    "another market": (
        lambda: archive_of(head=lambda head: replace(head, market=replace(head.market, chain_id=9))),
        "on chain 9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_whoever_makes_a_file_anew_is_held_against_the_chain(tmp_path: Path, what: str) -> None:
    forge, said = FORGED[what]
    assert said in verdict(tmp_path, forge())


def test_no_byte_of_a_bundle_or_a_sum_can_be_another_unnoticed(tmp_path: Path) -> None:
    for at in range(BUNDLE, CERTIFICATE, 997):
        assert verdict(tmp_path, sealed(flipped(WHOLE[:-32], at))) != "passed", at


def test_a_batch_that_the_chain_accepted_and_the_file_has_not_is_missed(tmp_path: Path) -> None:
    with pytest.raises(ProofError, match=r"has 1 batches .* and the chain accepted 2; whoever made it left some out"):
        audited(tmp_path, WHOLE, Chain(batches=(made().batch_id, SECOND)))


def test_a_batch_that_the_chain_did_not_accept_fails(tmp_path: Path) -> None:
    outcome = audited(tmp_path, WHOLE, Chain(batches=(SECOND,)))
    assert [report.verdict for _, report in outcome.reports] == ["proof"]


def test_a_round_without_batches_has_nothing_to_audit(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="no accepted batch"):
        audited(tmp_path, WHOLE, Chain(batches=()))


def test_a_node_that_has_forgotten_the_rounds_events_is_told_apart_from_a_round_without_batches(tmp_path: Path) -> None:
    for batches in ((), (made().batch_id,)):
        with pytest.raises(ChainError, match=r"of the \d batches of round 0 .*; use one that keeps old events"):
            audited(tmp_path, WHOLE, Chain(batches, forgotten=1))


@pytest.mark.parametrize("named", [(1, None), (None, 1), (0, 1)])
def test_a_file_of_another_round_than_was_named_is_refused(named: tuple[int | None, int | None]) -> None:
    vector = generate.HERE / "round.archive"
    assert Chain().auditor.audit(vector, 0, 0)[0].round == 0
    with pytest.raises(InvalidInputError, match="another than was named"):
        Chain().auditor.audit(vector, *named)


def test_a_file_longer_than_such_a_round_can_be_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "round"
    path.write_bytes(WHOLE)
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # takes no space
    with pytest.raises(InvalidInputError, match="is damaged: it has another length than it says"):
        Chain().auditor.audit(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="is no file"):
        Chain().auditor.audit(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="is no file"):
        Chain().auditor.audit(tmp_path)
    with pytest.raises(UnknownError, match="there is no archive"):
        Chain().auditor.audit(tmp_path / "absent")


@dataclass
class Exporting:
    """A round that a network has proven, its provers, and a chain on which it is over."""

    world: World
    closed: bool = True
    seats: int = OWNERS + 1

    @property
    def view(self) -> ChainView:
        plain, world = self.world.view, self.world
        record = SimpleNamespace(
            closed=self.closed, finalized=False, settle_deadline=0, batches=1, owners=OWNERS, seats=self.seats
        )
        names = ("terms", "policy", "context", "committee_of_round", "committee", "committee_record")
        return cast(
            ChainView,
            SimpleNamespace(
                market_id=world.network.context.market, round=lambda *_: record, accepted=lambda *_: (world.batch,),
                **{name: getattr(plain, name) for name in names},
            ),
        )  # fmt: skip

    def export(self, path: Path) -> RoundOutcome:
        served = self.world.auditor
        return Auditor(self.view, served.coordinator, served.parameters).export_round(self.task, 0, path)

    def audit(self, path: Path) -> RoundOutcome:
        """With the provers gone."""
        self.world.down = set(range(4))
        return ArchiveAuditor(self.view, self.world.auditor.parameters).audit(path, self.task, 0)[1]

    @property
    def task(self) -> int:
        return self.world.network.terms.task_id


@contextmanager
def exporting() -> Iterator[Exporting]:
    network = network_with(OWNERS)
    world = World(network, network.run().completed)
    network.accept(world.done)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradroll.model_owner.from_provers, "ProverClient", world.client)
        yield Exporting(world)


def test_a_round_is_exported_and_audited_when_nobody_is_left(tmp_path: Path) -> None:
    """Also a prover's second word, which only an honest one showed, is in the file."""
    with exporting() as round_:
        world, path = round_.world, tmp_path / "kept" / "round"
        round_.closed = False
        with pytest.raises(NotReadyError, match=r"takes batches until .*; export it then"):
            round_.export(path)
        assert not path.parent.exists()
        round_.closed = True
        attesters = Attesters(world.network.committee, world.network.policy.verifier_code)
        second = of_owners(world.done.bundle.certificate, (1, 2))
        signing = {p: partial(sign_digest, world.network.prover_keys[p]) for p in (1, 3)}
        world.certificates[3] = attested(second, attesters, signing)
        exported = round_.export(path)
        assert [report.passed for _, report in exported.reports] == [tuple(CHECKS)]
        kept = path.read_bytes()
        with pytest.raises(StorageError, match="is not overwritten, so choose another name"):
            round_.export(path)
        assert path.read_bytes() == kept
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        outcome = round_.audit(path)
    assert [report.passed for _, report in outcome.reports] == [tuple(CHECKS)]
    for evidence in (exported.evidence, outcome.evidence):
        assert [each.culprit() for each in evidence] == [world.network.committee.members[1]]
        assert isinstance(evidence[0], ConflictingAttestations)


def test_what_a_prover_attests_besides_crowds_no_evidence_out_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has room for one certificate, and the first that is shown accuses nobody."""
    monkeypatch.setattr("gradroll.audit.auditor.MAX_CERTIFICATES", 1)
    with exporting() as round_:
        world, path = round_.world, tmp_path / "round"
        attesters = Attesters(world.network.committee, world.network.policy.verifier_code)
        signing = {1: partial(sign_digest, world.network.prover_keys[1])}
        world.certificates[3] = attested(with_false_sum(world.done.bundle.certificate), attesters, signing)
        exported, outcome = round_.export(path), round_.audit(path)
    for evidence in (exported.evidence, outcome.evidence):
        assert [each.culprit() for each in evidence] == [world.network.committee.members[1]]


def test_what_fails_is_kept_and_fails_again(tmp_path: Path) -> None:
    """It is the same of a round that has no seat left before its end."""
    with exporting() as round_:
        round_.closed, round_.seats = False, OWNERS
        world, path = round_.world, tmp_path / "round"
        for bundle in world.bundles.values():
            row = bundle.row.copy()
            row[0, 0] += 1
            prover = next(iter(dict(bundle.certificate.attestations)))
            world.bundles[prover] = replace(bundle, row=row)
        assert [report.verdict for _, report in round_.export(path).reports] == ["combination"]
        assert [report.verdict for _, report in round_.audit(path).reports] == ["combination"]


def test_no_server_can_make_an_export_that_cannot_be_read(tmp_path: Path) -> None:
    """What no signature binds may be anything: the context that a bundle states, the shares that its headers name."""
    with exporting() as round_:
        world, path = round_.world, tmp_path / "round"
        bundle = world.bundles[0]
        statement = bundle.certificate.statement
        few = replace(statement, owners=tuple(replace(h, share_digests=h.share_digests[:1]) for h in statement.owners))
        world.certificates[0] = replace(bundle.certificate, statement=few)
        world.bundles[0] = replace(bundle, certificate=world.certificates[0])
        world.bundles[1] = replace(world.bundles[1], certificate=_other_round(world.bundles[1].certificate))
        assert [report.verdict for _, report in round_.export(path).reports] == ["passed"]
        assert [report.verdict for _, report in round_.audit(path).reports] == ["passed"]


def test_what_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    with exporting() as round_:
        round_.world.down = set(range(4))
        with pytest.raises(GradrollError, match="nobody serves the sum"):
            round_.export(tmp_path / "round")
    assert not list(tmp_path.iterdir())
