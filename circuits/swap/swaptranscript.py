"""The transcript of a sealed row: Keccak-256 states over 32-byte words with one tag a step, as of accuracy proofs."""

from __future__ import annotations

from circuits.hashing import keccak, tag, words
from native import G1

BASE_TAG = tag("gradroll/v1/swap/base")
"""What the bases H_j are hashed under."""


def swap_context(sales: bytes, listing: bytes, buyer: bytes) -> bytes:
    """What a row is sealed for.

    Args:
        sales: the 32-byte deployment of the sales contract.
        listing: the listing's 32-byte identifier, which binds the seller, the verifier and so shape and string.
        buyer: 20-byte address.
    """
    return _state("gradroll/v1/swap/context", sales, listing, buyer)


def sealed_state(context: bytes, model: G1, key_point: G1, ciphertexts: bytes) -> bytes:
    """State behind zeta: the model, the key and all ciphertexts (their hash) are fixed."""
    return _state("gradroll/v1/swap/sealed", context, model, key_point, ciphertexts)


def knowledge_state(sealed: bytes, opening: G1, blind: G1, combined: G1, firsts: tuple[G1, G1, G1]) -> bytes:
    """State behind the challenge of the proof that k, y and rho are known: pi, Q, E and the first messages."""
    return _state("gradroll/v1/swap/knowledge", sealed, opening, blind, combined, *firsts)


def offer_digest(key_point: G1, ciphertexts: bytes, opening: G1, blind: G1, scalars: tuple[int, ...]) -> bytes:
    """What the seller signs and receipts name: everything in the sealed row."""
    return _state("gradroll/v1/swap/offer", key_point, ciphertexts, opening, blind, *scalars)


def _state(name: str, *values: int | bytes) -> bytes:
    return keccak(words(tag(name), *values))
