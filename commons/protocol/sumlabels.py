"""What a sealed share of a private sum is sealed under, and how long it is.

A sealed share is an HPKE message that holds a key (32 bytes), and the share under that key, in pieces of
ChaCha20-Poly1305 (RFC 8439): the cipher takes no message of 2 GiB.  Section 12 of docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from circuits.hashing import words
from circuits.statement import Context

KEY_BYTES = 32
TAG_BYTES = 16
HEAD_BYTES = 32 + KEY_BYTES + TAG_BYTES
"""Of the HPKE message: the encapsulated key, what it holds, and its tag."""
PIECE = 1 << 24
"""Plaintext bytes of every piece but the last."""
_SUM = b"gradroll/v1/sum-share"
_SCALAR = 32


@dataclass(frozen=True, slots=True)
class SumLabel:
    """Ties a sealed share to one prover's share of one batch's sum.

    Attributes:
        domain: the market's EIP-712 domain separator, 32 bytes.
        batch_id: 32 bytes.
        key: public key for sums of the task, 32 bytes.
    """

    domain: bytes
    task_id: int
    round: int
    batch_id: bytes
    prover: int
    key: bytes

    @classmethod
    def of(cls, context: Context, batch_id: bytes, prover: int, key: bytes) -> SumLabel:
        """The label in a batch's context."""
        return cls(context.market.domain, context.task_id, context.round, batch_id, prover, key)

    @property
    def info(self) -> bytes:
        """What the share is sealed under."""
        return _SUM + words(self.domain, self.task_id, self.round, self.batch_id, self.prover, self.key)


def sealed_bytes(scalars: int) -> int:
    """Length of a sealed share of so many scalars."""
    return HEAD_BYTES + _SCALAR * scalars + TAG_BYTES * len(tuple(places(_SCALAR * scalars)))


def places(plain: int) -> Iterator[tuple[int, int]]:
    """Number and beginning of each piece of a share of so many bytes."""
    return enumerate(range(0, plain, PIECE))
