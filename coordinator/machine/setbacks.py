"""Why a step did not lead to the next one.  Steps raise; ``culprits`` decides what happens instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from commons.protocol.messages import Step
from commons.protocol.replies import Answers, ProverVerdict
from coordinator.machine.verdicts import OwnerVerdict

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class ProversFell:
    """Provers are named or absent; go on without them."""

    verdicts: tuple[ProverVerdict, ...]


@dataclass(frozen=True, slots=True)
class OwnersFell:
    """Submissions leave the batch; go on without them.

    Attributes:
        owners: indices into the cohort.
    """

    owners: frozenset[int]
    verdicts: tuple[OwnerVerdict, ...]


@dataclass(frozen=True, slots=True)
class Unlocated:
    """Something is wrong with this set of active provers, and it is not plain who lied.

    Attributes:
        residuals: cohort indices of the owners whose validity test is not zero, or None when a prover lied for certain.
        shown_at: the step at which it comes out with provers whose shares always fit; None: at the one that failed.
    """

    reason: str
    residuals: frozenset[int] | None = None
    shown_at: Step | None = None


@dataclass(frozen=True, slots=True)
class Mismatched:
    """Some owner's shares do not open its commitment; a probe finds which."""


@dataclass(frozen=True, slots=True)
class Halted:
    """Nothing can be done about it in this batch."""

    reason: str


Setback = ProversFell | OwnersFell | Unlocated | Mismatched | Halted


class SetbackError(Exception):
    """Carries a setback from a step to ``culprits``; it never leaves the machine."""

    def __init__(self, setback: Setback) -> None:
        super().__init__(type(setback).__name__)
        self.setback = setback


def complete(answers: Answers[B]) -> Answers[B]:
    """These answers, if everybody answered; otherwise a setback."""
    if answers.fallen:
        raise SetbackError(ProversFell(answers.fallen))
    return answers
