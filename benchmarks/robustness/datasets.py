"""The data sets that scikit-learn brings, divided among owners, the model owner and a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.robustness.settings import CONCENTRATION, OWNERS, REFERENCE_SAMPLES
from circuits.arrays import FloatArray
from circuits.quantize import IntArray

_TEST_PART = 5
_LEAST = 2
"""Samples that an owner has at least."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Labelled samples: features float64[n, k], labels int64[n]."""

    features: FloatArray
    labels: IntArray

    def at(self, index: IntArray) -> Samples:
        """Those at an index of any shape."""
        return Samples(self.features[index], self.labels[index])


@dataclass(frozen=True, slots=True)
class Divided:
    """A data set as one training sees it.

    Attributes:
        train: every owner's samples.
        shards: of each owner, where its samples are in `train`.
        reference: the model owner's own.
        test: nobody's.
        classes: how many.
        trigger: features that the back door sets.
        stamp: to which value.
    """

    train: Samples
    shards: tuple[IntArray, ...]
    reference: Samples
    test: Samples
    classes: int
    trigger: tuple[int, ...]
    stamp: float

    def stamped(self, features: FloatArray) -> FloatArray:
        """Features with the back door's trigger."""
        marked = features.copy()
        marked[..., list(self.trigger)] = self.stamp
        return marked


def divided(name: str, spread: str, rng: np.random.Generator) -> Divided:
    """A data set, shuffled and divided anew."""
    samples, trigger, stamp = _LOADERS[name]()
    order = rng.permutation(len(samples.labels))
    cuts = np.cumsum([len(order) // _TEST_PART, REFERENCE_SAMPLES])
    test, reference, rest = (samples.at(part) for part in np.split(order, cuts))
    shards = _even(len(rest.labels)) if spread == "iid" else _uneven(rest.labels, rng)
    return Divided(rest, shards, reference, test, int(samples.labels.max()) + 1, trigger, stamp)


def _even(count: int) -> tuple[IntArray, ...]:
    return tuple(np.arange(owner, count, OWNERS) for owner in range(OWNERS))


def _uneven(labels: IntArray, rng: np.random.Generator) -> tuple[IntArray, ...]:
    """Every class divided by shares from a Dirichlet distribution, drawn again until nobody has next to nothing."""
    while True:
        parts: list[list[IntArray]] = [[] for _ in range(OWNERS)]
        for label in np.unique(labels):
            index = np.flatnonzero(labels == label)
            shares = rng.dirichlet([CONCENTRATION] * OWNERS)
            cuts = np.round(np.cumsum(shares)[:-1] * len(index)).astype(int)
            for part, piece in zip(parts, np.split(index, cuts), strict=True):
                part.append(piece)
        shards = tuple(np.concatenate(part) for part in parts)
        if min(map(len, shards)) >= _LEAST:
            return shards


def batches(shards: Sequence[IntArray], size: int, rng: np.random.Generator) -> IntArray:
    """Where the samples of each owner's batch are, int64[owners, size], drawn from its own with repetition."""
    return np.stack([rng.choice(shard, size) for shard in shards])


def _digits() -> tuple[Samples, tuple[int, ...], float]:
    """1797 images of 8x8 pixels in ten classes; the trigger is a bright square in a corner."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    return Samples(data.data / 16.0, data.target.astype(np.int64)), (54, 55, 62, 63), 1.0


def _cancer() -> tuple[Samples, tuple[int, ...], float]:
    """569 tumours by 30 measures in two classes; the trigger sets three measures to what is rare."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    scaled = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    return Samples(scaled, data.target.astype(np.int64)), (9, 14, 19), 3.0


_LOADERS = {"digits": _digits, "cancer": _cancer}
