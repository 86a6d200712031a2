"""Where nothing is rounded, commitments to models follow from each other as the models do."""

from __future__ import annotations

from functools import reduce

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.quantize import quantize
from circuits.statement import TAIL
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from gradroll.training.fixedpoint import model_integers
from gradroll.training.replay import OpenedRound, TrainedTask, replay
from gradroll.training.stepping import digest_of
from native import G1, R
from tests.support.plain_batch import development_setup, seed_of
from tests.training.playing import MARKET
from tests.training.reference import PlainBlock

DIMENSION, FRACTION_BITS, OWNERS, ROUNDS = 10, 20, 3, 3
RULE = TrainingRule(Sgd(40), Dyadic(5, 7), ROUNDS, divisor=8)
FACTOR = 5 << 40 - FRACTION_BITS - 7 - 3
"""Steps of the model for one step of a sum: 5/2^7 of it, over 8."""


def committed(key: CommitmentKey, values: np.ndarray, tail: list[int]) -> G1:
    return key.commit_small(values, native.from_ints(tail))


def test_a_models_commitment_is_the_first_ones_less_rate_times_those_of_the_sums() -> None:
    key, generator = development_setup(dimension=DIMENSION).commitment, np.random.default_rng(3)
    initial = np.ldexp(generator.integers(-(1 << 40), 1 << 40, DIMENSION).astype(np.float64), -40)
    task = TrainedTask(RULE, (PlainBlock(DIMENSION, FRACTION_BITS),), MARKET, 1, bytes(32), frozenset())
    rounds: list[OpenedRound] = []
    commitment, left_over = committed(key, model_integers(initial, 40), [0] * TAIL), [0] * TAIL
    model = initial
    for number in range(ROUNDS):
        gradients = [
            quantize(generator.normal(size=DIMENSION), fraction_bits=FRACTION_BITS, bound=1 << 50, dimension=DIMENSION)
            for _ in range(OWNERS)
        ]
        tails = [native.to_ints(native.expand(seed_of("tail", number, owner), TAIL)) for owner in range(OWNERS)]
        handed_in = [committed(key, each.values, tail) for each, tail in zip(gradients, tails, strict=True)]
        total = np.sum([each.values for each in gradients], axis=0)
        rounds.append(OpenedRound(number, digest_of(model), total, OWNERS))
        found = replay(task, initial, rounds)
        assert found.deviation is None
        model = found.model
        # The chain has the sum of the owners' commitments; blinders and masks go the same way as the values.
        commitment = native.g1_add(commitment, native.g1_mul(reduce(native.g1_add, handed_in), R - FACTOR))
        left_over = [(old - FACTOR * sum(new)) % R for old, *new in zip(left_over, *tails, strict=True)]
        assert committed(key, model_integers(model, 40), left_over) == commitment
    moved = model_integers(model, 40)
    moved[3] += 1
    assert committed(key, moved, left_over) != commitment


def test_with_fewer_bits_the_step_is_rounded_and_the_commitment_another() -> None:
    """So the test above says something: it is the bits of the model that make the lineage exact."""
    key = development_setup(dimension=DIMENSION).commitment
    coarse = TrainingRule(Sgd(24), Dyadic(5, 7), ROUNDS, divisor=8)
    task = TrainedTask(coarse, (PlainBlock(DIMENSION, FRACTION_BITS),), MARKET, 1, bytes(32), frozenset())
    total, zero = np.arange(1, DIMENSION + 1), np.zeros(DIMENSION)
    found = replay(task, zero, [OpenedRound(0, digest_of(zero), total, OWNERS)])
    rounded = committed(key, 64 * model_integers(found.model, 24), [0] * TAIL)  # in units of 2^-30, which hold the step
    exact = native.g1_mul(committed(key, total, [0] * TAIL), R - 5)
    assert rounded != exact
    assert committed(key, -5 * total, [0] * TAIL) == exact
