"""What a round's owners were graded and are paid, from its batches' statements: as the contract reckons it.

Whether a statement is the accepted batch's, an audit of the batch says; this only draws conclusions from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from circuits.errors import InvalidInputError
from circuits.statement import REFERENCE_INDEX, BatchStatement, Graded
from circuits.terms import Pay


@dataclass(frozen=True, slots=True)
class GradeRow:
    """One accepted owner of a round.

    Attributes:
        index: registration index.
        signer: 20-byte address.
        value: the opened number.
        level: 0 to 3, by which it is paid.
        weight: how often its gradient counts in the sum.
        pay: in the token's smallest unit, if the round gets no more batches.
    """

    index: int
    signer: bytes
    value: int
    level: int
    weight: int
    pay: int


@dataclass(frozen=True, slots=True)
class GradedBatch:
    """The owners of one batch, in its order.

    Attributes:
        copy: which copy of the reference they were graded against.
        fallback: nobody had a weight, so all count once.
    """

    copy: int
    fallback: bool
    rows: tuple[GradeRow, ...]


def graded_round(statements: Sequence[BatchStatement], pay: Pay) -> tuple[GradedBatch, ...]:
    """All owners of a round, batch by batch.

    Args:
        statements: of all accepted batches of the round: shares of the bonus are of the round, not of a batch.
        pay: of the task's terms.

    Raises:
        InvalidInputError: a batch is not graded or has not one number an owner, or two are of different rounds.
    """
    if len({(one.context.market, one.context.task_id, one.context.round) for one in statements}) > 1:
        raise InvalidInputError("batches of different rounds share no bonus")
    levels = list(chain.from_iterable(_graded(one).grades.levels for one in statements))
    return tuple(_batch(one, pay, len(levels), sum(levels)) for one in statements)


def _graded(statement: BatchStatement) -> Graded:
    graded = statement.graded
    if graded is None:
        raise InvalidInputError("this batch is not graded, so its owners have neither levels nor weights")
    if len(graded.values) != statement.size:
        raise InvalidInputError(f"a batch of {statement.size} owners has {len(graded.values)} numbers")
    return graded


def _batch(statement: BatchStatement, pay: Pay, gradients: int, levels: int) -> GradedBatch:
    graded = _graded(statement)
    found = graded.grades
    each = zip(statement.owners, graded.values, found.levels, found.weights, strict=True)
    rows = tuple(
        GradeRow(header.owner_index, header.owner, value, level, weight, pay.of_owner(gradients, levels, level))
        for header, value, level, weight in each
    )
    return GradedBatch(graded.reference.owner_index - REFERENCE_INDEX, found.fallback, rows)
