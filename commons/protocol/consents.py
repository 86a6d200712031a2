"""What a data owner signs beside its submissions: that its key may be registered, and where its pay goes."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.hashing import keccak, typed_digest, typed_message
from circuits.terms import MarketId

REGISTRATION_TYPE = "Registration(uint256 taskId,bytes32 termsHash,address account)"
"""By a signer's key: this account may register it.  Otherwise others could register it with an account of theirs."""
CLAIM_TYPE = (
    "Claim(uint256 taskId,uint256 index,uint256 from,uint256 through,address recipient,uint256 maxTip,uint256 deadline)"
)
"""By an owner's account: whoever carries this out pays that recipient."""


def registration_digest(market: MarketId, task_id: int, terms_hash: bytes, account: bytes) -> bytes:
    """EIP-712 digest with which a signer lets an account register it, for a task of these terms."""
    return typed_digest(market.domain, REGISTRATION_TYPE, (task_id, terms_hash, account))


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """An owner's order to pay what it is owed elsewhere.

    Attributes:
        index: its registration index.
        start: its first unpaid round when it signs; an order works once, and only while that is so.
        through: first round that is not paid for.
        recipient: 20-byte address of who is paid.
        max_tip: most of it that whoever carries it out may keep, in the smallest unit of the task's token.
        deadline: chain time, seconds since 1970, after which it is worth nothing.
    """

    task_id: int
    index: int
    start: int
    through: int
    recipient: bytes
    max_tip: int
    deadline: int

    @property
    def words(self) -> tuple[bytes | int, ...]:
        """The contract's order, word by word."""
        return (
            self.task_id, self.index, self.start, self.through, self.recipient, self.max_tip, self.deadline,
        )  # fmt: skip

    def digest(self, market: MarketId) -> bytes:
        """EIP-712 digest that the owner's account signs."""
        return keccak(self.message(market))

    def message(self, market: MarketId) -> bytes:
        """What that is the Keccak-256 hash of."""
        return typed_message(market.domain, CLAIM_TYPE, self.words)


@dataclass(frozen=True, slots=True)
class SignedClaim:
    """An order with its account's signature: 65 bytes, or what a contract takes (ERC-1271); empty for one's own.

    Attributes:
        tip: what whoever carries it out keeps, at most ``order.max_tip``.
    """

    order: ClaimOrder
    signature: bytes = b""
    tip: int = 0
