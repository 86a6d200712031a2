"""Points of BN254. Every point that comes in as bytes is checked: canonical, on the curve, in its group."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from native import _kernel
from native._kernel import G1Bases, G2Bases
from native._types import G1, G2, FrArray, R, scalar_bytes, scalars_bytes

g1_generator = G1(_kernel.g1_generator())
g2_generator = G2(_kernel.g2_generator())


def g1_check(p: bytes) -> None:
    """Refuse bytes that are not a point of G1. Raises PointError (ValueError when the length is wrong)."""
    _kernel.g1_check(p)


def g2_check(p: bytes) -> None:
    """Refuse bytes that are not a point of G2 of order R. Raises PointError (ValueError: wrong length)."""
    _kernel.g2_check(p)


def g1_linear_combination(points: Sequence[G1], scalars: Sequence[int]) -> G1:
    """The sum of scalars[i] * points[i]; infinity when there are none. Raises PointError, ValueError."""
    return G1(_kernel.g1_linear_combination(list(points), scalars_bytes(scalars)))


def g2_linear_combination(points: Sequence[G2], scalars: Sequence[int]) -> G2:
    """The sum of scalars[i] * points[i]; infinity when there are none. Raises PointError, ValueError."""
    return G2(_kernel.g2_linear_combination(list(points), scalars_bytes(scalars)))


def g1_add(p: G1, q: G1) -> G1:
    """p + q. Raises PointError."""
    return g1_linear_combination((p, q), (1, 1))


def g2_add(p: G2, q: G2) -> G2:
    """p + q. Raises PointError."""
    return g2_linear_combination((p, q), (1, 1))


def g1_neg(p: G1) -> G1:
    """-p. Raises PointError."""
    return g1_linear_combination((p,), (R - 1,))


def g2_neg(p: G2) -> G2:
    """-p. Raises PointError."""
    return g2_linear_combination((p,), (R - 1,))


def g1_mul(p: G1, s: int) -> G1:
    """s * p. Raises PointError."""
    return g1_linear_combination((p,), (s,))


def g2_mul(p: G2, s: int) -> G2:
    """s * p. Raises PointError."""
    return g2_linear_combination((p,), (s,))


def pairing_product_is_one(pairs: Sequence[tuple[G1, G2]]) -> bool:
    """Whether the product of e(p, q) is one; true for no pairs. Raises PointError."""
    return _kernel.pairing_product_is_one(list(pairs))


def g1_fixed_base(scalars: FrArray, base: G1 = g1_generator) -> G1Bases:
    """scalars[i] * base for every i."""
    return _kernel.g1_fixed_base(scalars, base)


def g2_fixed_base(scalars: FrArray, base: G2 = g2_generator) -> G2Bases:
    """scalars[i] * base for every i."""
    return _kernel.g2_fixed_base(scalars, base)


def powers_of_tau_unsafe(tau: int, n: int) -> G1Bases:
    """[tau**i] for i < n, from a tau that the caller knows: whoever knows tau can forge proofs over it."""
    return _kernel.g1_powers_of_tau_unsafe(scalar_bytes(tau), n)


def lagrange(powers: G1Bases, n: int) -> G1Bases:
    """[L_j(tau)] for the Lagrange basis of the domain of size n, from [tau**i], i < n.

    An inverse Fourier transform over the group: n log2(n) / 2 scalar multiples. Where tau is known,
    g1_fixed_base(lagrange_scalars(tau, n)) gives the same points sooner.
    """
    return _kernel.g1_lagrange(powers, n)


def independent_points(tag: bytes, count: int, start: int = 0) -> G1Bases:
    """Points start .. start + count of a tag (32 bytes), among which and the generator nobody knows a relation.

    The x-coordinate of point j is the first of keccak256(tag || j || attempt) mod q, attempt = 0, 1, .., that a point
    of the curve has; y is the smaller root. Numbers are 32 bytes, big-endian.
    """
    return _kernel.independent_points(tag, start, count)


def check_independent(bases: G1Bases, tag: bytes, start: int = 0) -> None:
    """Refuse points that are not hashes of the tag and of start, start + 1, ..; costs a tenth of making them.

    A later candidate than the first that is on the curve passes: it is as independent. Raises PointError naming the
    first point that was found to be none.
    """
    _kernel.check_independent(bases, tag, start)


def elgamal_encrypt(bases: G1Bases, values: npt.NDArray[np.int64], k: int, bits: int) -> G1Bases:
    """values[i] G + k bases[i] for integers of so many bits (1 to 16) in two's complement: ElGamal in the exponent,
    one key for all. Raises ValueError naming a value that has more bits."""
    return _kernel.elgamal_encrypt(bases, values, scalar_bytes(k), bits)


def elgamal_decrypt(ciphertexts: G1Bases, bases: G1Bases, k: int, bits: int) -> npt.NDArray[np.int64]:
    """The integers of so many bits that ciphertexts hide under k, found in a table of 2**bits points. Raises
    DecryptionError naming a ciphertext that hides none."""
    return _kernel.elgamal_decrypt(ciphertexts, bases, scalar_bytes(k), bits)
