"""Blocks that lie in one place and are honest elsewhere, and proofs made from them: what a seller might try.

Each lie is made to fit everything but the constraints that are meant to catch it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

import native
from circuits import joint
from circuits.accuracy.accuracytranscript import accuracy_context, alpha_state, v_state
from circuits.accuracy.accuracywitness import AccuracyBlock, block_of, count_uses, honest_block, private_wires, split
from circuits.accuracy.inference import NO_LABEL, Int64Array, Scores, forward, layers
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import AccuracyProof, ChunkProof
from circuits.hashing import challenge
from circuits.r1cs import Circuit
from native import G1, FrArray
from tests.support.accuracymodels import AccuracyScene, scalars

Lie = Callable[[AccuracyScene], AccuracyBlock]


def block(scene: AccuracyScene, number: int = 0, model: ModelRow | None = None) -> AccuracyBlock:
    """The honest block of a chunk, the caller's own."""
    made = honest_block(scene.size, scene.group[number], model or scene.model, 77 + number)
    arrays = {name: getattr(made, name).copy() for name in ("columns", "relu", "limbs", "kappa", "own", "margins")}
    return replace(made, **arrays)


def recount(lying: AccuracyBlock) -> AccuracyBlock:
    """The same with uses that fit as far as they can."""
    lying.uses = count_uses(lying.size, lying.limbs, lying.margins, lying.weights)
    return lying


def wrong_sample(scene: AccuracyScene) -> int:
    """A sample of chunk 0 that the model answers wrongly."""
    return int(np.flatnonzero(block(scene).kappa == 0)[0])


def distances(lying: AccuracyBlock, sample: int) -> Int64Array:
    """D of a sample, (C,)."""
    weights = 1 << lying.size.limb_bits * np.arange(lying.size.margin_limbs)
    total: Int64Array = (lying.margins[:, sample] * weights).sum(-1)
    return total


def hidden_unit_off(scene: AccuracyScene) -> AccuracyBlock:
    """One hidden value is zero where relu is not; all behind it follows."""
    size, chunk = scene.size, scene.group[0]
    before = forward(size, chunk.features, scene.model.weights).before.copy()
    row, unit = (int(found[0]) for found in np.nonzero(before > 0))
    hidden = np.maximum(before, 0)
    hidden[row, unit] = 0
    _, second = layers(size, scene.model.weights)
    constant = np.full((size.samples, 1), size.second_bias)
    scores = np.concatenate([hidden, constant], axis=1) @ second
    lying = block_of(size, chunk, scene.model, Scores(before, scores), 77)
    lying.relu = hidden.T.copy()
    return lying


def other_hidden_value(scene: AccuracyScene) -> AccuracyBlock:
    """R is neither 0 nor |A|, with A = 2 R - V as layer 1 has it: only the gate of relu looks at it."""
    size, chunk = scene.size, scene.group[0]
    before = forward(size, chunk.features, scene.model.weights).before
    row, unit = (int(found[0]) for found in np.nonzero(before > 0))
    hidden = np.maximum(before, 0)
    hidden[row, unit] += 1  # then V = 2 R - A grows by 2
    _, second = layers(size, scene.model.weights)
    scores = np.concatenate([hidden, np.full((size.samples, 1), size.second_bias)], axis=1) @ second
    lying = block_of(size, chunk, scene.model, Scores(before, scores), 77)
    lying.relu = hidden.T.copy()
    absolute = 2 * hidden - before
    lying.limbs = split(absolute.T, size.hidden_limbs, size.limb_bits)
    return recount(lying)


def raised_score(scene: AccuracyScene) -> AccuracyBlock:
    """The label's score of a wrong answer is raised until it is best."""
    lying, sample, size = block(scene), wrong_sample(scene), scene.size
    chunk = scene.group[0]
    scores = forward(size, chunk.features, scene.model.weights).scores[sample]
    rise = int(scores.max() - scores[chunk.labels[sample]]) + 1
    lying.own[sample] += rise
    lying.kappa[sample] = 1
    hot = lying.columns[size.inputs :, sample]
    moved = distances(block(scene), sample) - size.margin_limit + rise * (hot == 0)
    lying.margins[:, sample] = split(moved, size.margin_limbs, size.limb_bits)
    return recount(lying)


def other_own_score(scene: AccuracyScene) -> AccuracyBlock:
    """U is above the label's score, and D of the label makes up for it: only the gate of labels looks at it."""
    lying, sample, size = block(scene), wrong_sample(scene), scene.size
    chunk = scene.group[0]
    scores = forward(size, chunk.features, scene.model.weights).scores[sample]
    lying.own[sample], lying.kappa[sample] = scores.max() + 1, 1
    moved = lying.own[sample] - 1 + lying.columns[size.inputs :, sample] - scores
    lying.margins[:, sample] = split(moved, size.margin_limbs, size.limb_bits)
    return recount(lying)


