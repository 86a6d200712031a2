"""The one pairing product of accuracy and rounding proofs: Q + 5 pairs for Q Groth16 proofs and one opening.

    prod e(r^q A_q, B_q) e(-sum r^q alpha1, beta2) e(-sum r^q C_q, delta) e(-k1 sum r^q D_q, sigma) e(k2 W, tau)
    e(-sum r^q (IC_q + D_q) + k1 sum r^q KP_q - k2 (sum v^i C_i - (sum v^i y_i) G + alpha W), G2) = 1

It weighs, under r, k1, k2 that the transcript draws after all of it: the Groth16 equation of every chunk, the knowledge
equation of their blocks, and the opening of the commitments C_i to the values y_i at alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import native
from circuits import groth16
from circuits.accuracy.accuracytranscript import Weights
from circuits.errors import KeyMismatchError, ProofError
from circuits.groth16 import VerifyingKey
from circuits.statement import GrothProof
from native import G1, G2, R


@dataclass(frozen=True, slots=True)
class Part:
    """One Groth16 proof: its block, and its public inputs without the leading 1."""

    block: G1
    knowledge: G1
    public: tuple[int, ...]
    groth: GrothProof


@dataclass(frozen=True, slots=True)
class Opening:
    """Commitments that are said to have these values at a point.

    Attributes:
        combiner: v; commitment i has weight v^i.
        witness: W.
    """

    commitments: tuple[G1, ...] = field(repr=False)
    values: tuple[int, ...]
    point: int
    combiner: int
    witness: G1

    def right_side(self) -> G1:
        """What e(., G2) equals e(W, tau) for: sum v^i C_i - (sum v^i y_i) G + alpha W."""
        weights = _powers(self.combiner, len(self.commitments))
        value = _dot(weights, self.values)
        points = [*self.commitments, native.g1_generator, self.witness]
        return native.g1_linear_combination(points, [*weights, -value % R, self.point])


def require_product(key: VerifyingKey, parts: Sequence[Part], opening: Opening, weights: Weights) -> None:
    """Check all equations at once.

    Raises:
        InvalidInputError: a public input is outside [0, r), or their number is not the key's.
        KeyMismatchError: the key's gamma is not the generator, which the product takes it for.
        native.PointError: an element is not on its curve or not in the subgroup.
        ProofError: an equation does not hold; the message names it.
    """
    if key.gamma != native.g2_generator:
        raise KeyMismatchError("the key's gamma is not the generator of G2; generate the keys with this release")
    for part in parts:
        native.g2_check(part.groth.b)
    if not native.pairing_product_is_one(_pairs(key, parts, opening, weights)):
        raise ProofError(_diagnose(key, parts, opening))


def _pairs(key: VerifyingKey, parts: Sequence[Part], opening: Opening, weights: Weights) -> list[tuple[G1, G2]]:
    by = _powers(weights.chunk, len(parts))
    combine = native.g1_linear_combination
    inputs = combine([groth16.input_point(key, part.public, part.block) for part in parts], by)
    blocks = combine([part.block for part in parts], by)
    knowledge = combine([part.knowledge for part in parts], by)
    k1, k2 = weights.knowledge, weights.opening
    pairs = [(native.g1_mul(part.groth.a, weight), part.groth.b) for part, weight in zip(parts, by, strict=True)]
    return [
        *pairs,
        (native.g1_mul(key.alpha, -sum(by) % R), key.beta),
        (native.g1_neg(combine([part.groth.c for part in parts], by)), key.delta),
        (native.g1_mul(blocks, -k1 % R), key.sigma),
        (native.g1_mul(opening.witness, k2), key.tau),
        (combine([inputs, knowledge, opening.right_side()], [R - 1, k1, -k2 % R]), native.g2_generator),
    ]


def _diagnose(key: VerifyingKey, parts: Sequence[Part], opening: Opening) -> str:
    """Names the equation that fails; the product alone does not say."""
    for number, part in enumerate(parts):
        if not groth16.verify_block(key, part.block, part.knowledge):
            return f"the block of chunk {number} is not in the span of its points (knowledge equation)"
        if not groth16.verify(key, part.public, part.block, part.knowledge, part.groth):
            return f"the circuit's proof of chunk {number} does not hold (Groth16 equation)"
    witness = (native.g1_neg(opening.witness), key.tau)
    if not native.pairing_product_is_one([(opening.right_side(), native.g2_generator), witness]):
        return "the commitments do not have the stated values at the challenge (opening equation)"
    return "the weighted equations do not hold together"


def _powers(base: int, count: int) -> list[int]:
    out = [1]
    for _ in range(count - 1):
        out.append(out[-1] * base % R)
    return out


def _dot(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(left, right, strict=True)) % R
