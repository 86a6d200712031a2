"""One prover's share of one owner's vector, cut into what the protocol does with its parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.errors import InvalidInputError
from circuits.statement import SLACK_BITS, TAIL, share_length
from native import FrArray


@dataclass(frozen=True, slots=True)
class ShareVector:
    """One prover's share of one owner's vector.

    Attributes:
        row: FrArray (d + 129, 4), the gradient's values and the tail (blinder, masks), ready to be combined.
        bits: FrArray (62, 4), the bits of the bound's slack.
        check: FrArray (1, 4), the mask of the dealing check.
    """

    row: FrArray = field(repr=False)
    bits: FrArray = field(repr=False)
    check: FrArray = field(repr=False)

    @classmethod
    def of(cls, vector: FrArray, dimension: int) -> ShareVector:
        """Cut an owner's shared vector, FrArray (d + 192, 4), without copying it."""
        if vector.shape != (share_length(dimension), 4):
            raise InvalidInputError(f"a share vector of this task has {share_length(dimension)} elements")
        end = dimension + TAIL
        return cls(vector[:end], vector[end : end + SLACK_BITS], vector[end + SLACK_BITS :])

    @property
    def values(self) -> FrArray:
        """FrArray (d, 4)."""
        return self.row[:-TAIL]

    @property
    def tail(self) -> FrArray:
        """FrArray (129, 4): blinder, then the 128 masks."""
        return self.row[-TAIL:]
