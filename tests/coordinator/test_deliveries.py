"""Uploads that a coordinator keeps and hands on: nobody but their owners makes them, and no prover holds up another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from circuits.errors import (
    ClosedError,
    FullError,
    GradrollError,
    SignatureError,
    StorageError,
    UnavailableError,
    UnknownError,
    WireError,
)
from circuits.statement import Committee
from commons.protocol.manifests import BodyEntry
from commons.protocol.receipts import receipt_digest, verify_receipt
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.signing import sign_digest
from commons.protocol.streamheads import OfferHead, ShareHead
from commons.sharing import sealing
from commons.sharing.sealedbodies import Chunks, SealedChunk
from coordinator.admission import Admission
from coordinator.deliveries import AT_ONCE, Deliveries
from coordinator.events import HeaderAccepted, ShareDelivered
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.offers import PER_OWNER, Offers
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import MemoryLog
from tests.coordinator.test_admission import Rounds
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.network import InOrder
from tests.support.network import OwnerPlan, gradients, network_with
from tests.support.parameters import DevelopmentParameters
from tests.support.plain_batch import seed_of
from tests.support.uploads import opened_payload, sealed_upload
from tests.support.waiting import wait_for

OWNERS, PROVERS = 3, 4


class World:
    """A coordinator's uploads, and provers that open what they get.

    Attributes:
        away: provers that do not answer.
        behaviour: called with a prover's index and what its receipt is for, before it answers.
        got: payloads that provers have, by prover and submission.
        calls: how often each was called.
        shown: the receipts that each was shown last.
    """

    def __init__(self, directory: Path, pool: Executor | None = None) -> None:
        self.network = network_with(OWNERS)
        self.market = Rounds(chain_of(self.network))
        self.context = self.market.context(self.network.terms.task_id, 0)
        self.clock = NodeClock(self.market.chain.clock)
        self.directory, self.pool = directory, pool or InOrder()
        self.hpke = [seed_of("hpke", p) for p in range(PROVERS)]
        self.log = MemoryLog()
        self.away: set[int] = set()
        self.behaviour: Callable[[int, bytes], None] = lambda prover, submission: None
        self.signs: dict[int, bytes] = dict(enumerate(self.network.prover_keys))
        self.got: dict[tuple[int, bytes], bytes] = {}
        self.calls = Counter[int]()
        self.shown: dict[int, Mapping[int, bytes]] = {}
        self.max_bytes = 1 << 30
        self.stopping = threading.Event()
        self.restart()

    def restart(self) -> None:
        self.journal = Journal(self.log)
        parameters = DevelopmentParameters(self.network.setup)
        coordinator = self.network.terms.coordinator
        self.admission = Admission(self.market, self.journal, coordinator, parameters, counted=9)
        self.offers = Offers(self.directory / "uploads", max_bytes=self.max_bytes)
        self.deliveries = Deliveries(
            self.market,
            self.journal,
            self.offers,
            self.admission,
            cast(Fleets, self),
            self.clock,
            self.pool,
            self.stopping,
        )

    # what stands for the fleets and a fleet
    def of(self, committee_id: int, epoch: int) -> World:
        return self

    @property
    def committee(self) -> Committee:
        return self.network.committee

    def hand_over(self, prover: int, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        self.calls[prover] += 1
        self.shown[prover] = head.receipts
        if prover in self.away:
            raise UnavailableError("connection refused")
        self.behaviour(prover, submission)
        domain = self.context.market.domain
        self.got[prover, submission] = opened_payload(head, body, domain, submission, self.hpke[prover])
        return sign_digest(self.signs[prover], receipt_digest(self.context.market, submission))

    def upload(self, owner: int, *, sign: bytes | None = None) -> SealedUpload:
        header = self.network.headers[owner]
        payloads = [memory.payloads[header.digest(self.context)] for memory in self.network.memories]
        keys = [sealing.public_key(secret) for secret in self.hpke]
        signer = partial(sign_digest, sign or seed_of("owner", owner))
        return sealed_upload(header, self.context, payloads, self.committee, keys, signer)

    def submission(self, owner: int) -> bytes:
        return self.network.headers[owner].digest(self.context)

    def take(self, head: OfferHead, chunks: Iterator[SealedChunk]) -> list[int]:
        offer = self.offers.begin(*self.admission.check_offer(head), head)
        taken = list(self.offers.take(offer, chunks))
        self.deliveries.start()
        return taken

    def hand_in(self, upload: SealedUpload) -> None:
        self.take(upload.head, chunks_of(upload))

    def holders(self, owner: int) -> set[int]:
        return {p for p, submission in list(self.got) if submission == self.submission(owner)}

    def turn(self, seconds: float = 0.0) -> None:
        self.market.chain.clock.advance(seconds)
        self.deliveries.turn()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an upload has many."""
    monkeypatch.setattr("commons.sharing.sealedbodies.PIECE", 1024)
    monkeypatch.setattr("commons.sharing.sealedbodies.SEALED", 1040)
    monkeypatch.setattr("coordinator.offers._RECORD", 1072)


