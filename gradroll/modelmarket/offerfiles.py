"""The two files that buyer and seller of a model exchange: the buyer's request, and the seller's signed offer.

Both are public but for what is sealed in the offer.  A request is signed by the buyer's account: whoever put another
key into it would be told what opens the model, and the buyer would pay for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, typed_message
from circuits.terms import MarketId
from commons.protocol.blindings import request_message
from commons.protocol.codec import Codec
from commons.protocol.modelofferings import BOUNTY_OFFER_TYPE, OFFER_TYPE, SaleOffer
from commons.protocol.signing import require_signer
from commons.storage.recordfiles import read_record, write_record
from native import G1

VERSION = 1
MOST_BYTES = 1 << 14
"""Of each of these files."""
_CURE = "get the file again from whoever wrote it"


@dataclass(frozen=True, slots=True)
class OfferRequest:
    """A buyer's wish to have an offer.

    Attributes:
        chain_id, sales: where it would be bought.
        key: X25519 public key, 32 bytes, to which the seller seals x.
        signature: of the buyer's account, 65 bytes.
    """

    version: int
    chain_id: int
    sales: bytes
    listing: bytes
    buyer: bytes
    key: bytes
    signature: bytes

    def message(self, market: MarketId) -> bytes:
        """What the buyer signs the Keccak-256 hash of; ``market`` is the contract of sales."""
        return request_message(market.domain, self.listing, self.buyer, self.key)

    def require_sound(self, market: MarketId) -> None:
        """Raise InvalidInputError for a request to somebody else, SignatureError where its buyer did not sign it."""
        _require_ours(self.version, self.chain_id, self.sales, market)
        if (len(self.listing), len(self.buyer), len(self.key)) != (32, 20, 32):
            raise InvalidInputError(f"the request is damaged; {_CURE}")
        require_signer(keccak(self.message(market)), self.signature, self.buyer, "the request")


@dataclass(frozen=True, slots=True)
class OfferFile:
    """A seller's signed offer to one buyer.

    Attributes:
        public: K', what the chain gets.
        offer: digest of the sealed row.
        row: content identifier of the sealed row, wherever it is kept; empty in offers of releases before this one.
        row_bytes: its size.
        blinding: x, sealed to the buyer's key.
        signature: the seller's over the offer, 65 bytes, or what its contract takes.
    """

    version: int
    chain_id: int
    sales: bytes
    listing: bytes
    buyer: bytes
    public: G1
    offer: bytes
    price: int
    deadline: int
    row: str
    row_bytes: int
    blinding: bytes
    signature: bytes

    @property
    def terms(self) -> SaleOffer:
        """What the seller signed."""
        return SaleOffer(self.listing, self.buyer, self.key, self.offer, self.price, self.deadline)

    @property
    def key(self) -> tuple[int, int]:
        """K' as the contracts take it."""
        return int.from_bytes(self.public[:32], "big"), int.from_bytes(self.public[32:], "big")

    def message(self, market: MarketId) -> bytes:
        """What the seller signs the Keccak-256 hash of; ``market`` is the contract of sales."""
        values = self.listing, self.buyer, *self.key, self.offer, self.price, self.deadline
        return typed_message(market.domain, OFFER_TYPE, values)

    def require_sound(self, market: MarketId) -> None:
        """Raise InvalidInputError for an offer at another market, or one whose numbers no contract takes."""
        _require_ours(self.version, self.chain_id, self.sales, market)
        sizes = len(self.listing), len(self.buyer), len(self.offer)
        if sizes != (32, 20, 32) or not 0 <= self.price < 1 << 256 or not 0 <= self.deadline < 1 << 64:
            raise InvalidInputError(f"the offer is damaged; {_CURE}")


@dataclass(frozen=True, slots=True)
class BountyOfferFile:
    """A winner's signed offer to the owner of a bounty; the fields are those of ``OfferFile``.

    Attributes:
        bounties: the contract, 20 bytes.
        bounty: 32 bytes.
    """

    version: int
    chain_id: int
    bounties: bytes
    bounty: bytes
    listing: bytes
    public: G1
    offer: bytes
    row: str
    row_bytes: int
    blinding: bytes
    signature: bytes

    def message(self, market: MarketId) -> bytes:
        """What the winner signs the Keccak-256 hash of; ``market`` is the contract of bounties."""
        key = int.from_bytes(self.public[:32], "big"), int.from_bytes(self.public[32:], "big")
        return typed_message(market.domain, BOUNTY_OFFER_TYPE, (self.bounty, self.listing, *key, self.offer))

    def require_sound(self, market: MarketId) -> None:
        """Raise InvalidInputError for an offer at another market, or a damaged one."""
        _require_ours(self.version, self.chain_id, self.bounties, market)
        if (len(self.bounty), len(self.listing), len(self.offer)) != (32, 32, 32):
            raise InvalidInputError(f"the offer is damaged; {_CURE}")


BOUNTY_OFFERS: Codec[BountyOfferFile] = Codec(BountyOfferFile)
REQUESTS: Codec[OfferRequest] = Codec(OfferRequest)
OFFERS: Codec[OfferFile] = Codec(OfferFile)


def write_request(path: Path, request: OfferRequest) -> None:
    """Write a request.  Raises StorageError."""
    write_record(path, REQUESTS, request)


def read_request(path: Path) -> OfferRequest:
    """Read a request.  Raises UnknownError, InvalidInputError."""
    return read_record(path, REQUESTS, "request for an offer", most=MOST_BYTES, cure=_CURE)


def write_offer(path: Path, offer: OfferFile) -> None:
    """Write an offer.  Raises StorageError."""
    write_record(path, OFFERS, offer)


def read_offer(path: Path) -> OfferFile:
    """Read an offer.  Raises UnknownError, InvalidInputError."""
    return read_record(path, OFFERS, "offer of a model", most=MOST_BYTES, cure=_CURE)


def write_bounty_offer(path: Path, offer: BountyOfferFile) -> None:
    """Write a winner's offer.  Raises StorageError."""
    write_record(path, BOUNTY_OFFERS, offer)


def read_bounty_offer(path: Path) -> BountyOfferFile:
    """Read a winner's offer.  Raises UnknownError, InvalidInputError."""
    return read_record(path, BOUNTY_OFFERS, "winner's offer", most=MOST_BYTES, cure=_CURE)


def _require_ours(version: int, chain_id: int, sales: bytes, market: MarketId) -> None:
    if version != VERSION:
        raise InvalidInputError(f"the file is of version {version}, this release reads {VERSION}; update one of them")
    if (chain_id, sales) != (market.chain_id, market.address):
        raise InvalidInputError(
            f"the file is for the sales 0x{sales.hex()} on chain {chain_id}, the settings name "
            f"0x{market.address.hex()} on {market.chain_id}; use the settings of the same market"
        )
