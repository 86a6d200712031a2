"""secp256k1 signatures of provers, owners and coordinators over 32-byte digests (65 bytes r, s, v; low s)."""

from __future__ import annotations

from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from circuits.errors import SignatureError
from circuits.statement import Context, SubmissionHeader
from commons.protocol.messages import Message

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def sign_digest(private_key: bytes, digest: bytes) -> bytes:
    """Sign a digest deterministically (RFC 6979); v is 27 or 28 as in Ethereum."""
    raw = PrivateKey(private_key).sign_msg_hash(digest).to_bytes()
    return raw[:64] + bytes((raw[64] + 27,))


def recover(digest: bytes, signature: bytes) -> bytes:
    """The 20-byte address that signed a digest.

    Raises:
        SignatureError: wrong length, v not 27 or 28, a high s (EIP-2), or no key recovers.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise SignatureError("a signature has 65 bytes and ends in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise SignatureError("a signature's s lies in the upper half of the order (EIP-2)")
    try:
        plain = Signature(signature[:64] + bytes((signature[64] - 27,)))
        return plain.recover_public_key_from_msg_hash(digest).to_canonical_address()
    except (BadSignature, ValidationError, ValueError) as error:
        raise SignatureError(f"no key belongs to this signature: {error}") from error


def require_signer(digest: bytes, signature: bytes, address: bytes, what: str) -> None:
    """Raise SignatureError unless ``address`` signed ``digest``."""
    signer = recover(digest, signature)
    if signer != address:
        raise SignatureError(f"{what} is signed by 0x{signer.hex()}, not by 0x{address.hex()}")


def signs(address: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether ``address`` signed ``digest``; false for a malformed signature too."""
    try:
        return recover(digest, signature) == address
    except SignatureError:
        return False


def require_owner(header: SubmissionHeader, context: Context) -> None:
    """Raise SignatureError unless a header's owner signed both its submission and its dealing.

    The first signature is what the contract pays for, the second is what a dispute over shares rests on.
    """
    require_signer(header.submission_digest(context), header.signature, header.owner, "the submission")
    require_signer(header.digest(context), header.dealing_signature, header.owner, "the dealing")


def verify_message(message: Message, address: bytes) -> None:
    """Raise SignatureError unless the committee member at ``address`` signed the message."""
    what = f"the {message.step.name} message of prover {message.sender}"
    require_signer(message.digest, message.signature, address, what)
