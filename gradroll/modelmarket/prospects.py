"""What an entrant knows of its chances before it stakes a bond: what can be proven at most, and what its model does."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from circuits.accuracy.inference import Int64Array, count_right
from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass
from circuits.errors import RuleViolationError
from commons.chain.modelfacts import BountyTerms
from gradroll.modelmarket.datagroups import DataGroup


def require_winnable(size: SizeClass, terms: BountyTerms) -> None:
    """Raise RuleViolationError where tests cannot have as many samples as a winner has to have right."""
    most = terms.test_groups * MAX_CHUNKS * size.samples
    if terms.threshold > most:
        raise RuleViolationError(
            f"a winner must have {terms.threshold} answers right, and the {terms.test_groups} test groups have {most} "
            f"samples at most, as a proof of class {size.name} takes no more of a group: nobody can win; enter another "
            "bounty"
        )


def require_likely(size: SizeClass, weights: Int64Array, terms: BountyTerms, groups: Sequence[DataGroup]) -> None:
    """Raise RuleViolationError where a model is below a bounty's threshold on tests like some data.

    Args:
        weights: int64[d].
        groups: as large as the tests are thought to be, such as the training groups; none say nothing.
    """
    if not groups:
        return
    correct, samples = sum(_right(size, weights, group) for group in groups), sum(group.samples for group in groups)
    expected = Fraction(correct * terms.test_groups, len(groups))
    if expected < terms.threshold:
        raise RuleViolationError(
            f"the model has {correct} of {samples} samples of {len(groups)} groups right, which is "
            f"{float(expected):.1f} in the {terms.test_groups} test groups if these are alike, and a winner needs "
            f"{terms.threshold}: the bond would come back, but not what is paid for proofs; train on, or enter all the "
            "same (--unlikely)"
        )


def _right(size: SizeClass, weights: Int64Array, group: DataGroup) -> int:
    return count_right(size, group.features.astype(np.int64), group.labels.astype(np.int64), weights)
