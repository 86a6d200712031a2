"""One step of a training: the next model from the one before, by the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from circuits.arrays import FloatArray, float_vector
from circuits.errors import InvalidInputError
from circuits.hashing import keccak
from commons.protocol.trainingrules import Adam, Momentum, Sgd, TrainingRule
from commons.storage.modelfiles import encode_model
from gradroll.training.adaptive import Moments, adam_step, float_mean
from gradroll.training.fixedpoint import (
    AnyIntegers,
    IntArray,
    Term,
    difference,
    model_floats,
    model_integers,
    rounded_sum,
    velocity_integers,
)
from gradroll.training.means import ScaledBlock, exact_mean, require_sum, slices
from gradroll.training.plateaus import PlateauState, observe_metric


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """Where a training stands.

    Attributes:
        round: number of the round that is opened on the model.
        model: float64[d], as it is published.
        memory: what the algorithm remembers: momentum's velocity in integers, adam's moments; None: nothing.
        plateau: what is remembered of metrics.
    """

    round: int
    model: FloatArray = field(repr=False)
    memory: IntArray | Moments | None = field(default=None, repr=False)
    plateau: PlateauState = field(default_factory=PlateauState)


def begin(rule: TrainingRule, blocks: Sequence[ScaledBlock], initial: FloatArray) -> TrainingState:
    """A training before its first round.

    Args:
        initial: float64[d], the first model.

    Raises:
        InvalidInputError: it has another length than the blocks, or numbers that the rule's models do not have.
    """
    model = float_vector(initial, sum(block.length for block in blocks), "first model")
    match rule.method:
        case Adam():
            return TrainingState(0, model, Moments.zero(len(model)))
        case Momentum():
            model_integers(model, rule.method.model_bits)
            return TrainingState(0, model, np.zeros(len(model), np.int64))
        case Sgd():
            model_integers(model, rule.method.model_bits)
            return TrainingState(0, model)


def nearest_model(rule: TrainingRule, parameters: FloatArray) -> FloatArray:
    """The first model that a rule can take and that is nearest to given parameters, float64[d].

    Integer rules take multiples of 2^-model_bits; ties go to the even one.  Adam takes any model.
    """
    if isinstance(rule.method, Adam):
        return parameters
    scaled: FloatArray = np.rint(np.ldexp(parameters, rule.method.model_bits))
    return np.ldexp(scaled, -rule.method.model_bits) + 0.0  # which makes a negative zero a zero


def rate_of(rule: TrainingRule, state: TrainingState) -> Fraction:
    """The learning rate of the state's round, exactly: the rule's, by schedule and plateau."""
    rate = rule.rate.fraction * rule.factor_in(state.round).fraction
    return rate if rule.plateau is None else rate * rule.plateau.factor.fraction**state.plateau.reductions


def advance(
    rule: TrainingRule, blocks: Sequence[ScaledBlock], state: TrainingState, total: IntArray | None, weight: int
) -> TrainingState:
    """The state after the round.

    Args:
        total: int64[d], sum over all accepted batches of the round; None: there is none, and nothing changes.
        weight: gradients in it, or the sum of their weights where they are graded.

    Raises:
        InvalidInputError: the sum does not fit the blocks, or the rule gives no model since a number leaves its range.
    """
    if total is None:
        return replace(state, round=state.round + 1)
    require_sum(blocks, total, weight)
    rate, decay = rate_of(rule, state), rule.decay.fraction
    match rule.method, state.memory:
        case Adam() as method, Moments() as moments:
            mean = float_mean(rule, blocks, total, weight)
            model, memory = adam_step(method, moments, state.model, mean, rate, decay)
            return replace(state, round=state.round + 1, model=model, memory=memory)
        case Momentum() as method, np.ndarray() as before:
            gradient = exact_mean(rule, blocks, total, weight)
            velocity = _velocity(method, blocks, before, gradient)
            unit = Fraction(1, 1 << method.velocity_bits)
            parts = [(velocity[where], unit) for where, _ in slices(blocks)]
            model = _stepped(method.model_bits, blocks, state.model, parts, rate, decay)
            return replace(state, round=state.round + 1, model=model, memory=velocity)
        case Sgd() as method, None:
            parts = exact_mean(rule, blocks, total, weight)
            model = _stepped(method.model_bits, blocks, state.model, parts, rate, decay)
            return replace(state, round=state.round + 1, model=model)
    raise InvalidInputError("the state is not one of a training by this rule")


def with_metric(rule: TrainingRule, state: TrainingState, metric: int) -> TrainingState:
    """The state once the metric of its model is known, in millionths.

    Raises:
        InvalidInputError: the rule calls for none.
    """
    if rule.plateau is None:
        raise InvalidInputError("the training rule has no plateau, so no metric changes anything")
    return replace(state, plateau=observe_metric(rule.plateau, state.plateau, metric))


def digest_of(model: FloatArray) -> bytes:
    """Keccak-256 of a model as it is published, 32 bytes."""
    return keccak(encode_model(model))


def _velocity(method: Momentum, blocks: Sequence[ScaledBlock], before: IntArray, gradient: Sequence[Term]) -> IntArray:
    """momentum * v + gradient, rounded once to the velocity's grid."""
    momentum, steps = method.momentum.fraction, 1 << method.velocity_bits
    parts = [
        rounded_sum([(before[where], momentum), (values, ratio * steps)])
        for (where, _), (values, ratio) in zip(slices(blocks), gradient, strict=True)
    ]
    return velocity_integers(_joined(parts))


def _stepped(
    bits: int,
    blocks: Sequence[ScaledBlock],
    model: FloatArray,
    direction: Sequence[Term],
    rate: Fraction,
    decay: Fraction,
) -> FloatArray:
    """Model - round(rate * (direction + decay * model)), in steps of 2^-bits: the step is rounded, and once."""
    current = model_integers(model, bits)
    steps: list[AnyIntegers] = []
    for (where, _), (values, ratio) in zip(slices(blocks), direction, strict=True):
        terms = [(values, ratio * rate * (1 << bits))]
        if decay:
            terms.append((current[where], rate * decay))
        steps.append(rounded_sum(terms))
    return model_floats(difference(current, _joined(steps)), bits)


def _joined(parts: Sequence[AnyIntegers]) -> AnyIntegers:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
