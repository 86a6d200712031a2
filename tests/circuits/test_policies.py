"""The policy circuit accepts what the protocol allows and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.policies.graded import REFERENCE
from circuits.policies.gram import triangle
from circuits.policies.norm import NORM
from circuits.policies.registry import BUILT_IN, compiled
from circuits.policies.spec import PolicyCircuit, PublicInputs
from circuits.statement import SLACK_BITS
from circuits.transcript import squarings
from tests.support.plain_batch import random_gradients, seed_of, slack_bits

BOUND = 1 << 20
RHO = 0x1234567890ABCDEF
norm = NORM.circuit


class Case:
    """The values of one batch, before assignment; tests change some of them."""

    def __init__(self, circuit: PolicyCircuit, owners: int, dimension: int = 3) -> None:
        self.circuit, self.owners = circuit, owners
        gradients = random_gradients(owners, dimension, BOUND, seed=owners)
        rows = [native.expand(seed_of("row 0"), dimension), *(native.from_int64(g) for g in gradients)]
        self.gram = native.gram(rows)
        self.bits = slack_bits(gradients, BOUND)
        combined = native.linear_combination(rows, squarings(RHO, owners + 1))
        self.squared_norm = native.inner(combined, combined)
        self.rho, self.bound = RHO, BOUND

    def satisfied(self) -> bool:
        wires = self.wires(self.gram, 7, self.bits)
        return self.circuit.circuit.is_satisfied(wires)

    def wires(self, gram: native.FrArray, blinder: int, bits: native.FrArray) -> native.FrArray:
        public = PublicInputs(self.rho, self.squared_norm, self.bound)
        block = self.circuit.committed_block(gram, blinder, self.owners)
        return self.circuit.assignment(public, block, self.circuit.slack_bits(bits, self.bound, self.owners))


@pytest.mark.parametrize("owners", [1, 2, 3, 4, 5])
def test_every_number_of_owners_up_to_the_capacity_fits(owners: int) -> None:
    assert Case(norm(5), owners).satisfied()


@pytest.mark.parametrize("name", ["rho", "squared_norm", "bound"])
def test_a_wrong_public_input_is_refused(name: str) -> None:
    case = Case(norm(3), 2)
    setattr(case, name, getattr(case, name) + 1)
    assert not case.satisfied()


def test_every_gram_entry_counts() -> None:
    for position in range(triangle(4)):
        case = Case(norm(3), 3)
        values = native.to_ints(case.gram)
        values[position] = (values[position] + 1) % native.R
        case.gram = native.from_ints(values)
        assert not case.satisfied(), position


def test_a_norm_above_the_bound_has_no_bits() -> None:
    case = Case(norm(2), 1)
    norm_squared = native.to_ints(case.gram)[2]
    case.bound = norm_squared
    case.bits = native.zeros(SLACK_BITS)
    assert case.satisfied()
    case.bound = norm_squared - 1
    assert not case.satisfied()
    wrapped = native.R - 1
    top = (wrapped - (wrapped & 1)) * pow(2, 1 - SLACK_BITS, native.R) % native.R
    case.bits = native.from_ints([wrapped & 1, *([0] * (SLACK_BITS - 2)), top])
    assert not case.satisfied(), "bits that are no bits"


def test_shares_of_the_inputs_give_shares_of_the_wires() -> None:
    case, xs = Case(norm(4), 3), [1, 2]
    slopes = native.expand(seed_of("slopes"), len(case.gram) + len(case.bits))
    gram = native.shamir_share(case.gram, [slopes[: len(case.gram)]], xs)
    bits = native.shamir_share(case.bits, [slopes[len(case.gram) :]], xs)
    blinders = [7 + 5 * x for x in xs]
    wires = [case.wires(*shares) for shares in zip(gram, blinders, bits, strict=True)]
    opened = native.linear_combination(wires, native.lagrange_coefficients(xs))
    assert np.array_equal(opened, case.wires(case.gram, 7, case.bits))


def test_shapes_and_names_are_checked() -> None:
    circuit = norm(2)
    with pytest.raises(AssignmentError, match="Gram"):
        circuit.committed_block(native.zeros(4), 0, 2)
    with pytest.raises(AssignmentError, match="capacity 2"):
        circuit.committed_block(native.zeros(10), 0, 3)
    with pytest.raises(AssignmentError, match="bits"):
        circuit.slack_bits(native.zeros(1), 1, 2)
    with pytest.raises(CircuitError, match="no policy"):
        compiled("median", 16)
    for capacity in (0, 121):
        with pytest.raises(CircuitError, match="outside"):
            norm(capacity)


def test_capacities_are_different_circuits() -> None:
    assert len({norm(capacity).circuit.digest for capacity in (2, 3, 4)}) == 3


def test_no_policy_publishes_anything_about_one_owner() -> None:
    """The public inputs are rho, T and BOUND; where batches are graded, also what combines all numbers at once."""
    assert BUILT_IN == (NORM, REFERENCE)
    assert norm(3).circuit.public_count == 1 + 3
    assert REFERENCE.circuit(3).circuit.public_count == 1 + 6
    with pytest.raises(CircuitError, match="no policy"):
        compiled("norm-contribution", 16)
