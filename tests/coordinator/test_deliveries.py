"""Uploads that a coordinator keeps and hands on: nobody but their owners makes them, and no prover holds up another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from circuits.errors import (
    ChainError,
    ClosedError,
    FullError,
    GradrollError,
    SignatureError,
    StorageError,
    UnavailableError,
    UnknownError,
    WireError,
)
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, Committee, SubmissionHeader
from commons.chain.facts import RoundRecord
from commons.protocol.manifests import BodyEntry
from commons.protocol.receipts import receipt_digest, verify_receipt
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.signing import sign_digest
from commons.protocol.status import SubmissionStatus
from commons.protocol.streamheads import OfferHead, ShareHead
from commons.settings.sections import CoordinatorSettings
from commons.sharing import sealing
from commons.sharing.sealedbodies import Chunks, SealedChunk
from commons.wire._generated import coordinator_pb2 as pb
from commons.wire.calls import Calls
from commons.wire.sharestreams import chunk_to_wire, offer_to_wire
from coordinator.admission import Admission
from coordinator.coordinator import Coordinator
from coordinator.deliveries import AT_ONCE, Deliveries
from coordinator.events import CohortBegun, CohortFailed, HeaderAccepted, ShareDelivered
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.offers import PER_OWNER, Offers, StoredBody
from coordinator.service import Refusals, Servicer
from coordinator.vanished import Vanished
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
        settings = CoordinatorSettings(
            listen="h:1", log="sqlite:///unused", account=self.directory, state=self.directory, confirmations=1
        )
        self.deliveries = Deliveries(
            self.market,
            self.journal,
            self.offers,
            self.admission,
            cast(Fleets, self),
            self.clock,
            self.pool,
            self.stopping,
            Vanished(self.market, settings, self.clock),
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
    world.turn(1)
    submission = world.submission(0)
    assert state_of(world.journal).submissions[submission].receipts == (0, 1, 3)
    assert "connection refused" in world.deliveries.status(submission).undelivered[2]
    world.away = set()
    world.turn(2)
    assert world.holders(0) == {0, 1, 2, 3}
    assert world.log.of(ShareDelivered) == [ShareDelivered(submission, 2)]
    assert state_of(Journal(world.log)).submissions[submission].receipts == (0, 1, 2, 3)


def test_a_header_waits_for_a_prover_that_fails_once(world: World) -> None:
    """Who is drawn with fewer holders than others is put together with those of that kind, who may be liars."""
    world.away = {2}
    world.hand_in(world.upload(0))
    assert not world.log.of(HeaderAccepted)
    world.away = set()
    world.turn(1)
    assert state_of(world.journal).submissions[world.submission(0)].receipts == (0, 1, 2, 3)
    assert not world.log.of(ShareDelivered)


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


def test_a_prover_that_lost_what_it_gave_a_receipt_for_is_handed_it_again(world: World) -> None:
    """Late, with the receipts of all that had it in time, its own among them; owners see no difference."""
    world.hand_in(world.upload(0))
    lost = world.submission(0)
    whole = world.got.pop((1, lost))
    world.market.be_at(world.market.chain.opened[0].submit + 1)
    assert world.deliveries.hand_again(1, [lost])
    assert world.got[1, lost] == whole
    assert world.calls == Counter({0: 1, 1: 2, 2: 1, 3: 1})
    assert set(world.shown[1]) == {0, 1, 2, 3}
    assert set(world.deliveries.status(lost).receipts) == {0, 1, 2, 3}
    assert not world.log.of(ShareDelivered)


def test_a_prover_that_says_that_it_lost_something_is_believed_ever_less_often(world: World) -> None:
    world.hand_in(world.upload(0))
    calls = []
    for _ in range(60):
        world.deliveries.hand_again(1, [world.submission(0)])
        world.turn(60)
        calls.append(world.calls[1])
    assert calls[0] == 2, "at once the first time"
    assert 4 <= calls[-1] <= 8
    world.turn(2 * 3600)
    world.deliveries.hand_again(1, [world.submission(0)])
    assert world.calls[1] > calls[-1], "never given up"


def test_a_prover_that_lost_a_share_and_is_away_gets_it_when_it_is_back(world: World) -> None:
    world.hand_in(world.upload(0))
    del world.got[1, world.submission(0)]
    world.away = {1}
    assert world.deliveries.hand_again(1, [world.submission(0)])
    assert world.deliveries.hand_again(1, [world.submission(0)])
    world.away = set()
    world.turn(60)
    assert world.holders(0) == {0, 1, 2, 3}


def test_what_was_not_uploaded_here_is_not_handed_again(world: World) -> None:
    world.hand_in(world.upload(0))
    assert not world.deliveries.hand_again(1, [world.submission(0), world.submission(1)])
    assert not world.deliveries.hand_again(1, [world.submission(1)])


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
def test_what_is_damaged_on_disk_while_it_waits_is_not_laid_to_its_owner(world: World) -> None:
    """Provers that get it say that it is not what was signed, and would not be tried again."""
    world.away = set(range(PROVERS))
    upload = world.upload(0)
    world.hand_in(upload)
    (body,) = world.directory.rglob("body-0")
    raw = bytearray(body.read_bytes())
    raw[2 * 1072 + 7] ^= 1
    body.write_bytes(raw)
    world.away = set()
    for _ in range(3):
        world.turn(60)
    assert world.holders(0) == {p for p, part in enumerate(upload.head.manifest.parts) if part.body is None}
    (handing,) = world.deliveries._handing.values()
    assert not handing.unsound
    assert world.take(upload.head, chunks_of(upload, 2))[0] == 2
    world.turn(60)
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


def test_each_copy_of_a_reference_is_an_upload_of_its_own(world: World) -> None:
    """All of them are one model owner's."""
    head = world.upload(0).head
    for number in range(MAX_COPIES):
        copy = replace(head, header=replace(head.header, owner_index=REFERENCE_INDEX + number))
        assert world.offers.begin(bytes([1, number]) * 16, bytes([2, number]) * 16, copy).head == copy
    world.hand_in(world.upload(0))


