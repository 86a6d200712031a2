"""What is checked before an owner gets a receipt, and that an owner in a signed batch gets no other one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from circuits.errors import (
    BusyError,
    ClosedError,
    FullError,
    KeyMismatchError,
    SignatureError,
    StorageError,
    UnknownError,
    WireError,
)
from circuits.statement import Context, Membership, SubmissionHeader
from circuits.terms import MarketId, TaskTerms
from commons.chain.facts import OwnerRecord, Participants, RoundRecord
from commons.chain.view import ChainView
from commons.protocol.receipts import receipt_digest, verify_receipt
from commons.protocol.references import Opening
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.signing import sign_digest
from commons.protocol.streamheads import ShareHead
from commons.sharing import sealing
from commons.sharing.sealedbodies import BodyLabel, RunningCheck, SealedChunk
from commons.sharing.sharepayloads import DENSE_FORM
from commons.storage.accounts import SigningKey
from native import G1
from provers.intake import ShareIntake
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.partials import IDLE, Partial
from provers.party import ledger
from provers.party.steps import members_of
from provers.store import Store
from tests.support.gradednetwork import MODEL_OWNER
from tests.support.network import Network, OwnerPlan, gradients, network_with
from tests.support.parts import with_parts
from tests.support.plain_batch import address_of, seed_of
from tests.support.uploads import sealed_upload

PROVER, NOW = 2, 1_000_000
OWNER = OwnerRecord(bytes(20), bytes(20), 0, 0, None, None, False)


@dataclass
class World:
    """One prover of a network, with what its node shows of the chain."""

    network: Network
    store: Store
    context: Context
    deadline: int = NOW
    finalized: bool = False
    unserved: str = ""
    model_owner: bytes = MODEL_OWNER
    hpke_secret: bytes = field(default_factory=sealing.generate, repr=False)

    @property
    def market_id(self) -> MarketId:
        return self.network.context.market

    @property
    def key(self) -> SigningKey:
        return SigningKey.from_secret(self.network.prover_keys[PROVER])

    def owner_at(self, task_id: int, index: int) -> bytes:
        return self.network.owner_addresses[index]

    def task(self, task_id: int) -> SimpleNamespace:
        return SimpleNamespace(model_owner=address_of(self.model_owner))

    def round(self, task_id: int, number: int) -> RoundRecord:
        settle = self.deadline + 60
        return RoundRecord(
            bytes(32), self.deadline, settle, 0, 0, 64, 64, 0, 0, G1(bytes(64)), False, self.finalized
        )  # fmt: skip

    def participants(self, task_id: int, number: int, indices: tuple[int, ...]) -> Participants:
        left = dict.fromkeys(self.network.left, number)
        owners = tuple(replace(OWNER, signer=self.owner_at(task_id, i), leaves_at=left.get(i)) for i in indices)
        return Participants(self.round(task_id, number), owners, frozenset())

    def now(self) -> int:
        return NOW

    def sign(self, digest: bytes) -> bytes:
        return self.key.sign(digest)

    @cached_property
    def intake(self) -> ShareIntake:
        chain, keystore = cast(ChainView, self), cast(Keystore, self)
        environment = cast(NodeEnvironment, _Rounds(self))
        return ShareIntake(
            chain, self.store, keystore, environment, Membership(self.network.committee, PROVER), clock_skew=30
        )

    def hand_in(self, header: SubmissionHeader) -> tuple[bytes, bytes]:
        """Seal the prover's share to it, as its owner does."""
        return self.take(*self.sealed(header))

    def upload(self, header: SubmissionHeader) -> SealedUpload:
        """What its owner hands in."""
        digest = header.digest(self.network.context)
        payloads = [memory.payloads[digest] for memory in self.network.memories]
        keys = [sealing.public_key(self.hpke_secret if p == PROVER else sealing.generate()) for p in range(4)]
        dealer = seed_of("owner", (header.owner_index - 1) // 2)
        sign = partial(sign_digest, MODEL_OWNER if header.is_reference else dealer)
        return sealed_upload(header, self.network.context, payloads, self.network.committee, keys, sign)

    def sealed(self, header: SubmissionHeader) -> tuple[ShareHead, Iterator[SealedChunk]]:
        """What its owner sends the prover."""
        upload = self.upload(header)
        return upload.head.share(PROVER), chunks_of(upload)

    def take(self, head: ShareHead, chunks: Iterator[SealedChunk]) -> tuple[bytes, bytes]:
        """Take a share to its receipt."""
        for _ in self.intake.take(head, chunks):
            pass
        return self.intake.receipt(head.header)

    def members(self, *headers: SubmissionHeader) -> tuple[ledger.Member, ...]:
        return members_of(self.network.context, headers)


@dataclass
class _Rounds:
    """Terms and context of the round, as the node shows them."""

    world: World

    def terms(self, task_id: int) -> TaskTerms:
        return self.world.network.terms

    def context(self, task_id: int, number: int) -> Context:
        return self.world.context

    def references(self, context: Context) -> Opening:
        return self.world.network.opening

    def require_served(self, task_id: int) -> None:
        if self.world.unserved:
            raise KeyMismatchError(self.world.unserved)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    network, store = network_with(2), Store(tmp_path, max_bytes=1 << 24)
    world = World(network, store, network.context)
    yield world
    world.intake.close()
    store.close()


def chunks_of(upload: SealedUpload, first: int = 0) -> Iterator[SealedChunk]:
    """The chunks of the prover's body."""
    body = upload.body(PROVER)
    return (body.chunk(index) for index in range(first, body.count))


def no_chunks() -> Iterator[SealedChunk]:
    raise AssertionError("the share was read")
    yield SealedChunk(b"", b"")


def test_a_share_is_on_disk_before_its_receipt(world: World) -> None:
    header = world.network.headers[0]
    submission, receipt = world.hand_in(header)
    assert submission == header.digest(world.context)
    verify_receipt(world.market_id, submission, receipt, world.key.address)
    assert world.store.share_payload(submission) == world.network.memories[PROVER].payloads[submission]
    assert world.take(world.upload(header).head.share(PROVER), no_chunks()) == (submission, receipt)


def test_an_owners_last_share_may_come_twice_at_once(world: World) -> None:
    """After a connection broke, say: it is not one share more than are taken."""
    header = world.network.headers[0]
    for seed in range(3):
        world.hand_in(world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=seed)[0])))
    first = world.intake.take(*world.sealed(header))
    next(first)
    again = world.hand_in(header)
    assert list(first) == [1]
    assert world.intake.receipt(header) == again
    assert world.store.usage()[0] == 4


