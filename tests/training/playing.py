"""Trainings played honestly, for tests to bend: rounds as a chain would have them, and decisions with signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from circuits.arrays import FloatArray
from circuits.terms import MarketId
from commons.protocol.signing import sign_digest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.protocol.trainingrules import Adam, Dyadic, Momentum, Plateau, ScheduleStep, Sgd, TrainingRule
from gradroll.training.replay import OpenedRound, Replayed, TrainedTask, replay
from gradroll.training.stepping import TrainingState, advance, begin, digest_of, with_metric
from tests.support.plain_batch import address_of, seed_of
from tests.training.reference import PlainBlock

BLOCKS = (PlainBlock(2, 20), PlainBlock(3, 12))
OWNER, STRANGER = seed_of("model owner"), seed_of("stranger")
MARKET = MarketId(7, b"\x42" * 20, b"\x43" * 32)
PLATEAU = Plateau("min", Dyadic(1, 1), 1, 0, 8, seed_of("validation set"))
PLAIN = TrainingRule(Sgd(36), Dyadic(1, 3), 20, schedule=(ScheduleStep(2, Dyadic(1, 1)),))
WATCHED = TrainingRule(Momentum(36, Dyadic(7, 3), 36), Dyadic(1, 3), 20, plateau=PLATEAU)
ADAPTIVE = TrainingRule(Adam(), Dyadic.near(0.01, 40), 20, decay=Dyadic(1, 7))


def task_of(rule: TrainingRule, task_id: int = 3) -> TrainedTask:
    """A task of these blocks, whose model owner has ``OWNER``."""
    return TrainedTask(rule, BLOCKS, MARKET, task_id, seed_of("terms", task_id), frozenset({address_of(OWNER)}))


@dataclass
class Played:
    """A training by a rule.

    Attributes:
        states: before each round, and after the last.
        metrics: of each round, in millionths.
    """

    rule: TrainingRule
    states: list[TrainingState]
    rounds: list[OpenedRound]
    decisions: list[SignedDecision] = field(default_factory=list)

    @property
    def task(self) -> TrainedTask:
        return task_of(self.rule)

    @property
    def initial(self) -> FloatArray:
        return self.states[0].model

    @property
    def digests(self) -> list[bytes]:
        """Of the model of each round, and of the one after the last."""
        return [digest_of(state.model) for state in self.states]

    def replay(self, **changes: object) -> Replayed:
        """What a replay says, with another task, initial model, rounds or decisions if they are named."""
        given = {"task": self.task, "initial": self.initial, "rounds": self.rounds, "decisions": self.decisions}
        return replay(**{**given, **changes})  # type: ignore[arg-type]

    def opened_on(self, number: int, digest: bytes) -> list[OpenedRound]:
        """The rounds, one of them opened on another model."""
        return [replace(each, model_digest=digest) if each.number == number else each for each in self.rounds]


def played(rule: TrainingRule, rounds: int = 5, empty: Sequence[int] = (), metrics: Sequence[int] = ()) -> Played:
    """A training of so many settled rounds.

    Args:
        empty: rounds without a batch.
        metrics: of the rounds that have one.
    """
    generator = np.random.default_rng(11)
    state = begin(rule, BLOCKS, np.array([0.0, 1.0, -0.5, 0.25, 3.0]))
    out, left = Played(rule, [state], []), list(metrics)
    for number in range(rounds):
        total = None if number in empty else generator.integers(-(1 << 14), 1 << 14, 5)
        weight = 0 if total is None else 3
        out.rounds.append(OpenedRound(number, digest_of(state.model), total, weight))
        state = advance(rule, BLOCKS, state, total, weight)
        if total is not None and left:
            metric = left.pop(0)
            out.decisions.append(decided(number, digest_of(state.model), metric))
            state = with_metric(rule, state, metric)
        out.states.append(state)
    return out


def decided(
    number: int, model_digest: bytes, value: int = 0, kind: DecisionKind = DecisionKind.METRIC, task_id: int = 3,
    key: bytes = OWNER,
) -> SignedDecision:  # fmt: skip
    """A decision, signed by a key."""
    decision = Decision(task_id, seed_of("terms", task_id), number, model_digest, kind, value)
    return SignedDecision(decision, address_of(key), sign_digest(key, decision.digest(MARKET)))