def test_uploads_go_with_their_round(world: World) -> None:
    world.hand_in(world.upload(0))
    world.turn()
    assert on_disk(world)
    world.market.be_at(world.market.chain.opened[0].submit + world.network.terms.windows.settle + 1)
    world.turn(60)
    assert not on_disk(world)
    with pytest.raises(UnknownError):
        world.deliveries.status(world.submission(0))


def settled(world: World) -> int:
    """When the round is over."""
    return int(world.market.chain.opened[0].submit + world.network.terms.windows.settle)


def test_no_share_is_handed_on_behind_its_rounds_end_though_the_upload_is_looked_at_later(world: World) -> None:
    world.away = {1}
    world.hand_in(world.upload(0))
    world.away, calls = set(), world.calls[1]
    world.market.be_at(settled(world) + 1)
    world.deliveries.start()
    assert world.calls[1] == calls
    assert "the round takes no batches any more" in world.deliveries.status(world.submission(0)).undelivered[1]


@pytest.mark.usefixtures("short_chunks")
def test_a_delivery_under_way_ends_with_its_round(world: World) -> None:
    """As slow as the prover takes it."""
    world.away, handed = set(range(PROVERS)), [0]
    world.hand_in(world.upload(0))
    world.market.be_at(settled(world) - 3)

    def slowly(prover: int, head: ShareHead, body: Chunks, submission: bytes) -> bytes:
        if prover != 1:
            raise UnavailableError("connection refused")
        for index in range(body.count):
            body.chunk(index)
            handed[0] += 1
            world.clock.sleep(2)
        raise AssertionError("all of it was handed on")

    world.hand_over = slowly  # type: ignore[method-assign]
    world.deliveries.start()
    assert 0 < handed[0] <= 2
    assert "the round takes no batches any more" in world.deliveries.status(world.submission(0)).undelivered[1]


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
    world.turn(1)
    assert len(world.log.of(HeaderAccepted)) == OWNERS
    for _ in range(60):
        world.turn(1)
    assert world.calls[1] <= OWNERS * 8
    assert world.calls[0] == world.calls[2] == OWNERS


def test_a_share_that_is_not_what_was_signed_is_not_sent_every_minute(world: World) -> None:
    """An owner can have garbage handed on, which provers know when they have all of it."""

    def refuse(prover: int, submission: bytes) -> None:
        raise WireError("the share does not have the digest that stands in the signed header")

    world.behaviour = refuse
    world.hand_in(world.upload(0))
    for _ in range(3600):
        world.turn(1)
    assert max(world.calls.values()) == 1  # more say so than may lie


def test_one_prover_that_says_so_has_it_sent_again_after_a_minute_and_ever_less_often(world: World) -> None:
    def refuse(prover: int, submission: bytes) -> None:
        if prover == 1:
            raise WireError("the share does not have the digest that stands in the signed header")

    world.behaviour = refuse
    world.hand_in(world.upload(0))
    for _ in range(29):
        world.turn(1)
    assert world.calls[1] == 1
    for _ in range(3600):
        world.turn(1)
    assert 2 < world.calls[1] <= 8


def test_strangers_are_told_nothing_of_the_coordinators_machine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: StoredBody, index: int) -> SealedChunk:
        raise StorageError("cannot read an upload: /srv/gradroll/uploads")

    monkeypatch.setattr(StoredBody, "chunk", broken)
    world.hand_in(world.upload(0))
    told = world.deliveries.status(world.submission(0)).undelivered
    assert "/srv" not in str(told)
    assert "trouble of its own" in str(told)


