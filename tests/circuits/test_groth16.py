"""Keys, plain proofs and joint proofs of the policy circuit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from py_ecc import optimized_bn128 as reference

import native
from circuits import joint
from circuits.errors import AssignmentError, InvalidInputError, ProofError
from circuits.groth16 import generate_keys, unsafe_generate_keys
from circuits.policies.norm import NORM
from circuits.statement import GrothProof
from tests.support.parts import with_parts
from tests.support.plain_batch import PlainBatch, build_batch, development_setup, random_gradients, seed_of

XS = [1, 2, 3, 4]


@cache
def batch() -> PlainBatch:
    return build_batch(development_setup("norm", 2, 3), random_gradients(2, 3, 1 << 40))


@cache
def wires() -> native.FrArray:
    """A satisfying assignment of the batch's circuit."""
    b = batch()
    policy = b.setup.proving.policy
    block = policy.committed_block(native.gram(b.rows.values), 99, 2)
    return policy.assignment(b.public_inputs, block, policy.slack_bits(b.bits, 1 << 40, 2))


def block_of(assignment: native.FrArray) -> native.FrArray:
    circuit = batch().setup.proving.circuit
    return np.ascontiguousarray(assignment[circuit.public_count : circuit.private_start])


def holds(assignment: native.FrArray, proof: GrothProof) -> bool:
    key = batch().setup.proving
    gram, knowledge = joint.commit_block(key, block_of(assignment))
    return joint.verify(key.verifying, batch().public_inputs, gram, knowledge, proof)


def plain_proof(assignment: native.FrArray) -> GrothProof:
    part = joint.prove(batch().setup.proving, assignment, joint.Blinding(3, 5))
    return joint.combine_proof({1: part}, 0)


def joint_parts(assignment: native.FrArray, threshold: int = 1) -> dict[int, joint.ProofShares]:
    """Every prover's part, from shares of the wires, the blinders and zero."""
    key, count = batch().setup.proving, len(assignment)
    slopes = [native.expand(seed_of("slope", level), count) for level in range(threshold)]
    public = np.r_[0 : key.circuit.public_count]
    for slope in slopes:
        slope[public] = 0
    shares = native.shamir_share(assignment, slopes, XS)
    parts = {}
    for x, share in zip(XS, shares, strict=True):
        zero = sum((17 + degree) * x**degree for degree in range(1, 2 * threshold + 1))
        parts[x] = joint.prove(key, share, joint.Blinding(3 + 7 * x, 5 + 11 * x, zero))
    return parts


def test_plain_proof_verifies() -> None:
    assert holds(wires(), plain_proof(wires()))


def test_joint_proof_verifies_for_every_choice_of_provers_and_is_the_same_proof() -> None:
    parts = joint_parts(wires())
    proofs = [
        joint.combine_proof({x: parts[x] for x in chosen}, 1)
        for chosen in ([1, 2, 3], [2, 3, 4], [1, 3, 4], [1, 2, 3, 4])
    ]
    assert len(set(proofs)) == 1
    assert holds(wires(), proofs[0])


def test_commitment_of_the_block_is_linear_in_shares() -> None:
    key, block = batch().setup.proving, block_of(wires())
    shares = native.shamir_share(block, [native.expand(seed_of("block"), len(block))], XS)
    parts = [joint.commit_block(key, share) for share in shares[:2]]
    at_zero = native.lagrange_coefficients(XS[:2])
    for side, expected in enumerate(joint.commit_block(key, block)):
        assert native.g1_linear_combination([part[side] for part in parts], at_zero) == expected


def test_two_provers_cannot_combine_a_proof() -> None:
    parts = joint_parts(wires())
    with pytest.raises(ProofError, match="3 provers"):
        joint.combine_proof({x: parts[x] for x in (1, 2)}, 1)


def test_a_lying_prover_spoils_the_proof_and_leaving_it_out_repairs_it() -> None:
    parts = joint_parts(wires())
    share, not_of_zero = native.scale(wires(), 2), joint.Blinding(10, 16, 1234)
    lying = parts | {1: joint.prove(batch().setup.proving, share, not_of_zero)}
    assert not holds(wires(), joint.combine_proof(lying, 1))
    assert holds(wires(), joint.combine_proof({x: lying[x] for x in (2, 3, 4)}, 1))


@pytest.mark.parametrize("offset", [-1, -5, 6, 13])
def test_a_wrong_witness_gives_no_proof(offset: int) -> None:
    values = native.to_ints(wires())
    position = offset % len(values)
    values[position] = (values[position] + 1) % native.R
    wrong = native.from_ints(values)
    assert not batch().setup.proving.circuit.is_satisfied(wrong)
    assert not holds(wrong, plain_proof(wrong))