@pytest.fixture
def long(world: World, monkeypatch: pytest.MonkeyPatch) -> SealedUpload:
    """An upload of many chunks."""
    for module in ("sealedbodies.PIECE", "sealedbodies.SEALED"):
        monkeypatch.setattr(f"commons.sharing.{module}", 1024 + (16 if module.endswith("SEALED") else 0))
    upload = world.upload(world.network.headers[0])
    assert upload.body(PROVER).count > 4
    return upload


def begun(world: World, upload: SealedUpload, count: int) -> None:
    """So many chunks come; then the connection breaks."""
    with pytest.raises(ConnectionError):
        for _ in world.intake.take(upload.head.share(PROVER), broken_after(chunks_of(upload), count)):
            pass


def broken_after(chunks: Iterator[SealedChunk], count: int) -> Iterator[SealedChunk]:
    yield from islice(chunks, count)
    raise ConnectionError


def test_an_upload_goes_on_behind_the_last_chunk_that_came_whole(world: World, long: SealedUpload) -> None:
    begun(world, long, 3)
    assert next(world.intake.take(long.head.share(PROVER), no_chunks())) == 3
    submission, _ = world.take(long.head.share(PROVER), chunks_of(long, 3))
    assert world.store.share_payload(submission) == world.network.memories[PROVER].payloads[submission]
    assert not list((world.store._incoming).iterdir())


