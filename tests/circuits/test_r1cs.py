"""The circuit builder: operators, layout, assignment on values and on shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.gadgets import (
    boolean,
    inner_product,
    range_check,
    recompose,
    repeated_squares,
    weighted_sum,
)
from circuits.r1cs import ONE, Circuit, ConstraintSystem, LinearCombination, Visibility

scalars = st.integers(0, native.R - 1)


def small_circuit() -> Circuit:
    """public x, committed k_0 k_1, three bits: y = x (k_0 x^2 + 2 k_1 x), bits compose k_0."""
    cs = ConstraintSystem()
    (x,) = cs.public_inputs(1)
    k = cs.committed_block(2)
    first, second = repeated_squares(cs, x, 2)
    inner = inner_product(cs, [k[0], 2 * k[1]], [second, first])
    cs.product(inner, x)
    range_check(cs, k[0], cs.shared_inputs(3))
    return cs.compile()


def assigned(circuit: Circuit, x: int, block: list[int], bits: list[int]) -> native.FrArray:
    return circuit.assign([x], native.from_ints(block), native.from_ints(bits))


def test_operators_reduce_and_drop_zero_terms() -> None:
    cs = ConstraintSystem()
    x, y = cs.public_inputs(2)
    assert (3 * x + y * 2 - x * 3 + 5).terms == {2: 2, 0: 5}
    assert (1 - x).terms == {0: 1, 1: native.R - 1}
    assert (-x).terms == {1: native.R - 1}
    assert weighted_sum([x, y], [7, 8]).terms == {1: 7, 2: 8}
    assert recompose([x, y, ONE]).terms == {1: 1, 2: 2, 0: 4}
    assert LinearCombination.constant(native.R).terms == {}


def test_assignment_of_a_true_statement_satisfies_every_constraint() -> None:
    circuit = small_circuit()
    z = assigned(circuit, 11, [5, 9], [1, 0, 1])
    assert circuit.is_satisfied(z)
    assert native.to_ints(z)[:4] == [1, 11, 5, 9]
    assert 11 * (5 * 121 + 2 * 9 * 11) in native.to_ints(z)


@pytest.mark.parametrize(("block", "bits"), [([5, 9], [1, 1, 0]), ([8, 9], [0, 0, 0]), ([5, 9], [3, 1, 0])])
def test_assignment_of_a_false_statement_does_not_satisfy(block: list[int], bits: list[int]) -> None:
    assert not small_circuit().is_satisfied(assigned(small_circuit(), 11, block, bits))


@settings(max_examples=20, deadline=None)
@given(scalars, st.lists(scalars, min_size=10, max_size=10))
def test_assignment_on_shares_interpolates_to_the_assignment(x: int, randomness: list[int]) -> None:
    circuit, xs = small_circuit(), [1, 2, 3]
    block, bits = native.from_ints([5, 9]), native.from_ints([1, 0, 1])
    slopes = native.from_ints(randomness)
    block_shares = native.shamir_share(block, [np.ascontiguousarray(slopes[:2])], xs)
    bit_shares = native.shamir_share(bits, [np.ascontiguousarray(slopes[2:5])], xs)
    wires = [circuit.assign([x], b, e) for b, e in zip(block_shares, bit_shares, strict=True)]
    for chosen in ([0, 1], [1, 2]):
        at_zero = native.lagrange_coefficients([xs[i] for i in chosen])
        opened = native.linear_combination([wires[i] for i in chosen], at_zero)
        assert np.array_equal(opened, circuit.assign([x], block, bits))


def test_product_of_two_shared_values_is_refused() -> None:
    cs = ConstraintSystem()
    a, b = cs.committed_block(2)
    assert cs.visibility(a + 1) is Visibility.SHARED
    with pytest.raises(CircuitError, match="two shared"):
        cs.product(a, b)


def test_repeated_squares_of_a_public_wire_are_public() -> None:
    cs = ConstraintSystem()
    (x,) = cs.public_inputs(1)
    chain = repeated_squares(cs, x, 4)
    assert all(cs.visibility(wire) is Visibility.PUBLIC for wire in chain)
    z = cs.compile().assign([3], native.zeros(0), native.zeros(0))
    assert native.to_ints(z)[1:] == [3, 9, 81, 6561]


def test_wires_declared_out_of_layout_order_are_refused() -> None:
    cs = ConstraintSystem()
    cs.committed_block(1)
    with pytest.raises(CircuitError, match="first"):
        cs.public_inputs(1)
    with pytest.raises(CircuitError, match="one committed block"):
        cs.committed_block(1)
    with pytest.raises(CircuitError, match="no constraint"):
        cs.compile()


def test_assign_refuses_wrong_shapes_and_uncanonical_public_values() -> None:
    circuit, block, bits = small_circuit(), native.zeros(2), native.zeros(3)
    for arguments in (([], block, bits), ([1], native.zeros(1), bits), ([1], block, native.zeros(4))):
        with pytest.raises(AssignmentError, match="expected"):
            circuit.assign(*arguments)
    with pytest.raises(AssignmentError, match="outside"):
        circuit.assign([native.R], block, bits)


def test_digest_is_reproducible_and_depends_on_every_constraint() -> None:
    def with_extra(coefficient: int) -> bytes:
        cs = ConstraintSystem()
        (x,) = cs.public_inputs(1)
        boolean(cs, x)
        cs.enforce(coefficient * x, ONE, x)
        return cs.compile().digest

    assert small_circuit().digest == small_circuit().digest
    assert with_extra(1) == with_extra(1 + native.R)
    assert len({with_extra(1), with_extra(2), small_circuit().digest}) == 3
