"""How a bond is divided that misbehaviour has cost (`contracts/src/libraries/Forfeit.sol`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forfeit:
    """The parts, in the token's smallest unit: nobody gains by misbehaving and reporting itself under other names.

    Attributes:
        reporter: for who reports, which makes it worth looking.
        harmed: for who was harmed, 0 where nobody is known to be.
        burnt: what is left, at least half.
    """

    reporter: int
    harmed: int
    burnt: int

    @classmethod
    def of(cls, amount: int, *, harmed: bool) -> Forfeit:
        """The parts of a bond; ``harmed``: whether anybody is known to be."""
        quarter = amount // 4
        redress = quarter if harmed else 0
        return cls(quarter, redress, amount - quarter - redress)