def test_nobody_puts_anything_into_an_owners_upload(world: World, long: SealedUpload) -> None:
    """A coordinator or a prover that has the body's key can seal chunks that open; they are not what was signed."""
    begun(world, long, 2)
    body = long.body(PROVER)
    forged = replace(body.chunk(2), sealed=bytes(len(body.chunk(2).sealed)))
    for wrong in (forged, body.chunk(3), body.chunk(1), replace(body.chunk(2), rest=bytes(32))):
        with pytest.raises(WireError, match="chunk 2 of the share"):
            world.take(long.head.share(PROVER), iter([wrong]))
    assert world.take(long.head.share(PROVER), chunks_of(long, 2))


def test_two_streams_of_one_upload_help_each_other(world: World, long: SealedUpload) -> None:
    ahead, behind = (world.intake.take(long.head.share(PROVER), chunks_of(long)) for _ in range(2))
    assert (next(ahead), next(behind)) == (0, 0)
    assert [next(ahead), next(ahead), next(behind)] == [1, 2, 1]
    assert list(behind)[-1] == long.body(PROVER).count
    assert list(ahead)[-1] == long.body(PROVER).count
    assert world.store.usage()[0] == 1


def test_an_owner_keeps_no_more_uploads_under_way_than_it_may_hand_in(world: World, long: SealedUpload) -> None:
    header = world.network.headers[0]
    for _ in range(5):
        begun(world, world.upload(header), 1)
    assert len(list(world.store._incoming.iterdir())) == world.store.per_owner
    uploads = [world.upload(header) for _ in range(world.store.per_owner)]
    streams: list[Any] = [world.intake.take(upload.head.share(PROVER), no_chunks()) for upload in uploads]
    assert [next(stream) for stream in streams] == [0] * len(streams)
    with pytest.raises(BusyError):
        next(world.intake.take(world.upload(header).head.share(PROVER), no_chunks()))
    for stream in streams:
        stream.close()
    world.intake.tidy(world.deadline + 60 + 31)
    assert not list(world.store._incoming.iterdir())


def test_heads_without_a_share_keep_no_room_from_others(world: World, long: SealedUpload) -> None:
    """Whoever creates tasks and registers owners there sends as many as it likes."""
    header = world.network.headers[0]
    streams = [world.intake.take(world.upload(header).head.share(PROVER), no_chunks()) for _ in range(4)]
    assert [next(stream) for stream in streams] == [0] * 4
    assert world.store._room.held(header.task_id)[2] == 4 * size_on_disk(world, long)
    for stream in streams:
        stream.close()  # the call is refused, or its caller is gone
    assert world.store._room.held(header.task_id) == (0, 0, 0)
    assert not list(world.store._incoming.iterdir())


def size_on_disk(world: World, upload: SealedUpload) -> int:
    """Bytes of the prover's share."""
    payload = world.network.memories[PROVER].payloads[upload.head.header.digest(world.context)]
    scalars = 32 * (world.network.dimension + 192)
    return scalars + (0 if payload[0] == DENSE_FORM else len(payload) - 1)


def test_uploads_that_broke_off_in_one_task_leave_room_for_another(world: World, long: SealedUpload) -> None:
    """However large its model is: what they may come to take is what that task has."""
    partials, task, size = world.intake._partials, 3, (1 << 24) // 11
    for number in range(12):
        begin = partial(one_begun, world, task, size)
        with (
            suppress(FullError),
            partials.held(number.to_bytes(32, "big"), (task, number, bytes(20)), size, NOW, begin),
        ):
            pass
    assert world.store._room.held(task)[2] > 1 << 23, "idle ones are still there"
    world.hand_in(world.network.headers[0])
    world.hand_in(world.network.headers[1])


