"""A whole training, recomputed from its first model, the rounds' sums and the model owner's decisions.

Pure: whoever calls it has read the rounds from the chain and checked each sum against its commitment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from commons.protocol.trainingdecisions import Decision, SignedDecision
from gradroll.training.decisionbook import DecisionBook, TrainedTask, metrics, stops
from gradroll.training.fixedpoint import IntArray
from gradroll.training.means import require_sum
from gradroll.training.stepping import TrainingState, advance, begin, digest_of, rate_of, with_metric

__all__ = ["Deviation", "Fault", "OpenedRound", "Replayed", "ReplayedRound", "TrainedTask", "replay"]


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
    """The first round was opened on another model than the one that is said to be the first, or on one that the rule
    cannot take."""
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
    NO_MODEL = "no-model"
    """A round was opened though the rule gives no model: a number leaves its range."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """The first thing in which a training deviates.

    Attributes:
        round: number of the round that was opened so, or that a decision is about.
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
        rate: exact learning rate of the round; None: the round changed nothing, or changes nothing yet.
        decisions: the model owner's, about the model that follows from the round.
    """

    number: int
    model_digest: bytes
    weight: int
    rate: Fraction | None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What came of a replay.

    Attributes:
        rounds: those that are as the rule says, from the first on, up to the deviation if there is one.
        deviation: the first one; None: everything is as the rule says.
        model: float64[d], the model after the settled ones of ``rounds``, as far as the rule gives one.
        model_digest: 32 bytes, of that.
        blocked: why no further round may be opened on it now, as the deviation that this would be: the limit is
            reached, the model owner stopped, a metric is not signed yet, a number leaves its range; None: one may be.
    """

    rounds: tuple[ReplayedRound, ...]
    deviation: Deviation | None
    model: FloatArray = field(repr=False)
    model_digest: bytes
    blocked: Deviation | None = None


def replay(
    task: TrainedTask, initial: FloatArray, rounds: Iterable[OpenedRound], decisions: Sequence[SignedDecision] = ()
) -> Replayed:
    """Recomputes a training from first to last.

    Args:
        initial: float64[d], the model of round 0.
        rounds: in order; each is asked for when the one before is done, so sums need not be held together.
        decisions: in any order; one that is there twice counts once.

    Raises:
        InvalidInputError: a sum does not fit the blocks, rounds are not in order, or there are too many decisions.
        SignatureError: a decision is of another task or is not signed by a model owner of the task: whoever handed it
            over is at fault, not the training.
    """
    return _Replay(task, initial, DecisionBook(task, decisions)).run(rounds)


