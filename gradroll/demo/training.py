"""Softmax regression on the digits data: what data owners compute, and plain FedSGD to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuits.arrays import FloatArray
from circuits.quantize import IntArray, quantize
from circuits.terms import MAX_ROUNDS
from commons.protocol.modelmanifests import Block, ModelManifest
from commons.protocol.trainingrules import Dyadic, Sgd, TrainingRule
from commons.runtime.extras import require
from gradroll.training.stepping import advance, begin

CLASSES = 10
FEATURES = 64
DIMENSION = CLASSES * (FEATURES + 1)
"""650 parameters: a weight for each pixel and class, and a bias for each class."""
_MODEL_BITS = 40
"""Fraction bits of the model: a mean of gradients is rounded to multiples of 2^-40."""
DATASET = "scikit-learn digits (1797 images of 8x8 pixels)"


@dataclass(frozen=True, slots=True)
class Shard:
    """Labelled images: features float64[n, 65] (the last one is 1, for the bias), labels int64[n]."""

    features: FloatArray
    labels: IntArray


@dataclass(frozen=True, slots=True)
class Recipe:
    """How gradients are quantised, and by which rule the models follow from them: one step along their mean."""

    fraction_bits: int = 16
    norm: float = 4.0

    @property
    def rule(self) -> TrainingRule:
        """Of as many rounds as the task has."""
        return TrainingRule(Sgd(_MODEL_BITS), Dyadic(1), MAX_ROUNDS)

    @property
    def manifest(self) -> ModelManifest:
        """What the task states of its model."""
        return ModelManifest((Block("weights", DIMENSION, self.fraction_bits),), DIMENSION, self.rule)


def load_digits(owners: int, *, non_iid: bool) -> tuple[tuple[Shard, ...], Shard]:
    """Disjoint shards for the owners, and a test set of a fifth of the images.

    Args:
        non_iid: hand the images out sorted by digit, so that an owner sees few digits only.
    """
    require("the digits data", "demo", "sklearn")
    from sklearn.datasets import load_digits as bundled  # type: ignore[import-untyped]  # noqa: PLC0415 - slow import

    data = bundled()
    features = np.concatenate((data.data / 16.0, np.ones((len(data.data), 1))), axis=1)
    labels = data.target.astype(np.int64)
    order = np.random.default_rng(2026).permutation(len(labels))
    cut = len(order) // 5
    test, train = order[:cut], order[cut:]
    if non_iid:
        train = train[np.argsort(labels[train], kind="stable")]
        parts = np.array_split(train, owners)
    else:
        parts = [train[i::owners] for i in range(owners)]
    shards = tuple(Shard(features[part], labels[part]) for part in parts)
    return shards, Shard(features[test], labels[test])


def initial_model() -> FloatArray:
    """Zeros: the loss is convex, so the start does not matter."""
    return np.zeros(DIMENSION)


def gradient(model: FloatArray, shard: Shard) -> FloatArray:
    """Mean gradient of the cross entropy over a shard, float64[650]."""
    residual = _probabilities(model, shard)
    residual[np.arange(len(shard.labels)), shard.labels] -= 1.0
    return (residual.T @ shard.features / len(shard.labels)).ravel()


def accuracy(model: FloatArray, shard: Shard) -> float:
    """Share of images whose most likely digit is the right one."""
    return float(np.mean(np.argmax(_logits(model, shard), axis=1) == shard.labels))


def step(recipe: Recipe, model: FloatArray, aggregate: IntArray, owners: int) -> FloatArray:
    """The model after one round: a step along the mean of so many quantised gradients.  It keeps nothing else."""
    rule, blocks = recipe.rule, recipe.manifest.blocks
    return advance(rule, blocks, begin(rule, blocks, model), aggregate, owners).model


def plain_aggregate(model: FloatArray, shards: Sequence[Shard], recipe: Recipe, bound: int) -> IntArray:
    """What FedSGD without any cryptography would add up: int64[650], the sum of the quantised gradients."""
    quantized = [
        quantize(gradient(model, s), fraction_bits=recipe.fraction_bits, bound=bound, dimension=DIMENSION)
        for s in shards
    ]
    total: IntArray = np.sum([q.values for q in quantized], axis=0, dtype=np.int64)
    return total


def _logits(model: FloatArray, shard: Shard) -> FloatArray:
    logits: FloatArray = shard.features @ model.reshape(CLASSES, FEATURES + 1).T
    return logits


def _probabilities(model: FloatArray, shard: Shard) -> FloatArray:
    logits = _logits(model, shard)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return result
