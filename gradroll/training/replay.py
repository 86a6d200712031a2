"""A whole training, recomputed from its first model, the rounds' sums and the model owner's decisions.

Pure: whoever calls it has read the rounds from the chain and checked each sum against its commitment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray
from circuits.terms import MarketId
from commons.protocol.trainingdecisions import Decision, SignedDecision
from commons.protocol.trainingrules import TrainingRule
from gradroll.training.stepping import ScaledBlock

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainedTask:
    """What of a task a replay needs.

    Attributes:
        blocks: of the model manifest; their lengths sum to the task's dimension d.
        model_owners: 20-byte addresses that are or were the task's model owner; only they decide.
    """

    rule: TrainingRule
    blocks: Sequence[ScaledBlock]
    market: MarketId
    task_id: int
    terms_hash: bytes
    model_owners: frozenset[bytes]


@dataclass(frozen=True, slots=True, eq=False)
class OpenedRound:
    """One round as it was opened, and what came of it.

    Attributes:
        number: from 0, without gaps.
        model_digest: 32 bytes, of the model itself (``commons.chain.openings.model_digest``).
        total: int64[d], sum over all accepted batches; None: there is none, or the round is not settled.
        weight: number of gradients in it, or the sum of their weights where they are graded; 0 without a batch.
        settled: whether nothing more can come; only the last round may not be.
    """

    number: int
    model_digest: bytes
    total: IntArray | None = field(default=None, repr=False)
    weight: int = 0
    settled: bool = True


class Fault(Enum):
    """How a training deviates from its rule."""

    INITIAL = "initial"
    """The first round was opened on another model than the one that is said to be the first."""
    SKIPPED = "skipped"
    """A round was opened on the model of the round before: that round's sum was not applied."""
    WENT_BACK = "went-back"
    """A round was opened on the model of an earlier round: the sums since then were not applied."""
    OTHER_MODEL = "other-model"
    """A round was opened on another model than the rule gives: a changed model, rate or rule."""
    BEYOND_LIMIT = "beyond-limit"
    """A round was opened though the rule's number of rounds was reached."""
    AFTER_STOP = "after-stop"
    """A round was opened though the model owner had decided to stop."""
    DECISION_MISSING = "decision-missing"
    """A round was opened though the metric on which its model depends was never signed."""
    DECISION_CONTRADICTORY = "decision-contradictory"
    """The model owner signed two values for one round."""
    DECISION_UNCALLED = "decision-uncalled"
    """The model owner signed a decision for which the rule does not call, or about another model."""
    NO_MODEL = "no-model"
    """A round was opened though the rule gives no model: a number leaves its range."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The first thing in which a training deviates.

    Attributes:
        round: number of the round that is at fault.
        expected, found: 32-byte digests of models, where the fault is about one.
        text: the same in words.
    """

    fault: Fault
    round: int
    text: str
    expected: bytes | None = None
    found: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReplayedRound:
    """A round that is as the rule says.

    Attributes:
        model_digest: of the model with which it was opened.
        weight: see ``OpenedRound``.
        rate: exact learning rate of the round as text "a/b"; None: the round changed nothing.
        decisions: the model owner's, about the round.
    """

    number: int
    model_digest: bytes
    weight: int
    rate: str | None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What came of a replay.

    Attributes:
        rounds: those that are as the rule says, from the first on, up to the deviation if there is one.
        deviation: the first one; None: everything is as the rule says.
        model: float64[d], the model after the last settled round of ``rounds``, as far as it can be computed.
        model_digest: 32 bytes, of that.
        next_round: number of the round that is to be opened on it; None: the training is over.
        awaits: number of the round whose metric must be signed before the next model can be computed; None: none.
    """

    rounds: tuple[ReplayedRound, ...]
    deviation: Deviation | None
    model: FloatArray = field(repr=False)
    model_digest: bytes
    next_round: int | None
    awaits: int | None = None


def replay(
    task: TrainedTask, initial: FloatArray, rounds: Iterable[OpenedRound], decisions: Sequence[SignedDecision] = ()
) -> Replayed:
    """Recomputes a training from first to last.

    Args:
        initial: float64[d], the model of round 0.
        rounds: in order; each is asked for when the one before is done, so sums need not be held together.
        decisions: in any order; one that is there twice counts once.

    Raises:
        InvalidInputError: initial model, blocks or sums do not fit each other, or rounds are not in order.
        SignatureError: a decision is of another task or is not signed by a model owner of the task: whoever handed it
            over is at fault, not the training.
    """
    raise NotImplementedError
