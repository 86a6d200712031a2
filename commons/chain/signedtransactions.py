"""A signed transaction (EIP-1559) in its one encoding, and whether it is the one that was to be signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from circuits.errors import SignatureError
from commons.protocol.signing import recover
from commons.storage.accounts import Signer

_TYPE = 2
_MOST = 1 << 20
"""Bytes: a node takes an eighth of it."""
_NUMBERS = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "value")
_BYTES = ("to", "data")
FIELDS = (*_NUMBERS, *_BYTES)
"""What there is to sign; the access list of ours is empty."""


class NotSignedError(ValueError):
    """Bytes are no transaction of ours, or another one; the text says what of it, in words that are not theirs."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction and who signed it.

    Attributes:
        fields: as ``wanted`` gives them.
        raw: the whole, as nodes take it.
        signer: 20-byte address.
    """

    fields: Mapping[str, Any]
    raw: bytes
    signer: bytes


def wanted(call: Mapping[str, Any]) -> dict[str, int | bytes]:
    """The fields of a transaction that is to be signed: numbers, receiver and data as bytes, none to create a contract.

    Args:
        call: as web3 has it; its ``from`` is not signed.
    """
    numbers = {name: int(call[name]) for name in _NUMBERS}
    return {**numbers, **{name: bytes(HexBytes(call.get(name, b""))) for name in _BYTES}}


def decode_signed(raw: bytes) -> SignedTransaction:
    """A signed transaction of this kind, with an empty access list, in its one encoding and with a low s (EIP-2).

    Raises NotSignedError.
    """
    if not 0 < len(raw) <= _MOST or raw[0] != _TYPE:
        raise NotSignedError("is no transaction with fees as of EIP-1559")
    if not _is_flat(raw):  # what is nested deeply would be read deeply
        raise NotSignedError("has lists in it, such as an access list, that were not asked for")
    try:
        found = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        fields = {**{name: int(found[name]) for name in _NUMBERS}, **{name: bytes(found[name]) for name in _BYTES}}
        parity, r, s = (int(found[name]) for name in ("v", "r", "s"))
    except Exception as error:  # of the libraries, which have no base for theirs
        raise NotSignedError("cannot be read as a transaction") from error
    try:
        plain = TypedTransaction.from_dict({**fields, "type": _TYPE})
        again = TypedTransaction.from_dict({**fields, "type": _TYPE, "v": parity, "r": r, "s": s}).encode()
        signer = recover(bytes(plain.hash()), r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + parity,)))
    except SignatureError as error:
        raise NotSignedError(f"has no sound signature: {error}") from error
    except Exception as error:  # as above: numbers that no transaction has
        raise NotSignedError("has values that no transaction has") from error
    if again != raw:
        raise NotSignedError("is written in another way than its one encoding")
    return SignedTransaction(fields, raw, signer)


def _is_flat(raw: bytes) -> bool:
    """Whether a transaction is a list with none but empty lists in it (RLP); of other bytes any answer will do."""
    at = 2 + max(0, raw[1] - 0xF7) if len(raw) > 1 else 1
    while at < len(raw):
        first, at = raw[at], at + 1
        if first > 0xC0:
            return False
        if 0xB7 < first < 0xC0:
            long = first - 0xB7
            at += long + int.from_bytes(raw[at : at + long], "big")
        elif 0x80 < first <= 0xB7:
            at += first - 0x80
    return True


def require_signed(raw: bytes, call: Mapping[str, Any], address: bytes) -> None:
    """Raise NotSignedError unless these are the bytes of a transaction that was to be signed, by an account."""
    signed, asked = decode_signed(raw), wanted(call)
    for name in FIELDS:
        if signed.fields[name] != asked[name]:
            raise NotSignedError(f"has another {name} than what was to be signed")
    if signed.signer != address:
        raise NotSignedError(f"is signed by 0x{signed.signer.hex()}, not by 0x{address.hex()}")


def signed_once(key: Signer, call: Mapping[str, Any], before: bytes) -> bytes:
    """The bytes of a transaction: those that were signed before, if they are of it.

    Some signers sign the same in another way each time: its hash would be another one, to be remembered and looked for.
    """
    try:
        require_signed(before, call, key.address)
    except NotSignedError:
        return key.sign_transaction(call)
    return before
