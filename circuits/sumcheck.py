"""The sum-check of protocol section 8: the vector in a commitment has squared norm T over the domain H.

For a(X) with [a(tau)]_1 = C_rho: S(1) = 0 and S(wX) - S(X) = a(X)^2 - T/n on H, which adds up to sum a(w^i)^2
= T. Q is the quotient of the difference by Z_H = X^n - 1. Commitments to S and Q, and openings of a, S, Q at
zeta and of S at w zeta, prove it. S(1) = 0 need not be shown: a constant added to S cancels in the
difference.
Degrees: a has n + k, S n - 1, Q n + 2k (k = 128); the SRS has that many powers and no higher polynomial
occurs.
"""

from __future__ import annotations

import numpy as np

import native
from circuits.errors import ProofError
from circuits.hashing import challenge
from circuits.srs import Srs, powers_needed
from circuits.statement import TAIL, SumcheckProof, domain_size
from circuits.transcript import FinalInputs, SumcheckChallenges, sumcheck_challenges, v_state, zeta_state
from native import G1, G2, FrArray

_LEAST_COSET = 512
"""Holds the square of a tail, and with a domain of up to 256 points its product with a row."""


def prove(srs: Srs, values: FrArray, tail: FrArray, square_norm: int, state: bytes) -> SumcheckProof:
    """Proves <values, values> = square_norm for the public row that `srs` commits to.

    Args:
        values: (d, 4), the combined row a on its d coordinates (zero beyond).
        tail: (129, 4), its tail.
        state: transcript state behind rho, the batch identifier.

    Raises:
        ProofError: the squared norm is another.
        KeyMismatchError: the SRS is too short.
    """
    domain = domain_size(len(values))
    srs.require(domain)
    if native.inner(values, values) != square_norm:
        raise ProofError("the combined row does not have the stated squared norm; open it again")
    on_domain = _padded(values, domain)
    row = native.ntt(on_domain, inverse=True)
    a = _row_polynomial(row, tail)
    mean = square_norm * pow(domain, -1, native.R) % native.R
    steps = native.sub(native.mul(on_domain, on_domain), _constant(mean, domain))
    running = native.ntt(native.prefix_sum(steps), inverse=True)
    quotient = _quotient(row, tail, running, mean)
    s, q = srs.commit(running), srs.commit(quotient)
    after_commitments = zeta_state(state, square_norm, s, q)
    zeta = challenge(after_commitments)
    shifted = zeta * native.root_of_unity(domain) % native.R
    a_zeta, s_zeta = native.evaluate(a, zeta), native.evaluate(running, zeta)
    s_shifted = native.evaluate(running, shifted)
    v = challenge(v_state(after_commitments, a_zeta, s_zeta, s_shifted))
    length = len(quotient)
    combined = native.linear_combination(
        [_padded(a, length), _padded(running, length), quotient], [1, v, v * v % native.R]
    )
    w1 = srs.commit(native.divide_by_linear(combined, zeta))
    w2 = srs.commit(native.divide_by_linear(running, shifted))
    return SumcheckProof(s, q, a_zeta, s_zeta, s_shifted, w1, w2)


def opening_points(
    commitment: G1, square_norm: int, domain: int, proof: SumcheckProof, challenges: SumcheckChallenges
) -> tuple[G1, G1]:
    """(left, right) of the KZG equation e(left, [tau]_2) = e(right, G2).

    Args:
        commitment: C_rho, the combination of the rows' commitments.

    Raises:
        ProofError: zeta lies in the domain (then nothing would be checked).
    """
    zeta, v, u = challenges.zeta, challenges.v, challenges.u
    vanishing = (pow(zeta, domain, native.R) - 1) % native.R
    if vanishing == 0:
        raise ProofError("the opening point lies in the domain; prove again")
    difference = proof.s_omega_zeta - proof.s_zeta - proof.a_zeta * proof.a_zeta
    q_zeta = (difference + square_norm * pow(domain, -1, native.R)) * pow(vanishing, -1, native.R) % native.R
    value = proof.a_zeta + v * proof.s_zeta + v * v * q_zeta + u * proof.s_omega_zeta
    shifted = zeta * native.root_of_unity(domain)
    left = _combine([proof.w1, proof.w2], [1, u])
    right = _combine(
        [proof.w1, proof.w2, commitment, proof.s, proof.q, native.g1_generator],
        [zeta, u * shifted, 1, v + u, v * v, -value],
    )
    return left, right


def clearing_factor(zeta: int, domain: int) -> int:
    """n (zeta^n - 1), the denominator of Q(zeta).  The contract puts it into the weight, to invert nothing."""
    return domain * (pow(zeta, domain, native.R) - 1) % native.R


