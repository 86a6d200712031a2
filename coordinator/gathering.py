"""Which of the submissions that wait are proven together.  Pure.

Every prover of a cohort must hold all of its shares.  A cohort with t provers beyond a quorum is stopped by nobody; one
with just a quorum is stopped by any of its provers, and its owners are lost for the round, as provers bind a submission
to its cohort.  Who handed its shares to few provers, or was refused by one, is therefore kept apart from the others and
comes last.  Where that leaves too few for a batch, some of the others keep it company; at most ``least - 1`` of them,
and not again once a cohort of the round has failed for good: so one corrupt owner and one lying prover cost at most
that many honest owners a round, and no lying prover alone keeps an honest owner out by refusing its share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Held = Mapping[bytes, frozenset[int]]
"""By submission, in order of arrival: the provers that gave a receipt for its share."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a cohort has to be.

    Attributes:
        quorum: fewest provers that hold all of it.
        threshold: how many more there should be.
        capacity: most owners of a batch.
        least: fewest.
    """

    quorum: int
    threshold: int
    capacity: int
    least: int


def gather(held: Held, ready: frozenset[int], needs: Needs, *, last: bool, cautious: bool) -> tuple[bytes, ...]:
    """The next cohort, in order of arrival of its kind; empty while there is none.

    Args:
        ready: provers that answer and are not named.
        last: no more submissions are to come, so that what is left over now is left for good.  Before, only a whole
            batch is taken, and only where enough for another one stay.
        cautious: a cohort of the round has failed for good.
    """
    able = {s: provers & ready for s, provers in held.items() if len(provers & ready) >= needs.quorum}
    spare = min(len(ready), needs.quorum + needs.threshold)
    if not last:
        robust = _together(able, able, spare)
        return tuple(robust[: needs.capacity]) if len(robust) >= needs.capacity + needs.least else ()
    for kept in range(spare, needs.quorum, -1):
        chosen = _together(able, able, kept)
        groups = [] if cautious else _groups(_without(able, chosen), needs)
        free = len(chosen) - _wanted(groups, needs)
        if free >= needs.least:
            return tuple(chosen[: group_size(free, needs.capacity, needs.least)])
    return _with_few_provers(able, spare, needs, cautious=cautious)


def _with_few_provers(able: Held, spare: int, needs: Needs, *, cautious: bool) -> tuple[bytes, ...]:
    """Submissions with just a quorum in common, and the company that they need."""
    robust = _together(able, able, spare) if spare > needs.quorum else []
    groups = _groups(_without(able, robust), needs) or [[]]
    for nth, group in enumerate(groups):
        others = [] if cautious else groups[:nth] + groups[nth + 1 :]
        company = max(_wanted([group], needs), len(robust) - _wanted(others, needs))
        chosen = _together(able, [*group, *robust[:company]], needs.quorum)
        if len(chosen) >= needs.least:
            return tuple(chosen[: group_size(len(chosen), needs.capacity, needs.least)])
    return ()


def _wanted(groups: Iterable[list[bytes]], needs: Needs) -> int:
    """How many others have to keep these groups company."""
    return sum(max(0, needs.least - len(group)) for group in groups)


def _groups(held: Held, needs: Needs) -> list[list[bytes]]:
    """All of them, in groups that have a quorum in common each."""
    groups: list[list[bytes]] = []
    while held:
        groups.append(_together(held, held, needs.quorum))
        held = _without(held, groups[-1])
    return groups


def _together(held: Held, order: Iterable[bytes], kept: int) -> list[bytes]:
    """Those of them that ``kept`` provers hold together: widely held ones first, so that others push nobody out."""
    chosen: list[bytes] = []
    common: frozenset[int] | None = None
    for submission in sorted(order, key=lambda s: -len(held[s])):
        provers = held[submission] if common is None else common & held[submission]
        if len(provers) >= kept:
            chosen.append(submission)
            common = provers
    return chosen


def _without(held: Held, gone: Iterable[bytes]) -> dict[bytes, frozenset[int]]:
    left = set(gone)
    return {submission: provers for submission, provers in held.items() if submission not in left}


def group_size(waiting: int, capacity: int, least: int) -> int:
    """Owners of the next batch: all, or an even part, so that the last batch is not left with too few."""
    groups = -(-waiting // capacity)
    even = -(-waiting // groups)
    return even if waiting // groups >= least else min(capacity, waiting)
