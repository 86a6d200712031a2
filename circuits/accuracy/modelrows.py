"""A model as a committed row: 12-bit weights and a uniform tail, under the commitment of gradients.

    W(X) = sum_j w_j L_j(X) + Z_H(X) t(X)        C_M = [W(tau)]_1

with t of the 129 tail entries. Accuracy and rounding proofs open W at points outside H. Each opening there is a value
of w's part plus a nonzero multiple of t's: at up to 129 distinct points these are, over a uniform tail, uniform and
independent of the weights. C_M is one such value, W(tau) in the exponent, so 128 openings of one C_M say nothing about
w; more would. Whoever proves counts them (the contract does), and draws another tail for another 128.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import native
from circuits.accuracy.inference import Int64Array
from circuits.commitment import CommitmentKey
from circuits.errors import InvalidInputError
from circuits.statement import TAIL, domain_size
from native import G1, FrArray

MAX_OPENINGS = TAIL - 1
"""Openings of one commitment that its tail hides."""

Draw = Callable[[], int]
"""Gives a fresh uniform scalar in [0, r) at each call; from the operating system, except in tests."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelRow:
    """A row of small integers that is committed to: a model, or the error of its rounding.

    Attributes:
        weights: int64[d].
        tail: (129, 4), uniform and used for this row alone.

    Raises:
        InvalidInputError: other shapes or kinds of numbers.
    """

    weights: Int64Array = field(repr=False)
    tail: FrArray = field(repr=False)

    def __post_init__(self) -> None:
        if self.weights.ndim != 1 or self.weights.dtype != np.int64 or not len(self.weights):
            raise InvalidInputError("weights are a vector of int64; quantise the model first")
        if self.tail.shape != (TAIL, 4):
            raise InvalidInputError(f"a tail has shape {(TAIL, 4)}, got {self.tail.shape}")

    @classmethod
    def fresh(cls, weights: Int64Array, draw: Draw) -> ModelRow:
        """The row with a new tail."""
        return cls(weights, native.from_ints([draw() for _ in range(TAIL)]))

    def require_range(self, half: int) -> None:
        """Raise InvalidInputError unless all weights lie in [-half, half)."""
        wide = np.flatnonzero((self.weights < -half) | (self.weights >= half))
        if len(wide):
            raise InvalidInputError(
                f"entry {wide[0]} of the row is {self.weights[wide[0]]}, outside -{half}..{half - 1}; quantise again "
                "with a smaller scale"
            )

    def commit(self, key: CommitmentKey) -> G1:
        """C_M. Raises InvalidInputError when the key is for another dimension."""
        return key.commit_small(self.weights, self.tail)

    def polynomial(self) -> FrArray:
        """Coefficients of W, (N + 129, 4), lowest degree first; N is the size of the domain."""
        domain = domain_size(len(self.weights))
        values = native.zeros(domain)
        values[: len(self.weights)] = native.from_int64(self.weights)
        out = native.zeros(domain + TAIL)
        out[:domain] = native.ntt(values, inverse=True)
        out[:TAIL] = native.sub(np.ascontiguousarray(out[:TAIL]), self.tail)
        out[domain:] = native.add(np.ascontiguousarray(out[domain:]), self.tail)
        return out