def negative_margin(scene: AccuracyScene) -> AccuracyBlock:
    """A wrong answer claimed as right; one of its margins is negative."""
    lying, sample, size = block(scene), wrong_sample(scene), scene.size
    lying.kappa[sample] = 1
    moved = distances(block(scene), sample) - size.margin_limit
    lying.margins[:, sample] = 0
    lying.margins[:, sample, 0] = moved
    return recount(lying)


def limb_outside(scene: AccuracyScene) -> AccuracyBlock:
    """A limb outside the table and the next one less by one: the value is the same."""
    lying = block(scene)
    unit, sample = (int(found[0]) for found in np.nonzero(lying.limbs[:, :, 1]))
    lying.limbs[unit, sample, 0] += scene.size.table
    lying.limbs[unit, sample, 1] -= 1
    return recount(lying)


def heavy_model(scene: AccuracyScene) -> ModelRow:
    """A weight outside its range."""
    weights = scene.model.weights.copy()
    weights[0] = scene.size.half + 5
    return ModelRow(weights, scene.model.tail)


def heavy_weight(scene: AccuracyScene) -> AccuracyBlock:
    """The block of that model."""
    chunk, model = scene.group[0], heavy_model(scene)
    return block_of(scene.size, chunk, model, forward(scene.size, chunk.features, model.weights), 77)


def padding_counted(scene: AccuracyScene) -> AccuracyBlock:
    """A row without label, in the last chunk, is claimed as right."""
    number = len(scene.group) - 1
    lying, chunk, size = block(scene, number), scene.group[-1], scene.size
    assert chunk.labels[-1] == NO_LABEL
    scores = forward(size, chunk.features, scene.model.weights).scores[-1]
    lying.kappa[-1], lying.own[-1] = 1, scores.max() + 1
    lying.margins[:, -1] = split(lying.own[-1] - 1 - scores, size.margin_limbs, size.limb_bits)
    return recount(lying)


def claimed_twice(scene: AccuracyScene) -> AccuracyBlock:
    """A right answer has kappa = 2; its label's D would have to be -2^47."""
    lying, size = block(scene), scene.size
    sample = int(np.flatnonzero(lying.kappa == 1)[0])
    lying.kappa[sample] = 2
    # D = U - 1 + hot + (1 - kappa) 2^47 - Z would be negative: U is raised by as much
    lying.own[sample] += size.margin_limit
    return recount(lying)


def assignment(circuit: Circuit, lying: AccuracyBlock, alpha: int, correct: int | None = None) -> FrArray:
    """All wires, by the honest recipe, at a challenge; `correct` is what is stated instead of the claims."""
    private = private_wires(lying, alpha)
    stated = lying.correct if correct is None else correct
    public = (alpha, private.model_value, private.data_value, stated)
    return circuit.assign(public, lying.vector(), private.wires)


def defects(circuit: Circuit, lying: AccuracyBlock, alpha: int, correct: int | None = None) -> list[int]:
    """Numbers of the constraints that do not hold."""
    rows = circuit.defects(assignment(circuit, lying, alpha, correct))
    return [int(row) for row in np.flatnonzero(rows.any(axis=1))]


def forge(
    scene: AccuracyScene,
    listing: bytes,
    lying: Sequence[AccuracyBlock],
    model: ModelRow | None = None,
    correct: int | None = None,
) -> AccuracyProof:
    """A proof from any blocks, as whoever has the proving key can make one.

    Args:
        model: whose polynomial is opened.
        correct: what is stated of chunk 0.
    """
    key, statement, draw = scene.key, scene.statement(listing), scalars("forge")
    committed = [joint.commit_block(key, b.vector()) for b in lying]
    context = accuracy_context(listing, key.verifying.key_hash)
    state = alpha_state(context, statement.model, statement.data, committed)
    alpha, chunks, value = challenge(state), [], 0
    for number, (b, points) in enumerate(zip(lying, committed, strict=True)):
        private, stated = private_wires(b, alpha), b.correct if number or correct is None else correct
        wires = assignment(key.circuit, b, alpha, stated)
        groth = joint.combine_proof({1: joint.prove(key, wires, joint.Blinding(draw(), draw()))}, 0)
        chunks.append(ChunkProof(*points, private.data_value, stated, groth))
        value = value or private.model_value
    combiner = challenge(v_state(state, value, [(c.data_value, c.correct) for c in chunks]))
    data = [native.from_int64(b.columns.reshape(-1)) for b in lying]
    return AccuracyProof(
        tuple(chunks), value, _opening(scene, [(model or scene.model).polynomial(), *data], combiner, alpha)
    )


def _opening(scene: AccuracyScene, polynomials: list[FrArray], combiner: int, alpha: int) -> G1:
    length = max(map(len, polynomials))
    rows = [np.concatenate([p, native.zeros(length - len(p))]) for p in polynomials]
    total = native.linear_combination(rows, [pow(combiner, power, native.R) for power in range(len(rows))])
    return scene.srs.commit(native.divide_by_linear(total, alpha))
