"""Every lie of a seller about a chunk: which constraints catch it, and that no proof of it verifies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

import native
from circuits import groth16
from circuits.accuracy.accuracycircuit import accuracy_circuit
from circuits.accuracy.accuracyproof import verify_accuracy
from circuits.accuracy.accuracytranscript import accuracy_context, alpha_state
from circuits.accuracy.accuracywitness import AccuracyBlock, block_of, private_wires, split
from circuits.accuracy.inference import NO_LABEL, count_right, forward
from circuits.accuracy.linkgadgets import power_plan
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import AccuracyProof
from circuits.accuracy.testdata import Chunk
from circuits.errors import ProofError
from circuits.hashing import challenge, keccak
from circuits.statement import TAIL, domain_size
from tests.support import accuracylies as lies
from tests.support.accuracymodels import TOY, AccuracyScene, accuracy_scene, scalars

LISTING = keccak(b"attacked listing")
ALPHA = scalars("attacked alpha")()
CIRCUIT = accuracy_circuit(TOY).circuit
LIES: dict[str, tuple[lies.Lie, set[str]]] = {
    "a hidden unit is switched off": (lies.hidden_unit_off, {"layer 1"}),
    "a hidden value is not relu of anything": (lies.other_hidden_value, {"relu"}),
    "the label's score is raised": (lies.raised_score, {"layer 2"}),
    "the own score is not the label's": (lies.other_own_score, {"label"}),
    "a wrong answer is claimed, a margin is negative": (lies.negative_margin, {"look-up"}),
    "a limb lies outside the table": (lies.limb_outside, {"look-up"}),
    "a weight is out of range": (lies.heavy_weight, {"look-up"}),
    "a row without label is counted": (lies.padding_counted, {"claim"}),
    "a claim counts twice": (lies.claimed_twice, {"claim", "label"}),
}


@cache
def groups() -> list[str]:
    """The name of what each constraint is for, in their order."""
    s, n = TOY, TOY.samples
    plan = power_plan(domain_size(s.weights), n)
    powers = [("powers", n.bit_length() - 1), ("geometric", 1)]
    data = [("columns of the data", s.columns * (n - 1)), ("data", s.columns - 1)]
    rows = [
        ("rows of weights", s.weights - s.inputs - s.hidden - 2),
        ("columns of hidden values", 2 * s.hidden * (n - 1)),
    ]
    first = [("products", s.inputs + 1), ("layer 1", s.hidden - 1), ("columns of scores", s.classes * (n - 1))]
    second = [("products", s.hidden + 1), ("layer 2", s.classes - 1)]
    link = [("quotients", s.weights), ("tail", TAIL - 1), ("powers", plan.squarings + 2 * plan.cubes), ("link", 1)]
    looked = n * s.hidden * s.hidden_limbs + n * s.classes * s.margin_limbs + s.weights
    look_ups = [("fractions", looked + s.table), ("look-up", 1), ("relu", n * s.hidden)]
    samples = n * [("claim", 1), ("label", s.classes)]
    parts = [*powers, *data, *rows, *first, *second, *link, *look_ups, *samples, ("count", 1), ("blinder", 1)]
    return [name for name, count in parts for _ in range(count)]


def failing(lying: AccuracyBlock, correct: int | None = None) -> set[str]:
    """What the constraints that do not hold are for."""
    return {groups()[row] for row in lies.defects(CIRCUIT, lying, ALPHA, correct)}


def test_the_names_of_constraints_are_complete() -> None:
    assert len(groups()) == CIRCUIT.constraint_count


def test_honest_chunks_satisfy_the_circuit() -> None:
    scene = accuracy_scene()
    assert not any(failing(lies.block(scene, number)) for number in (0, 1))
    right = count_right(TOY, scene.features, scene.labels, scene.model.weights)
    assert sum(lies.block(scene, number).correct for number in (0, 1)) == right == 9
    assert verify_accuracy(scene.key.verifying, scene.statement(LISTING), scene.prove(LISTING)) == right


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_caught_by_what_is_meant_to_catch_it(name: str) -> None:
    scene, (lie, caught_by) = accuracy_scene(), LIES[name]
    lying = lie(scene)
    assert failing(lying) == caught_by
    blocks = [lying, lies.block(scene, 1)] if lie is not lies.padding_counted else [lies.block(scene), lying]
    model = lies.heavy_model(scene) if lie is lies.heavy_weight else None
    with pytest.raises(ProofError, match="Groth16 equation"):
        verify_accuracy(scene.key.verifying, scene.statement(LISTING), lies.forge(scene, LISTING, blocks, model))


def test_a_count_that_is_one_too_high_is_caught() -> None:
    scene = accuracy_scene()
    honest = [lies.block(scene), lies.block(scene, 1)]
    stated = honest[0].correct + 1
    assert failing(honest[0], stated) == {"count"}
    with pytest.raises(ProofError, match=r"chunk 0 .*Groth16"):
        verify_accuracy(
            scene.key.verifying, scene.statement(LISTING), lies.forge(scene, LISTING, honest, correct=stated)
        )


def test_fewer_claims_than_right_answers_are_proven() -> None:
    """Only right answers need claiming: what is proven is a lower bound."""
    scene = accuracy_scene()
    lying, size = lies.block(scene), TOY
    sample = int(np.flatnonzero(lying.kappa)[0])
    lying.kappa[sample] = 0
    lying.margins[:, sample] = split(
        lies.distances(lying, sample) + size.margin_limit, size.margin_limbs, size.limb_bits
    )
    lies.recount(lying)
    assert not failing(lying)


def every_wire() -> Iterator[tuple[int, set[int]]]:
    """Of each wire behind the constant, which constraints fail when five is added to it alone."""
    honest = lies.assignment(CIRCUIT, lies.block(accuracy_scene()), ALPHA)
    five = native.from_ints([5])
    for wire in range(1, CIRCUIT.wire_count):
        changed = honest.copy()
        changed[wire : wire + 1] = native.add(np.ascontiguousarray(changed[wire : wire + 1]), five)
        yield wire, set(np.flatnonzero(CIRCUIT.defects(changed).any(axis=1)))


def test_every_wire_is_held_and_every_constraint_holds_one() -> None:
    blinder = CIRCUIT.private_start - 1
    found = dict(every_wire())
    assert [wire for wire, rows in found.items() if not rows] == [blinder]
    noticed = set().union(*found.values())
    assert {groups()[row] for row in range(CIRCUIT.constraint_count) if row not in noticed} == {"blinder"}


def alone_valid(scene: AccuracyScene, proof: AccuracyProof, blocks: list[AccuracyBlock]) -> bool:
    """Whether the circuit's proofs hold, each for itself, for what their blocks make of the challenge."""
    key, statement = scene.key.verifying, scene.statement(LISTING)
    context = accuracy_context(LISTING, key.key_hash)
    alpha = challenge(
        alpha_state(context, statement.model, statement.data, [(c.block, c.knowledge) for c in proof.chunks])
    )
    values = [private_wires(b, alpha).model_value for b in blocks]
    return all(
        groth16.verify(key, (alpha, value, c.data_value, c.correct), c.block, c.knowledge, c.groth)
        for value, c in zip(values, proof.chunks, strict=True)
    )


