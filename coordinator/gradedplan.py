"""Which owners of a graded round are put together, and against which copy of the reference.  Pure.

Owners are put together when nobody can hand anything in any more, in an order that was drawn at random: so nobody who
brings owners of its own chooses who is with them.  Nor by having some of its shares in few hands, or by refusing some:
who is held by fewer provers than most are is kept together with others like it, since a batch with one of them is more
easily stopped; but such owners are no more than half of a batch while there are others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Held = Mapping[bytes, frozenset[int]]
"""By submission: the provers that gave a receipt for its share."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a graded cohort has to be.

    Attributes:
        quorum: fewest provers that hold all of it.
        threshold: how many more there should be.
        most: most owners of a batch.
        least: fewest.
    """

    quorum: int
    threshold: int
    most: int
    least: int


@dataclass(slots=True)
class _Group:
    """A batch to be.

    Attributes:
        common: the provers that hold all of it.
        few: how many of its members few provers hold.
    """

    common: frozenset[int]
    members: list[bytes] = field(default_factory=list)
    few: int = 0

    @property
    def has_company(self) -> bool:
        """Whether another one that few provers hold would still not be among more than half of its kind."""
        return 2 * (self.few + 1) <= len(self.members) + 1

    def takes(self, provers: frozenset[int], quorum: int, room: int) -> bool:
        return len(self.members) < room and len(self.common & provers) >= quorum

    def add(self, submission: bytes, provers: frozenset[int], *, few: bool = False) -> None:
        self.members.append(submission)
        self.common &= provers
        self.few += few


@dataclass(frozen=True, slots=True)
class GradedPlan:
    """The next graded cohort.

    Attributes:
        reference: the copy's submission.
        owners: the owners' submissions.
    """

    reference: bytes
    owners: tuple[bytes, ...]


def next_graded(
    order: Sequence[bytes], held: Held, copies: Sequence[bytes], ready: frozenset[int], limits: Limits
) -> GradedPlan | None:
    """The next cohort; None while there is none.

    Args:
        order: submissions of owners that wait, as drawn.
        held: of these and of the copies.
        copies: those of the reference that no cohort has had, in order; each is for one cohort.
        ready: provers that answer and are not named.
    """
    usable = [copy for copy in copies if len(held[copy] & ready) >= limits.quorum]
    if not usable:
        return None
    widest = max(usable, key=lambda copy: len(held[copy] & ready))
    groups = cut(order, held, held[widest] & ready, limits, len(usable))
    if not groups:
        return None
    return GradedPlan(widest, max(groups, key=lambda group: len(_common(group, held, ready))))


def cut(
    order: Sequence[bytes], held: Held, ready: frozenset[int], limits: Limits, batches: int
) -> tuple[tuple[bytes, ...], ...]:
    """All owners in even batches, as many as are needed and no more than ``batches``; none is smaller than it may be.

    Who has no place in them, as too few provers that answer hold its share or the copies are too few, is left out: the
    last ones of the order.
    """
    able = {s: held[s] & ready for s in order if len(held[s] & ready) >= limits.quorum}
    count = min(batches, -(-len(able) // limits.most), len(able) // limits.least)
    while count > 0:
        groups = _filled(able, ready, limits, count)
        if all(len(group) >= limits.least for group in groups):
            return groups
        count -= 1
    return ()


def _filled(able: Held, ready: frozenset[int], limits: Limits, count: int) -> tuple[tuple[bytes, ...], ...]:
    """So many batches: first those that few provers hold, then the others, each to the smallest."""
    groups = [_Group(ready) for _ in range(count)]
    main = _main(able, limits, min(len(ready), limits.quorum + limits.threshold))
    even = min(limits.most, -(-len(able) // count))
    left = []
    for submission in (s for s in able if s not in main):
        fitting = [g for g in groups if g.takes(able[submission], limits.quorum, max(1, even // 2))]
        if fitting:
            max(fitting, key=lambda g: len(g.members)).add(submission, able[submission], few=True)
        else:
            left.append(submission)
    for submission in (s for s in able if s in main):
        fitting = [g for g in groups if g.takes(able[submission], limits.quorum, limits.most)]
        if fitting:
            min(fitting, key=lambda g: len(g.members)).add(submission, able[submission])
    for submission in left:
        fitting = [g for g in groups if g.has_company and g.takes(able[submission], limits.quorum, limits.most)]
        if fitting:
            min(fitting, key=lambda g: len(g.members)).add(submission, able[submission], few=True)
    return tuple(tuple(group.members) for group in groups)


def _main(able: Held, limits: Limits, spare: int) -> frozenset[bytes]:
    """Those that as many provers as possible hold together, if they are at least half of all."""
    for kept in range(spare, limits.quorum - 1, -1):
        chosen, common = [], frozenset[int]().union(*able.values())
        for submission in sorted(able, key=lambda s: -len(able[s])):
            if len(common & able[submission]) >= kept:
                chosen.append(submission)
                common &= able[submission]
        if 2 * len(chosen) >= len(able):
            return frozenset(chosen)
    return frozenset(able)


def _common(group: Iterable[bytes], held: Held, ready: frozenset[int]) -> frozenset[int]:
    common = ready
    for submission in group:
        common &= held[submission]
    return common


def needs_order(order: Iterable[bytes], waiting: Iterable[bytes]) -> bool:
    """Whether somebody waits who is not in the order: then all who wait are drawn for anew.

    Nobody saw the one before, and who came last would else be together for certain.
    """
    return not set(waiting) <= set(order)
