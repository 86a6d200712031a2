"""The circuit's size, its digest, and the refusal of what no chunk can prove."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuits.accuracy.accuracycircuit import accuracy_circuit, block_length, circuit_digest, constraint_count
from circuits.accuracy.accuracywitness import honest_block, private_wires
from circuits.accuracy.inference import Int64Array, count_right, forward, largest_before, layers, right
from circuits.accuracy.linkwitness import fractions, link_wires, ratio_of_powers
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.sizeclasses import (
    CLASSES,
    LARGE,
    MEDIUM,
    SMALL,
    SizeClass,
    class_of_circuit,
    known_digest,
    size_class,
    smallest_for,
)
from circuits.accuracy.testdata import Chunk, chunks
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError
from circuits.statement import TAIL
from native import root_of_unity, zeros
from tests.support import accuracylies as lies
from tests.support.accuracymodels import TOY, accuracy_scene, scalars

SHAPES = (
    TOY,
    SizeClass("two of all", 1, 2, 2, 2, limb_bits=4),
    SizeClass("more samples than the domain has twos", 2, 2, 2, 128, limb_bits=4),
    SizeClass("a domain of nine parts", 15, 29, 7, 16, limb_bits=5),
)


@pytest.mark.parametrize("size", SHAPES, ids=lambda size: size.name)
def test_the_circuit_has_as_many_constraints_and_wires_as_it_should(size: SizeClass) -> None:
    circuit = accuracy_circuit(size).circuit
    assert circuit.constraint_count == constraint_count(size)
    assert circuit.committed_count == block_length(size)


@pytest.mark.parametrize("size", SHAPES, ids=lambda size: size.name)
def test_honest_blocks_satisfy_the_circuit_of_any_shape(size: SizeClass) -> None:
    random = np.random.default_rng(8)
    weights = random.integers(-size.half, size.half, size.weights)
    features = random.integers(-1, 2, (size.samples - 1, size.inputs))
    chunk = chunks(size, features, random.integers(0, size.classes, size.samples - 1))[0]
    block = honest_block(replace_limits(size, chunk, weights), chunk, ModelRow.fresh(weights, scalars(size.name)), 5)
    assert not lies.defects(accuracy_circuit(block.size).circuit, block, scalars("alpha", size.name)())


def replace_limits(size: SizeClass, chunk: Chunk, weights: Int64Array) -> SizeClass:
    """The shape with constants small enough for its limbs."""
    small = replace(size, first_bias=1, second_bias=1)
    assert np.abs(forward(small, chunk.features, weights).before).max() < small.hidden_limit
    return small


def test_the_classes_are_as_large_as_published() -> None:
    assert [(constraint_count(size), block_length(size), size.weights) for size in CLASSES] == [
        (49_196, 33_772, 2_410),
        (163_758, 108_364, 8_906),
        (347_714, 239_314, 33_872),
    ]
    assert (size_class("small"), smallest_for(64, 32, 10)) == (SMALL, SMALL)
    assert (smallest_for(65, 2, 2), smallest_for(3, 3, 11)) == (MEDIUM, LARGE)
    with pytest.raises(InvalidInputError, match="public backbone"):
        smallest_for(513, 2, 2)
    with pytest.raises(InvalidInputError, match="small, medium, large"):
        size_class("huge")


@pytest.mark.parametrize(
    "size",
    [SMALL, *(pytest.param(size, marks=pytest.mark.slow) for size in (MEDIUM, LARGE))],
    ids=lambda size: size.name,
)
def test_a_class_is_found_by_its_circuits_digest(size: SizeClass) -> None:
    """A change here refuses every key that was made before."""
    assert class_of_circuit(accuracy_circuit(size).circuit.digest) is size
    with pytest.raises(KeyMismatchError, match="no size class of this release"):
        class_of_circuit(accuracy_circuit(TOY).circuit.digest)
    assert known_digest(size) == circuit_digest(size) == accuracy_circuit(size).circuit.digest
    assert known_digest(TOY) is None
    assert circuit_digest(TOY) == accuracy_circuit(TOY).circuit.digest


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": 0}, {"hidden": 1}, {"classes": 1}, {"samples": 12}, {"samples": 1}, {"samples": 1 << 30},
        {"limb_bits": 13}, {"hidden_limbs": 5}, {"margin_limbs": 5}, {"inputs": 1 << 11},
    ],
    ids=str,
)  # fmt: skip
def test_shapes_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="size class"):
        replace(TOY, **wrong)  # type: ignore[arg-type]


def test_a_tie_is_wrong_and_a_row_without_label_never_right() -> None:
    scores = np.array([[3, 3, 1], [4, 3, 1], [0, 1, 2], [0, 0, 9]])
    assert right(scores, np.array([0, 0, 1, -1])).tolist() == [False, True, False, False]


def test_weights_out_of_range_are_refused_with_their_place() -> None:
    scene = accuracy_scene()
    with pytest.raises(InvalidInputError, match=r"entry 0 .* 37, outside -32\.\.31; quantise again"):
        honest_block(TOY, scene.group[0], lies.heavy_model(scene), 5)


def test_hidden_values_out_of_range_are_refused_with_their_sample() -> None:
    scene = accuracy_scene()
    features = scene.features.copy()
    features[3] = 1 << 14
    assert np.abs(forward(TOY, features, scene.model.weights).before[3]).max() >= TOY.hidden_limit
    with pytest.raises(InvalidInputError, match=r"sample 3 .* hidden value .* quantise again"):
        honest_block(TOY, chunks(TOY, features, scene.labels)[0], scene.model, 5)


def test_scores_too_far_apart_are_refused_with_their_sample() -> None:
    scene, narrow, weights = accuracy_scene(), replace(TOY, margin_limbs=2), np.zeros(TOY.weights, dtype=np.int64)
    weights[0] = weights[TOY.first_weights] = 1
    features = np.zeros((TOY.samples, TOY.inputs), dtype=np.int64)
    for value, fits in ((narrow.margin_limit - 1, True), (narrow.margin_limit, False)):
        features[2, 0] = value
        chunk, model = (
            chunks(narrow, features, np.zeros(TOY.samples, dtype=np.int64))[0],
            ModelRow(weights, scene.model.tail),
        )
        if fits:
            block = honest_block(narrow, chunk, model, 5)
            assert not lies.defects(accuracy_circuit(narrow).circuit, block, scalars("edge")())
        else:
            with pytest.raises(InvalidInputError, match=r"sample 2 .* apart, which cannot be proven; quantise"):
                honest_block(narrow, chunk, model, 5)


def test_the_largest_values_that_a_class_allows_are_proven() -> None:
    """|A| = 2^12 - 1 in the toy class: the bound is sharp."""
    scene, weights = accuracy_scene(), np.zeros(TOY.weights, dtype=np.int64)
    weights[0] = 1
    features = np.zeros((TOY.samples, TOY.inputs), dtype=np.int64)
    features[0, 0], features[1, 0] = TOY.hidden_limit - 1, 1 - TOY.hidden_limit
    chunk = chunks(TOY, features, np.zeros(TOY.samples, dtype=np.int64))[0]
    block = honest_block(TOY, chunk, ModelRow(weights, scene.model.tail), 5)
    assert not lies.defects(accuracy_circuit(TOY).circuit, block, scalars("edge")())
    features[0, 0] += 1
    with pytest.raises(InvalidInputError, match="sample 0"):
        honest_block(TOY, chunks(TOY, features, chunk.labels)[0], ModelRow(weights, scene.model.tail), 5)


@pytest.mark.parametrize("alpha", [1, 2, TOY.table - 1])
def test_nothing_is_opened_at_a_challenge_of_the_table_or_the_domain(alpha: int) -> None:
    with pytest.raises(ProofError, match="prove again with another blinder"):
        private_wires(lies.block(accuracy_scene()), alpha)


def test_nothing_is_opened_in_the_domain() -> None:
    """There the tail's part is zero, and the value would be a weight."""
    weights = np.arange(24, dtype=np.int64)
    with pytest.raises(ProofError, match="evaluation domain"):
        link_wires(weights, zeros(TAIL), root_of_unity(32), [root_of_unity(32)], 1)
    with pytest.raises(ProofError, match="table"):
        fractions(weights, np.zeros(64, dtype=np.int64), 63)
    with pytest.raises(ProofError, match="is 1"):
        ratio_of_powers(1, 1)


def test_counting_right_answers_agrees_with_the_block() -> None:
    scene = accuracy_scene()
    counted = [count_right(TOY, c.features, c.labels, scene.model.weights) for c in scene.group]
    assert counted == [lies.block(scene, 0).correct, lies.block(scene, 1).correct]


def test_the_largest_hidden_value_of_bounded_features_is_reached() -> None:
    weights, bound = np.random.default_rng(5).integers(-16, 16, TOY.weights), 7
    first, _ = layers(TOY, weights)
    unit = int((bound * np.abs(first[:-1]).sum(0) + TOY.first_bias * np.abs(first[-1])).argmax())
    sign = 1 if first[-1, unit] >= 0 else -1
    worst = (bound * sign * np.sign(first[:-1, unit]))[None, :]
    found = np.abs(forward(TOY, worst, weights).before).max()
    assert found == largest_before(TOY, weights, bound)