def verify(
    tau: G2,
    commitment: G1,
    proof: SumcheckProof,
    final: FinalInputs,
    *,
    square_norm: int,
    dimension: int,
    state: bytes,
) -> bool:
    """Whether the row in `commitment` has squared norm `square_norm`; the contract's equation, unweighted.

    Args:
        tau: [tau]_2 of the SRS.
        final: what the transcript binds before the last challenge beside the openings.
        state: transcript state behind rho, the batch identifier.

    Raises:
        ProofError: zeta lies in the domain.
    """
    challenges = sumcheck_challenges(state, square_norm, proof, final)
    left, right = opening_points(commitment, square_norm, domain_size(dimension), proof, challenges)
    return native.pairing_product_is_one([(left, tau), (native.g1_neg(right), native.g2_generator)])


def _row_polynomial(row: FrArray, tail: FrArray) -> FrArray:
    """Coefficients of A + (X^n - 1) * tail, shape (n + 129, 4), from those of A, (n, 4)."""
    domain = len(row)
    length = domain + TAIL
    high = native.zeros(length)
    high[domain:] = tail
    return native.sub(native.add(_padded(row, length), high), _padded(tail, length))


def _quotient(row: FrArray, tail: FrArray, running: FrArray, mean: int) -> FrArray:
    """Coefficients of Q = (S(wX) - S(X) - a(X)^2 + mean) / Z, Z = X^n - 1, shape (n + 257, 4).

    With a = A + Z t for the interpolation A of the row, Q = (S(wX) - S(X) - A^2 + mean) / Z - 2 A t - Z t^2. The first
    part has a degree below n, so a coset of n points holds it; A t wraps around there, and its 128 upper
    coefficients depend on as many coefficients of A only.

    Args:
        row: coefficients of A, (n, 4).
        tail: coefficients of t, (129, 4).
        running: coefficients of S, (n, 4).
    """
    domain, length = len(running), powers_needed(len(running))
    size = max(domain, _LEAST_COSET)
    turned = native.mul(running, native.powers(native.root_of_unity(domain), domain))
    step, a, t = (native.ntt(_padded(part, size), coset=True) for part in (native.sub(turned, running), row, tail))
    numerator = native.add(native.sub(step, native.mul(a, a)), _constant(mean, size))
    divided = native.mul(numerator, _inverse_vanishing(domain, size))
    wrapped = native.ntt(native.sub(divided, native.scale(native.mul(a, t), 2)), inverse=True, coset=True)
    top = _padded(row, size)[size - TAIL + 1 :]
    upper = native.scale(_product(top, tail)[TAIL - 1 : 2 * TAIL - 2], -2 % native.R)
    square = _product(tail, tail)[: 2 * TAIL - 1]
    quotient = _padded(wrapped, max(size + TAIL, length))
    _add(quotient, 0, native.scale(upper, -pow(native.COSET_SHIFT, size, native.R) % native.R))
    _add(quotient, size, upper)
    _add(quotient, 0, square)
    _add(quotient, domain, native.neg(square))
    return np.ascontiguousarray(quotient[:length])


def _product(left: FrArray, right: FrArray) -> FrArray:
    """Coefficients of the product of two polynomials as short as a tail."""
    a, b = (native.ntt(_padded(part, _LEAST_COSET)) for part in (left, right))
    return native.ntt(native.mul(a, b), inverse=True)


def _add(target: FrArray, start: int, part: FrArray) -> None:
    stop = start + len(part)
    target[start:stop] = native.add(np.ascontiguousarray(target[start:stop]), np.ascontiguousarray(part))


def _inverse_vanishing(domain: int, size: int) -> FrArray:
    """1 / (x^n - 1) on the coset; x^n takes only size / n values, in turn."""
    period = size // domain
    turn, shift = native.root_of_unity(period) if period > 1 else 1, pow(native.COSET_SHIFT, domain, native.R)
    values = [pow(shift * pow(turn, i, native.R) - 1, -1, native.R) for i in range(period)]
    return np.tile(native.from_ints(values), (domain, 1))


def _padded(values: FrArray, length: int) -> FrArray:
    out = native.zeros(length)
    out[: len(values)] = values
    return out


def _constant(value: int, length: int) -> FrArray:
    return np.ascontiguousarray(np.broadcast_to(native.from_ints([value]), (length, 4)))


def _combine(points: list[G1], scalars: list[int]) -> G1:
    return native.g1_linear_combination(points, [scalar % native.R for scalar in scalars])
