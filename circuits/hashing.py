"""Keccak-256, words, tags and EIP-712 digests: the hashes that Python and Solidity share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from eth_hash.auto import keccak

from native import R

__all__ = ["challenge", "contract_domain", "domain_separator", "keccak", "tag", "typed_digest", "typed_message",
           "words"]  # fmt: skip

_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract"
_DOMAIN_TYPE, _SALTED_TYPE = keccak(_DOMAIN + b")"), keccak(_DOMAIN + b",bytes32 salt)")


def words(*values: int | bytes) -> bytes:
    """Concatenate values as 32-byte big-endian words, the packing that ``abi.encode`` gives static types.

    Integers must lie in ``[0, 2**256)``; byte strings of 20 bytes (addresses) or fewer are left-padded, 32-byte ones
    are taken as they are, and multiples of 32 (points) are appended whole.

    Raises:
        ValueError: for a byte string that is neither at most 20 bytes nor a multiple of 32.
    """
    out = bytearray()
    for value in values:
        if isinstance(value, int):
            out += value.to_bytes(32, "big")
        elif len(value) <= 20:
            out += value.rjust(32, b"\0")
        elif len(value) % 32 == 0:
            out += value
        else:
            raise ValueError(f"{len(value)} bytes are no whole number of words")
    return bytes(out)


def tag(name: str) -> bytes:
    """The 32-byte domain tag of a name: ``keccak256(ascii(name))``."""
    return keccak(name.encode("ascii"))


def challenge(state: bytes) -> int:
    """A transcript state read as a field element (big-endian, reduced modulo r)."""
    return int.from_bytes(state, "big") % R


def domain_separator(chain_id: int, market: bytes, deployment: bytes) -> bytes:
    """EIP-712 domain separator of one deployment of the market contract, which is the domain's salt."""
    return contract_domain(b"gradroll", b"1", chain_id, market, deployment)


@lru_cache(maxsize=256)
def contract_domain(name: bytes, version: bytes, chain_id: int, contract: bytes, salt: bytes = b"") -> bytes:
    """EIP-712 domain separator of a contract.

    Args:
        contract: its 20-byte address.
        salt: 32 bytes; none, for a domain without.
    """
    kind = _SALTED_TYPE if salt else _DOMAIN_TYPE
    return keccak(words(kind, keccak(name), keccak(version), chain_id, contract) + salt)


def typed_digest(domain: bytes, type_string: str, values: Iterable[int | bytes]) -> bytes:
    """EIP-712 digest, under a domain, of a flat struct of static members (``uint``, ``address``, ``bytes32``)."""
    return keccak(typed_message(domain, type_string, values))


def typed_message(domain: bytes, type_string: str, values: Iterable[int | bytes]) -> bytes:
    """What that is the Keccak-256 hash of: 66 bytes, for signers that hash what they sign."""
    struct = keccak(_type_hash(type_string) + words(*values))
    return b"\x19\x01" + domain + struct


@lru_cache(maxsize=256)
def _type_hash(type_string: str) -> bytes:
    return keccak(type_string.encode("ascii"))
