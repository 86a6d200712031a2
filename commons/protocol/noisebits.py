"""The noise of graded numbers, from shared squares, and the check that all bits of a batch are bits.

A bit that nobody knows (Damgard et al. 2006): the square of a shared uniform r is opened; of its two roots +-r the one
in the lower half is taken, and b = (r / root + 1) / 2 is 0 or 1 with even chance, linear in r.  Provers hold shares of
r, so they hold shares of b.

Whoever shifts an opened square gets something else than a bit, and with it noise of its choice.  So before a number is
opened, all bits are checked: with the vector R of all of them, a mask M and weights psi^k,

    <psi R, R> = <psi, R>        and  P = <psi (M + lambda R), M + lambda R>  shows that the left side is what it says

where M + lambda R is opened at degree t, at which t liars cannot change what is opened.

All functions are linear in shares where they say so; what they are given may be values or shares of degree t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

import native
from circuits.errors import InconsistentError, ProofError
from circuits.grading import NOISE_BITS
from circuits.hashing import challenge, keccak, tag, words
from circuits.statement import SLACK_BITS
from commons.protocol.bodies import scalars_to_bytes
from commons.protocol.gradedbodies import GradedCombineBody
from commons.sharing.reconstruct import open_vector
from native import FrArray, R

_HALF = pow(2, -1, R)


def squares_digest(squares: FrArray) -> bytes:
    """Digest of all opened squares of a cohort, FrArray (owners, 40, 4): what provers must have seen alike."""
    return keccak(words(tag("gradroll/v1/squares")) + scalars_to_bytes(squares))


def square_roots(squares: FrArray) -> FrArray:
    """Of each of FrArray (n, 4) the square root that is at most (r - 1) / 2.

    Raises:
        InconsistentError: one is zero or no square, so it is no square of a shared value.
    """
    try:
        return native.square_roots(squares)
    except ValueError as error:
        raise InconsistentError("an opened square is zero or none; a prover lied about its share") from error


def noise_bits(randoms: FrArray, squares: FrArray) -> FrArray:
    """(r / root + 1) / 2 for shares of r, FrArray (owners, 40, 4), and their opened squares of the same shape.

    Linear in the shares.  Raises InconsistentError as ``square_roots``.
    """
    inverses = native.batch_inverse(square_roots(squares.reshape(-1, 4)))
    halves = native.scale(native.mul(randoms.reshape(-1, 4), inverses), _HALF)
    constant = np.broadcast_to(native.from_ints([_HALF]), halves.shape)
    return native.add(halves, np.ascontiguousarray(constant)).reshape(squares.shape)


def noise(bits: FrArray) -> FrArray:
    """n_i = sum_e 2^e b_ie, FrArray (owners, 4), from FrArray (owners, 40, 4); linear in the bits."""
    weights = native.powers(2, NOISE_BITS)
    return native.from_ints([native.inner(np.ascontiguousarray(own), weights) for own in bits])


def check_challenge(seed: bytes, session: bytes, digest: bytes) -> int:
    """psi: fixed by the sign seed, the session and the squares (``squares_digest``), like all bits."""
    return challenge(keccak(words(tag("gradroll/v1/bit-check"), seed, session, digest)))


def combination_challenge(state: bytes, broadcasts: bytes) -> int:
    """lambda: fixed by what CONFIRM states, which binds the three products."""
    return challenge(keccak(words(tag("gradroll/v1/bit-combination"), state, broadcasts)))


def all_bits(slack: Sequence[FrArray], own: FrArray) -> FrArray:
    """R, FrArray (L, 4): the 62 bits of each row, then the bits of noise of each owner (``gradedbodies``)."""
    return np.concatenate((*slack, own.reshape(-1, 4)))


@dataclass(frozen=True, slots=True)
class CheckShares:
    """A prover's shares of the check.

    Attributes:
        mask: M, FrArray (L, 4).
        bits: R, FrArray (L, 4).
        psi: see ``check_challenge``.
    """

    mask: FrArray = field(repr=False)
    bits: FrArray = field(repr=False)
    psi: int

    @property
    def products(self) -> FrArray:
        """<psi M, M>, <psi M, R>, <psi R, R>, FrArray (3, 4); of shares of degree t these have degree 2t."""
        weights = native.powers(self.psi, len(self.bits))
        mask, bits = native.mul(weights, self.mask), native.mul(weights, self.bits)
        inner = (native.inner(mask, self.mask), native.inner(mask, self.bits), native.inner(bits, self.bits))
        return native.from_ints(inner)

    def product(self, products: Sequence[int], combination: int) -> int:
        """P, from the opened products less their masks.  Linear in these."""
        p0, p1, p2 = products
        return (p0 + 2 * combination * p1 + combination * combination * p2) % R

    def not_bits(self, products: Sequence[int]) -> int:
        """B = <psi R, R> - <psi, R>.  Linear in products and bits."""
        return (products[-1] - native.inner(self.bits, native.powers(self.psi, len(self.bits)))) % R

    def combined(self, combination: int) -> FrArray:
        """M + lambda R.  Linear."""
        return native.linear_combination([self.mask, self.bits], [1, combination])


def slack_check(norms: FrArray, slack: Sequence[FrArray], bound: int, combination: int) -> int:
    """Z = sum_(i>=1) lambda^i (BOUND - K_ii - sum_e 2^e bit_ie).  Linear in norms and bits.

    Args:
        norms: K_ii of rows 1 and up, FrArray (rows, 4).
        slack: each row's 62 bits.
    """
    powers_of_two, total, weight = native.powers(2, SLACK_BITS), 0, 1
    for norm, bits in zip(native.to_ints(norms), slack, strict=True):
        weight = weight * combination % R
        total += weight * (bound - norm - native.inner(bits, powers_of_two))
    return total % R


class OpenedCheck(NamedTuple):
    """What COMBINE opens of a graded attempt beside the row: see ``GradedCombineBody``, of which these are values."""

    square_norm: int
    product: int
    not_bits: int
    slack: int
    combined: FrArray


def opened_check(bodies: Mapping[int, GradedCombineBody], threshold: int) -> OpenedCheck:
    """Open what all provers of a graded attempt sent in COMBINE, at degree t.

    Raises:
        BlamedProversError, InconsistentError: the shares do not fit.
    """
    shares = {
        p: np.concatenate((native.from_ints((b.square_norm, b.product, b.not_bits, b.slack)), b.combined))
        for p, b in bodies.items()
    }
    opened = open_vector(shares, threshold, threshold, "squared norm and check of the bits")
    square_norm, product, not_bits, slack = native.to_ints(np.ascontiguousarray(opened[:4]))
    return OpenedCheck(square_norm, product, not_bits, slack, np.ascontiguousarray(opened[4:]))


def require_bits(psi: int, product: int, not_bits: int, slack: int, combined: FrArray) -> None:
    """Raise ProofError unless the opened values of COMBINE show that all bits are bits and make up their rows' slack.

    Args:
        product, not_bits, slack: P, B, Z opened.
        combined: M + lambda R opened, FrArray (L, 4).
    """
    weighted = native.mul(native.powers(psi, len(combined)), combined)
    if native.inner(weighted, combined) != product:
        raise ProofError("a product of the check of the bits is not the one that was masked")
    if not_bits:
        raise ProofError("a bit of the batch is none")
    if slack:
        raise ProofError("the bits of a row do not make up what its norm leaves of the bound")