def chunks_of(upload: SealedUpload, first: int = 0) -> Iterator[SealedChunk]:
    return (upload.chunk(index) for index in range(first, upload.count))


def test_an_upload_reaches_every_prover_and_its_header_is_entered(world: World) -> None:
    world.hand_in(world.upload(0))
    submission = world.submission(0)
    for prover in range(PROVERS):
        assert world.got[prover, submission] == world.network.memories[prover].payloads[submission]
    assert state_of(world.journal).submissions[submission].receipts == (0, 1, 2, 3)
    status = world.deliveries.status(submission)
    assert (set(status.receipts), dict(status.undelivered)) == ({0, 1, 2, 3}, {})
    world.turn(600)
    assert sum(world.calls.values()) == PROVERS


def test_a_prover_that_comes_back_gets_its_share_and_counts_as_a_holder(world: World) -> None:
    world.away = {2}
    world.hand_in(world.upload(0))
    submission = world.submission(0)
    assert state_of(world.journal).submissions[submission].receipts == (0, 1, 3)
    assert "connection refused" in world.deliveries.status(submission).undelivered[2]
    world.away = set()
    world.turn(1)
    assert world.holders(0) == {0, 1, 2, 3}
    assert world.log.of(ShareDelivered) == [ShareDelivered(submission, 2)]
    assert state_of(Journal(world.log)).submissions[submission].receipts == (0, 1, 2, 3)


def test_a_prover_that_comes_back_late_is_shown_who_had_the_share_in_time(world: World) -> None:
    world.away = {2}
    world.hand_in(world.upload(0))
    assert not world.shown[2]
    world.away = set()
    world.restart()  # the receipts are asked for again, first
    world.market.be_at(world.market.chain.opened[0].submit + 1)
    world.turn(1)
    world.turn(1)
    submission = world.submission(0)
    assert {p for p, _ in world.got} == {0, 1, 2, 3}
    for prover, receipt in world.shown[2].items():
        verify_receipt(world.context.market, submission, receipt, world.committee.members[prover])


def test_too_few_provers_enter_no_header_until_others_are_back(world: World) -> None:
    world.away = {1, 2}
    world.hand_in(world.upload(0))
    assert not world.log.of(HeaderAccepted)
    world.away = {2}
    world.turn(1)
    assert len(world.log.of(HeaderAccepted)) == 1


@pytest.mark.usefixtures("short_chunks")
def test_after_a_restart_what_was_stored_is_handed_on_and_entered(world: World) -> None:
    """Stored and not delivered; and delivered but not journalled: provers give the same receipts again."""
    world.away = set(range(PROVERS))
    world.hand_in(world.upload(0))
    world.away = set()
    world.restart()
    world.turn()
    assert world.holders(0) == {0, 1, 2, 3}
    world.log.records.clear()
    world.restart()
    world.turn()
    assert len(world.log.of(HeaderAccepted)) == 1


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("torn", [0, 1, 500])
def test_an_upload_goes_on_behind_what_is_whole_on_disk(world: World, torn: int) -> None:
    upload = world.upload(0)
    assert upload.count > 4
    with pytest.raises(WireError, match="ended after 3 of"):
        world.take(upload.head, islice(chunks_of(upload), 3))
    (body,) = world.directory.rglob("body-0")
    with body.open("r+b") as file:
        file.truncate(body.stat().st_size - torn)
    world.restart()
    assert not world.got
    here = 3 if torn == 0 else 2
    assert world.take(upload.head, chunks_of(upload, here))[0] == here
    assert world.holders(0) == {0, 1, 2, 3}


