"""The policy `reference`: graded sums and the model owner's part, by the code that the protocol and its SDK run.

What is left out are proofs and sharing, which change no number: the opened numbers, levels, weights and sums are those
of the protocol, dither included.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from benchmarks.robustness.settings import BOUND, DITHER, FRACTION_BITS, NORM, STEP
from circuits.arrays import FloatArray
from circuits.errors import GradientError
from circuits.grading import NOISE_BITS, Grades, GradingRule, grades
from circuits.quantize import IntArray, dequantize, quantize
from gradroll.model_owner.referencegradient import GradedSum, guarded_update, reference_gradient


def rounded(gradient: FloatArray, *, stretch: bool) -> IntArray:
    """int64[d], a gradient as its owner rounds it; `stretch` as for graded tasks."""
    return quantize(gradient, fraction_bits=FRACTION_BITS, bound=BOUND, dimension=len(gradient), stretch=stretch).values


def as_integers(submitted: FloatArray) -> IntArray:
    """The integers behind submitted gradients, exactly."""
    return np.ldexp(submitted, FRACTION_BITS).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Graded:
    """A round's outcome."""

    update: FloatArray
    total: FloatArray
    grades: Grades


class ReferenceRule:
    """Gradients graded against the model owner's.

    Attributes:
        own: float64[d], the model owner's own gradient of the round.
        reference: float64[d], this round's reference as it was dealt; secret from owners until the round is over.
        past: public sums that are taken out of it, newest last.
        last: outcome of the last finished round.
    """

    def __init__(self, *, taken_out: int, min_owners: int, rng: np.random.Generator) -> None:
        self._rule = GradingRule(STEP, DITHER, min_owners)
        self.past: deque[FloatArray] = deque(maxlen=taken_out)
        self.last: Graded | None = None
        self._rng = rng

    def begin(self, own: FloatArray) -> None:
        """Deals the reference of a round."""
        self.own = own
        self.reference = dequantize(rounded(self.estimate(own), stretch=True), FRACTION_BITS)

    def estimate(self, own: FloatArray) -> FloatArray:
        """The reference that a gradient float64[d] would become: what an attacker makes of its own data."""
        return reference_gradient(own, list(self.past), least=0).values

    def submitted(self, gradients: FloatArray) -> FloatArray:
        """Brought to the bound and rounded.

        Who has no gradient to speak of, as one that has a single class may, cannot submit it.  Zeros stand for that: in
        a sum they are nothing, and have no level.
        """
        return dequantize(np.stack([_graded_or_none(gradient) for gradient in gradients]), FRACTION_BITS)

    def combined(self, gradients: FloatArray) -> FloatArray:
        """The update that the numbers of these gradients give, under one draw of the noise."""
        return self._graded(gradients).update

    def finish(self, gradients: FloatArray) -> FloatArray:
        """The round's update; its sum becomes public."""
        self.last = self._graded(gradients)
        self.past.append(self.last.total)
        return self.last.update

    def _graded(self, gradients: FloatArray) -> Graded:
        integers = as_integers(gradients)
        noise = self._rng.integers(0, 1 << NOISE_BITS, len(integers))
        values = self._rule.scale(BOUND) * (integers @ as_integers(self.reference)) + noise
        found = grades(self._rule, [int(value) for value in values])
        total = dequantize(np.array(found.weights, dtype=np.int64) @ integers, FRACTION_BITS)
        return Graded(guarded_update(self.own, [GradedSum(total, found)], NORM).values, total, found)


def _graded_or_none(gradient: FloatArray) -> IntArray:
    try:
        return rounded(gradient, stretch=True)
    except GradientError:
        return np.zeros(len(gradient), dtype=np.int64)
