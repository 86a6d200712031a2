"""The transcript of an accuracy proof and of a rounding proof, the same in Python and Solidity.

A chain of Keccak-256 states over 32-byte words with one tag a step, as of batches (`circuits.transcript`): nothing that
a challenge binds can be chosen after it. Vectors: ``tests/vectors/v1/accuracy``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from circuits.hashing import challenge, keccak, tag, words
from circuits.statement import GrothProof
from native import G1

_ACCURACY_WEIGHTS = ("gradroll/v1/accuracy/r", "gradroll/v1/accuracy/k1", "gradroll/v1/accuracy/k2")
_ROUNDING_WEIGHTS = ("gradroll/v1/rounding/k1", "gradroll/v1/rounding/k2")


class Weights(NamedTuple):
    """Random weights of the pairing product: of chunks, of the knowledge equation, of the opening."""

    chunk: int
    knowledge: int
    opening: int


def accuracy_context(listing: bytes, key_hash: bytes) -> bytes:
    """What is proven, and under which key. The listing's identifier binds chain, registry, seller and model."""
    return _state("gradroll/v1/accuracy/context", listing, key_hash)


def alpha_state(context: bytes, model: G1, data: Sequence[G1], blocks: Sequence[tuple[G1, G1]]) -> bytes:
    """State behind alpha: the model, the data and the chunks' blocks with their knowledge parts are fixed."""
    flat = b"".join(d + knowledge for d, knowledge in blocks)
    return _state("gradroll/v1/accuracy/alpha", context, model, keccak(b"".join(data)), keccak(flat))


def v_state(state: bytes, model_value: int, chunks: Iterable[tuple[int, int]]) -> bytes:
    """State behind v, which combines the openings; of each chunk y_X and K."""
    return _state("gradroll/v1/accuracy/v", state, model_value, *(value for pair in chunks for value in pair))


def accuracy_weights(state: bytes, opening: G1, proofs: Iterable[GrothProof]) -> Weights:
    """The weights; all that they weigh is in their state."""
    end = _state("gradroll/v1/accuracy/weights", state, opening, *(part for p in proofs for part in (p.a, p.b, p.c)))
    return Weights(*(challenge(_state(name, end)) for name in _ACCURACY_WEIGHTS))


def rounding_context(listing: bytes, key_hash: bytes, statement: bytes) -> bytes:
    """What is proven, and under which key; `statement` is the digest of the lineage that is stated."""
    return _state("gradroll/v1/rounding/context", listing, key_hash, statement)


def rounding_alpha_state(context: bytes, error: G1, block: G1, knowledge: G1) -> bytes:
    """State behind alpha of a rounding proof."""
    return _state("gradroll/v1/rounding/alpha", context, error, block, knowledge)


def rounding_weights(state: bytes, error_value: int, opening: G1, proof: GrothProof) -> Weights:
    """The weights of a rounding proof; its one chunk has weight 1."""
    end = _state("gradroll/v1/rounding/weights", state, error_value, opening, proof.a, proof.b, proof.c)
    return Weights(1, *(challenge(_state(name, end)) for name in _ROUNDING_WEIGHTS))


def _state(name: str, *values: int | bytes) -> bytes:
    return keccak(words(tag(name), *values))
