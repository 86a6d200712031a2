"""Values of the wires of `linkgadgets`, vectorised: in the order in which those declare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

import native
from circuits.accuracy.inference import Int64Array
from circuits.accuracy.linkgadgets import power_plan
from circuits.errors import ProofError
from circuits.statement import domain_size
from native import FrArray, R


@dataclass(frozen=True, slots=True, eq=False)
class Evaluations:
    """Polynomials at a point: the wires of their Horner sums, one polynomial after the other, and their values."""

    wires: FrArray = field(repr=False)
    values: list[int] = field(repr=False)


def small_horner_wires(rows: Int64Array, point: int) -> Evaluations:
    """`horner_wires` of integers, (count, n)."""
    return horner_wires([native.from_int64(row) for row in rows], point)


def horner_wires(rows: Sequence[FrArray], point: int, *, keep_last: bool = True) -> Evaluations:
    """The wires of `linkgadgets.horner` for each row of coefficients (n, 4), lowest degree first.

    The sums are the coefficients of (p - p(x)) / (X - x), highest degree first, without the leading one, then p(x).

    Args:
        keep_last: False where the value itself is no wire.
    """
    parts, values = [], []
    for items in rows:
        value = native.evaluate(items, point)
        parts.append(native.divide_by_linear(items, point)[-2::-1])
        if keep_last and len(items) > 1:
            parts.append(native.from_ints([value]))
        values.append(value)
    return Evaluations(np.concatenate(parts), values)


def repeated_squares(alpha: int, samples: int) -> list[int]:
    """[alpha, alpha^2, alpha^4, .., alpha^n] for n a power of two."""
    out = [alpha]
    for _ in range(samples.bit_length() - 1):
        out.append(out[-1] * out[-1] % R)
    return out


def ratio_of_powers(alpha: int, beta: int) -> int:
    """(beta - 1) / (alpha - 1). Raises ProofError at alpha = 1."""
    if alpha == 1:
        raise ProofError("the challenge is 1; prove again with another blinder")
    return (beta - 1) * pow(alpha - 1, -1, R) % R


def link_wires(row: Int64Array, tail: FrArray, alpha: int, powers: Sequence[int], samples: int) -> tuple[FrArray, int]:
    """The wires of `linkgadgets.link`, and W(alpha).

    Args:
        powers: `repeated_squares` of alpha.
        samples: n of the circuit's chunks; 1 where it has none.

    Raises:
        ProofError: alpha is in the domain, where the tail hides nothing.
    """
    domain = domain_size(len(row))
    vanishing = (pow(alpha, domain, R) - 1) % R
    if vanishing == 0:
        raise ProofError("the challenge is in the evaluation domain; prove again with another blinder")
    # L_j(alpha) = (alpha^N - 1) / N * omega^j / (alpha - omega^j)
    scale = domain * pow(vanishing, -1, R) % R
    lagrange = native.scale(np.ascontiguousarray(native.lagrange_scalars(alpha, domain)[: len(row)]), scale)
    quotients = native.mul(lagrange, native.from_int64(row))
    at_tail = horner_wires([tail], alpha)
    weighted = native.inner(quotients, native.powers(1, len(row))) * pow(domain, -1, R)
    plan = power_plan(domain, samples)
    top, climbed = powers[-1] if plan.from_beta else alpha, []
    for _ in range(plan.squarings):
        top = top * top % R
        climbed.append(top)
    for _ in range(plan.cubes):
        climbed += [top * top % R, pow(top, 3, R)]
        top = climbed[-1]
    wires = np.concatenate([quotients, at_tail.wires, native.from_ints(climbed)])
    return wires, vanishing * (weighted + at_tail.values[0]) % R


def fractions(looked: Int64Array, uses: Int64Array, alpha: int) -> FrArray:
    """The wires of `linkgadgets.look_up`: 1 / (alpha - x) for each looked value, then m_v / (alpha - v).

    Raises:
        ProofError: alpha is one of the values.
    """
    values = np.concatenate([looked, np.arange(len(uses), dtype=np.int64)])
    gaps = native.sub(_repeated(alpha, len(values)), native.from_int64(values))
    try:
        inverses = native.batch_inverse(gaps)
    except ZeroDivisionError:
        raise ProofError("the challenge is in the table; prove again with another blinder") from None
    inverses[len(looked) :] = native.mul(np.ascontiguousarray(inverses[len(looked) :]), native.from_int64(uses))
    return inverses


def _repeated(value: int, count: int) -> FrArray:
    return np.repeat(native.from_ints([value]), count, axis=0)
