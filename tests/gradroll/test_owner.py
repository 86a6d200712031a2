"""The data owner: what is refused before anything leaves, and how a submission resumes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import (
    BusyError,
    ClosedError,
    GradientError,
    InvalidInputError,
    KeyMismatchError,
    SignatureError,
    StorageError,
    UnavailableError,
    UnknownError,
)
from circuits.policies.spec import OwnerWires, PolicySpec
from circuits.r1cs import ConstraintSystem
from circuits.statement import SubmissionHeader
from commons.protocol.receipts import receipt_digest
from commons.protocol.sealeduploads import SealedUpload
from commons.protocol.signing import require_owner
from commons.protocol.status import OfferStatus, SubmissionState, SubmissionStatus
from commons.runtime.identifiers import shown
from commons.settings.loading import load
from commons.sharing.sharepayloads import payload_digest
from commons.storage.accounts import SigningKey
from commons.storage.files import DirectoryLock
from commons.telemetry.tracing import traced
from commons.wire import handing
from gradroll.data_owner import owner
from gradroll.data_owner.owner import DataOwner
from native import g2_generator
from tests.gradroll.fakes import (
    DIMENSION,
    MARKET,
    NOW,
    FakeChain,
    FakeCoordinator,
    FakeParameters,
    FakeProvers,
    context,
)
from tests.support.collector import Collector

GRADIENT = np.linspace(-1, 1, DIMENSION)


@dataclass
class World:
    chain: FakeChain
    coordinator: FakeCoordinator
    provers: FakeProvers
    account: SigningKey
    state: Path
    patience: float = 0.0
    stall: float = 60.0

    def owner(self) -> DataOwner:
        """A fresh object, as after a restart; only the directory is the same."""
        parameters = FakeParameters().parameters
        return DataOwner(
            self.chain.writer(self.account), self.coordinator.client, parameters, self.state,
            stall=self.stall, patience=self.patience,
        )  # fmt: skip

    def end(self, submission: bytes, state: SubmissionState, reason: str) -> None:
        """The coordinator says that nothing more becomes of a submission."""
        self.coordinator.ends[submission] = SubmissionStatus(submission, state, reason)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    keys = tuple(SigningKey.generate() for _ in range(4))
    account = SigningKey.generate()
    provers = FakeProvers(keys)
    monkeypatch.setattr(handing, "ProverClient", provers.client)
    yield World(FakeChain(keys, {account.address: 3}), FakeCoordinator(), provers, account, tmp_path)


def test_a_submission_reaches_all_provers_and_the_coordinator(world: World) -> None:
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, dict(done.missing), done.round) == ((0, 1, 2, 3), {}, 0)
    assert done.status.state is SubmissionState.PENDING
    assert 0 < done.max_error <= 2**-17
    assert done.scale == 1.0
    ((header, receipts),) = world.coordinator.headers
    assert (header.owner, header.owner_index, set(receipts)) == (world.account.address, 3, {0, 1, 2, 3})
    assert header.owner == world.account.address
    require_owner(header, context(0))
    for p, (payload,) in world.provers.received.items():
        assert payload_digest(payload) == header.share_digests[p]


def test_shares_are_sealed_to_the_members_with_whom_the_round_was_opened(world: World) -> None:
    """Others came since: they have no part in it, and their keys open nothing there."""
    world.chain.rotated = frozenset({1, 2})
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, dict(done.missing)) == ((0, 1, 2, 3), {})


def test_terms_and_model_are_signed_as_the_owners_own_node_shows_them(world: World) -> None:
    """A coordinator or a prover that is shown another model, or other terms, cannot use the submission."""
    world.owner().submit(0, GRADIENT)
    ((header, _),) = world.coordinator.headers
    for other in (replace(context(0), model_digest=bytes(32)), replace(context(0), terms_hash=bytes(32))):
        with pytest.raises(SignatureError):
            require_owner(header, other)


def test_a_gradient_beyond_the_bound_is_shrunk_and_said_so(world: World) -> None:
    done = world.owner().submit(0, GRADIENT * 1e6)
    assert 0 < done.scale < 1


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (GRADIENT[:-1], "10 coordinates"),
        (GRADIENT.reshape(2, 5), "10 coordinates"),
        (np.where(GRADIENT > 0.9, np.nan, GRADIENT), "NaN"),
        (np.where(GRADIENT > 0.9, np.inf, GRADIENT), "infinite"),
        (GRADIENT > 0, "truth values"),
    ],
)
def test_a_bad_gradient_is_refused_before_anything_leaves(
    world: World, gradient: np.ndarray[tuple[int, ...], np.dtype[np.float64]], message: str
) -> None:
    with pytest.raises(GradientError, match=message):
        world.owner().submit(0, gradient)
    assert not world.provers.received
    assert not list(world.state.rglob("*.json"))


def test_a_gradient_that_breaks_the_tasks_policy_is_refused_before_anything_leaves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provers' test of it would open a combination of its secrets."""

    def exact(cs: ConstraintSystem, owner: OwnerWires) -> None:
        cs.enforce(owner.norm, owner.bound - owner.norm, 0)

    policy = PolicySpec("exact", "Every owner's squared norm is exactly BOUND.", exact)
    monkeypatch.setattr(owner, "find", lambda name: policy)
    with pytest.raises(GradientError, match=r"breaks the task's policy 'exact'.* exactly BOUND"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received
    assert world.owner().submit(0, np.eye(1, DIMENSION)[0] * 16.0).round == 0  # 2^20 squared is BOUND


def test_unknown_task_unknown_round_and_unregistered_owner(world: World) -> None:
    with pytest.raises(UnknownError, match="no task 5"):
        world.owner().submit(5, GRADIENT)
    with pytest.raises(UnknownError, match="no round 1"):
        world.owner().submit(0, GRADIENT, round_number=1)
    world.chain.owners.clear()
    with pytest.raises(UnknownError, match="not registered"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received


def test_no_round_and_a_closed_round(world: World) -> None:
    world.chain.opened = 0
    with pytest.raises(ClosedError, match="no open round"):
        world.owner().submit(0, GRADIENT)
    world.chain.opened, world.chain.deadline = 1, NOW
    with pytest.raises(ClosedError, match="until 1970-01-12 13:46:40 UTC"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received


def test_too_few_provers_keep_their_receipts_and_a_retry_continues(world: World) -> None:
    world.provers.down = {1, 2}
    with pytest.raises(UnavailableError, match=r"2 of 4 provers.*3 are needed.*prover 1.*prover 2"):
        world.owner().submit(0, GRADIENT)
    assert not world.coordinator.headers
    world.provers.down = {2}
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, set(done.missing)) == ((0, 1, 3), {2})
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == {0: 1, 1: 1, 3: 1}
    ((header, _),) = world.coordinator.headers
    assert payload_digest(world.provers.received[1][0]) == header.share_digests[1]  # the very share that was signed


def test_a_share_whose_receipt_was_lost_is_sent_again_as_it_was(world: World) -> None:
    """A second draw for the round would be another masking of the same gradient in the provers' hands."""

    def lost(prover: int, digest: bytes) -> bytes:
        raise UnavailableError("the connection is gone")

    world.provers.signs = lost
    with pytest.raises(UnavailableError, match="0 of 4 provers"):
        world.owner().submit(0, GRADIENT)
    world.provers.signs = None
    world.owner().submit(0, GRADIENT)
    assert all(first == second for first, second in world.provers.received.values())


def test_a_prover_that_comes_back_soon_gets_its_share(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.provers.down, world.patience = {2}, 60.0
    monkeypatch.setattr(time, "sleep", lambda _: world.provers.down.clear())
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, dict(done.missing)) == ((0, 1, 2, 3), {})
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == {0: 1, 1: 1, 2: 1, 3: 1}


def test_an_upload_that_breaks_after_minutes_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.patience, world.chain.deadline, now = 3.0, NOW + 3600, [0.0]

    def broken(prover: int, digest: bytes) -> bytes:
        now[0] += 100.0
        raise UnavailableError("the connection broke")

    def repaired(_: float) -> None:
        world.provers.signs = None

    world.provers.signs = broken
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", repaired)
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)


def test_an_upload_that_breaks_again_and_again_goes_on_as_long_as_it_gets_somewhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.patience, world.chain.deadline, now, tries = 3.0, NOW + 3600, [0.0], [0]

    def broken(prover: int, digest: bytes) -> bytes:
        now[0] += 100.0
        tries[0] += 1
        if tries[0] <= 20:
            raise UnavailableError("the connection broke")
        return world.provers.keys[prover].sign(digest)

    world.provers.signs = broken
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)