def test_at_the_limit_the_task_that_keeps_most_from_others_gives_way(
    world: World, long: SealedUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise strangers' small uploads would push out what honest owners go on with after a broken connection."""
    monkeypatch.setattr("provers.partials.MOST", 3)
    begun(world, long, 2)
    partials = world.intake._partials
    uploads = [number.to_bytes(32, "big") for number in range(4)]
    for upload in uploads:
        with partials.held(upload, (3, 0, upload[12:]), 1 << 20, NOW, partial(one_begun, world, 3, 1 << 20)):
            pass
    assert next(world.intake.take(long.head.share(PROVER), no_chunks())) == 2
    assert set(uploads) & set(partials._held) == set(uploads[2:])


class OneChunk:
    """The check of a body of which one chunk has come."""

    taken = 1


def one_begun(world: World, task: int, size: int) -> Partial:
    """An upload of which one chunk is here."""
    with ExitStack() as undo:
        undo.enter_context(world.store.reserved(task, 0, bytes(20), size))
        writer = undo.enter_context(world.store.receive(5, world.intake._membership))
        return Partial(writer, cast(RunningCheck, OneChunk()), bytes(32), cast(BodyLabel, None), undo.pop_all())


def test_an_upload_that_nobody_goes_on_with_is_let_go_of(world: World, long: SealedUpload) -> None:
    begun(world, long, 2)
    world.intake.tidy(NOW - 10_000)
    world.intake.tidy(NOW - 10_000 + IDLE)
    with pytest.raises(ConnectionError):
        list(world.intake.take(long.head.share(PROVER), broken_after(chunks_of(long, 2), 1)))
    world.intake.tidy(NOW - 9_000 + IDLE)
    assert next(world.intake.take(long.head.share(PROVER), no_chunks())) == 3, "somebody went on with it"
    world.intake.tidy(NOW - 8_000)
    world.intake.tidy(NOW - 8_000 + IDLE)
    assert list(world.store._incoming.iterdir())
    world.intake.tidy(NOW - 7_999 + IDLE)
    assert not list(world.store._incoming.iterdir())
    assert world.store._room.held(long.head.header.task_id) == (0, 0, 0)


def test_what_has_come_whole_is_kept_however_full_the_store_is_since(world: World) -> None:
    """Room was kept for exactly what it takes; an owner that sent all of it has its receipt."""
    for header in world.network.headers:
        upload, task = world.upload(header), header.task_id
        before = world.store._room.held(task)[0]
        stream = world.intake.take(upload.head.share(PROVER), chunks_of(upload))
        next(stream)
        reserved = world.store._room.held(task)[2]
        world.store._room.add_results(99, 1 << 24)
        list(stream)
        assert world.intake.receipt(header)
        assert world.store._room.held(task)[0] - before == reserved == size_on_disk(world, upload)
        assert world.store._room.held(task)[2] == 0
        world.store._room.add_results(99, -(1 << 24))


def test_what_another_owner_signed_is_not_taken_for_this_ones(world: World) -> None:
    mine, other = (world.upload(header) for header in world.network.headers)
    with pytest.raises(SignatureError, match="the upload"):
        world.take(replace(mine.head.share(PROVER), manifest=other.head.manifest), no_chunks())
    with pytest.raises(WireError, match="not the one that its owner signed"):
        world.take(replace(mine.head.share(PROVER), part=other.head.parts[PROVER]), no_chunks())
    with pytest.raises(WireError, match="chunk 0 of the share"):
        world.take(mine.head.share(PROVER), chunks_of(other))


@pytest.mark.parametrize("kind", [ledger.Locked, ledger.Released])
def test_an_owner_in_a_signed_batch_hands_in_nothing_else(
    world: World, kind: type[ledger.Locked] | type[ledger.Released]
) -> None:
    """A second submission of the round could enter no batch; without a receipt its owner waits for the next round."""
    header, bystander = world.network.headers
    world.hand_in(header)
    world.store.commit([ledger.CohortJoined(b"\x01" * 32, world.members(header))])
    world.store.commit([kind(ledger.Selection.plain(world.members(header)))])
    other = world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0]))
    with pytest.raises(ClosedError, match="submit to the next round"):
        world.hand_in(other)
    assert world.store.usage()[0] == 1
    submission, _ = world.hand_in(header)  # what is in the batch is acknowledged again
    assert submission == header.digest(world.context)
    world.hand_in(bystander)


def lose(world: World, submission: bytes, tmp_path: Path) -> None:
    """The disk loses a share, and the prover finds that out."""
    (tmp_path / "shares" / submission.hex()).unlink()
    with pytest.raises(StorageError, match="gone from the disk"):
        world.store.share_payload(submission)