@pytest.mark.usefixtures("short_chunks")
def test_what_is_damaged_on_disk_is_not_handed_on(world: World) -> None:
    world.away = set(range(PROVERS))
    upload = world.upload(0)
    world.hand_in(upload)
    (body,) = world.directory.rglob("body-0")
    raw = bytearray(body.read_bytes())
    raw[2 * 1072 + 7] ^= 1
    body.write_bytes(raw)
    world.away = set()
    world.restart()
    world.turn()
    assert not world.got
    assert world.take(upload.head, chunks_of(upload, 2))[0] == 2
    assert world.holders(0) == {0, 1, 2, 3}


@pytest.mark.usefixtures("short_chunks")
def test_nobody_puts_anything_into_an_owners_upload(world: World) -> None:
    upload, other = world.upload(0), world.upload(1)
    with pytest.raises(WireError, match="ended after 2"):
        world.take(upload.head, islice(chunks_of(upload), 2))
    for wrong in (other.chunk(2), upload.chunk(3), replace(upload.chunk(2), rest=other.chunk(2).rest)):
        with pytest.raises(WireError, match="not the one that its owner signed"):
            world.take(upload.head, iter([wrong]))
    assert world.take(upload.head, chunks_of(upload, 2))[0] == 2
    assert world.holders(0) == {0, 1, 2, 3}


@pytest.mark.usefixtures("short_chunks")
def test_two_streams_of_one_upload_help_each_other(world: World) -> None:
    upload = world.upload(0)
    offer = world.offers.begin(*world.admission.check_offer(upload.head), upload.head)
    ahead, behind = (world.offers.take(offer, chunks_of(upload)) for _ in range(2))
    assert [next(ahead), next(behind), next(ahead), next(ahead), next(behind)] == [0, 0, 1, 2, 1]
    assert list(behind)[-1] == list(ahead)[-1] == upload.count
    assert offer.complete


def on_disk(world: World) -> list[Path]:
    return list((world.directory / "uploads").rglob("*")) if (world.directory / "uploads").exists() else []


def test_strangers_leave_nothing_on_the_disk(world: World) -> None:
    """Who has an owner's header can make an upload, and sign it; but not as its owner."""
    stranger = world.upload(0, sign=seed_of("a stranger"))
    with pytest.raises(SignatureError, match="the upload is signed by"):
        world.hand_in(stranger)
    with pytest.raises(SignatureError, match="the upload is signed by"):
        world.hand_in(
            replace(world.upload(0), head=replace(world.upload(0).head, manifest=world.upload(1).head.manifest))
        )
    mine = world.upload(0)
    with pytest.raises(WireError, match="part of prover 1 is not the one"):
        world.hand_in(
            replace(mine, head=replace(mine.head, parts=(mine.head.parts[0], *world.upload(1).head.parts[1:])))
        )
    world.market.chain.owners[mine.head.header.owner_index] = bytes(20)
    with pytest.raises(SignatureError, match="is not owner"):
        world.hand_in(mine)
    assert not on_disk(world)


def test_an_upload_of_a_round_that_takes_none_is_refused(world: World) -> None:
    upload = world.upload(0)
    world.market.be_at(world.market.chain.opened[0].submit + 1)
    with pytest.raises(ClosedError, match="took submissions until"):
        world.hand_in(upload)
    assert not on_disk(world)


def test_bodies_that_are_no_shares_are_refused(world: World) -> None:
    upload = world.upload(0)
    sign = partial(sign_digest, seed_of("owner", 0))
    manifest, submission = upload.head.manifest, world.submission(0)
    (entry,) = manifest.bodies
    longer = (BodyEntry(entry.root, 1 << 18),)
    two = (entry, entry)
    for bodies, parts in ((longer, manifest.parts), (two, (*manifest.parts[:3], replace(manifest.parts[3], body=1)))):
        signed = replace(manifest, bodies=bodies, parts=parts).signed(world.context, submission, sign)
        with pytest.raises(WireError, match="at most 1 bodies, of 1 chunks"):
            world.hand_in(replace(upload, head=replace(upload.head, manifest=signed)))
    assert not on_disk(world)


