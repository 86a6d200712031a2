"""Lineage: a model as it follows from rounds of the gradient market, and the proof that it was rounded from there.

The derived row is start - sum_t c_t S_t over the sums of finalized rounds; all of it is public, the tail as well.  So a
lineage proves origin, and keeps nothing secret: whoever reads the rounds has the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

import native
from circuits.accuracy.inference import Int64Array
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.roundingproof import round_row
from circuits.commitment import CommitmentKey
from circuits.errors import InvalidInputError
from circuits.payload import Aggregate
from circuits.statement import TAIL
from commons.chain.modelfacts import LineageStatement
from native import R

_LIMIT = 1 << 62
MOST_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class Derived:
    """A row that follows from rounds.

    Attributes:
        row: its integers, and the tail that opens its commitment.
    """

    statement: LineageStatement
    row: ModelRow = field(repr=False)

    @property
    def weights(self) -> Int64Array:
        """The model that it is rounded to, int64[d]: multiples of 2^12 of it.

        Whether all have 12 bits, ``ModelRow.require_range`` says, when it is committed to.
        """
        return round_row(self.row.weights)[0]


def derive(
    key: CommitmentKey, task: int, first: int, start: Int64Array, rounds: Sequence[tuple[int, Aggregate]]
) -> Derived:
    """The row that follows from rounds ``first`` and on.

    Args:
        key: of rows of so many coordinates.
        start: int64[d], the public integers that training began with.
        rounds: of each round c_t, and its sum with the tail that opens the chain's commitment.

    Raises:
        InvalidInputError: there are not 1 to 64 rounds, or a number is out of range.
    """
    if not 1 <= len(rounds) <= MOST_ROUNDS or start.shape != (key.dimension,):
        raise InvalidInputError(f"a lineage begins with {key.dimension} integers, and is of 1 to {MOST_ROUNDS} rounds")
    values, tail = start.astype(object), native.zeros(TAIL)
    for coefficient, found in rounds:
        if abs(coefficient) >= 1 << 128:
            raise InvalidInputError("a coefficient has 128 bits or more; choose a smaller scale")
        values = values - coefficient * found.values.astype(object)
        tail = native.add(tail, native.scale(found.tail, -coefficient % R))
    if max(map(abs, values)) >= _LIMIT:
        raise InvalidInputError("the derived row has numbers of 62 bits or more: the training diverged")
    began = key.commit_small(np.ascontiguousarray(start), native.zeros(TAIL))
    statement = LineageStatement(task, first, tuple(coefficient for coefficient, _ in rounds), began)
    return Derived(statement, ModelRow(values.astype(np.int64), tail))
