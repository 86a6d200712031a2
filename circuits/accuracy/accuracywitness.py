"""Values of an accuracy circuit's wires: the block from the chunk and the model, the private wires once alpha is known.

The block is plain integers and its blinder; the private wires follow from it by the recipe of the circuit, whatever the
block holds, so a block that lies makes constraints fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import native
from circuits.accuracy.inference import NO_LABEL, Int64Array, Scores, forward, right
from circuits.accuracy.linkwitness import (
    Evaluations,
    fractions,
    horner_wires,
    link_wires,
    ratio_of_powers,
    repeated_squares,
    small_horner_wires,
)
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.sizeclasses import SizeClass
from circuits.accuracy.testdata import Chunk
from circuits.errors import InvalidInputError
from native import FrArray, R


@dataclass(slots=True, eq=False)
class AccuracyBlock:
    """The committed wires by name, in the circuit's order.

    Attributes:
        columns: (P + C, n).
        weights: (d,); tail: (129, 4).
        relu: (H, n).
        limbs: (H, n, limbs of |A|), least significant first.
        kappa, own: (n,).
        margins: (C, n, limbs of a margin).
        uses: (table,).
        blinder: uniform in [0, r), for this block alone.
    """

    size: SizeClass
    columns: Int64Array = field(repr=False)
    weights: Int64Array = field(repr=False)
    tail: FrArray = field(repr=False)
    relu: Int64Array = field(repr=False)
    limbs: Int64Array = field(repr=False)
    kappa: Int64Array = field(repr=False)
    own: Int64Array = field(repr=False)
    margins: Int64Array = field(repr=False)
    uses: Int64Array = field(repr=False)
    blinder: int = field(repr=False)

    @property
    def correct(self) -> int:
        """K, the answers that it claims."""
        return int(self.kappa.sum())

    def vector(self) -> FrArray:
        """The committed block, (block_length, 4)."""
        after = (self.relu, self.limbs, self.kappa, self.own, self.margins, self.uses)
        parts = [_elements(self.columns, self.weights), self.tail, _elements(*after)]
        return np.concatenate([*parts, native.from_ints([self.blinder])])


def honest_block(size: SizeClass, chunk: Chunk, model: ModelRow, blinder: int) -> AccuracyBlock:
    """The block that claims what the model answers rightly.

    Raises:
        InvalidInputError: the chunk or the model is not of the class, or a value is outside the range that the class
            proves; the message names the sample and the cure.
    """
    model.require_range(size.half)
    computed = forward(size, chunk.features, model.weights)
    _require_provable(size, computed)
    return block_of(size, chunk, model, computed, blinder)


def block_of(size: SizeClass, chunk: Chunk, model: ModelRow, computed: Scores, blinder: int) -> AccuracyBlock:
    """The block of values before ReLU and scores, which are taken as they are."""
    scores, labels = computed.scores, chunk.labels
    kappa = right(scores, labels).astype(np.int64)
    columns = chunk.columns(size)
    own = np.where(labels == NO_LABEL, scores.max(axis=1), scores[np.arange(len(labels)), labels])
    margins = own - 1 + columns[size.inputs :] + (1 - kappa) * size.margin_limit - scores.T
    limbs = split(np.abs(computed.before).T, size.hidden_limbs, size.limb_bits)
    parts = split(margins, size.margin_limbs, size.limb_bits)
    relu = np.maximum(computed.before, 0).T
    uses = count_uses(size, limbs, parts, model.weights)
    return AccuracyBlock(size, columns, model.weights, model.tail, relu, limbs, kappa, own, parts, uses, blinder)


def split(values: Int64Array, count: int, bits: int) -> Int64Array:
    """The limbs of nonnegative integers along a new last axis, least significant first."""
    shifts = bits * np.arange(count)
    return values[..., None] >> shifts & ((1 << bits) - 1)


def count_uses(size: SizeClass, limbs: Int64Array, margins: Int64Array, weights: Int64Array) -> Int64Array:
    """How often each entry of the table is looked up; what lies outside it is not counted."""
    looked = np.concatenate([limbs.ravel(), margins.ravel(), weights + size.half])
    return np.bincount(looked[(looked >= 0) & (looked < size.table)], minlength=size.table).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PrivateWires:
    """The wires behind the block, (number of them, 4), and the two values that the proof opens."""

    wires: FrArray = field(repr=False)
    model_value: int
    data_value: int


def private_wires(block: AccuracyBlock, alpha: int) -> PrivateWires:
    """The private wires at a challenge.

    Raises:
        ProofError: alpha is in the evaluation domain or in the table, which happens with chance 2^-230; nothing may be
            opened there.
    """
    size = block.size
    powers = repeated_squares(alpha, size.samples)
    beta = powers[-1]
    geometric = ratio_of_powers(alpha, beta)
    data = small_horner_wires(block.columns, alpha)
    opened = horner_wires([native.from_ints(data.values)], beta, keep_last=False)
    first, second = _rows_at(block, beta)
    absolute = _recomposed(block.limbs, size)
    relu_at, absolute_at = small_horner_wires(block.relu, alpha), small_horner_wires(absolute, alpha)
    one = _layer(data.values[: size.inputs], first.values, geometric * size.first_bias)
    before = [(2 * r - v) % R for r, v in zip(relu_at.values, absolute_at.values, strict=True)]
    before_at = horner_wires([native.from_ints(before)], beta, keep_last=False)
    deltas = _recomposed(block.margins, size)
    hot, gaps = block.columns[size.inputs :], (1 - block.kappa) * size.margin_limit
    scores_at = small_horner_wires(block.own - 1 + hot + gaps - deltas, alpha)
    two = _layer(relu_at.values, second.values, geometric * size.second_bias)
    outputs = horner_wires([native.from_ints(scores_at.values)], beta, keep_last=False)
    linked, model_value = link_wires(block.weights, block.tail, alpha, powers, size.samples)
    looked = (block.limbs.ravel(), block.margins.ravel(), block.weights + size.half)
    parts = [
        native.from_ints([*powers[1:], geometric]), data.wires, opened.wires, first.wires, second.wires,
        relu_at.wires, absolute_at.wires, one, before_at.wires, scores_at.wires, two, outputs.wires, linked,
        fractions(np.concatenate(looked), block.uses, alpha), _elements((hot * (deltas - gaps))[:-1].T),
    ]  # fmt: skip
    return PrivateWires(np.concatenate(parts), model_value, opened.values[0])


def _require_provable(size: SizeClass, computed: Scores) -> None:
    wide = np.flatnonzero((np.abs(computed.before) >= size.hidden_limit).any(axis=1))
    if len(wide):
        raise InvalidInputError(
            f"sample {wide[0]} of a chunk has a hidden value of {size.hidden_limit} or more, which cannot be proven; "
            "quantise again with a smaller scale of the first layer, or scale the features down"
        )
    spread = computed.scores.max(axis=1) - computed.scores.min(axis=1)
    far = np.flatnonzero(spread >= size.margin_limit)
    if len(far):
        raise InvalidInputError(
            f"sample {far[0]} of a chunk has scores {size.margin_limit} or more apart, which cannot be proven; "
            "quantise again with a smaller scale of the second layer"
        )


def _rows_at(block: AccuracyBlock, beta: int) -> tuple[Evaluations, Evaluations]:
    size, split_at = block.size, block.size.first_weights
    first = block.weights[:split_at].reshape(-1, size.hidden)
    second = block.weights[split_at:].reshape(-1, size.classes)
    return small_horner_wires(first, beta), small_horner_wires(second, beta)


def _recomposed(limbs: Int64Array, size: SizeClass) -> Int64Array:
    total: Int64Array = (limbs << size.limb_bits * np.arange(limbs.shape[-1])).sum(axis=-1)
    return total


def _layer(inputs: list[int], rows: list[int], constant: int) -> FrArray:
    return native.mul(native.from_ints([*inputs, constant % R]), native.from_ints(rows))


def _elements(*parts: Int64Array) -> FrArray:
    return native.from_int64(np.concatenate([np.ravel(part) for part in parts]))