@pytest.mark.parametrize(("stall", "deadline"), [(0.01, NOW + 60), (60.0, NOW + 1)], ids=["long", "soon over"])
def test_a_prover_that_takes_its_share_without_end_keeps_no_owner_from_its_round(
    world: World, stall: float, deadline: int
) -> None:
    """Something moves, so its upload does not stall; with the others' receipts the owner gets into a batch."""
    world.provers.slow, world.stall, world.chain.deadline = {0}, stall, deadline
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, set(done.missing)) == ((1, 2, 3), {0})
    assert done.missing[0].startswith("late: ")


def test_a_prover_without_end_does_not_lose_the_receipts_of_the_others(world: World) -> None:
    world.provers.slow, world.provers.down, world.chain.deadline = {0}, {1}, NOW + 1
    with pytest.raises(UnavailableError, match="2 of 4 provers"):
        world.owner().submit(0, GRADIENT)
    world.provers.slow = set()
    world.provers.down = set()
    world.owner().submit(0, GRADIENT)
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == {0: 2, 1: 1, 2: 1, 3: 1}


def test_another_gradient_for_the_same_round_is_refused(world: World) -> None:
    world.provers.down = {0, 1}
    with pytest.raises(UnavailableError):
        world.owner().submit(0, GRADIENT)
    with pytest.raises(InvalidInputError, match="another gradient"):
        world.owner().submit(0, -GRADIENT)


