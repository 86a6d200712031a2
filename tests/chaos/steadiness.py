"""Whether a process takes ever more memory or descriptors: robust slopes over its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.chaos.supervised import Sample

WARM_UP = 300.0
"""Seconds after a start that do not count: caches fill, each thread gets memory of its own."""
LEAST_SECONDS = 600.0
"""Of samples after that, below which a slope says nothing."""
MOST_MEMORY, MOST_DESCRIPTORS = 1 << 20, 2.0
"""Bytes and descriptors a minute that a process may gain: less than noise over minutes, far less than a leak a call."""
_MOST_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Slope:
    """Of one process.

    Attributes:
        seconds: of samples behind it.
        memory: bytes a minute.
        descriptors: a minute.
        largest: most bytes that it held.
        judged: whether there are samples enough to judge.
    """

    name: str
    seconds: float
    memory: float
    descriptors: float
    largest: int
    judged: bool

    @property
    def is_steady(self) -> bool:
        """Whether it is no leak, as far as can be judged."""
        return not self.judged or (self.memory <= MOST_MEMORY and self.descriptors <= MOST_DESCRIPTORS)


def slope_of(name: str, samples: Sequence[Sample]) -> Slope | None:
    """Of one process; None where there are no samples."""
    if not samples:
        return None
    late = [sample for sample in samples if sample.at - samples[0].at >= WARM_UP]
    seconds = late[-1].at - late[0].at if late else 0.0
    at = np.array([sample.at for sample in late])
    memory = theil_sen(at, np.array([sample.memory for sample in late], dtype=float))
    descriptors = theil_sen(at, np.array([sample.descriptors for sample in late], dtype=float))
    largest = max(sample.memory for sample in samples)
    return Slope(name, round(seconds, 1), 60 * memory, 60 * descriptors, largest, seconds >= LEAST_SECONDS)


def theil_sen(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Median of the slopes between all pairs of points (Theil 1950, Sen 1968): a quarter of outliers change nothing."""
    if len(x) > _MOST_SAMPLES:
        chosen = np.linspace(0, len(x) - 1, _MOST_SAMPLES).astype(int)
        x, y = x[chosen], y[chosen]
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    if not np.any(apart > 0):
        return 0.0
    return float(np.median((y[second] - y[first])[apart > 0] / apart[apart > 0]))