@pytest.mark.parametrize("signed", [False, True], ids=["before the lock", "behind the lock"])
def test_a_share_that_got_lost_is_taken_again_and_nothing_else_in_its_place(
    world: World, tmp_path: Path, signed: bool
) -> None:
    """Late as it may be: the prover's own receipt of before is one of those that come with it."""
    header = world.network.headers[0]
    before, receipt = world.hand_in(header)
    world.store.commit([ledger.CohortJoined(b"\x01" * 32, world.members(header))])
    if signed:
        world.store.commit([ledger.Locked(ledger.Selection.plain(world.members(header)))])
    lose(world, before, tmp_path)
    with pytest.raises(UnknownError):
        world.intake.receipt(header)
    other = world.upload(world.network.headers[1])
    world.deadline = NOW - 50
    receipts = receipts_of(world, before, 0, 1) | {PROVER: receipt}
    share = replace(world.upload(header).head.share(PROVER), receipts=receipts)
    with pytest.raises(WireError, match="not the one that its owner signed"):
        world.take(replace(share, part=other.head.parts[PROVER]), no_chunks())
    again = world.upload(header)
    assert world.take(replace(again.head.share(PROVER), receipts=receipts), chunks_of(again)) == (before, receipt)
    assert world.store.share_payload(before) == world.network.memories[PROVER].payloads[before]
    assert world.store.usage()[0] == 1


def test_an_owner_may_replace_what_nobody_signed(world: World) -> None:
    header = world.network.headers[0]
    world.hand_in(header)
    world.store.commit([ledger.CohortJoined(b"\x01" * 32, world.members(header))])
    world.hand_in(world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0])))
    assert world.store.usage()[0] == 2


def test_a_share_of_a_stranger_or_for_another_prover_is_refused(world: World) -> None:
    header = world.network.headers[0]
    world.network.owner_addresses[header.owner_index] = bytes(20)
    with pytest.raises(SignatureError, match="is not owner"):
        world.hand_in(header)
    world.network.owner_addresses[header.owner_index] = header.owner
    with pytest.raises(WireError, match="is for prover 3, this is prover 2"):
        world.take(world.upload(header).head.share(3), no_chunks())
    short = replace(header, share_digests=header.share_digests[1:])
    with pytest.raises(WireError, match="4 share digests"):
        world.take(replace(world.upload(header).head.share(PROVER), header=short), no_chunks())
    assert world.store.usage() == (0, 0)


@pytest.mark.parametrize("name", ["model_digest", "terms_hash"])
def test_a_submission_for_another_model_or_other_terms_is_refused(world: World, name: str) -> None:
    """What the owner's node showed it is not what this prover's node shows."""
    world.context = with_parts(world.context, **{name: bytes(32)})
    with pytest.raises(SignatureError):
        world.hand_in(world.network.headers[0])
    assert world.store.usage() == (0, 0)


def test_a_late_share_is_refused(world: World) -> None:
    world.deadline = NOW - 30
    world.hand_in(world.network.headers[0])
    world.deadline = NOW - 31
    with pytest.raises(ClosedError, match="took submissions until"):
        world.hand_in(world.network.headers[1])
    world.deadline, world.finalized = NOW, True
    with pytest.raises(ClosedError, match="took submissions until"):
        world.hand_in(world.network.headers[1])


def receipts_of(world: World, submission: bytes, *provers: int) -> dict[int, bytes]:
    digest = receipt_digest(world.market_id, submission)
    return {p: sign_digest(world.network.prover_keys[p], digest) for p in provers}


def test_a_late_share_is_taken_when_a_quorum_had_theirs(world: World) -> None:
    header = world.network.headers[0]
    upload, submission = world.upload(header), header.digest(world.context)
    share = upload.head.share(PROVER)
    world.deadline = NOW - 50
    for few in ({}, receipts_of(world, submission, 0, 1)):
        with pytest.raises(ClosedError, match="took submissions until"):
            world.take(replace(share, receipts=few), no_chunks())
    late = replace(share, receipts=receipts_of(world, submission, 0, 1, 3))
    found, receipt = world.take(late, chunks_of(upload))
    verify_receipt(world.market_id, found, receipt, world.key.address)
    assert world.store.share_payload(submission) == world.network.memories[PROVER].payloads[submission]


