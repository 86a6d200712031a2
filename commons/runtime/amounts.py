"""Amounts, times and addresses as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def ether(wei: int) -> str:
    """An amount in ether, exact."""
    whole, rest = divmod(abs(wei), 10**18)
    sign = "-" if wei < 0 else ""
    return f"{sign}{whole}{f'.{rest:018d}'.rstrip('0') if rest else ''} ETH"


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
