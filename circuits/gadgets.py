"""Reusable pieces of circuits: booleans, ranges, repeated squares, sums."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.r1cs import ONE, ConstraintSystem, LinearCombination, Variable, total


def boolean(cs: ConstraintSystem, value: LinearCombination) -> None:
    """value is 0 or 1; one constraint."""
    cs.enforce(value, value, value)


def equal(cs: ConstraintSystem, left: LinearCombination | int, right: LinearCombination | int) -> None:
    """left = right; one constraint."""
    cs.enforce(left, ONE, right)


def recompose(bits: Sequence[LinearCombination]) -> LinearCombination:
    """sum 2^e bit_e, least significant bit first; no constraint."""
    return total((bit, 1 << exponent) for exponent, bit in enumerate(bits))


def range_check(cs: ConstraintSystem, value: LinearCombination, bits: Sequence[Variable]) -> None:
    """0 <= value < 2^len(bits), given its bits as wires; len(bits) + 1 constraints.

    The bits are wires the prover supplies (shared inputs): a decomposition is not linear, so no prover
    could derive them from a share of the value.
    """
    for bit in bits:
        boolean(cs, bit)
    equal(cs, recompose(bits), value)


def repeated_squares(cs: ConstraintSystem, base: Variable, count: int) -> list[Variable]:
    """[x, x^2, x^4, ..., x^(2^(count-1))]; count - 1 constraints."""
    chain = [base]
    while len(chain) < count:
        chain.append(cs.product(chain[-1], chain[-1]))
    return chain


def weighted_sum(values: Sequence[LinearCombination], weights: Sequence[int]) -> LinearCombination:
    """sum weight_i * value_i for constant weights; no constraint."""
    return total(zip(values, weights, strict=True))


def inner_product(
    cs: ConstraintSystem, values: Sequence[LinearCombination], weights: Sequence[LinearCombination]
) -> LinearCombination:
    """sum weight_i * value_i for weights that are wires; one constraint per term."""
    return total((cs.product(v, w), 1) for v, w in zip(values, weights, strict=True))


def occurs(cs: ConstraintSystem, value: Variable) -> None:
    """Gives a wire a constraint of its own (value * 0 = 0), so its basis point in the key is not zero.

    A blinder that occurs nowhere else would otherwise contribute nothing to the commitment it should hide.
    """
    cs.enforce(value, 0, 0)
