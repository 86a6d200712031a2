"""Where an owner stands with a task: its gradients round by round, what became of them, what it is owed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from circuits.errors import GradrollError, NotReadyError
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
        accepted: whether the market has the owner's gradient.
        claimed: whether it was paid.
    """

    number: int
    status: SubmissionStatus | None
    trouble: str
    accepted: bool
    claimed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An owner in a task.

    Attributes:
        index: registration index, None for an owner that is not registered.
        reward: wei for a gradient.
    """

    index: int | None
    reward: int
    rounds: tuple[OwnRound, ...]

    @property
    def paid(self) -> int:
        """Wei paid so far."""
        return self.reward * sum(each.claimed for each in self.rounds)

    @property
    def owed(self) -> int:
        """Wei to be claimed."""
        return self.reward * sum(each.accepted and not each.claimed for each in self.rounds)


def standing(
    view: ChainView, task_id: int, owner: bytes, status_of: Callable[[int], SubmissionStatus | None]
) -> Standing:
    """Where an owner stands.

    Args:
        status_of: the status of the owner's submission for a round, None for none; what it raises becomes `trouble`.

    Raises:
        UnknownError: no such task.
    """
    record = view.task(task_id)
    index = view.owner_index(task_id, owner)
    reward = record.terms.reward_per_gradient
    if index is None:
        return Standing(None, reward, ())
    opened = range(record.rounds_opened)
    return Standing(index, reward, tuple(_round(view, task_id, number, index, status_of) for number in opened))


def _round(
    view: ChainView, task_id: int, number: int, index: int, status_of: Callable[[int], SubmissionStatus | None]
) -> OwnRound:
    status, trouble = None, ""
    try:
        status = status_of(number)
    except GradrollError as error:
        trouble = str(error)
    accepted = view.consumed(task_id, number, index)
    return OwnRound(number, status, trouble, accepted, accepted and view.claimed(task_id, number, index))


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
