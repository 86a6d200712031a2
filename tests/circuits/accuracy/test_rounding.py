"""Rounding proofs: the model is the derived row rounded, and nothing else passes for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import native
from circuits import joint
from circuits.accuracy.accuracytranscript import rounding_alpha_state, rounding_context
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import RoundingProof
from circuits.accuracy.roundingcircuit import (
    HALF,
    MAX_ROUNDED,
    rounding_circuit,
    rounding_constraints,
    rounding_named,
)
from circuits.accuracy.roundingproof import (
    RoundingStatement,
    error_row,
    prove_rounding,
    round_row,
    rounding_block,
    rounding_wires,
    verify_rounding,
)
from circuits.errors import CircuitError, InvalidInputError, KeyMismatchError, ProofError, WireError
from circuits.hashing import challenge, keccak
from native import G1, G2, PointError, R
from tests.support.accuracymodels import ROUNDED, accuracy_scene, rounding_scene, scalars

LISTING, LINEAGE = keccak(b"rounded listing"), keccak(b"rounded lineage")
SCENE = rounding_scene()
KEY = SCENE.key.verifying
STATEMENT = SCENE.statement(LISTING, LINEAGE)
PROOF = SCENE.prove(LISTING, LINEAGE)
MOVED = native.g1_mul(native.g1_generator, 5)


def forged(error: ModelRow, statement: RoundingStatement, opened: ModelRow | None = None) -> RoundingProof:
    """A proof by the recipe for a row that no honest prover takes."""
    key, draw = SCENE.key, scalars("forge rounding")
    block = rounding_block(error, draw())
    committed = joint.commit_block(key, block)
    context = rounding_context(statement.listing, KEY.key_hash, statement.lineage)
    alpha = challenge(rounding_alpha_state(context, statement.error, *committed))
    wires, value = rounding_wires(error, alpha)
    part = joint.prove(key, key.circuit.assign((alpha, value), block, wires), joint.Blinding(draw(), draw()))
    opening = SCENE.srs.commit(native.divide_by_linear((opened or error).polynomial(), alpha))
    return RoundingProof(*committed, value, opening, joint.combine_proof({1: part}, 0))


def test_the_error_of_rounding_has_twelve_bits() -> None:
    derived = np.array([-2049, -2048, -1, 0, 2047, 2048, 6143, 6144, -(1 << 40) - 1])
    rounded, error = round_row(derived)
    assert rounded.tolist() == [-1, 0, 0, 0, 0, 1, 1, 2, -(1 << 28)]
    assert np.array_equal((rounded << 12) + error, derived)
    assert error.min() >= -HALF and error.max() < HALF


def test_the_proof_holds_for_the_models_commitment() -> None:
    verify_rounding(KEY, STATEMENT, PROOF)
    assert STATEMENT.error == SCENE.error.commit(SCENE.commitment)
    assert RoundingProof.decode(PROOF.encode()) == PROOF


@pytest.mark.parametrize("dimension", [1, 5, ROUNDED, 600, 2_410])
def test_the_circuit_has_as_many_constraints_as_it_should(dimension: int) -> None:
    assert rounding_circuit(dimension).circuit.constraint_count == rounding_constraints(dimension)


def test_every_size_class_can_be_rounded() -> None:
    assert rounding_constraints(2_410) < 2 * 2_410 + 4_250
    assert rounding_named("rounding-24") is rounding_circuit(24)
    for name in (
        "rounding-0",
        "rounding-024",
        "rounding-+4",
        "rounding-9999999",
        "norm",
        f"rounding-{MAX_ROUNDED + 1}",
    ):
        with pytest.raises(CircuitError):
            rounding_named(name)


@pytest.mark.parametrize("entry", [HALF, -HALF - 1, 4 * HALF])
def test_an_error_of_thirteen_bits_is_refused(entry: int) -> None:
    """A model that is one off somewhere: by the prover, by the circuit, and by the verifier."""
    weights = SCENE.error.weights.copy()
    weights[7] = entry
    error = ModelRow(weights, SCENE.error.tail)
    statement = replace(STATEMENT, error=error.commit(SCENE.commitment))
    with pytest.raises(InvalidInputError, match=f"entry 7 .* {entry}"):
        prove_rounding(SCENE.key, SCENE.srs, statement, error, scalars("thirteen"))
    alpha = scalars("thirteen")()
    wires, value = rounding_wires(error, alpha)
    circuit = SCENE.key.circuit
    defects = circuit.defects(circuit.assign((alpha, value), rounding_block(error, 1), wires))
    assert np.flatnonzero(defects.any(axis=1)).tolist() == [circuit.constraint_count - 2]  # the sum of logUp
    with pytest.raises(ProofError, match="Groth16"):
        verify_rounding(KEY, statement, forged(error, statement))


def test_another_row_does_not_open_the_derived_commitment() -> None:
    other = ModelRow(np.zeros(ROUNDED, dtype=np.int64), SCENE.error.tail)
    for opened in (other, SCENE.error):
        with pytest.raises(ProofError, match="opening equation"):
            verify_rounding(KEY, STATEMENT, forged(other, STATEMENT, opened))


def test_a_model_that_is_not_the_rounded_row_has_no_small_error() -> None:
    weights = SCENE.model.weights.copy()
    weights[0] += 1
    error = error_row(SCENE.derived, ModelRow(weights, SCENE.model.tail))
    with pytest.raises(InvalidInputError, match="entry 0"):
        error.require_range(HALF)
    with pytest.raises(InvalidInputError, match="24 entries were derived, the model has 23"):
        error_row(SCENE.derived, ModelRow(weights[:-1], SCENE.model.tail))


@pytest.mark.parametrize(
    "statement",
    [
        replace(STATEMENT, listing=keccak(b"another listing")),
        replace(STATEMENT, lineage=keccak(b"another lineage")),
        replace(STATEMENT, error=native.g1_add(STATEMENT.error, MOVED)),
    ],
    ids=["listing", "lineage", "error"],
)
def test_the_proof_is_for_nothing_else(statement: RoundingStatement) -> None:
    with pytest.raises(ProofError):
        verify_rounding(KEY, statement, PROOF)


@pytest.mark.parametrize(
    "proof",
    [
        replace(PROOF, block=native.g1_add(PROOF.block, MOVED)),
        replace(PROOF, knowledge=native.g1_add(PROOF.knowledge, MOVED)),
        replace(PROOF, error_value=PROOF.error_value - 1),
        replace(PROOF, opening=native.g1_add(PROOF.opening, MOVED)),
        replace(PROOF, groth=replace(PROOF.groth, a=MOVED)),
        replace(PROOF, groth=replace(PROOF.groth, b=native.g2_generator)),
        replace(PROOF, groth=replace(PROOF.groth, c=MOVED)),
    ],
    ids=["block", "knowledge", "value", "opening", "a", "b", "c"],
)
def test_any_change_of_the_proof_is_refused(proof: RoundingProof) -> None:
    with pytest.raises(ProofError):
        verify_rounding(KEY, STATEMENT, proof)


def test_what_is_malformed_is_refused() -> None:
    off_curve = G1(bytes(31) + b"\1" + bytes(31) + b"\1")
    with pytest.raises(InvalidInputError, match=r"outside \[0, r\)"):
        verify_rounding(KEY, STATEMENT, replace(PROOF, error_value=PROOF.error_value + R))
    with pytest.raises(PointError):
        verify_rounding(KEY, STATEMENT, replace(PROOF, opening=off_curve))
    with pytest.raises(PointError):
        verify_rounding(KEY, STATEMENT, replace(PROOF, groth=replace(PROOF.groth, b=G2(bytes(127) + b"\1"))))
    with pytest.raises(InvalidInputError, match="public inputs"):
        verify_rounding(accuracy_scene().key.verifying, STATEMENT, PROOF)
    with pytest.raises(InvalidInputError, match="32 bytes"):
        RoundingStatement(LISTING, b"", STATEMENT.error)
    data = PROOF.encode()
    value = int.from_bytes(data[128:160], "big") + R
    for bad in (data[:-1], data + b"\0", b"", data[:128] + value.to_bytes(32, "big") + data[160:], b"\xff" + data[1:]):
        with pytest.raises(WireError):
            RoundingProof.decode(bad)


def test_keys_of_other_rows_and_strings_are_refused() -> None:
    short = ModelRow(SCENE.error.weights[:-1], SCENE.error.tail)
    with pytest.raises(KeyMismatchError, match="rows of 23 entries"):
        prove_rounding(SCENE.key, SCENE.srs, STATEMENT, short, scalars("keys"))
    with pytest.raises(KeyMismatchError, match="accuracy-4-3-3-8-t6"):
        prove_rounding(accuracy_scene().key, SCENE.srs, STATEMENT, SCENE.error, scalars("keys"))
    with pytest.raises(KeyMismatchError, match="SRS"):
        prove_rounding(SCENE.key, replace(SCENE.srs, tau=KEY.delta), STATEMENT, SCENE.error, scalars("keys"))
