"""The Groth16 prover, written once for one party and for a committee that holds Shamir shares.

Every step is a linear map of the wire vector except two products of its images: h = (Az)(Bz) - Cz, and
s A + r B. On shares of degree t each prover multiplies its own values, which gives shares of degree 2t, and a
fresh share of zero of degree 2t hides everything but the sum. So the code below does not know whether its
scalars are values or shares.

Corruption bound: A, B, C and D reveal nothing about the wires to t provers plus all observers. Any 2t + 1
honest shares give the proof; a wrong share gives a proof that does not verify.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import native
from circuits import groth16
from circuits.errors import AssignmentError, ProofError
from circuits.groth16 import CircuitKey, VerifyingKey
from circuits.statement import GrothProof
from native import G1, G2, FrArray


@dataclass(frozen=True)
class Blinding:
    """One party's randomness for one proof; used once.

    Attributes:
        r, s: values, or shares of degree t, of the two Groth16 blinders.
        zero: 0 for a party alone, or a share of degree 2t of zero.
    """

    r: int = field(repr=False)
    s: int = field(repr=False)
    zero: int = field(default=0, repr=False)


@dataclass(frozen=True)
class ProofShares:
    """A party's part of a proof: `a` and `b` of degree t, `c` of degree 2t."""

    a: G1
    b: G2
    c: G1


def commit_block(key: CircuitKey, block: FrArray) -> tuple[G1, G1]:
    """(D, sigma D) for the committed block, or this prover's degree-t shares of them.

    Raises:
        AssignmentError: the block does not have the circuit's shape.
    """
    if block.shape != (key.circuit.committed_count, 4):
        raise AssignmentError(f"the committed block has shape {block.shape}")
    return key.committed.msm(block), key.committed_sigma.msm(block)


def prove(key: CircuitKey, assignment: FrArray, mine: Blinding) -> ProofShares:
    """This party's part of the proof for its assignment (shape (wire_count, 4)).

    Raises:
        AssignmentError: the assignment does not have the circuit's shape.
    """
    circuit = key.circuit
    if assignment.shape != (circuit.wire_count, 4):
        raise AssignmentError(f"the assignment has shape {assignment.shape}, not {circuit.wire_count} wires")
    on_a = np.ascontiguousarray(assignment[circuit.a.support])
    on_b = np.ascontiguousarray(assignment[circuit.b.support])
    a = _sum([key.verifying.alpha, key.a.msm(on_a), key.delta1], [1, 1, mine.r])
    b1 = _sum([key.beta1, key.b1.msm(on_b), key.delta1], [1, 1, mine.s])
    b2 = native.g2_linear_combination([key.verifying.beta, key.b2.msm(on_b), key.verifying.delta], [1, 1, mine.s])
    private = np.ascontiguousarray(assignment[circuit.private_start :])
    fixed = _sum([key.private.msm(private), key.quotient.msm(_quotient(key, assignment))], [1, 1])
    crossed = -mine.r * mine.s % native.R
    c = _sum([fixed, a, b1, key.delta1, native.g1_generator], [1, mine.s, mine.r, crossed, mine.zero])
    return ProofShares(a, b2, c)


def combine_proof(shares: Mapping[int, ProofShares], threshold: int) -> GrothProof:
    """The proof from the parties' parts, keyed by evaluation point x.

    The first 2t + 1 points in ascending order are used; with threshold 0 that is the one plain part.

    Raises:
        ProofError: fewer than 2t + 1 parts.
    """
    xs = sorted(shares)
    if len(xs) < 2 * threshold + 1:
        raise ProofError(f"{len(xs)} proof shares do not suffice: {2 * threshold + 1} provers must answer")
    low, high = xs[: threshold + 1], xs[: 2 * threshold + 1]
    at_low, at_high = native.lagrange_coefficients(low), native.lagrange_coefficients(high)
    return GrothProof(
        a=_sum([shares[x].a for x in low], at_low),
        b=native.g2_linear_combination([shares[x].b for x in low], at_low),
        c=_sum([shares[x].c for x in high], at_high),
    )


def verify(key: VerifyingKey, public: Sequence[int], gram: G1, knowledge: G1, proof: GrothProof) -> bool:
    """See `groth16.verify`; plain and joint proofs verify under the same key."""
    return groth16.verify(key, public, gram, knowledge, proof)


def _quotient(key: CircuitKey, assignment: FrArray) -> FrArray:
    """Coefficients of (a b - c) / (X^size - 1), all but the last, which is zero.

    On a share a b - c is no multiple of the divisor. Dividing on the coset is still linear in a b - c, so the
    shares interpolate to the quotient of the interpolated polynomial.
    """
    circuit = key.circuit
    on_coset = []
    for matrix in (circuit.a, circuit.b, circuit.c):
        values = native.zeros(circuit.domain_size)
        values[: circuit.constraint_count] = matrix.csr.mul(assignment)
        on_coset.append(native.ntt(native.ntt(values, inverse=True), coset=True))
    a, b, c = on_coset
    vanishing = pow(native.COSET_SHIFT, circuit.domain_size, native.R) - 1
    divided = native.scale(native.sub(native.mul(a, b), c), pow(vanishing, -1, native.R))
    return native.ntt(divided, inverse=True, coset=True)[:-1]


def _sum(points: Sequence[G1], scalars: Sequence[int]) -> G1:
    return native.g1_linear_combination(points, scalars)
