"""What the challenge zeta fixes in a sealed row's proof, for the seller and for the buyer (`sealedrows`)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.errors import InvalidInputError
from circuits.hashing import challenge
from circuits.srs import Srs
from circuits.srscheck import point
from circuits.statement import TAIL
from native import G1, FrArray, G1Bases, R

combine = native.g1_linear_combination


@dataclass(frozen=True)
class Challenged:
    """What the challenge zeta fixes, for both sides.

    Attributes:
        coefficients: c, (d + 129, 4): W(zeta) = <c, (w; t)>.
        base: Hh = <c, H>.
        blinding: S = [tau]_1 - zeta G.
    """

    zeta: int
    coefficients: FrArray = field(repr=False)
    base: G1
    blinding: G1

    @classmethod
    def by(cls, state: bytes, key: CommitmentKey, srs: Srs, bases: G1Bases) -> Challenged:
        """From the state that zeta is drawn from."""
        zeta = challenge(state)
        lagrange = native.lagrange_scalars(zeta, key.domain)[: key.dimension]
        vanishing = (pow(zeta, key.domain, R) - 1) % R
        coefficients = np.concatenate((lagrange, native.scale(native.powers(zeta, TAIL), vanishing)))
        blinding = combine([point(srs.powers, 1), native.g1_generator], [1, -zeta % R])
        return cls(zeta, coefficients, bases.msm(coefficients), blinding)


def first_messages(at: Challenged, for_key: int, for_value: int, for_blind: int) -> tuple[G1, G1, G1]:
    """The three statements' left sides with these in the place of k, y and rho: kG, yG + k Hh, k Hh + rho S."""
    return (
        native.g1_mul(native.g1_generator, for_key),
        combine([native.g1_generator, at.base], [for_value, for_key]),
        combine([at.base, at.blinding], [for_key, for_blind]),
    )


def row_bases(bases: G1Bases, dimension: int) -> G1Bases:
    """The bases of a row of d weights. Raises InvalidInputError when there are too few."""
    if len(bases) < dimension + TAIL:
        raise InvalidInputError(f"{len(bases)} bases do not suffice for a row of {dimension} weights and its tail")
    return bases.slice(0, dimension + TAIL)
