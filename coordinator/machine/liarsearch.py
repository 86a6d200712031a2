"""Who lied?  Inference from which sets of provers succeeded and which failed.

A value of degree 2t among few provers shows that something is wrong, not who.  So the attempt is repeated with other
sets of provers, and the outcomes are put together.  A *hypothesis* is a set of at most ``liars`` provers.  It is
consistent when all sets that it does not touch had the same outcome, and that outcome was no contradiction: honest
provers give success, or the validity failures of the guilty owners, whatever the attempt.  A proof that verifies clears
all its owners, whoever made it.

Corruption bound: at most t lying provers, any number of dishonest owners.  Then the truth is always among the
consistent hypotheses, so whoever is in all of them lied, and an owner who is guilty in all of them is guilty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from math import comb

from commons.protocol.messages import Step

_IN_ORDER = (
    Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE,
    Step.ATTEST,
)  # fmt: skip
MOST_HYPOTHESES = 20_000
"""Beyond this many hypotheses nobody is named by inference (never reached below 15 provers)."""


def place(step: Step) -> int:
    """Where a step of an attempt stands among the others; their numbers do not say it."""
    return _IN_ORDER.index(step)


@dataclass(frozen=True, slots=True)
class Record:
    """How one attempt went.

    Attributes:
        active: the provers that took part.
        depth: the last step that was judged.
        residuals: cohort indices of owners whose validity test failed; empty for success; None for a contradiction,
            which only a lying prover can cause.
    """

    active: frozenset[int]
    depth: Step
    residuals: frozenset[int] | None

    @property
    def proven(self) -> bool:
        """Whether the attempt's proof verified: then all its owners are valid."""
        return self.residuals == frozenset() and place(self.depth) >= place(Step.PROVE)

    def failed(self, kept: frozenset[int]) -> bool:
        """Whether the attempt would have failed with only the owners that are still in the batch."""
        return self.residuals is None or bool(self.residuals & kept)


@dataclass(frozen=True, slots=True)
class Inference:
    """What follows from the records.

    Attributes:
        possible: whether any hypothesis is consistent; if not, more than t provers lied.
        named: provers that every consistent hypothesis contains.
        suspects: provers that some smallest consistent hypothesis contains.
        guilty: owners (cohort indices) that are guilty under every consistent hypothesis.
    """

    possible: bool
    named: frozenset[int]
    suspects: frozenset[int]
    guilty: frozenset[int]


def infer(
    records: Iterable[Record], provers: frozenset[int], liars: int, kept: frozenset[int], *, cleared: bool = False
) -> Inference:
    """Put the records together.

    Args:
        provers: all members of the committee that are not named yet.
        liars: at most this many of them lied.
        kept: cohort indices of the owners still in the batch.
        cleared: whether they are known to be valid from before.
    """
    records = tuple(records)
    relevant = [r for r in records if r.active <= provers]
    seen = frozenset[int]().union(*(r.active for r in relevant))
    if sum(comb(len(seen), size) for size in range(liars + 1)) > MOST_HYPOTHESES:
        return Inference(True, frozenset(), seen, frozenset())
    suspicious = frozenset[int]() if cleared or any(r.proven for r in records) else kept
    consistent: list[frozenset[int]] = []
    guilty: list[frozenset[int]] = []
    for hypothesis in subsets(sorted(seen), liars):
        outcome = _explained(relevant, hypothesis, kept, suspicious)
        if outcome is not None:
            consistent.append(hypothesis)
            guilty.append(outcome)
    if not consistent:
        return Inference(False, frozenset(), seen, frozenset())
    smallest = [h for h in consistent if not any(other < h for other in consistent)]
    return Inference(
        True,
        reduce(frozenset.intersection, consistent),
        reduce(frozenset.union, smallest),
        reduce(frozenset.intersection, guilty),
    )


def subsets(provers: list[int], most: int) -> Iterator[frozenset[int]]:
    """All subsets of at most ``most`` provers, smallest first."""
    for size in range(most + 1):
        for chosen in combinations(provers, size):
            yield frozenset(chosen)


def without_each(provers: frozenset[int], size: int) -> Iterator[frozenset[int]]:
    """Every set that leaves exactly ``size`` of the provers out."""
    for left_out in combinations(sorted(provers), size):
        yield provers - frozenset(left_out)


def _explained(
    records: list[Record], hypothesis: frozenset[int], kept: frozenset[int], suspicious: frozenset[int]
) -> frozenset[int] | None:
    """Owners that must be guilty if exactly these provers lied, or None when they cannot have been the only liars."""
    honest = [r for r in records if not r.active & hypothesis]
    if any(r.residuals is None for r in honest):
        return None
    judged = [r for r in honest if place(r.depth) >= place(Step.VALIDATE)]
    outcomes = {r.residuals & kept for r in judged if r.residuals is not None}
    guilty = next(iter(outcomes), frozenset[int]())
    return guilty if len(outcomes) <= 1 and guilty <= suspicious else None
