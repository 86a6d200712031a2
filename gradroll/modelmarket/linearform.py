"""The network whose trained parameters are, up to one scale, a size class's integers: what lineage needs.

The rollup trains a vector of d numbers in one fixed-point form, multiples of 2^-F, and every optimiser that is linear
in the gradients is exact in these integers m.  A size class needs integers q of 12 bits, with m = 2^s q + e and a
rounding error e of 12 bits, so that q = x 2^a for the parameter x = m 2^-F, with a = F - s.  One scale for all
coordinates, of both layers and of the biases, leaves no freedom but in the network: its biases are multiplied by
constants.  With integer features X = S x_in,

    A = [X | 2^7] W1     W1 = 2^a w1     A = S 2^a (x_in w1 + (2^7 / S) b1)            = S 2^a h
    Z = [R | 2^14] W2    W2 = 2^a w2     Z = S 2^2a (relu(h) w2 + (2^14 / (S 2^a)) b2)

so the network to train has the bias inputs 2^7 / S and 2^14 / (S 2^a): 8 and 1 for features 0 to 16 that are divided by
S = 16, F = 22 and s = 12.  Its scores are Z / (S 2^2a), exactly, and parameters lie in [-2^(11-a), 2^(11-a)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits.accuracy.inference import Int64Array
from circuits.accuracy.sizeclasses import SizeClass
from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError

FRACTION_BITS, SHIFT = 22, 12
"""F and s, where nothing else is said."""
_MOST = 1 << 62


@dataclass(frozen=True, slots=True)
class LinearForm:
    """How a size class's integers stand for trained parameters.

    Attributes:
        feature_scale: S, an integer feature's value for 1.0.
        fraction_bits: F of the trained integers.
        shift: s, the bits that are rounded away; at most 12, as the error has 12 bits.

    Raises:
        InvalidInputError: a number is out of range.
    """

    size: SizeClass
    feature_scale: int
    fraction_bits: int = FRACTION_BITS
    shift: int = SHIFT

    def __post_init__(self) -> None:
        if not (1 <= self.shift <= self.size.limb_bits and self.shift <= self.fraction_bits <= 40):
            raise InvalidInputError("the shift is 1 to 12 bits, and the fraction at least that and at most 40")
        if not 1 <= self.feature_scale < 1 << 15:
            raise InvalidInputError("the feature scale is a whole number of at most 15 bits")

    @property
    def kept_bits(self) -> int:
        """a: an integer weight's value for 1.0 is 2^a."""
        return self.fraction_bits - self.shift

    @property
    def hidden_bias_input(self) -> float:
        """What the biases of layer 1 are multiplied by in the network that is trained."""
        return self.size.first_bias / self.feature_scale

    @property
    def output_bias_input(self) -> float:
        """What the biases of layer 2 are multiplied by."""
        return self.size.second_bias / (self.feature_scale << self.kept_bits)

    @property
    def score_scale(self) -> int:
        """An integer score's value for 1.0."""
        return self.feature_scale << 2 * self.kept_bits

    def scores(self, parameters: FloatArray, features: FloatArray) -> FloatArray:
        """Scores (rows, C) of the network that is trained.

        Args:
            parameters: float64[d] in the order of the class: W1 row by row, its biases last, then W2.
            features: floats (rows, P), of which S times are whole numbers.
        """
        first, second = np.split(parameters, [self.size.first_weights])
        ones = np.ones((len(features), 1))
        inputs = np.hstack([features, self.hidden_bias_input * ones])
        hidden = np.maximum(inputs @ first.reshape(self.size.inputs + 1, self.size.hidden), 0)
        outer = second.reshape(self.size.hidden + 1, self.size.classes)
        found: FloatArray = np.hstack([hidden, self.output_bias_input * ones]) @ outer
        return found

    def integers(self, parameters: FloatArray) -> Int64Array:
        """m = round(2^F x), int64[d], of parameters that a training starts from.  Raises InvalidInputError."""
        scaled = np.rint(np.ldexp(np.asarray(parameters, dtype=np.float64), self.fraction_bits))
        if not (np.abs(scaled) < _MOST).all():  # also of NaN
            raise InvalidInputError("a parameter is no number, or too large; train again")
        return scaled.astype(np.int64)

    def split(self, trained: Int64Array) -> tuple[Int64Array, Int64Array]:
        """(q, e), int64[d] each, with m = 2^s q + e: weights of the size class and the errors of their rounding.

        Args:
            trained: m, int64[d].

        Raises:
            InvalidInputError: another shape, or a parameter so large that its q has more than 12 bits.
        """
        if trained.shape != (self.size.weights,) or trained.dtype != np.int64:
            raise InvalidInputError(f"the trained integers are int64[{self.size.weights}] of class {self.size.name}")
        if not (np.abs(trained) < _MOST).all():
            raise InvalidInputError("a trained integer has more than 62 bits, so the training diverged; train again")
        kept = self._checked((trained + (1 << (self.shift - 1))) >> self.shift)
        return kept, trained - (kept << self.shift)

    def _checked(self, kept: Int64Array) -> Int64Array:
        wide = np.flatnonzero((kept < -self.size.half) | (kept >= self.size.half))
        if len(wide):
            limit = self.size.half / (1 << self.kept_bits)
            raise InvalidInputError(
                f"{len(wide)} parameters, number {wide[0]} first, are not from -{limit:g} to below {limit:g}, so they "
                "have more than 12 bits; train with weight decay, or with fewer fraction bits"
            )
        return kept
