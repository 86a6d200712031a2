"""What is signed where models are sold: sellers' offers, and what members of a committee say of data and offers.

docs/protocol-models.md. Digests are EIP-712, under the domain of the contract that checks them (``ModelSales`` or
``ModelBounties``; ``circuits.hashing.domain_separator``), as ``Offerings.sol`` has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from circuits.hashing import keccak, typed_digest, typed_message, words
from commons.protocol.bountydraws import MAX_GROUPS, TESTS, TRAINING, HiddenGroup

__all__ = ["BOUNTY_OFFER_TYPE", "DATASET_RECEIPT_TYPE", "OFFER_RECEIPT_TYPE", "OFFER_TYPE", "BountyOffer",
           "DatasetReceipt", "SaleOffer", "sale_id"]  # fmt: skip

OFFER_TYPE = (
    "Offer(bytes32 listing,address buyer,uint256 keyX,uint256 keyY,bytes32 offer,uint256 price,uint256 deadline)"
)
"""By a listing's seller, for one buyer."""
BOUNTY_OFFER_TYPE = "BountyOffer(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)"
"""By the winner of a bounty, for its owner."""
OFFER_RECEIPT_TYPE = "OfferReceipt(bytes32 bounty,bytes32 listing,uint256 keyX,uint256 keyY,bytes32 offer)"
"""By members of a bounty's committee, which checked the winner's offer in its owner's place."""
DATASET_RECEIPT_TYPE = "DatasetReceipt(bytes32 bounty,uint256 stage,bytes32 groups)"
"""By members of a bounty's committee, which hold the files of the groups that were drawn."""


@dataclass(frozen=True, slots=True)
class SaleOffer:
    """A listing's model for one buyer (``Offer`` of the contract).

    Attributes:
        listing: 32-byte identifier.
        buyer: 20-byte address of who may lock.
        key: K' as two coordinates: the sealing key K less xG, where the buyer and the seller alone know x.
        offer: 32-byte digest of the sealed row.
        price: the listing's price, in its token's smallest unit.
        deadline: last second, chain time, for the seller to reveal k'.
    """

    kind: ClassVar[str] = "model-offer"
    listing: bytes
    buyer: bytes
    key: tuple[int, int]
    offer: bytes
    price: int
    deadline: int

    def digest(self, domain: bytes) -> bytes:
        """What the seller signs, under the domain of ``ModelSales``."""
        values = (self.listing, self.buyer, *self.key, self.offer, self.price, self.deadline)
        return typed_digest(domain, OFFER_TYPE, values)


def sale_id(seller: bytes, key: tuple[int, int]) -> bytes:
    """32-byte identifier of a sale: a seller (20-byte address) locks each K' once."""
    return keccak(words(seller, *key))


@dataclass(frozen=True, slots=True)
class BountyOffer:
    """A winner's model for the owner of the bounty.

    Attributes:
        bounty: 32-byte identifier.
        listing: 32-byte identifier of the listing that won.
        key: K', see ``SaleOffer``.
        offer: 32-byte digest of the sealed row.
    """

    kind: ClassVar[str] = "bounty-offer"
    bounty: bytes
    listing: bytes
    key: tuple[int, int]
    offer: bytes

    def digest(self, domain: bytes) -> bytes:
        """What the winner signs, under the domain of ``ModelBounties``."""
        return keccak(self.message(domain))

    def message(self, domain: bytes) -> bytes:
        """What that is the Keccak-256 hash of."""
        return typed_message(domain, BOUNTY_OFFER_TYPE, self._values)

    def receipt_digest(self, domain: bytes) -> bytes:
        """What members of the committee sign that checked it, under the same domain."""
        return typed_digest(domain, OFFER_RECEIPT_TYPE, self._values)

    @property
    def _values(self) -> tuple[int | bytes, ...]:
        return (self.bounty, self.listing, *self.key, self.offer)


@dataclass(frozen=True, slots=True)
class DatasetReceipt:
    """That a member holds the files of the groups that a bounty drew, which are what their hashes and its terms say.

    Attributes:
        bounty: 32-byte identifier.
        stage: ``bountydraws.TRAINING`` or ``TESTS``.
        groups: the groups by their index in the commitment.

    Raises:
        ValueError: there is no such stage, or an index is not below 64.
    """

    kind: ClassVar[str] = "dataset-receipt"
    bounty: bytes
    stage: int
    groups: Mapping[int, HiddenGroup]

    def __post_init__(self) -> None:
        if self.stage not in (TRAINING, TESTS) or any(not 0 <= index < MAX_GROUPS for index in self.groups):
            raise ValueError(f"no receipt is for stage {self.stage} and groups {sorted(self.groups)}")

    def digest(self, domain: bytes) -> bytes:
        """What the member signs, under the domain of ``ModelBounties``."""
        shown = sorted(self.groups.items())
        packed = b"".join(words(index, g.group_hash, g.file_digest, g.samples) for index, g in shown)
        return typed_digest(domain, DATASET_RECEIPT_TYPE, (self.bounty, self.stage, keccak(packed)))
