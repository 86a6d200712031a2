"""Grading in words: what gradients are measured against, and what everybody then knows about an owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from circuits.grading import NOISE_BITS
from commons.runtime.amounts import checksum

if TYPE_CHECKING:
    from circuits.grading import GradingRule
    from circuits.terms import NewTask
    from commons.runtime.amounts import Currency
    from gradroll.audit.graderows import GradedBatch, GradeRow


def grading_in_words(terms: NewTask) -> list[str]:
    """How a task grades, for whoever is about to create it or to take part; nothing where it does not."""
    if terms.grading is None:
        return []
    step, dither = terms.grading.step, terms.grading.dither
    levels = ", ".join(f"{level} from {level / step:.3g} on" for level in (1, 2, 3) if level <= step)
    return [
        "graded: each gradient is brought to the norm bound, and has a level by its cosine with a gradient of the "
        f"model owner's own: {levels}, by chance from up to {1 / dither:.3g} below that; 0 under it. It counts in the "
        f"sum as often as its level says; where fewer than {terms.min_owners} owners of a batch have a level, they "
        "count once less, and where nobody counts, all do once",
        f"the model owner's gradient is of data with the digest 0x{terms.grading.reference_data.hex()}; nobody proves "
        "that it is",
    ]


def shown_by_grading(terms: NewTask, rounds: int) -> list[str]:
    """What an owner that takes part makes known about its data, in so many rounds; nothing where no task grades."""
    rule = terms.grading_rule
    if rule is None:
        return []
    bits = rule.bits(terms.bound)
    return [
        "in each round everybody learns one number about your gradient, once its batch is fixed, whether that is "
        f"accepted or not: its cosine with the model owner's, under noise {1 / rule.dither:.3g} wide. It tells "
        f"{bits:.2f} bits about your data on average at most, {bits * rounds:.0f} in {rounds} rounds; levels and "
        "weights follow from such numbers and tell no more",
        "this software hands in one gradient for a model, in whatever rounds and tasks it is asked for; a model that "
        "differs by anything at all is another",
    ]


def machine_grading(terms: NewTask) -> dict[str, object] | None:
    """How a task grades, for programs; None where it does not."""
    rule, grading = terms.grading_rule, terms.grading
    if rule is None or grading is None:
        return None
    return {
        "step": rule.step, "dither": rule.dither, "reference_data": f"0x{grading.reference_data.hex()}",
        "bits_a_round": rule.bits(terms.bound),
    }  # fmt: skip


def grades_in_words(batches: Sequence[GradedBatch], rule: GradingRule, coin: Currency, *, final: bool) -> list[str]:
    """What became of each owner of a graded round; a line each, below one for its batch.

    Args:
        final: whether the round takes no more batches, which would share the bonus.
    """
    lines, so_far = [], "" if final else " so far"
    for number, batch in enumerate(batches):
        how = "nobody had a weight, so all count once" if batch.fallback else "counted by weight"
        lines.append(f"batch {number}, graded against copy {batch.copy} of the reference; {how}")
        for row in batch.rows:
            lines.append(
                f"  owner {row.index} ({checksum(row.signer)}): cosine {cosine(row, rule):+.3f} with noise, level "
                f"{row.level}, {_counts(row.weight)}, earns {coin.shown(row.pay)}{so_far}"
            )
    return lines


def cosine(row: GradeRow, rule: GradingRule) -> float:
    """An opened number less the mean of its noise, in parts of the norm bound's square."""
    return row.value / (rule.dither << NOISE_BITS) - 1 / (2 * rule.dither)


def _counts(weight: int) -> str:
    return "does not count" if weight == 0 else f"counts {('once', 'twice', 'three times')[weight - 1]}"


def machine_grades(batches: Sequence[GradedBatch], *, final: bool) -> list[dict[str, object]]:
    """The same for programs; numbers beyond 2^53 and amounts are text."""
    return [
        {
            "copy": batch.copy, "fallback": batch.fallback, "final": final,
            "owners": [
                {
                    "index": row.index, "signer": checksum(row.signer), "value": str(row.value), "level": row.level,
                    "weight": row.weight, "pay": str(row.pay),
                }
                for row in batch.rows
            ],
        }
        for batch in batches
    ]  # fmt: skip
