"""Levels, weights and pay of a round as anybody reckons them from its batches; amounts are those of Levels.t.sol."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from circuits.errors import InvalidInputError
from circuits.grading import NOISE_BITS, GradingRule
from circuits.statement import REFERENCE_INDEX, BatchStatement, Graded, SubmissionHeader
from circuits.terms import Pay
from commons.runtime.amounts import ETH, checksum
from gradroll.audit.graderows import GradedBatch, GradeRow, graded_round
from gradroll.commands.gradingwords import cosine, grades_in_words, machine_grades
from native import g1_generator
from tests.gradroll.fakes import NOW, context, round_record

BASE, BONUS = 100, 900
PAY = Pay(base=BASE, bonus=BONUS)
RULE = GradingRule(4, 4, 2)
STEP = 1 << NOISE_BITS


def batch(levels: list[int], first: int = 0, copy: int = 0, rule: GradingRule = RULE) -> BatchStatement:
    """A batch of owners with these levels."""
    owners = tuple(
        SubmissionHeader(0, 0, bytes([first + i + 1]) * 20, first + i, g1_generator, ()) for i in range(len(levels))
    )
    reference = SubmissionHeader(0, 0, b"\x09" * 20, REFERENCE_INDEX + copy, g1_generator, ())
    values = tuple(level * STEP + 5 if level else -STEP for level in levels)
    return BatchStatement(context(0), owners, Graded(reference, rule, values))


def paid(*batches: BatchStatement) -> dict[int, int]:
    return {row.index: row.pay for each in graded_round(batches, PAY) for row in each.rows}


def test_the_bonus_is_divided_by_level() -> None:
    all_of_it = 4 * BONUS
    expected = [BASE + all_of_it * 3 // 6, BASE + all_of_it * 2 // 6, BASE + all_of_it // 6, BASE]
    assert list(paid(batch([3, 2, 1, 0], rule=GradingRule(4, 4, 1))).values()) == expected


def test_shares_are_of_the_round_and_not_of_the_batch() -> None:
    amounts = paid(batch([3, 3]), batch([1, 1, 1, 1], first=2, copy=1))
    assert (amounts[0], amounts[5]) == (BASE + 6 * BONUS * 3 // 10, BASE + 6 * BONUS // 10)


def test_levels_are_paid_as_they_are_and_weights_count_as_they_were_demoted() -> None:
    (found,) = graded_round([batch([3, 2, 2, 0])], PAY)
    assert [(row.level, row.weight) for row in found.rows] == [(3, 2), (2, 2), (2, 2), (0, 0)]
    assert found.rows[0].pay == BASE + 4 * BONUS * 3 // 7
    assert not found.fallback


def test_where_nobody_has_a_weight_all_are_paid_at_least_level_one() -> None:
    (found,) = graded_round([batch([0, 0, 3], copy=2)], PAY)
    assert (found.fallback, found.copy) == (True, 2)
    assert [(row.level, row.weight, row.pay) for row in found.rows] == [
        (1, 1, BASE + 3 * BONUS // 5), (1, 1, BASE + 3 * BONUS // 5), (3, 1, BASE + 3 * BONUS * 3 // 5),
    ]  # fmt: skip


def test_nobody_falls_below_its_floor_and_no_more_is_paid_than_there_is() -> None:
    draw = random.Random(3)
    for _ in range(200):
        pay = Pay(base=draw.randrange(1 << 70), bonus=draw.randrange(1 << 70))
        batches = [batch([draw.randrange(4) for _ in range(draw.randint(2, 9))], copy=n) for n in range(3)]
        rows = [row for each in graded_round(batches, pay) for row in each.rows]
        whole = len(rows) * pay.flat
        assert 0 <= whole - sum(row.pay for row in rows) < len(rows)
        assert all(row.pay >= pay.base + pay.bonus * row.level // 3 for row in rows)


def test_what_has_no_grades_or_is_of_another_round_is_refused() -> None:
    plain = replace(batch([1, 1]), graded=None)
    with pytest.raises(InvalidInputError, match="not graded"):
        graded_round([batch([1, 1]), plain], PAY)
    other = batch([1, 1])
    with pytest.raises(InvalidInputError, match="different rounds"):
        graded_round([batch([1, 1]), replace(other, context=replace(other.context, round=1))], PAY)
    graded = other.graded
    assert graded is not None
    with pytest.raises(InvalidInputError, match="2 owners has 1 numbers"):
        graded_round([replace(other, graded=replace(graded, values=graded.values[:1]))], PAY)
    assert graded_round([], PAY) == ()


def test_every_owner_has_a_line_that_says_what_became_of_it() -> None:
    found = graded_round([batch([3, 3, 0]), batch([0, 0], first=7, copy=1)], replace(PAY, base=0, bonus=10**18))
    lines = grades_in_words(found, RULE, ETH, final=True)
    assert lines[0] == "batch 0, graded against copy 0 of the reference; counted by weight"
    assert lines[1] == (
        f"  owner 0 ({checksum(bytes([1]) * 20)}): cosine +0.625 with noise, level 3, counts three times, earns "
        f"{ETH.shown(5 * 10**18 * 3 // 8)}"
    )
    assert "level 0, does not count, earns 0 ETH" in lines[3]
    assert not any("so far" in line for line in lines)
    assert lines[4] == "batch 1, graded against copy 1 of the reference; nobody had a weight, so all count once"
    assert "owner 8" in lines[6]
    assert "level 1, counts once" in lines[6]


def test_pay_of_a_round_that_takes_batches_is_so_far() -> None:
    """The next one shares the bonus with those before."""
    lines = grades_in_words(graded_round([batch([3, 3])], PAY), RULE, ETH, final=False)
    assert [line.endswith(" so far") for line in lines] == [False, True, True]


@pytest.mark.parametrize(
    ("changes", "final"),
    [
        ({}, False), ({"closed": True}, True), ({"owners": 4}, True), ({"owners": 3}, False),
        ({"closed": True, "batches": 2}, False), ({"owners": 4, "batches": 2}, False),
        ({"owners": 0, "seats": 0}, False),
    ],
)  # fmt: skip
def test_pay_is_final_when_no_other_batch_can_come(changes: dict[str, object], final: bool) -> None:
    """Another than those that were audited, too: one may have come in between."""
    usual = {"batches": 1, "owners": 2, "closed": False, **changes}
    assert round_record(NOW - 60, NOW + 60, **usual).ended_with(1) is final


def test_programs_are_told_numbers_whole() -> None:
    row = GradeRow(3, b"\x01" * 20, -(1 << 60), 0, 0, 1 << 90)
    (told,) = machine_grades([GradedBatch(1, False, (row,))], final=False)
    assert (told["copy"], told["final"]) == (1, False)
    assert told["owners"] == [
        {"index": 3, "signer": checksum(b"\x01" * 20), "value": str(-(1 << 60)), "level": 0, "weight": 0,
         "pay": str(1 << 90)}
    ]  # fmt: skip


@pytest.mark.parametrize("cos", [-1, 0, 0.25, 1])
def test_the_cosine_that_is_told_is_off_by_half_the_noise_at_most(cos: float) -> None:
    bound = 1 << 34
    inner = int(cos * bound) * RULE.scale(bound)
    off = [cosine(GradeRow(0, b"", inner + noise, 0, 0, 0), RULE) - cos for noise in (0, STEP // 2, STEP - 1)]
    assert off == pytest.approx([-0.125, 0, 0.125], abs=1e-6)
