"""Rules that make one update of many gradients: ours, and peers' as byzfl has them.

Each gives an update in the units of the gradients that it is given, for a rate of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Protocol

import numpy as np

from benchmarks.robustness.gradedrules import ReferenceRule, rounded
from benchmarks.robustness.settings import (
    CLIPPING,
    FRACTION_BITS,
    HEADLINE,
    MEAN,
    MIN_OWNERS,
    MORE_OWNERS,
    PAST_SUMS,
    WIDER,
)
from circuits.arrays import FloatArray
from circuits.quantize import dequantize


class Rule(Protocol):
    """How a training's updates are made."""

    def begin(self, own: FloatArray) -> None:
        """A round begins, with the model owner's own gradient float64[d]."""

    def submitted(self, gradients: FloatArray) -> FloatArray:
        """What becomes of gradients float64[n, d] when owners submit them."""
        ...

    def combined(self, gradients: FloatArray) -> FloatArray:
        """The update that would be made of submitted gradients; an attacker may ask, too."""
        ...

    def finish(self, gradients: FloatArray) -> FloatArray:
        """The round's update float64[d]."""
        ...


class Mean:
    """The plain mean of whatever owners send."""

    def begin(self, own: FloatArray) -> None:
        """Nothing is compared with it."""

    def submitted(self, gradients: FloatArray) -> FloatArray:
        """As they are."""
        return gradients

    def combined(self, gradients: FloatArray) -> FloatArray:
        """Their mean."""
        result: FloatArray = gradients.mean(axis=0)
        return result

    def finish(self, gradients: FloatArray) -> FloatArray:
        """The same."""
        return self.combined(gradients)


class NormBound(Mean):
    """The policy `norm`: gradients within the bound are added up."""

    def submitted(self, gradients: FloatArray) -> FloatArray:
        """Clipped and rounded."""
        return dequantize(np.stack([rounded(each, stretch=False) for each in gradients]), FRACTION_BITS)


class Peer(Mean):
    """An aggregator of byzfl.  Those that remember the last round do so by `finish` alone."""

    def __init__(self, aggregator: Callable[[FloatArray], FloatArray]) -> None:
        self._aggregator = aggregator

    def combined(self, gradients: FloatArray) -> FloatArray:
        """By a copy, which forgets."""
        return self._by(copy(self._aggregator), gradients)

    def finish(self, gradients: FloatArray) -> FloatArray:
        """By the aggregator itself."""
        return self._by(self._aggregator, gradients)

    @staticmethod
    def _by(aggregator: Callable[[FloatArray], FloatArray], gradients: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):  # clipping divides by distances, which may be 0
            return aggregator(gradients)


def rule_of(name: str, attackers: int, rng: np.random.Generator) -> Rule:
    """A rule at the start of a training; peers are told how many attackers there are."""
    ours: Mapping[str, Callable[[], Rule]] = {
        MEAN: Mean,
        "norm": NormBound,
        "reference": lambda: ReferenceRule(taken_out=0, min_owners=MIN_OWNERS, rng=rng),
        HEADLINE: lambda: ReferenceRule(taken_out=PAST_SUMS, min_owners=MIN_OWNERS, rng=rng),
        WIDER: lambda: ReferenceRule(taken_out=PAST_SUMS, min_owners=MORE_OWNERS, rng=rng),
    }
    return ours[name]() if name in ours else Peer(_peer(name, attackers))


def _peer(name: str, attackers: int) -> Callable[[FloatArray], FloatArray]:
    import byzfl

    made: Mapping[str, Callable[[], Any]] = {
        "krum": lambda: byzfl.Krum(attackers),
        "multi-krum": lambda: byzfl.MultiKrum(attackers),
        "trimmed mean": lambda: byzfl.TrMean(attackers),
        "median": byzfl.Median,
        "centred clipping": lambda: byzfl.CenteredClipping(L=1, tau=CLIPPING),
    }
    aggregator: Callable[[FloatArray], FloatArray] = made[name]()
    return aggregator