def test_a_finished_submission_is_only_asked_for_also_when_the_round_is_closed(world: World) -> None:
    first = world.owner().submit(0, GRADIENT)
    world.chain.deadline = NOW
    again = world.owner().submit(0, GRADIENT)
    assert (again.submission, again.receipts) == (first.submission, first.receipts)
    assert again.status.state is SubmissionState.PROVING
    assert all(len(payloads) == 1 for payloads in world.provers.received.values())
    assert len(world.coordinator.headers) == 1


@pytest.fixture
def unanswered(world: World) -> bytes:
    """A submission that was handed in, and its owner does not know."""
    world.coordinator.answers_get_lost = True
    with pytest.raises(UnavailableError, match="connection broke"):
        world.owner().submit(0, GRADIENT)
    world.coordinator.answers_get_lost = False
    ((header, _),) = world.coordinator.headers
    return header.digest(context(0))


def test_after_a_lost_answer_a_closed_round_hides_no_status_and_the_seeds_go(world: World, unanswered: bytes) -> None:
    world.chain.deadline = NOW
    assert world.owner().submit(0, GRADIENT).submission == unanswered
    (path,) = world.state.rglob("*.json")
    assert '"seeds": ""' in path.read_text()
    assert len(world.coordinator.headers) == 1


def test_after_a_lost_answer_another_gradient_follows_what_has_expired(world: World, unanswered: bytes) -> None:
    with pytest.raises(InvalidInputError, match="another gradient"):
        world.owner().submit(0, -GRADIENT)
    world.end(unanswered, SubmissionState.EXPIRED, "why")
    assert world.owner().submit(0, -GRADIENT).earlier == (unanswered,)


def test_a_finished_submission_that_the_coordinator_lost_is_handed_in_again(world: World) -> None:
    world.owner().submit(0, GRADIENT)
    (handed_in,) = world.coordinator.headers
    world.coordinator.headers.clear()
    world.owner().submit(0, GRADIENT)
    assert world.coordinator.headers == [handed_in]


def test_a_lost_state_file_of_the_provers_side_changes_nothing_the_seeds_do(world: World) -> None:
    world.provers.down = {0, 1}
    with pytest.raises(UnavailableError):
        world.owner().submit(0, GRADIENT)
    (path,) = world.state.rglob("*.json")
    text = path.read_text()
    seeds = text.split('"seeds": "')[1].split('"')[0]
    path.write_text(text.replace(seeds, "ab" + seeds[2:]))
    with pytest.raises(InvalidInputError, match="cannot be made again"):
        world.owner().submit(0, GRADIENT)


def test_a_forged_receipt_does_not_count(world: World) -> None:
    forger = SigningKey.generate()
    world.provers.signs = lambda prover, digest: (forger if prover == 2 else world.provers.keys[prover]).sign(digest)
    done = world.owner().submit(0, GRADIENT)
    assert done.receipts == (0, 1, 3)
    assert done.missing[2].startswith("bad-signature")


