"""A training rule gives a private sum away, so no task has both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.errors import InvalidInputError
from circuits.terms import NewTask, Windows
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from gradroll.training.stepping import advance, begin

BLOCKS = (Block("weight", 3, 16), Block("bias", 1, 20))
BITS = 40
RATE = Dyadic(3, 5)
TRAINED = ModelManifest(BLOCKS, 4, TrainingRule(Sgd(BITS), RATE, 12, divisor=1))
TERMS = NewTask(
    1, b"\1" * 20, b"\2" * 20, 4, 16, 1 << 32, 2, 6, 3, Windows(60, 600), permissioned=True, manifest=TRAINED.digest,
)  # fmt: skip


def test_whoever_sees_two_models_of_a_rule_has_the_sum_between_them() -> None:
    """Owners, provers and the coordinator see every model: rounds are opened on them."""
    assert TRAINED.training is not None
    total = np.array([5, -70_000, 123_456, -1 << 31], np.int64)
    before = begin(TRAINED.training, BLOCKS, np.array([0.5, -1.0, 0.0, 2.0]))
    after = advance(TRAINED.training, BLOCKS, before, total, weight=3)
    scales = np.repeat([block.fraction_bits for block in BLOCKS], [block.length for block in BLOCKS])
    rate = RATE.numerator / (1 << RATE.bits)
    assert np.array_equal(np.ldexp((before.model - after.model) / rate, scales), total)


def test_a_key_for_sums_and_a_training_rule_are_refused_together() -> None:
    TRAINED.require_of(TERMS)
    with pytest.raises(InvalidInputError, match="would not be private"):
        TRAINED.require_of(replace(TERMS, sum_key=b"\7" * 32))
    plain = replace(TRAINED, training=None)
    plain.require_of(replace(TERMS, manifest=plain.digest, sum_key=b"\7" * 32))
