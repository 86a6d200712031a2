"""Which of the submissions that wait are proven together.  Pure: who calls it gives the chance.

What a batch shows is the sum over its owners, so who brings all but one of them has that one's gradient.  Anybody may
bring many; so the order is drawn by lot, and nobody chooses who is with whom, neither by when an owner comes nor by who
holds its shares:

- Before submissions end, a batch is drawn of those that wait only while half the seats' worth of them stay.
- Then all that wait are drawn at once.  Whoever comes later is not put among those of them that are left, but has only
  those that are as late, who may all be strangers.
- Every prover of a cohort must hold all of its shares.  A cohort with t provers beyond a quorum is stopped by nobody;
  one with just a quorum is stopped by any of its provers, and its owners are lost for the round, as provers bind a
  submission to its cohort.  So the main part, at least half of all, is of those that most provers hold.  Who handed its
  shares to few, or was refused by one, comes last, in groups, and has company: owners of the main part, drawn by lot,
  are most of each of their batches.  Without, it would be with those that chose to be in its group.
- Company is at risk: a batch of it, and a quarter of the main part or ``least`` of it, whichever is more, but fewer
  than twice as many where so few are left.  So much one corrupt owner and one lying prover may cost a round, once: when
  a cohort of the round has failed for good, there is no more company.  No lying prover alone keeps an honest owner out
  by refusing its share.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Held = Mapping[bytes, frozenset[int]]
"""By submission: the provers that gave a receipt for its share."""
_FIRSTS = 16
"""Sets of provers, those that hold most submissions, from which it is tried to put submissions together."""
_GROUPS = 32
"""Most groups beside the main part: with many provers there are thousands of sets of them, and each takes time."""
Shuffle = Callable[[list[Any]], None]
"""Puts a list in an order that nobody can foresee."""


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


@dataclass(frozen=True, slots=True)
class Drawn:
    """All batches of those that wait.

    Attributes:
        groups: cohorts of the main part, in the order in which they are to be proven.
        mixed: those of the others with their company, which come after them.
        apart: those that could be proven, but for company.
    """

    groups: tuple[tuple[bytes, ...], ...] = ()
    mixed: tuple[tuple[bytes, ...], ...] = ()
    apart: tuple[bytes, ...] = ()


def reserve(seats: int, least: int) -> int:
    """How many stay while more are to come: half of all at least, so that no batch has more than twice the part of
    anybody's owners that it would have if all were drawn at once.
    """
    return max(least, -(-seats // 2))


def draw_early(held: Held, ready: frozenset[int], needs: Needs, kept: int, shuffle: Shuffle) -> tuple[bytes, ...]:
    """A whole batch, while more submissions are to come; empty while fewer than ``kept`` others would stay.

    Args:
        ready: provers that answer and are not named.
    """
    able = _shuffled(held, ready, needs, shuffle)
    robust = _together(able, _spare(ready, needs))
    return tuple(robust[: needs.capacity]) if len(robust) >= needs.capacity + kept else ()


def draw(
    held: Held, ready: frozenset[int], needs: Needs, shuffle: Shuffle, *, cautious: bool, again: bool = False
) -> Drawn:
    """Every batch of those that wait; no groups while there is none.

    Args:
        cautious: a cohort of the round has failed for good, so nobody has company.
        again: these are what is left of an earlier draw, so chance has said who is among them.
    """
    able = _shuffled(held, ready, needs, shuffle)
    least = 0 if again else -(-len(able) // 2)
    main = _main(able, _spare(ready, needs), needs, max(least, needs.least))
    others = [] if cautious else _groups(_without(able, main), needs, _spare(ready, needs))
    shuffle(others)  # company may not suffice for all, and ends with the first of them that fails
    few, most = sum(map(len, others)), _company(main, needs)
    mixed: list[tuple[bytes, ...]] = []
    free = main
    for group in others:
        eligible = _eligible(able, main, group, needs)
        if len(eligible) < least:
            continue  # a prover that refuses shares can choose who they are
        part = max(most, len(main) * len(group) // few)  # or one group leaves none to the others
        company = [s for s in free if s in eligible]
        batches, taken = _with_company(group, company, len(free), part, most, needs)
        mixed += batches
        free = [s for s in free if s not in taken]
    groups = tuple(_even(free, needs))
    return Drawn(groups, tuple(mixed), tuple(_without(able, (s for group in (*groups, *mixed) for s in group))))


def holders(held: Held, submissions: Iterable[bytes]) -> frozenset[int]:
    """Provers that hold all of them; there is at least one."""
    first, *others = (held[s] for s in submissions)
    return first.intersection(*others)


def _spare(ready: frozenset[int], needs: Needs) -> int:
    return min(len(ready), needs.quorum + needs.threshold)


def _shuffled(held: Held, ready: frozenset[int], needs: Needs, shuffle: Shuffle) -> dict[bytes, frozenset[int]]:
    """Those that a quorum of ready provers holds, in an order drawn by lot."""
    able = {s: provers & ready for s, provers in held.items() if len(provers & ready) >= needs.quorum}
    order = list(able)
    shuffle(order)
    return {s: able[s] for s in order}


def _main(able: Held, spare: int, needs: Needs, least: int) -> list[bytes]:
    """The main part, in the order of the draw: those that as many provers hold together as hold so many of them.

    Of less than half of all, a prover that refuses shares could choose nearly all: those whose share it takes.
    """
    found: list[bytes] = []
    for kept in range(spare, needs.quorum - 1, -1):
        chosen = _together(able, kept)
        found = max(found, chosen, key=len)
        if len(chosen) >= least:
            return chosen
    return found


def _groups(held: Held, needs: Needs, spare: int) -> list[list[bytes]]:
    """Groups that have a quorum in common each, and more where that makes a batch; the largest that there are."""
    groups: list[list[bytes]] = []
    while held and len(groups) < _GROUPS:
        for kept in range(spare, needs.quorum - 1, -1):
            group = _together(held, kept)
            if len(group) >= needs.least:
                break
        groups.append(group)
        held = _without(held, group)
    return groups


def _eligible(held: Held, main: list[bytes], group: list[bytes], needs: Needs) -> set[bytes]:
    """Those of the main part that can be with a group, all of them at once."""
    common = holders(held, group)
    if main and len(common & holders(held, main)) >= needs.quorum:
        return set(main)
    return {s for s in main if common <= held[s]}


def _company(main: list[bytes], needs: Needs) -> int:
    """How many of the main part a batch of others has: most of it, but no more than a quarter of the main part is to be
    at risk, unless that is fewer than make a batch.
    """
    return min(needs.capacity - 1, max(needs.least, len(main) // 4))


def _with_company(
    group: list[bytes], company: list[bytes], left: int, part: int, most: int, needs: Needs
) -> tuple[list[tuple[bytes, ...]], set[bytes]]:
    """Batches of a group, and whom they take from its company; none where that does not suffice.

    Args:
        left: of the main part, its company among them.  It is left with nobody, or no fewer than a batch takes.
        part: how many it may take, unless so few would be left.
        most: of them in a batch.
    """
    for each in range(most, min(2, most) - 1, -1):
        fewest = -(-len(group) // (needs.capacity - each))
        for batches in (fewest, fewest + 1):
            asked = batches * each
            taken = left if 0 < left - asked < max(each, needs.least) else asked
            fits = batches * needs.least <= len(group) + taken <= batches * needs.capacity
            if fits and asked <= min(part, taken) and taken <= len(company):
                return _mixed(group, company[:taken], batches), set(company[:taken])
    return [], set()


def _mixed(group: list[bytes], company: list[bytes], batches: int) -> list[tuple[bytes, ...]]:
    """So many batches, as even as can be; each has its part of both."""
    return [(*company[nth::batches], *group[batches - 1 - nth :: batches]) for nth in range(batches)]


def _even(submissions: list[bytes], needs: Needs) -> Iterator[tuple[bytes, ...]]:
    """Batches of all of them, as even as can be; fewer than make a batch may be left."""
    while len(submissions) >= needs.least:
        size = group_size(len(submissions), needs.capacity, needs.least)
        yield tuple(submissions[:size])
        submissions = submissions[size:]


def _together(held: Held, kept: int) -> list[bytes]:
    """Most of them that ``kept`` provers hold together: widely held ones first, so that others push nobody out."""
    counts = Counter(provers for provers in held.values() if len(provers) >= kept)
    order = sorted(counts, key=lambda provers: (-len(provers), -counts[provers]))
    found: set[frozenset[int]] = set()
    for first in heapq.nlargest(_FIRSTS, order, key=counts.__getitem__):
        chosen = _compatible(first, order, kept)
        found = max(found, chosen, key=lambda kinds: sum(counts[kind] for kind in kinds))
    return [submission for submission, provers in held.items() if provers in found]


def _compatible(first: frozenset[int], order: Iterable[frozenset[int]], kept: int) -> set[frozenset[int]]:
    """Sets of provers that have so many in common, with one of them and then in this order."""
    common, chosen = first, {first}
    for provers in order:
        if len(common & provers) >= kept:
            common &= provers
            chosen.add(provers)
    return chosen


def _without(held: Held, gone: Iterable[bytes]) -> dict[bytes, frozenset[int]]:
    left = set(gone)
    return {submission: provers for submission, provers in held.items() if submission not in left}


def group_size(waiting: int, capacity: int, least: int) -> int:
    """Owners of the next batch: all, or an even part, so that the last batch is not left with too few."""
    groups = -(-waiting // capacity)
    even = -(-waiting // groups)
    return even if waiting // groups >= least else min(capacity, waiting)
