"""The contract's verification of a batch, in Python: same checks, same transcript, same pairing product.

Mirrors `RollupVerifier.verify`, and of graded batches `ReferenceVerifier`. Signatures of owners and attestations
of provers belong to the market contract and are checked there (and by `audit`), not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import native
from circuits import groth16, sumcheck
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError
from circuits.grading import NOISE_BITS
from circuits.groth16 import VerifyingKey, input_point
from circuits.hashing import challenge
from circuits.policies.spec import GRADED_KEY_POINTS, KEY_POINTS, GradedInputs, PublicInputs
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, BatchProof, BatchStatement, Graded, domain_size
from circuits.terms import MAX_BOUND, MAX_DIMENSION
from circuits.transcript import (
    FinalInputs,
    RhoInputs,
    knowledge_weight,
    opening_weight,
    squarings,
    states,
    sum_weight,
    sumcheck_challenges,
    values_sum,
)
from native import G1, G2


def verify_batch(statement: BatchStatement, proof: BatchProof, key: VerifyingKey) -> bytes:
    """The batch identifier, when the proof holds under the key; nobody has to be trusted.

    Of a graded batch the caller holds against the round and the task's terms that its reference is one of the round's
    copies, and its rule the task's.

    Raises:
        KeyMismatchError: the statement names another policy key, or is graded where the policy does not grade.
        InvalidInputError: counts, bounds, order of owners, opened numbers or scalars are out of range.
        native.PointError: an element is not on its curve or not in the subgroup.
        ProofError: an equation does not hold; the message names it.
    """
    _check_shape(statement, proof, key)
    _check_points(statement, proof)
    batch_id, rho, public = public_inputs(statement, proof)
    final = FinalInputs(proof.groth, proof.commitment_sum)
    challenges = sumcheck_challenges(batch_id, proof.square_norm, proof.sumcheck, final)
    domain = domain_size(statement.context.dimension)
    commitment = combined_commitment(statement, proof, rho)
    left, right = sumcheck.opening_points(commitment, proof.square_norm, domain, proof.sumcheck, challenges)
    total = sum_of_commitments(statement)
    k1, k3 = knowledge_weight(challenges.state), sum_weight(challenges.state)
    k2 = opening_weight(challenges.state) * sumcheck.clearing_factor(challenges.zeta, domain) % native.R
    product: list[tuple[G1, G2]] = [
        (proof.groth.a, proof.groth.b),
        (native.g1_neg(key.alpha), key.beta),
        (native.g1_neg(input_point(key, public, proof.gram)), key.gamma),
        (native.g1_neg(proof.groth.c), key.delta),
        (native.g1_mul(proof.gram, -k1 % native.R), key.sigma),
        (
            native.g1_linear_combination(
                [proof.knowledge, right, total, proof.commitment_sum], [k1, -k2 % native.R, -k3 % native.R, k3]
            ),
            native.g2_generator,
        ),
        (native.g1_mul(left, k2), key.tau),
    ]
    if not native.pairing_product_is_one(product):
        if proof.commitment_sum != total:
            raise ProofError("the stated sum is not the sum of the owners' commitments")
        raise ProofError(_diagnose(proof, key, public, left, right))
    return batch_id


def public_inputs(
    statement: BatchStatement, proof: BatchProof
) -> tuple[bytes, int, PublicInputs[int] | GradedInputs[int]]:
    """(batch identifier, rho, circuit's public inputs) as the transcript determines them."""
    inputs = RhoInputs(proof.mask_commitment, proof.sign_seed, proof.projections_digest, proof.gram, proof.knowledge)
    state, batch_id = states(statement, inputs)
    rho = challenge(state)
    return batch_id, rho, circuit_inputs(statement, rho, batch_id, proof.square_norm)


def circuit_inputs(
    statement: BatchStatement, rho: int, batch_id: bytes, square_norm: int
) -> PublicInputs[int] | GradedInputs[int]:
    """The circuit's public inputs, from the two challenges' states and T; eta is the identifier as a challenge."""
    plain, graded = PublicInputs(rho, square_norm, statement.context.bound), statement.graded
    if graded is None:
        return plain
    eta = challenge(batch_id)
    return GradedInputs(*plain, graded.rule.scale(plain.bound), eta, values_sum(graded.values, eta))


def combined_commitment(statement: BatchStatement, proof: BatchProof, rho: int) -> G1:
    """C_rho = rho_0 C_0 + sum_i rho_i C_i with rho_i = rho^(2^i), over all rows."""
    points = [proof.mask_commitment, *(row.commitment for row in statement.rows)]
    return native.g1_linear_combination(points, squarings(rho, len(points)))


def sum_of_commitments(statement: BatchStatement) -> G1:
    """sum_i omega_i C_i over the owners, the commitment that the aggregate opens; all weights are 1 without grading."""
    return native.g1_linear_combination([owner.commitment for owner in statement.owners], statement.weights)


def _check_shape(statement: BatchStatement, proof: BatchProof, key: VerifyingKey) -> None:
    context = statement.context
    if context.policy_key_hash != key.key_hash:
        raise KeyMismatchError("the batch was proven for another policy key; use the key that the task names")
    if len(key.inputs) != (KEY_POINTS if statement.graded is None else GRADED_KEY_POINTS):
        raise KeyMismatchError("of batch and policy key one is graded and the other is not")
    if statement.size < 1 or len(statement.rows) > key.capacity:
        raise InvalidInputError(
            f"the batch has {statement.size} owners and {len(statement.rows)} rows, the circuit takes 1..{key.capacity}"
        )
    if not 1 <= context.bound <= MAX_BOUND or not 1 <= context.dimension <= MAX_DIMENSION:
        raise InvalidInputError("the task's bound or dimension is out of range")
    indices = [owner.owner_index for owner in statement.owners]
    if any(low >= high for low, high in pairwise(indices)) or indices[-1] >= REFERENCE_INDEX:
        raise InvalidInputError(f"owners must ascend strictly by registration index, below {REFERENCE_INDEX}")
    if statement.graded is not None:
        _check_graded(statement.graded, context.bound, statement.size)
    s = proof.sumcheck
    scalars = (proof.square_norm, s.a_zeta, s.s_zeta, s.s_omega_zeta)
    if not all(0 <= value < native.R for value in scalars):
        raise InvalidInputError("a scalar of the proof is outside [0, r)")


def _check_graded(graded: Graded, bound: int, owners: int) -> None:
    """A reference that is one, a number of each owner, and none that no inner product within BOUND gives."""
    if not REFERENCE_INDEX <= graded.reference.owner_index < REFERENCE_INDEX + MAX_COPIES:
        raise InvalidInputError("the batch's first row is no copy of a reference")
    if len(graded.values) != owners:
        raise InvalidInputError(f"{owners} owners have as many opened numbers, not {len(graded.values)}")
    most = graded.rule.scale(bound) * bound
    if not all(-most <= value < most + (1 << NOISE_BITS) for value in graded.values):
        raise InvalidInputError("an opened number is out of the range of inner products within the bound")


def _check_points(statement: BatchStatement, proof: BatchProof) -> None:
    s, groth = proof.sumcheck, proof.groth
    block = (proof.mask_commitment, proof.gram, proof.knowledge, proof.commitment_sum)
    mine = (*block, groth.a, groth.c, s.s, s.q, s.w1, s.w2)
    for point in (*mine, *(row.commitment for row in statement.rows)):
        native.g1_check(point)
    native.g2_check(groth.b)


def _diagnose(proof: BatchProof, key: VerifyingKey, public: Sequence[int], left: G1, right: G1) -> str:
    """Names the equation that fails; the product alone does not say."""
    if not groth16.verify_block(key, proof.gram, proof.knowledge):
        return "the Gram commitment is not in the span of its block (knowledge equation)"
    if not groth16.verify(key, public, proof.gram, proof.knowledge, proof.groth):
        return "the policy proof does not hold (Groth16 equation)"
    if not native.pairing_product_is_one([(left, key.tau), (native.g1_neg(right), native.g2_generator)]):
        return "the combined row does not have the stated squared norm (sum-check equation)"
    return "the weighted equations do not hold together"
