"""Heads of the provers' ledgers: how a prover whose ledger went back in time learns of it from its peers.

A ledger that was restored from an old copy has forgotten masks and locks, and would use them again.  So every prover
signs the head of its ledger beside its coin, writes down the highest head that it sees of each peer, and sends those
along with its own coin.  A prover that is shown a head of its own, signed by itself, which its ledger does not have,
knows that it was restored: it stays silent in every round that was open by then.

This detects a copy from before a cohort in which an honest peer has seen it, when that peer's word gets through; a
coordinator that keeps both apart can hide it.  A restored prover counts among the t corrupt ones until it is found out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.errors import WireError
from circuits.hashing import keccak, tag, words

HEAD_BYTES = 8 + 32 + 65
COUNT_LIMIT = 1 << 63
"""Counts lie below it: who has stolen a prover's key may sign any, and there has to be room behind each."""
MOST_LOST = 1 << 62
"""As many records a ledger takes for lost at most, which leaves its later heads as many below the limit."""


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The head of a prover's ledger as that prover signed it.

    Attributes:
        count: number of records, and of those that an earlier restore lost.
        digest: hash chain over them.
        signature: 65 bytes by the prover.
    """

    count: int
    digest: bytes
    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """105 bytes."""
        return self.count.to_bytes(8, "big") + self.digest + self.signature

    @classmethod
    def decode(cls, raw: bytes) -> LedgerHead:
        """The inverse.  Raises WireError unless there are exactly 105 bytes, with a count below the limit."""
        if len(raw) != HEAD_BYTES:
            raise WireError(f"a ledger's head has {HEAD_BYTES} bytes, not {len(raw)}")
        count = int.from_bytes(raw[:8], "big")
        if count >= COUNT_LIMIT:
            raise WireError("a ledger's head states more records than a ledger can have")
        return cls(count, raw[8:40], raw[40:])


def head_digest(domain: bytes, committee_id: int, prover: int, count: int, digest: bytes) -> bytes:
    """What a prover signs of its ledger; it has one for each market (``domain``) and each committee that it is in."""
    return keccak(words(tag("gradroll/v1/ledger-head"), domain, committee_id, prover, count, digest))