class _Replay:
    """A replay under way.

    ``_blocked`` is what forbids the next round, if something does; ``_owed`` the round whose metric is not signed.
    """

    def __init__(self, task: TrainedTask, initial: FloatArray, book: DecisionBook) -> None:
        self._task, self._book = task, book
        self._digests = [digest_of(initial)]  # of the model of each round
        self._state = TrainingState(0, initial)
        self._rounds: list[ReplayedRound] = []
        self._blocked: Deviation | None = None
        try:
            self._state = begin(task.rule, task.blocks, initial)
        except InvalidInputError as error:
            text = f"the rule cannot take the model of round 0: {error}"
            self._blocked = Deviation(Fault.INITIAL, 0, text, found=self._digests[0])
        self._owed: int | None = None

    def run(self, rounds: Iterable[OpenedRound]) -> Replayed:
        """Up to the first deviation."""
        settled = True
        for opened in rounds:
            if opened.number != len(self._rounds) or not settled:
                raise InvalidInputError("the rounds of a training are given in order, and only the last is not settled")
            settled = opened.settled
            deviation = self._opening(opened) or self._round(opened)
            if deviation is not None:
                return self._replayed(deviation)
        return self._replayed(None)

    def _replayed(self, deviation: Deviation | None) -> Replayed:
        return Replayed(tuple(self._rounds), deviation, self._state.model, self._digests[-1], self._blocked)

    def _opening(self, opened: OpenedRound) -> Deviation | None:
        """What is wrong about opening a round so."""
        if opened.number > 0 and self._blocked is not None:
            return self._blocked
        return self._blocked if opened.model_digest == self._digests[-1] else self._other_model(opened)

    def _other_model(self, opened: OpenedRound) -> Deviation:
        number, found, expected = opened.number, opened.model_digest, self._digests[-1]
        both = f"0x{found.hex()}, where the rule gives 0x{expected.hex()}"
        earlier = next((at for at in reversed(range(number)) if self._digests[at] == found), None)
        if number == 0:
            fault, text = Fault.INITIAL, f"round 0 was opened on another model than the one given: {both}"
        elif earlier is None:
            fault, text = Fault.OTHER_MODEL, f"round {number} was opened on another model than the rule gives: {both}"
        elif earlier == number - 1:
            fault = Fault.SKIPPED
            text = f"round {earlier}'s sum was not applied: round {number} was opened on the same model again, {both}"
        else:
            fault = Fault.WENT_BACK
            text = f"the sums since round {earlier} were not applied: round {number} was opened on its model, {both}"
        return Deviation(fault, number, text, expected, found)

    def _round(self, opened: OpenedRound) -> Deviation | None:
        """Takes a round that was opened rightly; a deviation is one of the decisions about it."""
        empty = opened.total is None
        if empty != (opened.weight == 0) or not (empty or opened.settled):
            raise InvalidInputError(f"round {opened.number} has a sum without a weight, or the other way round")
        known = opened.total is not None and self._owed is None
        rate = rate_of(self._task.rule, self._state) if known else None
        decisions: tuple[Decision, ...] = ()
        deviation = None
        if opened.settled and self._stepped(opened.total, opened.weight):
            decisions = self._book.about(opened.number, self._digests[-1])
            deviation = self._decided(opened, decisions)
        self._rounds.append(ReplayedRound(opened.number, opened.model_digest, opened.weight, rate, decisions))
        return deviation

    def _stepped(self, total: IntArray | None, weight: int) -> bool:
        """Goes on to the next model; false where the rule gives none, or none yet."""
        rule, blocks, number = self._task.rule, self._task.blocks, self._state.round
        if total is not None:
            require_sum(blocks, total, weight)
            if self._owed is not None:
                text = (
                    f"the metric of round {self._owed}, on which the model of round {number + 1} depends, is not signed"
                    ", or not among the decisions at hand"
                )
                self._blocked = Deviation(Fault.DECISION_MISSING, self._owed, text)
                return False
        try:
            self._state = advance(rule, blocks, self._state, total, weight)
        except InvalidInputError as error:
            self._blocked = Deviation(
                Fault.NO_MODEL, number + 1, f"the rule gives round {number + 1} no model: {error}"
            )
            return False
        self._digests.append(self._digests[-1] if total is None else digest_of(self._state.model))
        if number + 1 >= rule.max_rounds:
            text = f"round {number + 1} is one too many: the rule trains {rule.max_rounds} rounds"
            self._blocked = Deviation(Fault.BEYOND_LIMIT, number + 1, text)
        return True

    def _decided(self, opened: OpenedRound, decisions: Sequence[Decision]) -> Deviation | None:
        """Takes what the model owner decided about the model that follows."""
        number, values = opened.number, metrics(decisions)
        if len(values) > 1:
            text = f"the model owner signed {len(values)} metrics for round {number}: {values[0]} and {values[-1]}"
            return Deviation(Fault.DECISION_CONTRADICTORY, number, text)
        if stops(decisions):
            text = f"round {number + 1} was opened though the model owner had decided to stop after round {number}"
            self._blocked = Deviation(Fault.AFTER_STOP, number + 1, text)
        if self._task.rule.plateau is not None and opened.total is not None:
            if values:
                self._state = with_metric(self._task.rule, self._state, values[0])
            else:
                self._owed = number
        return None
