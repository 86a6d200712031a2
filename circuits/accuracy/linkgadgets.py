"""Constraints that accuracy and rounding circuits share: all are identities in one challenge alpha.

What they speak of is in the committed block, which is fixed before alpha is known. So each identity of polynomials, or
of rational functions, that holds at alpha holds altogether, but for a chance below 2^20 / r.

Where a factor is small and the other any field element, the small one is on the right: the key's points in G2 are of
what stands there, and multiplying those by small numbers, or by none, is most of what a prover saves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import native
from circuits.r1cs import ONE, ConstraintSystem, LinearCombination, Variable, total
from circuits.statement import domain_size
from native import R


class PowerPlan(NamedTuple):
    """How alpha^N is made: squarings, from beta = alpha^n or else from alpha, then cubes."""

    from_beta: bool
    squarings: int
    cubes: int


def power_plan(domain: int, samples: int) -> PowerPlan:
    """The plan for a domain of size N = 2^a 3^b and chunks of n samples, a power of two; n = 1 starts at alpha."""
    odd, twos = domain, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    known = samples.bit_length() - 1
    from_beta = twos >= known
    return PowerPlan(from_beta, twos - known if from_beta else twos, {1: 0, 3: 1, 9: 2}[odd])


def square(cs: ConstraintSystem, value: Variable) -> Variable:
    """A wire for value^2; one constraint."""
    (wire,) = cs.shared_inputs(1)
    cs.enforce(value, value, wire)
    return wire


def horner(
    cs: ConstraintSystem,
    items: Sequence[LinearCombination],
    point: Variable,
    last: LinearCombination | None = None,
) -> LinearCombination:
    """items[0] + items[1] point + ...; len(items) - 1 constraints and as many wires.

    With `last` the sum is enforced to be that, which saves a wire.
    """
    sums = cs.shared_inputs(len(items) - 1 - (last is not None))
    steps: list[LinearCombination] = [*sums] if last is None else [*sums, last]
    value = items[-1]
    for step, item in zip(steps, reversed(items[:-1]), strict=True):
        cs.enforce(value, point, step - item)
        value = step
    return value


def inner_of_wires(
    cs: ConstraintSystem, pairs: Sequence[tuple[LinearCombination, LinearCombination]]
) -> LinearCombination:
    """The sum of products; a constraint and a wire for each."""
    wires = cs.shared_inputs(len(pairs))
    for wire, (left, right) in zip(wires, pairs, strict=True):
        cs.enforce(left, right, wire)
    return total((wire, 1) for wire in wires)


def link(
    cs: ConstraintSystem, row: Sequence[Variable], tail: Sequence[Variable], alpha: Variable, start: Variable,
    plan: PowerPlan, opened: Variable,
) -> None:  # fmt: skip
    """opened = W(alpha), of the row's polynomial over H and its tail (`modelrows`).

    (alpha - omega^j) l_j = omega^j w_j for each entry, and (alpha^N - 1)(sum_j l_j / N + t(alpha)) = opened.

    Args:
        start: where the powers up to alpha^N begin (`PowerPlan.from_beta`).
    """
    domain = domain_size(len(row))
    root, point = native.root_of_unity(domain), 1
    quotients = cs.shared_inputs(len(row))
    for wire, weight in zip(quotients, row, strict=True):
        cs.enforce(wire, alpha - point, weight * point)
        point = point * root % R
    at_tail = horner(cs, tail, alpha)
    top = start
    for _ in range(plan.squarings):
        top = square(cs, top)
    for _ in range(plan.cubes):
        twice = square(cs, top)
        (cube,) = cs.shared_inputs(1)
        cs.enforce(twice, top, cube)
        top = cube
    share = pow(domain, -1, R)
    cs.enforce(top - 1, total((quotient, share) for quotient in quotients) + at_tail, opened)


def look_up(
    cs: ConstraintSystem, looked: Sequence[LinearCombination], uses: Sequence[Variable], alpha: Variable
) -> None:
    """Every looked value is one of 0..len(uses) - 1; uses say how often each occurs (logUp).

    sum_x 1 / (alpha - x) = sum_v m_v / (alpha - v), a wire and a constraint for each fraction and one for the sum. As
    rational functions of alpha both sides have simple poles at what they name, so no x lies outside the table; that
    there are fewer than r values keeps multiplicities from vanishing.
    """
    inverses = cs.shared_inputs(len(looked))
    for wire, value in zip(inverses, looked, strict=True):
        cs.enforce(wire, alpha - value, ONE)
    shares = cs.shared_inputs(len(uses))
    for entry, (wire, use) in enumerate(zip(shares, uses, strict=True)):
        cs.enforce(wire, alpha - entry, use)
    cs.enforce(total([*((x, 1) for x in inverses), *((x, -1) for x in shares)]), ONE, 0)


def recompose_limbs(limbs: Iterable[Variable], bits: int) -> LinearCombination:
    """sum_e 2^(bits e) limb_e, least significant first; no constraint."""
    return total((limb, 1 << bits * e) for e, limb in enumerate(limbs))