def other_model() -> ModelRow:
    scene = accuracy_scene()
    weights = np.random.default_rng(99).integers(-TOY.half // 2, TOY.half // 2, TOY.weights)
    return ModelRow(weights, scene.model.tail)


@pytest.mark.parametrize("opened", ["its own polynomial", "the committed one"])
def test_another_models_accuracy_does_not_open_the_commitment(opened: str) -> None:
    scene, other = accuracy_scene(), other_model()
    blocks = [lies.block(scene, number, other) for number in (0, 1)]
    proof = lies.forge(scene, LISTING, blocks, other if opened == "its own polynomial" else None)
    assert alone_valid(scene, proof, blocks)
    with pytest.raises(ProofError, match="opening equation"):
        verify_accuracy(scene.key.verifying, scene.statement(LISTING), proof)


def test_another_tail_does_not_open_the_commitment() -> None:
    scene = accuracy_scene()
    other = ModelRow.fresh(scene.model.weights, scalars("other tail"))
    blocks = [lies.block(scene, number, other) for number in (0, 1)]
    proof = lies.forge(scene, LISTING, blocks, other)
    assert alone_valid(scene, proof, blocks)
    with pytest.raises(ProofError, match="opening equation"):
        verify_accuracy(scene.key.verifying, scene.statement(LISTING), proof)


@pytest.mark.parametrize("what", ["labels", "features"])
def test_easier_data_does_not_open_the_sets_commitment(what: str) -> None:
    scene = accuracy_scene()
    chunk, weights = scene.group[0], scene.model.weights
    features = chunk.features.copy()
    features[0, 0] += what == "features"
    scores = forward(TOY, features, weights).scores
    labels = np.where(chunk.labels == NO_LABEL, NO_LABEL, scores.argmax(axis=1)) if what == "labels" else chunk.labels
    easy = block_of(TOY, Chunk(features, labels), scene.model, forward(TOY, features, weights), 77)
    blocks = [easy, lies.block(scene, 1)]
    proof = lies.forge(scene, LISTING, blocks)
    assert not failing(easy)
    assert what == "features" or easy.correct > lies.block(scene).correct
    assert alone_valid(scene, proof, blocks)
    with pytest.raises(ProofError, match="opening equation"):
        verify_accuracy(scene.key.verifying, scene.statement(LISTING), proof)


def test_chunks_of_two_models_do_not_share_a_value() -> None:
    scene = accuracy_scene()
    blocks = [lies.block(scene), lies.block(scene, 1, other_model())]
    with pytest.raises(ProofError, match=r"chunk 1 .*Groth16"):
        verify_accuracy(scene.key.verifying, scene.statement(LISTING), lies.forge(scene, LISTING, blocks))


def test_a_known_challenge_would_pass_a_forged_column() -> None:
    """Why the block comes before alpha: two columns that differ agree at a challenge that is known."""
    honest = lies.block(accuracy_scene())
    forged = lies.block(accuracy_scene())
    known = 1 << 20
    forged.columns[0, 0] += known
    forged.columns[0, 1] -= 1
    assert private_wires(honest, known).data_value == private_wires(forged, known).data_value
    assert private_wires(honest, ALPHA).data_value != private_wires(forged, ALPHA).data_value
