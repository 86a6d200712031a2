"""x of an offer on its way to the buyer, and the request that names the key to which it is sealed.

Whoever knows x opens the model once the seller reveals k'.  A request is signed by the buyer's account: whoever put
another key into it would be told x, and the buyer would pay for it.
"""

from __future__ import annotations

from circuits.errors import WireError
from circuits.hashing import typed_message, words
from commons.sharing.sealing import seal, unseal
from native import G1, R

REQUEST_TYPE = "OfferRequest(bytes32 listing,address buyer,bytes32 key)"
_BLINDING = b"gradroll/v1/offer-blinding"


def request_message(domain: bytes, listing: bytes, buyer: bytes, key: bytes) -> bytes:
    """What a buyer signs the Keccak-256 hash of.

    Args:
        domain: of the contract of sales or of bounties.
        buyer: 20-byte address.
        key: X25519 public key, 32 bytes, to which x is to be sealed.
    """
    return typed_message(domain, REQUEST_TYPE, (listing, buyer, key))


def seal_blinding(key: bytes, blinding: int, domain: bytes, listing: bytes, public: G1) -> bytes:
    """Seal x to a buyer's public key, for one offer.  Raises InvalidInputError for a key that is none."""
    return seal(key, blinding.to_bytes(32, "big"), _info(domain, listing, public))


def open_blinding(key: bytes, sealed: bytes, domain: bytes, listing: bytes, public: G1) -> int:
    """x, with the buyer's private key.  Raises WireError where it was sealed to another key or for another offer."""
    try:
        raw = unseal(key, sealed, _info(domain, listing, public), "it")
    except WireError as error:
        raise WireError(
            "the sealed part of the offer does not open with this buyer's key: it was made for another request, so ask "
            "the seller for an offer to yours"
        ) from error
    blinding = int.from_bytes(raw, "big")
    if len(raw) != 32 or blinding >= R:
        raise WireError("the offer's sealed part holds no scalar; ask the seller for another offer")
    return blinding


def _info(domain: bytes, listing: bytes, public: G1) -> bytes:
    return _BLINDING + words(domain, listing, public)