def test_a_committee_takes_no_more_places_than_are_free_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can make a committee that takes without end, and tasks for it that name this coordinator."""
    monkeypatch.setattr("coordinator.deliveries.PLACES", 4)
    world.pool = held = Held()
    world.restart()
    for owner in range(OWNERS):
        world.hand_in(world.upload(owner))
    assert len(held.held) == 2
    assert world.deliveries._places.take("another committee")


class Held(Executor):
    """Does nothing of what it is given."""

    def __init__(self) -> None:
        self.held: list[object] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.held.append(fn)
        return Future()


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
            world.turn()
            assert not world.log.of(HeaderAccepted), "the others' receipts are waited for, also of who is busy"
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


class Patient(InOrder):
    """As ``InOrder``, for so many pieces of work: whoever begins more, begins them without end."""

    def __init__(self, most: int) -> None:
        self.left = most

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.left -= 1
        if self.left < 0:
            pytest.fail("work is begun again and again")
        return super().submit(fn, *args, **kwargs)


@pytest.mark.usefixtures("short_chunks")
def test_an_unfinished_upload_of_several_bodies_is_looked_at_once(world: World) -> None:
    """Committees with many sets of provers have them; the first one lacks chunks."""
    upload = world.upload(0)
    manifest = upload.head.manifest
    parts = (*manifest.parts[:3], replace(manifest.parts[3], body=1))
    head = replace(upload.head, manifest=replace(manifest, bodies=manifest.bodies * 2, parts=parts))
    offer = world.offers.begin(bytes(32), world.submission(0), head)
    with pytest.raises(WireError, match="ended after 2"):
        list(world.offers.take(offer, islice(chunks_of(upload), 2)))
    world.pool = Patient(3)
    world.restart()
    for _ in range(100):
        world.turn(1)
    assert [offer.checked for offer in world.offers.all()] == [True]
    assert not world.calls


def test_files_that_cannot_be_read_are_looked_at_ever_less_often(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.away = set(range(PROVERS))
    world.hand_in(world.upload(0))
    world.away = set()
    looks: list[None] = []

    def unreadable(self: StoredBody) -> None:
        looks.append(None)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(StoredBody, "_whole_part", unreadable)
        world.pool = Patient(40)
        world.restart()
        for _ in range(600):
            world.turn(1)
    assert 10 < len(looks) <= 20
    assert caplog.text.count("event=deliveries-trouble") <= 20
    world.turn(60)
    assert world.holders(0) == {0, 1, 2, 3}


def test_a_damaged_head_keeps_no_coordinator_from_starting(world: World) -> None:
    for owner in (0, 1):
        world.hand_in(world.upload(owner))
    (head, _) = sorted(world.directory.rglob("head"))
    head.write_bytes(head.read_bytes()[:33] + b"\xff" * 40)
    world.restart()
    assert len(world.offers.all()) == 1


@pytest.mark.usefixtures("short_chunks")
def test_a_look_changes_no_file(world: World) -> None:
    """Another coordinator may lead by now, and be about to write the rest of this very chunk."""
    upload = world.upload(0)
    with pytest.raises(WireError, match="ended after 3"):
        world.take(upload.head, islice(chunks_of(upload), 3))
    (body,) = world.directory.rglob("body-0")
    written = body.read_bytes()[:-500]
    body.write_bytes(written)
    (formerly,) = Offers(world.directory / "uploads", max_bytes=1 << 30).all()
    assert formerly.taken == 2
    assert body.read_bytes() == written


@pytest.mark.usefixtures("short_chunks")
def test_what_stands_behind_the_last_chunk_goes_when_that_is_written(world: World) -> None:
    upload = world.upload(0)
    with pytest.raises(WireError, match="ended after"):
        world.take(upload.head, islice(chunks_of(upload), upload.count - 1))
    (body,) = world.directory.rglob("body-0")
    body.write_bytes(body.read_bytes() + bytes(5000))
    world.restart()
    assert world.take(upload.head, chunks_of(upload, upload.count - 1))[0] == upload.count - 1
    assert body.stat().st_size == sum(len(chunk.sealed) + 32 for chunk in chunks_of(upload))
    assert world.holders(0) == {0, 1, 2, 3}


@pytest.mark.parametrize("lie", ["the round is over", "there is no round"])
def test_no_upload_is_deleted_on_one_nodes_word(world: World, monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    """It may lie, or lag behind the others."""
    world.hand_in(world.upload(0))
    world.market.count = 3
    if lie == "the round is over":
        world.market.lying = 10**6
    else:
        shown = world.market.round

        def lagging(task_id: int, number: int) -> RoundRecord:
            if world.market._node in (None, 0):
                raise UnknownError("no such round")
            return shown(task_id, number)

        monkeypatch.setattr(world.market, "round", lagging)
    for _ in range(3):
        world.turn(60)
    assert on_disk(world)
    world.turn(10**6)
    world.market.chain.mine()
    world.turn(60)
    assert not on_disk(world)


def test_an_upload_of_a_round_that_most_nodes_miss_is_kept_until_it_cannot_be_opened_again_in_time(
    world: World,
) -> None:
    """A reorganisation took its opening back, or they lag behind one that was just opened; owners do not stay on."""
    world.away = {1, 2}
    world.hand_in(world.upload(0))
    world.market.count, world.market.raises = 3, {0: UnknownError("a reorganisation took it back")}
    world.turn(60)
    assert on_disk(world)
    world.market.raises.clear()
    world.away = set()
    world.turn(60)
    assert world.log.of(HeaderAccepted), "it was opened again"


def test_an_upload_of_a_round_that_nobody_opens_again_is_deleted_in_the_end(world: World) -> None:
    world.hand_in(world.upload(0))
    windows = world.network.terms.windows
    world.market.count, world.market.raises = 3, {0: UnknownError("a reorganisation took it back")}
    world.turn(60)
    world.turn(windows.submit + windows.settle + 60)
    world.market.chain.mine()
    world.market.chain.mine()
    world.turn(60)
    assert not on_disk(world)
    assert not world.deliveries._vanished._since


def test_a_node_that_is_down_costs_one_question_a_round_and_one_line(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for owner in range(OWNERS):
        world.hand_in(world.upload(owner))
    world.market.raises = {0: ChainError("the node cannot be reached")}
    asked = world.market.asked["round"]
    for _ in range(58):
        world.turn(1)
    assert world.market.asked["round"] - asked == 2
    assert caplog.text.count("event=deliveries-trouble") == 1
    assert on_disk(world)


def test_nothing_is_kept_of_uploads_that_are_deleted(world: World) -> None:
    for owner in range(OWNERS):
        world.hand_in(world.upload(owner))
    world.market.be_at(world.market.chain.opened[0].submit + world.network.terms.windows.settle + 1)
    world.turn(60)
    world.turn(60)
    assert not on_disk(world)
    assert (world.deliveries._handing, world.deliveries._looked) == ({}, {})


def test_a_header_that_waits_for_its_owners_other_one_costs_no_look_at_the_chain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hand_in(world.upload(0))
    world.network.headers[0] = world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0]))
    world.hand_in(world.upload(0))
    tries, submit = [0], world.admission.submit

    def counted(header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        tries[0] += 1
        return submit(header, receipts)

    monkeypatch.setattr(world.admission, "submit", counted)
    for _ in range(100):
        world.turn(1)
    assert tries == [0]
    task = world.network.terms.task_id
    world.journal.record(CohortBegun(task, 0, (world.log.of(HeaderAccepted)[0].submission,)))
    world.journal.record(CohortFailed(task, 0, "why", True, 0))
    world.turn(1)
    assert tries == [1]
    assert len(world.log.of(HeaderAccepted)) == 2


def test_a_header_that_is_refused_is_entered_ever_less_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refuse(header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        tries.append(world.clock.monotonic())
        raise ClosedError("never")

    monkeypatch.setattr(world.admission, "submit", refuse)
    world.hand_in(world.upload(0))
    for _ in range(3600):
        world.turn(1)
    assert 4 < len(tries) <= 8
    assert tries[-1] - tries[-2] > 900


def test_who_repeats_an_upload_fills_no_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A repeat costs its owner no more than a head."""

    def take(head: OfferHead, chunks: Iterator[SealedChunk]) -> Generator[int]:
        offer = world.offers.begin(*world.admission.check_offer(head), head)
        yield from world.offers.take(offer, chunks)

    calls = cast(Calls, SimpleNamespace(enter=lambda _: None, known=lambda _: None))
    coordinator = cast(Coordinator, SimpleNamespace(take=take))
    servicer = Servicer(lambda: coordinator, cast(CoordinatorSettings, None), calls, Refusals())
    upload = world.upload(0)
    parts = [offer_to_wire(upload.head), *(pb.OfferSharesRequest(chunk=chunk_to_wire(c)) for c in chunks_of(upload))]
    caplog.set_level("INFO")
    for sent in (parts, *[parts[:1]] * 20):
        replies = list(servicer.OfferShares(iter(sent), cast(grpc.ServicerContext, SimpleNamespace())))
        assert replies[-1].stored
    assert caplog.text.count("event=upload ") == 1