def test_a_proof_does_not_hold_for_another_block_or_other_inputs() -> None:
    key, proof = batch().setup.proving.verifying, plain_proof(wires())
    gram, knowledge = joint.commit_block(batch().setup.proving, block_of(wires()))
    other = joint.commit_block(batch().setup.proving, native.add(block_of(wires()), block_of(wires())))
    public = list(batch().public_inputs)
    assert not joint.verify(key, public, *other, proof)
    assert not joint.verify(key, public, gram, other[1], proof)
    for position in range(len(public)):
        changed = public.copy()
        changed[position] = (changed[position] + 1) % native.R
        assert not joint.verify(key, changed, gram, knowledge, proof), position


def test_each_proof_element_counts() -> None:
    proof = plain_proof(wires())
    doubled = native.g2_linear_combination([proof.b], [2])
    for tampered in (
        replace(proof, a=native.g1_add(proof.a, native.g1_generator)),
        replace(proof, b=doubled),
        replace(proof, c=native.g1_neg(proof.c)),
        GrothProof(native.G1(bytes(64)), native.G2(bytes(128)), native.G1(bytes(64))),
    ):
        assert not holds(wires(), tampered)


def test_public_inputs_are_never_reduced() -> None:
    key, proof = batch().setup.proving.verifying, plain_proof(wires())
    gram, knowledge = joint.commit_block(batch().setup.proving, block_of(wires()))
    rho, *rest = batch().public_inputs
    with pytest.raises(InvalidInputError, match="outside"):
        joint.verify(key, [rho + native.R, *rest], gram, knowledge, proof)
    with pytest.raises(InvalidInputError, match="takes 3"):
        joint.verify(key, rest, gram, knowledge, proof)


def test_points_off_the_curve_are_refused() -> None:
    proof = plain_proof(wires())
    with pytest.raises(native.PointError):
        holds(wires(), replace(proof, a=native.G1(b"\x01" * 64)))


def test_shapes_are_checked() -> None:
    key = batch().setup.proving
    with pytest.raises(AssignmentError):
        joint.commit_block(key, native.zeros(1))
    with pytest.raises(AssignmentError):
        joint.prove(key, native.zeros(3), joint.Blinding(1, 2))


def _point(raw: bytes) -> tuple[reference.FQ, reference.FQ, reference.FQ]:
    x, y = (reference.FQ(int.from_bytes(raw[at : at + 32], "big")) for at in (0, 32))
    return (x, y, reference.FQ(1))


def _twist(raw: bytes) -> tuple[reference.FQ2, reference.FQ2, reference.FQ2]:
    x_im, x_re, y_im, y_re = (int.from_bytes(raw[at : at + 32], "big") for at in range(0, 128, 32))
    return (reference.FQ2([x_re, x_im]), reference.FQ2([y_re, y_im]), reference.FQ2([1, 0]))


@pytest.mark.slow
def test_equations_hold_under_an_independent_pairing() -> None:
    key, proof = batch().setup.proving.verifying, plain_proof(wires())
    gram, knowledge = joint.commit_block(batch().setup.proving, block_of(wires()))
    inputs = _point(gram)
    for scalar, point in zip([1, *batch().public_inputs], key.inputs, strict=True):
        inputs = reference.add(inputs, reference.multiply(_point(point), scalar))
    left = reference.pairing(_twist(proof.b), _point(proof.a))
    right = reference.pairing(_twist(key.beta), _point(key.alpha))
    right *= reference.pairing(_twist(key.gamma), inputs)
    right *= reference.pairing(_twist(key.delta), _point(proof.c))
    assert left == right
    block = reference.pairing(_twist(key.sigma), _point(gram))
    assert block == reference.pairing(reference.G2, _point(knowledge))


def test_keys_depend_on_their_entropy_and_say_how_they_were_made() -> None:
    tau, circuit = native.g2_generator, NORM.circuit(1)
    first = unsafe_generate_keys(circuit, tau, "ptau:00", seed_of(1)).verifying
    again = unsafe_generate_keys(circuit, tau, "ptau:00", seed_of(1)).verifying
    real = generate_keys(circuit, tau, "ptau:00", seed_of(2)).verifying
    assert first == again
    assert first.key_hash != real.key_hash
    assert first.insecure and not real.insecure
    with pytest.raises(InvalidInputError, match="entropy"):
        generate_keys(circuit, tau, "ptau:00", b"short")


def test_key_hash_covers_every_part() -> None:
    key = batch().setup.proving.verifying
    changed = [
        replace(key, capacity=3),
        replace(key, circuit=bytes(32)),
        replace(key, alpha=native.g1_generator),
        *(with_parts(key, **{name: native.g2_generator}) for name in ("beta", "delta", "sigma", "tau")),
        replace(key, gamma=key.delta),
        replace(key, inputs=key.inputs[:-1]),
    ]
    assert len({key.key_hash, *(other.key_hash for other in changed)}) == len(changed) + 1
