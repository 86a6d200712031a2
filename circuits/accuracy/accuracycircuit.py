"""The circuit of an accuracy proof: one chunk of labelled samples, one model, the count of right answers.

Public inputs, behind the constant 1:  alpha, y_M, y_X, K (`AccuracyInputs`).

Committed block, in this order, all fixed before alpha:

    data        (P + C) n   columns of f_X
    weights     d           then their tail, 129
    R           H n         relu(A), a hidden unit after the other
    limbs       H n 2       of V = |A|
    kappa       n           1 where the answer is claimed to be right
    own         n           U, the score of the label's class
    margins     C n 4       limbs of D_ic
    uses        4,096       m_v, how often the table's entries are looked up
    blinder     1

A and Z are no wires: A = 2 R - V, and Z_ic = U_i - 1 + hot_ic + (1 - kappa_i) 2^47 - D_ic. So D >= 0 with kappa_i = 1
says U_i > Z_ic for every other class, and D_ic = 0 for the label's, which is enforced, that U_i is its score. Only
right answers need a claim: K is a lower bound of the model's right answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from circuits.accuracy.linkgadgets import (
    horner,
    inner_of_wires,
    link,
    look_up,
    power_plan,
    recompose_limbs,
    square,
)
from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass, known_digest
from circuits.gadgets import occurs
from circuits.r1cs import ONE, Circuit, ConstraintSystem, LinearCombination, Variable, total
from circuits.statement import TAIL, domain_size

Grid = list[list[Variable]]


class AccuracyInputs(NamedTuple):
    """Public inputs in the order of the key's points behind the constant 1."""

    alpha: Variable
    model_value: Variable
    data_value: Variable
    correct: Variable


@dataclass(frozen=True, eq=False)
class AccuracyCircuit:
    """A size class's circuit, as keys name it; `capacity` is the most chunks of a proof."""

    size: SizeClass
    circuit: Circuit

    @property
    def name(self) -> str:
        return self.size.policy

    @property
    def capacity(self) -> int:
        return MAX_CHUNKS


@cache
def accuracy_circuit(size: SizeClass) -> AccuracyCircuit:
    """The circuit of a size class, compiled once a process."""
    return AccuracyCircuit(size, _Builder(size).build())


def circuit_digest(size: SizeClass) -> bytes:
    """The digest of a class's circuit; compiled only for a class that is none of this release."""
    return known_digest(size) or accuracy_circuit(size).circuit.digest


def block_length(size: SizeClass) -> int:
    """Wires of the committed block."""
    n = size.samples
    hidden, margins = size.hidden * (1 + size.hidden_limbs), 2 + size.classes * size.margin_limbs
    return n * (size.columns + hidden + margins) + size.weights + TAIL + size.table + 1


def constraint_count(size: SizeClass) -> int:
    """Constraints of the circuit, by hand."""
    n, p, h, c, d = size.samples, size.inputs, size.hidden, size.classes, size.weights
    plan, log = power_plan(domain_size(d), n), n.bit_length() - 1
    data = (p + c) * n - 1
    rows = d - (p + 1) - (h + 1)
    columns = (2 * h + c) * (n - 1)
    products = p + 2 * h + c + 1 + log
    to_commitment = d + TAIL + plan.squarings + 2 * plan.cubes
    lookups = n * h * size.hidden_limbs + n * c * size.margin_limbs + d + size.table + 1
    gates = n * h + n + n * c + 2
    return data + rows + columns + products + to_commitment + lookups + gates


class _Block:
    """The committed wires by name."""

    def __init__(self, size: SizeClass, wires: list[Variable]) -> None:
        self._rest = iter(wires)
        n = size.samples
        self.columns = self._grid(size.columns, n)
        self.weights, self.tail = self._some(size.weights), self._some(TAIL)
        self.relu = self._grid(size.hidden, n)
        self.limbs = [self._grid(n, size.hidden_limbs) for _ in range(size.hidden)]
        self.kappa, self.own = self._some(n), self._some(n)
        self.margins = [self._grid(n, size.margin_limbs) for _ in range(size.classes)]
        self.uses = self._some(size.table)
        (self.blinder,) = self._rest

    def _some(self, count: int) -> list[Variable]:
        return [next(self._rest) for _ in range(count)]

    def _grid(self, rows: int, columns: int) -> Grid:
        return [self._some(columns) for _ in range(rows)]


