"""What a round costs, in gas and in money: pure functions of measured gas and assumed prices.

A transaction on a rollup that posts its data in blobs costs its gas at the rollup's own price, and its bytes at that of
blobs.  A blob (EIP-4844) has 4,096 field elements, of which 31 bytes each are of use, and uses 2^17 units of blob gas.
Points and signatures do not compress, so bytes are taken as they are.  What a rollup's operator charges on top is not
in it.
"""

from __future__ import annotations

from dataclasses import dataclass

GWEI = 10**9
ETHER = 10**18
BLOB_GAS = 1 << 17
"""Units of blob gas of a blob (EIP-4844)."""
BLOB_BYTES = 4096 * 31
"""Bytes of data that a blob holds, as rollups fill it."""
BLOB_RESERVE = 16
"""The price of blob gas does not fall below the base fee of its chain divided by this (EIP-7918)."""
ENVELOPE = 120
"""Bytes of a transaction beside its calldata: signature, nonce, fees, addresses (EIP-1559), rounded up."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a unit of gas and a byte of data cost, in wei."""

    gas: float
    byte: float = 0.0


def layer_one(gas_price: float) -> Prices:
    """On Ethereum itself data is paid in gas, which is in the figures already.

    Args:
        gas_price: wei.
    """
    return Prices(gas_price)


def rollup(gas_price: float, base_fee: float) -> Prices:
    """On a rollup that posts its data in blobs, at the least price of blobs.

    Args:
        gas_price: wei for a unit of the rollup's gas.
        base_fee: wei, of the chain that holds the blobs.
    """
    return Prices(gas_price, base_fee / BLOB_RESERVE * BLOB_GAS / BLOB_BYTES)


@dataclass(frozen=True, slots=True)
class Cost:
    """Gas and bytes of one or many transactions."""

    gas: float = 0.0
    data: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.gas + other.gas, self.data + other.data)

    def times(self, count: float) -> Cost:
        """The same so many times, or a part of it."""
        return Cost(self.gas * count, self.data * count)

    def wei(self, prices: Prices) -> float:
        """What it costs."""
        return self.gas * prices.gas + self.data * prices.byte


@dataclass(frozen=True, slots=True)
class Line:
    """A batch's gas by its owners: a fixed part and one of each owner, from two measured sizes."""

    fixed: float
    owner: float

    @classmethod
    def through(cls, low: tuple[int, int], high: tuple[int, int]) -> Line:
        """The line through two sizes, each with its gas."""
        owner = (high[1] - low[1]) / (high[0] - low[0])
        return cls(low[1] - owner * low[0], owner)

    def at(self, owners: int) -> float:
        """Gas of a batch."""
        return self.fixed + self.owner * owners

    @property
    def break_even(self) -> float:
        """Owners of a batch of which the fixed part is one half: below it, most of the gas is the batch's own."""
        return self.fixed / self.owner


def batches(owners: int, size: int) -> int:
    """Batches of a round in which all owners are proven."""
    return -(-owners // size)
