"""Two ways to cheat, of owners that are honest otherwise.  Nothing outside the demo and the tests uses them."""

from __future__ import annotations

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.quantize import Quantized
from circuits.statement import SLACK_BITS, Committee
from commons.sharing.dealing import OwnerSeeds, Sharing, owner_vector, share_field, share_vector

HALF = (native.R + 1) // 2
"""The field's 1/2: enormous as an integer, but four of them square to 1 together."""
FACTOR = 1 << 12


def deal_oversized(
    quantized: Quantized, bound: int, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
) -> Sharing:
    """A gradient far beyond the norm bound: commitment and shares fit each other, only the bits lie."""
    boosted = quantized.values * FACTOR
    vector = owner_vector(native.from_int64(boosted), bound % (1 << SLACK_BITS), seeds)
    return share_vector(vector, key.commit_small(boosted, vector.tail), committee, seeds)


def deal_halves(
    quantized: Quantized, bound: int, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
) -> Sharing:
    """1/2 in four coordinates: the squares add up to 1, so commitment, shares and bits fit; it is not small."""
    values = native.zeros(len(quantized.values))
    values[np.arange(4)] = native.from_ints([HALF] * 4)
    vector = owner_vector(values, bound - 1, seeds)
    return share_field(vector, key.commit(vector.values, vector.tail), committee, seeds)
