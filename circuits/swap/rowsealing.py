"""The seller's side: a committed row under a fresh key, with a proof that the key opens it.

The proof says nothing of the row, however many are made: pi is uniform, Q follows from it by the equation that is
checked, the proof of knowledge is simulated, and the ciphertexts are pseudorandom while k is not known (DDH). It is no
opening of C_M that anybody has to count. Neither this nor the kernel below runs in constant time.
"""

from __future__ import annotations

import numpy as np

import native
from circuits.accuracy.modelrows import Draw, ModelRow
from circuits.commitment import CommitmentKey
from circuits.hashing import challenge
from circuits.srs import Srs
from circuits.statement import TAIL
from circuits.swap.sealedrows import SealedRow, ciphertext_hash
from circuits.swap.swapchallenge import Challenged, combine, first_messages, row_bases
from circuits.swap.swapkeys import key_point
from circuits.swap.swaptranscript import knowledge_state, sealed_state
from native import G1, G1Bases, R

WEIGHT_BITS = 12
"""Weights that can be sealed are integers of so many bits in two's complement: those of accuracy proofs."""


def seal_row(
    key: CommitmentKey, srs: Srs, bases: G1Bases, context: bytes, row: ModelRow, k: int, draw: Draw
) -> SealedRow:
    """Seal a row for a context.

    Args:
        bases: at least d + 129 of `swap_bases`.
        context: `swap_context`.
        k: uniform in [1, r) and used for this row alone: a second row under it would show both, and its key be sold
            for one price.
        draw: fresh uniform scalars, four of them.

    Raises:
        InvalidInputError: the row, the key or the bases do not have the dimension, a weight has more than 12 bits, or
            k is outside [1, r).
        KeyMismatchError: the reference string is too short.
    """
    row.require_range(1 << (WEIGHT_BITS - 1))
    own = key_point(k)
    bases = row_bases(bases, key.dimension)
    srs.require(key.domain)
    model = row.commit(key)
    ciphertexts = _encrypted(row, bases, k)
    state = sealed_state(context, model, own, ciphertext_hash(ciphertexts))
    at = Challenged.by(state, key, srs, bases)
    rho = draw()
    opening = srs.commit(native.divide_by_linear(row.polynomial(), at.zeta))
    opening = combine([opening, native.g1_generator], [1, rho])
    blind = combine([at.base, at.blinding], [k, rho])
    value = native.inner(at.coefficients, np.concatenate((native.from_int64(row.weights), row.tail)))
    combined = combine([native.g1_generator, at.base], [value, k])
    nonces = draw(), draw(), draw()
    firsts = first_messages(at, *nonces)
    c = challenge(knowledge_state(state, opening, blind, combined, firsts))
    answers = ((nonce + c * secret) % R for nonce, secret in zip(nonces, (k, value, rho), strict=True))
    return SealedRow(own, ciphertexts, opening, blind, c, *answers)


def _encrypted(row: ModelRow, bases: G1Bases, k: int) -> G1Bases:
    dimension = len(row.weights)
    weights = native.elgamal_encrypt(bases.slice(0, dimension), row.weights, k, WEIGHT_BITS)
    rest = bases.slice(dimension, dimension + TAIL).to_bytes()
    points = [G1(rest[at : at + 64]) for at in range(0, len(rest), 64)]
    tail = (
        combine([native.g1_generator, base], [entry, k])
        for entry, base in zip(native.to_ints(row.tail), points, strict=True)
    )
    return G1Bases.concat([weights, G1Bases.from_bytes(b"".join(tail), check=False)])
