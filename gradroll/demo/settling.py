"""Waiting for a round to settle, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hexbytes import HexBytes

from circuits.errors import UnavailableError
from circuits.terms import TaskTerms
from commons.chain.ignored import certain_after
from commons.chain.view import ChainView
from commons.protocol.status import SubmissionState, SubmissionStatus
from gradroll.data_owner.owner import Submitted
from gradroll.demo.cast import Cast
from gradroll.demo.report import Rejection
from gradroll.model_owner.buyer import RoundAggregate
from gradroll.model_owner.lineage import takes_no_more
from gradroll.model_owner.roundfees import RoundFees
from gradroll.setup.devclock import put_clock_forward

_ENDED = (SubmissionState.ACCEPTED, SubmissionState.REJECTED, SubmissionState.EXPIRED)
_PROVEN = (SubmissionState.PROVEN, *_ENDED)


@dataclass(frozen=True, slots=True)
class Settled:
    """When a round was proven and when the market accepted it, on the monotonic clock."""

    proven: float
    accepted: float


def await_settled(
    cast: Cast, submitted: Sequence[Submitted], alive: Callable[[], None], timeout: float = 300.0
) -> Settled:
    """Wait until every submission of a round has an end.

    Raises:
        UnavailableError: it takes too long; the coordinator's reason is in the message.
    """
    deadline, proven = time.monotonic() + timeout, 0.0
    while (now := time.monotonic()) < deadline:
        alive()
        states = {status.state for status in _statuses(cast, submitted)}
        if not proven and states <= set(_PROVEN):
            proven = now
        if states <= set(_ENDED):
            return Settled(proven, time.monotonic())
        time.sleep(0.05)
    trouble = next(
        (status.reason for status in _statuses(cast, submitted) if status.reason), "the coordinator gives none"
    )
    raise UnavailableError(f"the round did not settle within {timeout:.0f} s; reason: {trouble}")


def await_sum(
    cast: Cast, task_id: int, round_number: int, alive: Callable[[], None], timeout: float = 300.0
) -> RoundAggregate:
    """Read a round's sum as soon as the provers have released it.

    Raises:
        UnavailableError: it takes too long; the reason is in the message.
    """
    deadline = time.monotonic() + timeout
    while True:
        alive()
        waiting = [
            batch for each in cast.coordinator.task_status(task_id).rounds if each.round == round_number
            for batch in each.batches if batch.payload_digest is None
        ]  # fmt: skip
        if not waiting or time.monotonic() > deadline:
            return cast.buyer.read_aggregate(task_id, round_number)
        time.sleep(0.05)


def await_fees(cast: Cast, task_id: int, alive: Callable[[], None], timeout: float = 120.0) -> None:
    """Wait until the fees of all batches are credited: the coordinator publishes each sum with its provers' receipts.

    Where sums are private it shows receipts alone, in the second half of the time in which the model owner may ask for
    them.  Its own fee waits for the end of the submit windows, until which an owner that it ignores may say so, and of
    the time in which provers can be added.  The development chain's clock is put forward to both.

    Raises:
        UnavailableError: it takes too long.
        ChainError: the chain's clock cannot be put forward.
    """
    deadline, terms = time.monotonic() + timeout, cast.view.terms(task_id)
    rounds, ahead, vouched = range(cast.view.task(task_id).rounds_opened), False, terms.inline_payload
    while True:
        fees = [RoundFees.of(cast.view, terms, number) for number in rounds]
        if not any(each.waiting or each.payees for each in fees):
            return
        if not vouched:
            vouched = True
            put_forward(cast.view, max(_vouched_after(cast, terms, number) for number in rounds))
        if not ahead and not any(each.waiting for each in fees):
            ahead = True
            put_forward(cast.view, max(_payable_after(cast, task_id, number) for number in rounds))
        alive()
        if time.monotonic() > deadline:
            raise UnavailableError(f"fees were not settled within {timeout:.0f} s; the coordinator's log says why")
        time.sleep(0.2)


def _vouched_after(cast: Cast, terms: TaskTerms, number: int) -> int:
    """Chain time after which a coordinator shows that a round's sums are served, though it posts none."""
    dues = [held.due for held in cast.view.held_fees(terms.task_id, number).values()]
    return max(
        certain_after(cast.view, terms.task_id, number), *(due - terms.windows.availability // 2 for due in dues), 0
    )


def _payable_after(cast: Cast, task_id: int, number: int) -> int:
    """Chain time after which the payees of a round can be paid: nobody posts any more, no prover is added any more."""
    dues = (held.due for held in cast.view.held_fees(task_id, number).values())
    return max(certain_after(cast.view, task_id, number), *dues, 0)


def mine(view: ChainView, blocks: int) -> None:
    """Have a development chain make blocks."""
    put_clock_forward(view.rpc, 0, blocks)


def put_forward(view: ChainView, time_to_be: int) -> None:
    """Have a development chain's clock show more than a time."""
    put_clock_forward(view.rpc, max(time_to_be + 1 - view.now(), 0))


def end_round(view: ChainView, task_id: int, number: int) -> None:
    """Put a development chain's clock forward until a round takes no more batches: the next model follows from all."""
    record = view.round(task_id, number)
    if not takes_no_more(record):
        put_forward(view, record.settle_deadline)


def rejections(cast: Cast, submitted: Sequence[Submitted]) -> tuple[Rejection, ...]:
    """The owners whose submissions were not accepted, and why."""
    statuses = zip(cast.players, _statuses(cast, submitted), strict=True)
    return tuple(
        Rejection(player.name, status.reason)
        for player, status in statuses
        if status.state is not SubmissionState.ACCEPTED
    )


def settlement_gas(cast: Cast, task_id: int, round_number: int) -> int:
    """Gas of the transactions that settled a round, whole."""
    rounds = [each for each in cast.coordinator.task_status(task_id).rounds if each.round == round_number]
    sent = [batch.transaction for each in rounds for batch in each.batches if batch.accepted]
    eth = cast.view.rpc.web3.eth
    receipts = [cast.view.rpc.guarded(partial(eth.get_transaction_receipt, HexBytes(hash_))) for hash_ in sent if hash_]
    return sum(int(receipt["gasUsed"]) for receipt in receipts)


def _statuses(cast: Cast, submitted: Sequence[Submitted]) -> list[SubmissionStatus]:
    return [cast.coordinator.submission_status(each.submission) for each in submitted]