def test_a_task_has_no_more_room_than_is_left_for_others(world: World) -> None:
    """Anybody can make a task that names this coordinator, with owners of its own."""
    size = world.offers.begin(*world.admission.check_offer(world.upload(0).head), world.upload(0).head).size
    world.max_bytes = 4 * size
    world.restart()
    world.hand_in(world.upload(1))
    with pytest.raises(FullError, match="hand the shares to the provers themselves"):
        world.hand_in(world.upload(2))


def test_an_owner_hands_in_no_more_uploads_than_submissions(world: World) -> None:
    for _ in range(PER_OWNER):
        world.hand_in(world.upload(0))
    with pytest.raises(ClosedError, match=f"{PER_OWNER} uploads in this round"):
        world.hand_in(world.upload(0))
    world.hand_in(world.upload(1))
    with pytest.raises(UnknownError):
        world.deliveries.status(world.submission(2))


def test_uploads_go_with_their_round(world: World) -> None:
    world.hand_in(world.upload(0))
    world.turn()
    assert on_disk(world)
    world.market.be_at(world.market.chain.opened[0].submit + world.network.terms.windows.settle + 1)
    world.turn(60)
    assert not on_disk(world)
    with pytest.raises(UnknownError):
        world.deliveries.status(world.submission(0))


def test_a_full_disk_loses_nothing_that_came(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = world.upload(0)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr("os.fsync", full)
        world.hand_in(upload)
    world.hand_in(upload)
    assert world.holders(0) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "refusal", [ClosedError("never"), WireError("never"), GradrollError("never"), ValueError("never")]
)
def test_a_prover_that_refuses_for_ever_costs_a_call_a_minute(world: World, refusal: Exception) -> None:
    def refuse(prover: int, submission: bytes) -> None:
        if prover == 1:
            raise refusal

    world.behaviour = refuse
    for owner in range(OWNERS):
        world.hand_in(world.upload(owner))
    assert len(world.log.of(HeaderAccepted)) == OWNERS
    for _ in range(60):
        world.turn(1)
    assert world.calls[1] <= OWNERS * 8
    assert world.calls[0] == world.calls[2] == OWNERS


def test_a_receipt_that_is_not_the_provers_counts_for_nothing(world: World) -> None:
    world.signs[3] = seed_of("a forger")
    world.hand_in(world.upload(0))
    status = world.deliveries.status(world.submission(0))
    assert set(status.receipts) == {0, 1, 2}
    assert status.undelivered[3].startswith("bad-signature")
    assert state_of(world.journal).submissions[world.submission(0)].receipts == (0, 1, 2)


def test_a_prover_that_takes_without_end_holds_up_nobody_else(tmp_path: Path) -> None:
    over = threading.Event()

    def hang(prover: int, submission: bytes) -> None:
        if prover == 0:
            over.wait()

    with ThreadPoolExecutor(AT_ONCE + 2) as pool:
        world = World(tmp_path, pool)
        world.behaviour = hang
        try:
            for owner in range(OWNERS):
                world.hand_in(world.upload(owner))
            wait_for(lambda: all(world.holders(owner) >= {1, 2, 3} for owner in range(OWNERS)))
            assert world.calls[0] <= AT_ONCE
            wait_for(lambda: world.turn(6) or len(world.log.of(HeaderAccepted)) == OWNERS)  # type: ignore[func-returns-value]
        finally:
            over.set()
        wait_for(lambda: all(world.holders(owner) == {0, 1, 2, 3} for owner in range(OWNERS)))


def test_a_submission_that_replaces_an_earlier_one_is_handed_on_as_well(world: World) -> None:
    world.hand_in(world.upload(0))
    again = world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0]))
    world.network.headers[0] = again
    world.hand_in(world.upload(0))
    assert world.holders(0) == {0, 1, 2, 3}
    assert len(world.log.of(HeaderAccepted)) == 1  # the first one waits; this one is entered when it has expired
