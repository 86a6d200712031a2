"""Where an owner stands with a task: its gradients round by round, what became of them, what it is owed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from circuits.errors import GradrollError, NotReadyError
from commons.chain import decoding
from commons.chain.facts import OwnerRecord, TaskRecord
from commons.chain.view import ChainView
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime.stages import stage

ENDS = (SubmissionState.ACCEPTED, SubmissionState.REJECTED, SubmissionState.EXPIRED)
"""States that a submission does not leave."""


@dataclass(frozen=True, slots=True)
class OwnRound:
    """One round as one owner sees it.

    Attributes:
        status: what the coordinator says of the submission, None where nothing is known to be handed in.
        trouble: why the coordinator could not be asked; empty when it could.
        seated: whether the market would take the owner's gradient in it: it registered in time, and had not left.
        accepted: whether the market has the owner's gradient.
        settled: whether its pay was claimed, or, after the task's claim window, went back.
        due: what a claim pays for it now, in the smallest unit of the task's token; None where there is nothing to
            claim, or not yet, as the round may get more batches.
        posted: whether the owner put its submission on the chain.
    """

    number: int
    status: SubmissionStatus | None
    trouble: str
    seated: bool
    accepted: bool
    settled: bool
    due: int | None = None
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """An owner in a task.

    Attributes:
        task: the task, whose terms say what is paid and deposited.
        index: registration index, None for an owner that is not registered.
        owner: who is paid, whether it leaves; None for an owner that is not registered.
        owed: what a claim would pay now, in the smallest unit of the task's token.
    """

    task: TaskRecord
    index: int | None
    owner: OwnerRecord | None
    owed: int
    rounds: tuple[OwnRound, ...]

    @property
    def accepted(self) -> int:
        """Gradients that the market has."""
        return sum(each.accepted for each in self.rounds)

    @property
    def settled(self) -> int:
        """Those of them whose pay was claimed."""
        return sum(each.settled for each in self.rounds)


def standing(
    view: ChainView, task_id: int, signer: bytes, status_of: Callable[[int], SubmissionStatus | None]
) -> Standing:
    """Where an owner stands.

    Args:
        status_of: the status of the owner's submission for a round, None for none; what it raises becomes `trouble`.

    Raises:
        UnknownError: no such task.
    """
    record = view.task(task_id)
    index = view.owner_index(task_id, signer)
    if index is None:
        return Standing(record, None, None, 0, ())
    owner, owed = view.owner(task_id, index), view.claimable(task_id, index, record.rounds_opened).amount
    posted = set(view.events.read(decoding.round_of, decoding.SUBMISSION_POSTED, task_id, None, index))
    rounds = (_round(view, task_id, number, index, owner, status_of) for number in range(record.rounds_opened))
    told = tuple(replace(each, posted=(task_id, each.number) in posted) for each in rounds)
    return Standing(record, index, owner, owed, told)


def _round(
    view: ChainView,
    task_id: int,
    number: int,
    index: int,
    owner: OwnerRecord,
    status_of: Callable[[int], SubmissionStatus | None],
) -> OwnRound:
    status, trouble = None, ""
    try:
        status = status_of(number)
    except GradrollError as error:
        trouble = str(error)
    seated = owner.has_part(index, view.round(task_id, number), number)
    accepted = view.consumed(task_id, number, index)
    settled = accepted and number < owner.next_claim
    due = _due(view, task_id, number, index) if accepted and not settled else None
    return OwnRound(number, status, trouble, seated, accepted, settled, due)


def _due(view: ChainView, task_id: int, number: int, index: int) -> int | None:
    """What a claim pays for a round that the owner was not paid for; None while that is not known."""
    through = view.claimable(task_id, index, number + 1)
    if through.next_claim <= number:
        return None
    return through.amount - view.claimable(task_id, index, number).amount


def await_end(ask: Callable[[], SubmissionStatus], *, timeout: float, every: float) -> SubmissionStatus:
    """Ask until a submission has an end.

    Args:
        timeout: seconds to ask at most.
        every: seconds between questions.

    Raises:
        NotReadyError: it has none within the time.
    """
    deadline = time.monotonic() + timeout
    with stage("waiting for the round to settle"):
        while (status := ask()).state not in ENDS:
            if time.monotonic() + every > deadline:
                raise NotReadyError(
                    f"the submission is {status.state.name.lower()} after {timeout:.0f} s; nothing is lost, ask again "
                    "later"
                )
            time.sleep(every)
    return status