def test_receipts_of_another_submission_or_by_others_make_no_share_late(world: World) -> None:
    mine, other = (header.digest(world.context) for header in world.network.headers)
    share = world.upload(world.network.headers[0]).head.share(PROVER)
    good = receipts_of(world, mine, 0, 1, 3)
    world.deadline = NOW - 50
    for wrong in (receipts_of(world, other, 0, 1, 3), {**good, 1: good[0]}, {**good, 2: bytes(64) + b"\x1b"}):
        with pytest.raises(SignatureError):
            world.take(replace(share, receipts=wrong), no_chunks())
    with pytest.raises(ClosedError):
        world.take(replace(share, receipts={0: good[0], 1: good[1], 7: good[3]}), no_chunks())
    assert world.store.usage() == (0, 0)


def test_a_late_share_does_not_come_after_its_round_or_beside_a_signed_batch(world: World) -> None:
    header, bystander = world.network.headers
    shares = {}
    for each in (header, bystander):
        submission = each.digest(world.context)
        shares[each.owner] = replace(
            world.upload(each).head.share(PROVER), receipts=receipts_of(world, submission, 0, 1, 3)
        )
    world.deadline = NOW - 60 - 31  # the settle deadline is a minute later
    with pytest.raises(ClosedError, match="took submissions until"):
        world.take(shares[header.owner], no_chunks())
    world.deadline, world.finalized = NOW - 50, True
    with pytest.raises(ClosedError, match="took submissions until"):
        world.take(shares[header.owner], no_chunks())
    world.finalized = False
    other = world.network.submit_again(0, OwnerPlan(gradients(1, 5, seed=9)[0]))
    world.store.commit([ledger.CohortJoined(b"\x01" * 32, world.members(other))])
    world.store.commit([ledger.Locked(ledger.Selection.plain(world.members(other)))])
    with pytest.raises(ClosedError, match="signed batch"):
        world.take(shares[header.owner], no_chunks())


def test_an_owner_without_a_part_in_the_round_is_told_so_before_its_share_is_read(world: World) -> None:
    """It leaves, or registered when all seats were taken; a share of its would only take room."""
    header, bystander = world.network.headers
    world.network.left.add(header.owner_index)
    with pytest.raises(ClosedError, match="has a part in rounds from 0 on, and leaves: none from"):
        world.take(world.upload(header).head.share(PROVER), no_chunks())
    world.hand_in(bystander)


def test_a_share_sealed_for_another_deployment_does_not_open(world: World) -> None:
    header = world.network.headers[0]
    elsewhere = replace(world.context, market=replace(world.market_id, deployment=bytes(32)))
    context, world.network.context = world.network.context, elsewhere
    payloads = {p: memory.payloads[header.digest(context)] for p, memory in enumerate(world.network.memories)}
    for p, payload in payloads.items():
        world.network.memories[p].payloads[header.digest(elsewhere)] = payload
    upload = world.upload(header)
    world.network.context = context
    with pytest.raises(SignatureError, match="the upload"):
        world.take(upload.head.share(PROVER), chunks_of(upload))
    signed = replace(
        world.upload(header).head.manifest, parts=upload.head.manifest.parts, bodies=upload.head.manifest.bodies
    )
    sign = partial(sign_digest, seed_of("owner", 0))
    head = replace(upload.head.share(PROVER), manifest=signed.signed(context, header.digest(context), sign))
    with pytest.raises(WireError, match="does not open"):
        world.take(head, no_chunks())


def test_a_share_of_a_task_that_this_prover_cannot_work_for_is_refused_before_it_is_read(world: World) -> None:
    world.unserved = "no *.proving file"
    header = world.network.headers[0]
    with pytest.raises(KeyMismatchError, match="proving"):
        world.take(world.upload(header).head.share(PROVER), no_chunks())
    assert world.store.usage() == (0, 0)
    world.unserved = ""
    world.hand_in(header)