class _Builder:
    """Writes the constraints, group by group, in the order that the private wires of `accuracywitness` follow."""

    def __init__(self, size: SizeClass) -> None:
        self.size, self.cs = size, ConstraintSystem()
        self.public = AccuracyInputs(*self.cs.public_inputs(4))
        self.block = block = _Block(size, self.cs.committed_block(block_length(size)))
        self.hot = block.columns[size.inputs :]
        bits = size.limb_bits
        self.absolute = [[recompose_limbs(limbs, bits) for limbs in unit] for unit in block.limbs]
        self.deltas = [[recompose_limbs(limbs, bits) for limbs in one] for one in block.margins]
        self.gaps = [(1 - kappa) * size.margin_limit for kappa in block.kappa]

    def build(self) -> Circuit:
        cs, size, block, alpha = self.cs, self.size, self.block, self.public.alpha
        beta = self._powers()
        (geometric,) = cs.shared_inputs(1)
        cs.enforce(geometric, alpha - 1, beta - 1)
        data_at = [horner(cs, column, alpha) for column in block.columns]
        horner(cs, data_at, beta, self.public.data_value)
        first, second = self._rows_at(beta)
        relu_at = [horner(cs, unit, alpha) for unit in block.relu]
        absolute_at = [horner(cs, unit, alpha) for unit in self.absolute]
        before_at = [relu * 2 - absolute for relu, absolute in zip(relu_at, absolute_at, strict=True)]
        self._layer(data_at[: size.inputs], first, geometric * size.first_bias, before_at, beta)
        scores_at = [horner(cs, scores, alpha) for scores in self._scores()]
        self._layer(relu_at, second, geometric * size.second_bias, scores_at, beta)
        plan = power_plan(domain_size(size.weights), size.samples)
        start = beta if plan.from_beta else alpha
        link(cs, block.weights, block.tail, alpha, start, plan, self.public.model_value)
        look_up(cs, list(self._looked()), block.uses, alpha)
        self._gates()
        occurs(cs, block.blinder)
        return cs.compile()

    def _powers(self) -> Variable:
        """beta = alpha^n."""
        beta = self.public.alpha
        for _ in range(self.size.samples.bit_length() - 1):
            beta = square(self.cs, beta)
        return beta

    def _rows_at(self, beta: Variable) -> tuple[list[LinearCombination], list[LinearCombination]]:
        """Rows of W1 and of W2 as polynomials, at beta."""
        size, weights = self.size, self.block.weights
        first = [weights[p * size.hidden : (p + 1) * size.hidden] for p in range(size.inputs + 1)]
        offset = size.first_weights
        second = [weights[offset + h * size.classes : offset + (h + 1) * size.classes] for h in range(size.hidden + 1)]
        at_first = [horner(self.cs, row, beta) for row in first]
        return at_first, [horner(self.cs, row, beta) for row in second]

    def _layer(
        self, inputs: list[LinearCombination], rows: list[LinearCombination], constant: LinearCombination,
        outputs: list[LinearCombination], beta: Variable,
    ) -> None:  # fmt: skip
        """Freivalds: sum_p x_p(alpha) W_p(beta) + constant W_last(beta) = sum_h beta^h out_h(alpha)."""
        left = inner_of_wires(self.cs, [*zip(inputs, rows[:-1], strict=True), (constant, rows[-1])])
        horner(self.cs, outputs, beta, left)

    def _scores(self) -> Iterator[list[LinearCombination]]:
        """Z, a class after the other, through the margins."""
        own, samples = self.block.own, range(self.size.samples)
        for hot, deltas in zip(self.hot, self.deltas, strict=True):
            yield [own[i] - 1 + hot[i] + self.gaps[i] - deltas[i] for i in samples]

    def _looked(self) -> Iterator[LinearCombination]:
        """All that is looked up: limbs of |A|, limbs of margins, shifted weights."""
        for grid in (*self.block.limbs, *self.block.margins):
            for limbs in grid:
                yield from limbs
        for weight in self.block.weights:
            yield weight + self.size.half

    def _gates(self) -> None:
        """R is relu(A); only labelled rows are claimed; a claimed row's own score is its label's; K claims."""
        cs, block, size = self.cs, self.block, self.size
        for relu, absolute in zip(block.relu, self.absolute, strict=True):
            for r, v in zip(relu, absolute, strict=True):
                cs.enforce(r, v - r, 0)
        for i, kappa in enumerate(block.kappa):
            cs.enforce(kappa, kappa - total((hot[i], 1) for hot in self.hot), 0)
            parts = cs.shared_inputs(size.classes - 1)
            rest = total((part, -1) for part in parts)
            for hot, deltas, result in zip(self.hot, self.deltas, [*parts, rest], strict=True):
                cs.enforce(hot[i], deltas[i] - self.gaps[i], result)
        cs.enforce(total((kappa, 1) for kappa in block.kappa), ONE, self.public.correct)
