"""Two owners who cheat, built on the honest owner's own code.  Nothing outside the demo and the tests uses them."""

from __future__ import annotations

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.quantize import Quantized
from circuits.statement import SLACK_BITS, Committee, TaskTerms
from commons.sharing.dealing import OwnerSeeds, Sharing, owner_vector, share_field, share_vector
from gradroll.data_owner.owner import DataOwner

HALF = (native.R + 1) // 2
"""The field's 1/2: enormous as an integer, but four of them square to 1 together."""


class OversizedOwner(DataOwner):
    """Sends a gradient scaled far beyond the norm bound, and bits that claim it is inside."""

    factor = 1 << 12

    def share(
        self, quantized: Quantized, terms: TaskTerms, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
    ) -> Sharing:
        """Commitment and shares fit each other; only the bits lie."""
        boosted = quantized.values * self.factor
        vector = owner_vector(native.from_int64(boosted), terms.bound % (1 << SLACK_BITS), seeds)
        return share_vector(vector, key.commit_small(boosted, vector.tail), committee, seeds)


class HalfFieldOwner(DataOwner):
    """Sends 1/2 in four coordinates: the squares add up to 1, so every statement about inner products holds."""

    def share(
        self, quantized: Quantized, terms: TaskTerms, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
    ) -> Sharing:
        """Commitment, shares and bits are all consistent; only the smallness test sees it."""
        values = native.zeros(len(quantized.values))
        values[np.arange(4)] = native.from_ints([HALF] * 4)
        vector = owner_vector(values, terms.bound - 1, seeds)
        return share_field(vector, key.commit(vector.values, vector.tail), committee, seeds)
