"""The circuit of graded batches accepts numbers that are what they are said to be, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.grading import NOISE_BITS
from circuits.policies import registry
from circuits.policies.graded import REFERENCE
from circuits.policies.gram import owner_norms, position, triangle
from circuits.policies.norm import NORM
from circuits.policies.spec import GRADED_KEY_POINTS, GradedInputs, OwnerWires, PolicyCircuit, PolicySpec
from circuits.r1cs import ConstraintSystem
from circuits.statement import SLACK_BITS
from circuits.transcript import squarings, values_sum
from tests.support.plain_batch import noise_bits, random_gradients, seed_of, slack_bits

BOUND, SCALE = 1 << 20, 1 << 22
RHO, ETA = 0x1234567890ABCDEF, 0xFEDCBA0987654321
LARGEST = (1 << NOISE_BITS) - 1
graded = REFERENCE.circuit


class Case:
    """The values of one batch, before assignment; tests change some of them. Row 1 is the reference."""

    def __init__(self, circuit: PolicyCircuit, rows: int, dimension: int = 3) -> None:
        self.circuit, self.rows = circuit, rows
        gradients = random_gradients(rows, dimension, BOUND, seed=rows)
        vectors = [native.expand(seed_of("row 0"), dimension), *(native.from_int64(g) for g in gradients)]
        self.gram = native.gram(vectors)
        self.bits = slack_bits(gradients, BOUND)
        combined = native.linear_combination(vectors, squarings(RHO, rows + 1))
        self.products = [int(g @ gradients[0]) for g in gradients[1:]]
        self.noise = native.to_ints(native.expand_bounded(seed_of("noise"), rows - 1, NOISE_BITS))
        self.noise_bits = noise_bits(self.noise)
        self.public = GradedInputs(RHO, native.inner(combined, combined), BOUND, SCALE, ETA, self.sum())

    def sum(self, eta: int = ETA) -> int:
        """V of the numbers that noise and inner products give."""
        return values_sum([SCALE * w + n for w, n in zip(self.products, self.noise, strict=True)], eta)

    def draw(self, noise: list[int]) -> None:
        """Other noise, in block, bits and V."""
        self.noise, self.noise_bits = noise, noise_bits(noise)
        self.public = self.public._replace(values=self.sum())

    def wires(self, gram: native.FrArray, noise: native.FrArray, bits: native.FrArray) -> native.FrArray:
        block = self.circuit.committed_block(gram, 7, self.rows, noise)
        return self.circuit.assignment(self.public, block, bits)

    def inputs(self) -> native.FrArray:
        return self.circuit.private_bits(self.bits, self.noise_bits, BOUND, self.rows)

    def satisfied(self) -> bool:
        return self.circuit.circuit.is_satisfied(self.wires(self.gram, native.from_ints(self.noise), self.inputs()))


@pytest.mark.parametrize("rows", [2, 3, 4, 5])
def test_every_number_of_owners_beside_the_reference_up_to_the_capacity_fits(rows: int) -> None:
    case = Case(graded(5), rows)
    assert case.satisfied()
    assert rows < 4 or {product > 0 for product in case.products} == {True, False}, "numbers of both signs"


@pytest.mark.parametrize("name", GradedInputs._fields)
def test_a_wrong_public_input_is_refused(name: str) -> None:
    case = Case(graded(3), 3)
    case.public = case.public._replace(**{name: getattr(case.public, name) + 1})
    assert not case.satisfied()


def test_numbers_that_are_combined_by_another_challenge_are_refused() -> None:
    case = Case(graded(3), 3)
    case.public = case.public._replace(eta=ETA + 1)
    assert not case.satisfied()
    case.public = case.public._replace(values=case.sum(ETA + 1))
    assert case.satisfied()


def test_every_gram_entry_and_every_value_of_noise_counts() -> None:
    for place in range(triangle(4) + 2):
        case = Case(graded(3), 3)
        values = [*native.to_ints(case.gram), *case.noise]
        values[place] = (values[place] + 1) % native.R
        case.gram, case.noise = native.from_ints(values[: triangle(4)]), values[triangle(4) :]
        assert not case.satisfied(), place


def test_numbers_of_two_owners_cannot_be_exchanged() -> None:
    case = Case(graded(3), 3)
    case.products.reverse()
    case.public = case.public._replace(values=case.sum())
    assert not case.satisfied()


@pytest.mark.parametrize("noise", [[0, 0], [LARGEST, LARGEST], [0, LARGEST]])
def test_all_noise_below_2_40_fits(noise: list[int]) -> None:
    case = Case(graded(3), 3)
    case.draw(noise)
    assert case.satisfied()


def test_noise_out_of_range_has_no_bits() -> None:
    """Neither too much nor less than none: one could lift an owner over a level, the other push it below."""
    for drawn in (LARGEST + 1, native.R - 1):
        case = Case(graded(3), 3)
        case.draw([drawn, 5])
        assert not case.satisfied(), "the bits are those modulo 2^40"
        bits = native.to_ints(case.noise_bits)
        low = sum(bit << e for e, bit in enumerate(bits[: NOISE_BITS - 1]))
        bits[NOISE_BITS - 1] = (drawn - low) * pow(2, 1 - NOISE_BITS, native.R) % native.R
        case.noise_bits = native.from_ints(bits)
        assert not case.satisfied(), "bits that are no bits"


def test_an_empty_slot_has_neither_noise_nor_a_product_with_the_reference() -> None:
    for place in (triangle(5) + 2, position(1, 4, 5)):
        case = Case(graded(4), 3)
        block = case.circuit.committed_block(case.gram, 7, 3, native.from_ints(case.noise))
        bits = case.inputs()
        assert case.circuit.circuit.is_satisfied(case.circuit.assignment(case.public, block, bits))
        block[place, 0] = 1
        if place > triangle(5):
            bits[4 * SLACK_BITS + 2 * NOISE_BITS, 0] = 1
        wires = case.circuit.assignment(case.public, block, bits)
        assert not case.circuit.circuit.is_satisfied(wires)


def test_the_reference_keeps_the_bound_too() -> None:
    case = Case(graded(3), 3)
    norm = native.to_ints(owner_norms(case.gram, 3))[0]
    bits = case.bits.copy()
    case.bits[:SLACK_BITS] = native.from_ints([BOUND - norm + 1 >> e & 1 for e in range(SLACK_BITS)])
    assert not case.satisfied()
    case.bits = bits
    assert case.satisfied()


def test_shares_of_the_inputs_give_shares_of_the_wires() -> None:
    case, xs = Case(graded(5), 4), [1, 2]
    noise = native.from_ints(case.noise)
    slopes = native.expand(seed_of("slopes"), len(case.gram) + len(noise) + len(case.inputs()))
    cut = [len(case.gram), len(case.gram) + len(noise)]
    gram, drawn = (
        native.shamir_share(case.gram, [slopes[: cut[0]]], xs),
        native.shamir_share(noise, [np.ascontiguousarray(slopes[cut[0] : cut[1]])], xs),
    )
    bits = native.shamir_share(case.inputs(), [np.ascontiguousarray(slopes[cut[1] :])], xs)
    wires = [case.wires(*shares) for shares in zip(gram, drawn, bits, strict=True)]
    opened = native.linear_combination(wires, native.lagrange_coefficients(xs))
    assert np.array_equal(opened, case.wires(case.gram, noise, case.inputs()))


def test_shapes_are_checked() -> None:
    circuit, case = graded(3), Case(graded(3), 2)
    noise = native.from_ints(case.noise)
    with pytest.raises(AssignmentError, match="grades its batches"):
        circuit.committed_block(case.gram, 7, 2)
    with pytest.raises(AssignmentError, match="does not grade"):
        NORM.circuit(3).committed_block(case.gram, 7, 2, noise)
    with pytest.raises(AssignmentError, match="does not grade"):
        NORM.circuit(3).private_bits(case.bits, case.noise_bits, BOUND, 2)
    with pytest.raises(AssignmentError, match="1 owners have as many values of noise"):
        circuit.committed_block(case.gram, 7, 2, native.zeros(2))
    with pytest.raises(AssignmentError, match="40 bits of noise"):
        circuit.private_bits(case.bits, native.zeros(NOISE_BITS - 1), BOUND, 2)
    with pytest.raises(AssignmentError, match="2 rows have 124 bits"):
        circuit.private_bits(native.zeros(SLACK_BITS), case.noise_bits, BOUND, 2)
    for rows in (1, 4):
        with pytest.raises(AssignmentError, match="capacity 3"):
            circuit.committed_block(native.zeros(triangle(rows + 1)), 7, rows, native.zeros(rows - 1))
    for capacity in (0, 1, 121):
        with pytest.raises(CircuitError, match=r"outside 2\.\.120"):
            graded(capacity)


def test_the_wires_lie_where_the_protocol_says() -> None:
    """Inputs, block and private bits, by number: what is committed before eta is drawn has the noise in it."""
    circuit = graded(4)
    compiled = circuit.circuit
    assert compiled.public_count == GRADED_KEY_POINTS == 7
    assert compiled.committed_count == circuit.gram_size + 3 + 1
    case = Case(circuit, 3)
    wires = native.to_ints(case.wires(case.gram, native.from_ints(case.noise), case.inputs()))
    assert wires[:7] == [1, *case.public]
    block = wires[7 : compiled.private_start]
    assert [block[position(1, row, 5)] for row in (2, 3, 4)] == [w % native.R for w in (*case.products, 0)]
    assert block[-4:] == [*case.noise, 0, 7]
    bits = np.array(wires)[compiled.input_wires]
    assert len(bits) == 4 * SLACK_BITS + 3 * NOISE_BITS
    assert bits[4 * SLACK_BITS :][:NOISE_BITS].tolist() == native.to_ints(case.noise_bits)[:NOISE_BITS]


def test_capacities_and_policies_are_different_circuits() -> None:
    digests = [graded(capacity).circuit.digest for capacity in (2, 3, 4)]
    assert len({*digests, NORM.circuit(3).circuit.digest}) == 4


def test_it_is_found_by_its_name() -> None:
    assert registry.find("reference") is REFERENCE


def test_a_policy_that_grades_adds_no_constraints() -> None:
    """The check before owners are locked knows none of its own: a set that breaks one would be stuck, numbers open."""

    def even_slack(cs: ConstraintSystem, owner: OwnerWires) -> None:
        cs.enforce(owner.slack[0], owner.norm, 0)

    with pytest.raises(CircuitError, match="grades and adds constraints"):
        PolicySpec("even", "The slack is even, or nothing is there.", even_slack, GradedInputs._fields)
    own = PolicySpec("graded", "As the reference policy.", public_inputs=GradedInputs._fields)
    assert own.circuit(3).circuit.digest == graded(3).circuit.digest
