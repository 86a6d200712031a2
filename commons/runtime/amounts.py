"""Amounts, times and addresses as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Currency:
    """What amounts are of.

    Attributes:
        symbol: what it is called; for a token, by itself.
        decimals: of its usual unit, which is 10^decimals of its smallest.
        token: 20 bytes of a token's address, zeros for ether.
    """

    symbol: str
    decimals: int
    token: bytes = bytes(20)

    def __str__(self) -> str:
        """Its name, and for a token its address: anybody may call one anything."""
        if not any(self.token):
            return self.symbol
        address = checksum(self.token)
        return f"token {address}" if self.symbol == address else f"{self.symbol} (token {address})"

    def shown(self, units: int) -> str:
        """An amount of its smallest unit, exact, in its usual one."""
        whole, rest = divmod(abs(units), 10**self.decimals)
        sign = "-" if units < 0 else ""
        fraction = f".{rest:0{self.decimals}d}".rstrip("0") if rest else ""
        return f"{sign}{whole}{fraction} {self.symbol}"


ETH = Currency("ETH", 18)


def ether(wei: int) -> str:
    """An amount in ether, exact."""
    return ETH.shown(wei)


def ether_at_most(wei: int) -> str:
    """An amount in ether, rounded up to three digits that count: of an upper bound nobody needs more."""
    unit = 10 ** max(len(str(wei)) - 3, 0)
    return ether(-(-wei // unit) * unit)


def utc(seconds: int) -> str:
    """Date and time of day, in UTC, of seconds since 1970; the number itself where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"second {seconds} after 1970"


def checksum(address: bytes | str) -> str:
    """An address of 20 bytes, or 0x and 40 digits, as people read it (EIP-55)."""
    from eth_utils.address import to_checksum_address  # noqa: PLC0415 - keeps --help fast

    return to_checksum_address(address)