def test_the_next_round_takes_fresh_randomness(world: World) -> None:
    world.owner().submit(0, GRADIENT)
    world.chain.opened = 2
    world.owner().submit(0, GRADIENT)
    (first, _), (second, _) = world.coordinator.headers
    assert (first.round, second.round) == (0, 1)
    assert first.commitment != second.commitment


def test_with_another_reference_string_than_the_tasks_nothing_is_dealt_or_sent(world: World) -> None:
    """A commitment under another string would be refused by everybody, after the owner has drawn its masks."""
    world.chain.tau_of_verifier = g2_generator
    with pytest.raises(KeyMismatchError, match="another than the task's: get the file"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received
    assert not [path for path in world.state.rglob("*.json") if path.is_file()]


def test_under_a_key_for_sums_that_anybody_opens_nothing_is_dealt_or_sent(world: World) -> None:
    """Provers would release nothing either; that is too late for the owner."""
    world.chain.sum_key = b"\x01" + bytes(31)
    with pytest.raises(InvalidInputError, match="small order"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received
    assert not [path for path in world.state.rglob("*.json") if path.is_file()]


@pytest.mark.parametrize("gradient", [GRADIENT, -GRADIENT], ids=["the same gradient", "another gradient"])
def test_after_a_submission_has_expired_a_fresh_one_goes_into_the_same_round(
    world: World, gradient: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> None:
    """With nothing of the first: the same masks under another sign matrix would give equations about the gradient."""
    first = world.owner().submit(0, GRADIENT)
    world.end(first.submission, SubmissionState.EXPIRED, "its cohort could not be proven; submit again in this round")
    second = world.owner().submit(0, gradient)
    assert (second.round, second.status.state, second.receipts) == (0, SubmissionState.PENDING, (0, 1, 2, 3))
    assert second.earlier == (first.submission,)
    (one, _), (two, _) = world.coordinator.headers
    assert one.commitment != two.commitment
    assert not set(one.share_digests) & set(two.share_digests)
    world.end(second.submission, SubmissionState.EXPIRED, "again")
    assert world.owner().submit(0, gradient).earlier == (first.submission, second.submission)


def test_a_fresh_submission_that_stopped_half_way_is_taken_up(world: World) -> None:
    first = world.owner().submit(0, GRADIENT)
    world.end(first.submission, SubmissionState.EXPIRED, "why")
    world.provers.down = {0, 1}
    with pytest.raises(UnavailableError):
        world.owner().submit(0, GRADIENT)
    world.provers.down = set()
    second = world.owner().submit(0, GRADIENT)
    assert second.earlier == (first.submission,)
    assert [len(payloads) for payloads in world.provers.received.values()] == [2, 2, 2, 2]
    with pytest.raises(InvalidInputError, match="another gradient"):
        world.owner().submit(0, -GRADIENT)


def test_after_a_submission_was_rejected_its_owner_is_told_why_and_submits_no_other(world: World) -> None:
    first = world.owner().submit(0, GRADIENT)
    world.end(first.submission, SubmissionState.REJECTED, "validity: its norm is above the bound")
    again = world.owner().submit(0, GRADIENT)
    assert (again.submission, again.status.reason) == (first.submission, "validity: its norm is above the bound")
    with pytest.raises(InvalidInputError, match="another gradient"):
        world.owner().submit(0, -GRADIENT)
    assert len(world.coordinator.headers) == 1


def test_after_a_submission_has_expired_a_closed_round_says_that_the_next_is_the_cure(world: World) -> None:
    first = world.owner().submit(0, GRADIENT)
    world.end(first.submission, SubmissionState.EXPIRED, "2 of 4 provers answered")
    world.chain.deadline = NOW
    with pytest.raises(ClosedError, match="has expired: 2 of 4 provers answered; submit to the next round"):
        world.owner().submit(0, GRADIENT)
    assert len(world.coordinator.headers) == 1


def test_an_owner_in_a_signed_set_is_told_that_the_next_round_is_the_cure(world: World) -> None:
    """One prover's word is not enough: it may lie."""
    first = world.owner().submit(0, GRADIENT)
    world.end(first.submission, SubmissionState.EXPIRED, "why")
    world.provers.closed = {1, 2}
    with pytest.raises(ClosedError, match=r"submit to the next round \(prover 1: closed: .* prover 2: closed"):
        world.owner().submit(0, GRADIENT)
    assert len(world.coordinator.headers) == 1
    world.provers.closed = {1}
    assert world.owner().submit(0, GRADIENT).receipts == (0, 2, 3)


def test_two_processes_do_not_submit_from_one_directory_at_once(world: World) -> None:
    """Each would draw masks of its own for the round, and hand out shares of the same gradient under both."""
    other = DirectoryLock(world.state)
    with pytest.raises(StorageError, match="in use by another process"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received
    other.release()
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)


def test_two_calls_at_once_draw_one_set_of_masks(world: World) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(prover: int, digest: bytes) -> bytes:
        started.set()
        go_on.wait()
        return world.provers.keys[prover].sign(digest)

    world.provers.signs = slow
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(world.owner().submit, 0, GRADIENT)
        started.wait()
        try:
            with pytest.raises(StorageError, match="in use by another process"):
                world.owner().submit(0, -GRADIENT)
        finally:
            go_on.set()
        assert first.result().receipts == (0, 1, 2, 3)
    assert all(len(payloads) == 1 for payloads in world.provers.received.values())


def test_a_state_directory_that_cannot_be_written_is_told_before_anything_is_sent(world: World) -> None:
    world.state = world.state / "file"
    world.state.write_text("no directory")
    with pytest.raises(StorageError, match="is no directory"):
        world.owner().submit(0, GRADIENT)
    assert not world.provers.received
    assert not world.coordinator.headers


def test_a_chain_that_was_reset_is_told_even_where_no_round_is_open(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.owner().submit(0, GRADIENT)
    world.chain.market_id, world.chain.opened = replace(MARKET, deployment=bytes(32)), 0
    with pytest.raises(ClosedError, match="no open round"):
        world.owner().submit(0, GRADIENT)
    assert ["another chain" in message and "reset" in message for message in caplog.messages] == [True]


def test_a_chain_of_another_number_is_no_reset(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.owner().submit(0, GRADIENT)
    world.chain.market_id, world.chain.opened = replace(MARKET, chain_id=8), 0
    with pytest.raises(ClosedError, match="no open round"):
        world.owner().submit(0, GRADIENT)
    assert not caplog.messages


def handed_on(world: World, provers: set[int]) -> None:
    """The coordinator hands shares on to these provers, at once."""
    receipts: dict[int, bytes] = {}

    def hand_on(upload: SealedUpload) -> None:
        submission = upload.head.header.digest(context(0))
        for prover in provers - receipts.keys():
            with world.provers.client(f"prover-{prover}") as client:
                receipts[prover] = client.submit_shares(upload.head.share(prover), upload.body(prover), submission)

    def delivered(_: bytes) -> OfferStatus:
        return OfferStatus(dict(receipts), {p: "away" for p in range(4) if p not in receipts}, len(receipts))

    world.coordinator.handing_on, world.coordinator.delivered = hand_on, delivered


def test_shares_go_through_the_coordinator_and_leave_their_owner_once(world: World) -> None:
    handed_on(world, {0, 1, 2, 3})
    done = world.owner().submit(0, GRADIENT)
    assert (done.receipts, dict(done.missing)) == ((0, 1, 2, 3), {})
    ((header, _),) = world.coordinator.headers
    assert {p: list(map(payload_digest, payloads)) for p, payloads in world.provers.received.items()} == {
        p: [header.share_digests[p]] for p in range(4)
    }


def test_a_prover_from_which_the_coordinator_keeps_its_share_gets_it_from_the_owner(world: World) -> None:
    handed_on(world, {0, 1, 2})
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == {0: 1, 1: 1, 2: 1, 3: 1}


@pytest.mark.parametrize("forged", ["another prover's", "nobody's", "of a prover that there is not"])
def test_receipts_that_the_coordinator_makes_up_count_for_nothing(world: World, forged: str) -> None:
    forger = SigningKey.generate()

    def made_up(submission: bytes) -> OfferStatus:
        digest = receipt_digest(MARKET, submission)
        if forged == "another prover's":
            return OfferStatus({p: world.provers.keys[(p + 1) % 4].sign(digest) for p in range(4)}, {}, 1)
        numbers = range(4, 8) if forged.startswith("of a") else range(4)
        return OfferStatus({p: forger.sign(digest) for p in numbers}, {}, 1)

    world.coordinator.handing_on, world.coordinator.delivered = lambda upload: None, made_up
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)
    assert set(world.provers.received) == {0, 1, 2, 3}


def test_a_coordinator_that_always_says_that_something_moves_keeps_no_owner_from_its_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.patience, world.chain.deadline, now, moved = 3.0, NOW + 100, [0.0], [0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    def always(_: bytes) -> OfferStatus:
        moved[0] += 1
        return OfferStatus({}, {}, moved[0])

    monkeypatch.setattr("commons.wire.offering.time.monotonic", lambda: now[0])
    monkeypatch.setattr("commons.wire.offering.time.sleep", pass_time)
    world.coordinator.handing_on, world.coordinator.delivered = lambda upload: None, always
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)
    assert 40 < now[0] < 60
    assert {round(until) for until in world.coordinator.waited_until} == {50}, (
        "the last answer is not waited for longer"
    )


def test_receipts_that_came_before_a_coordinator_fell_silent_count(world: World) -> None:
    """Those provers are not handed their shares again."""
    handed_on(world, {0, 1})
    delivered, asked = world.coordinator.delivered, [0]

    def once(submission: bytes) -> OfferStatus:
        asked[0] += 1
        if asked[0] > 1:
            raise UnavailableError("the connection broke")
        return replace(delivered(submission), undelivered={})

    world.coordinator.delivered, world.patience = once, 60.0
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)
    assert asked == [2]
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == {0: 1, 1: 1, 2: 1, 3: 1}


def test_a_coordinator_has_half_of_what_is_left_of_a_round_for_an_upload(world: World) -> None:
    handed_on(world, {0, 1, 2, 3})
    world.chain.deadline = NOW + 1000
    world.owner().submit(0, GRADIENT)
    (given,) = world.coordinator.given
    assert 400 < given <= 500


def test_an_owner_that_a_busy_coordinator_sends_away_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_on(world, {0, 1, 2, 3})
    world.chain.deadline, takes = NOW + 3600, world.coordinator.handing_on
    pauses: list[float] = []

    def busy(upload: SealedUpload) -> None:
        if len(pauses) < 5:
            raise BusyError("full", 2.0)
        assert takes is not None
        takes(upload)

    world.coordinator.handing_on = busy
    monkeypatch.setattr("commons.wire.offering.time.sleep", pauses.append)
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)
    assert [2.0 <= pause <= 4.0 for pause in pauses] == [True] * 5
    assert len(set(pauses)) > 1


def test_after_a_restart_the_very_same_upload_is_handed_in(world: World) -> None:
    """So that it goes on where it broke off: same chunks, same parts, same signature."""
    seen: list[SealedUpload] = []

    def lose(upload: SealedUpload) -> None:
        seen.append(upload)
        raise UnavailableError("the connection broke")

    world.coordinator.handing_on = lose
    world.provers.down = {0, 1, 2, 3}
    for _ in range(2):
        with pytest.raises(UnavailableError):
            world.owner().submit(0, GRADIENT)
    heads = {upload.head for upload in seen}
    assert len(heads) == 1
    assert len({tuple(upload.chunk(i) for i in range(upload.count)) for upload in seen}) == 1
    (path,) = world.state.rglob("*.json")
    key = json.loads(path.read_text())["upload_key"]
    world.provers.down = set()
    world.owner().submit(0, GRADIENT)
    assert key not in path.read_text()


def died(world: World, *, entered: bool) -> SubmissionHeader:
    """The header of an owner that died while the coordinator handed its shares on, and is back too late."""
    handed_on(world, {0, 1, 2, 3})
    hand_on, delivered = world.coordinator.handing_on, world.coordinator.delivered
    headers: list[SubmissionHeader] = []

    def take(upload: SealedUpload) -> None:
        assert hand_on is not None
        headers.append(upload.head.header)
        hand_on(upload)

    def die(_: bytes) -> OfferStatus:
        raise KeyboardInterrupt

    def take_no_more(upload: SealedUpload) -> None:
        raise ClosedError("round 0 took submissions until then")

    world.coordinator.handing_on, world.coordinator.delivered = take, die
    with pytest.raises(KeyboardInterrupt):
        world.owner().submit(0, GRADIENT)
    (header,) = headers
    if entered:
        world.coordinator.headers.append((header, {}))
    world.coordinator.handing_on, world.coordinator.delivered = take_no_more, delivered
    world.chain.deadline = NOW
    return header


def forgets(_: bytes) -> OfferStatus:
    raise UnknownError("no upload of this submission is here")


def test_an_owner_that_died_while_its_shares_were_handed_on_is_not_too_late(world: World) -> None:
    header = died(world, entered=True)
    done = world.owner().submit(0, GRADIENT)
    assert (done.submission, done.receipts) == (header.digest(context(0)), (0, 1, 2, 3))
    assert done.status.state is SubmissionState.PROVING
    (path,) = world.state.rglob("*.json")
    assert '"seeds": ""' in path.read_text()
    assert {p: len(payloads) for p, payloads in world.provers.received.items()} == dict.fromkeys(range(4), 1)


@pytest.mark.parametrize("shows", [True, False])
def test_what_provers_had_in_time_is_entered_late_by_its_owner(
    world: World, shows: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the receipts that the coordinator shows, or else those that the provers give again.

    Before it is entered its owner is told with whom it may be summed.
    """
    said: list[bool] = []
    submit_header = world.coordinator.submit_header

    def told(header: SubmissionHeader, receipts: Mapping[int, bytes]) -> SubmissionStatus:
        said.append("as late" in caplog.text)
        return submit_header(header, receipts)

    monkeypatch.setattr(world.coordinator, "submit_header", told)
    header = died(world, entered=False)
    world.provers.closed = {3}
    if not shows:
        world.coordinator.delivered = forgets
    done = world.owner().submit(0, GRADIENT)
    assert done.receipts == ((0, 1, 2, 3) if shows else (0, 1, 2))
    ((entered, receipts),) = world.coordinator.headers
    assert (entered, set(receipts)) == (header, set(done.receipts))
    assert said == [True]


def test_who_is_in_time_is_told_nothing_of_late_ones(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.owner().submit(0, GRADIENT)
    assert "late" not in caplog.text


def test_below_a_quorum_an_owner_is_too_late(world: World) -> None:
    died(world, entered=False)
    world.coordinator.delivered, world.provers.closed = forgets, {1, 2}
    with pytest.raises(ClosedError, match="submit to the next round"):
        world.owner().submit(0, GRADIENT)
    assert not world.coordinator.headers
    world.chain.deadline = NOW - 60  # and batches are taken no more
    world.provers.closed = set()
    with pytest.raises(ClosedError, match="took submissions until"):
        world.owner().submit(0, GRADIENT)


def test_a_coordinators_word_stands_for_no_receipts_while_there_is_time_for_more(world: World) -> None:
    """It could keep its owner from the provers with it, and hand nothing on."""
    header = died(world, entered=True)
    world.coordinator.delivered, world.chain.deadline = forgets, NOW + 60
    world.provers.down = {1, 2}
    with pytest.raises(UnavailableError, match="2 of 4 provers"):
        world.owner().submit(0, GRADIENT)
    world.chain.deadline = NOW
    done = world.owner().submit(0, GRADIENT)
    assert (done.submission, done.receipts) == (header.digest(context(0)), (0, 3))
    (path,) = world.state.rglob("*.json")
    assert '"seeds": ""' not in path.read_text()
    world.provers.down = set()
    assert world.owner().submit(0, GRADIENT).receipts == (0, 1, 2, 3)


@pytest.mark.parametrize("entered", [True, False])
def test_where_a_submission_stands_that_its_owner_did_not_enter_the_coordinator_says(
    world: World, entered: bool
) -> None:
    died(world, entered=entered)
    (one,) = world.owner().standing(0).rounds
    assert (one.status is not None, one.trouble) == (entered, "")


def test_what_a_submission_takes_is_a_trace_of_its_own_without_anything_of_the_gradient(world: World) -> None:
    with Collector() as collector:
        chosen = load(None, environment={}).changed({"telemetry.traces": collector.url})
        with traced(chosen, "owner"):
            done = world.owner().submit(0, GRADIENT)
    (submit,), spans = collector.named("submit"), collector.spans
    assert submit.told == {
        "task": shown(0), "round": 0, "submission": f"0x{done.submission.hex()}", "provers": 4,
    }  # fmt: skip
    assert {seen.trace for seen in spans} == {submit.trace}
    parts = {seen.name for seen in spans if seen.parent == submit.id}
    assert parts == {"deal", "seal", "hand over", "hand in"}
    assert {seen.told["prover"] for seen in spans if seen.name == "upload"} == {0, 1, 2, 3}
    assert {seen.name: seen.error for seen in spans if seen.error} == {"offer": "unknown"}
    names = {key for seen in spans for key in seen.told}
    assert names <= {"task", "round", "submission", "provers", "prover"}
    assert str(world.state).encode() not in b"".join(collector.bodies)
