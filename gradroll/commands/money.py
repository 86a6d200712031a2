"""Amounts as people type them: a number, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from circuits.errors import InvalidInputError

if TYPE_CHECKING:
    from commons.runtime.amounts import Currency

_ETHER = {"wei": 1, "gwei": 10**9, "eth": 10**18, "ether": 10**18}
_LIMIT = 1 << 128


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of a task's token, whose unit is known when the task is.

    Attributes:
        text: as it was typed.
        unit: lowercase; empty for the smallest unit.
        least: of the smallest unit.
    """

    text: str
    number: Fraction
    unit: str
    least: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInputError where no token could make an amount of it."""
        scale = _ETHER.get(self.unit or "wei")
        if scale is not None:
            self._exact(scale)

    def of(self, currency: Currency) -> int:
        """The amount in the smallest unit of a token.

        Raises:
            InvalidInputError: its unit is another token's, a part of the smallest unit is left, or it is out of range.
        """
        units = {"": 1, currency.symbol.lower(): 10**currency.decimals}
        if not any(currency.token):
            units |= _ETHER
        scale = units.get(self.unit)
        if scale is None:
            raise InvalidInputError(
                f"{self.text} is of another money: this is paid in {currency}; write a whole number of its smallest "
                f"unit, or such as 0.5{currency.symbol}"
            )
        return self._exact(scale)

    def _exact(self, scale: int) -> int:
        exact = self.number * scale
        if exact.denominator != 1 or not self.least <= exact < _LIMIT:
            raise InvalidInputError(f"{self.text} is no amount: {expected(self.least)}")
        return int(exact)


def expected(least: int) -> str:
    """What an amount must be, in words."""
    return (
        f"a whole number of the smallest unit (wei) from {least} to 2^128 - 1, or such as 0.06ether, 5gwei or 2.5USDC, "
        "with no part of the smallest unit left"
    )
