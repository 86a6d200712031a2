"""Keeps who is proven together in a round, as it was drawn, and says whose turn it is.

The draw is in the journal, secret until a cohort begins, so that a restart does not put those who came later among
those who are left.  It is drawn anew only for groups that cannot be proven as they are: a prover that holds them is
away, a submission's place on the chain was taken back, or a cohort has failed for good.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from circuits.errors import UnknownError
from circuits.statement import SubmissionHeader
from commons.chain.ports import MarketReader
from coordinator.events import GroupsDrawn
from coordinator.gathering import Needs, Shuffle, draw, draw_early, holders, reserve
from coordinator.journal import Journal
from coordinator.next_action import Gather
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import Round, RoundKey, named

_log = logging.getLogger(__name__)


class Groups:
    """Draws who is proven together.

    Args:
        shuffle: by chance from the operating system, which nobody foresees.
    """

    def __init__(self, view: MarketReader, journal: Journal, shuffle: Shuffle) -> None:
        self._view = view
        self._journal = journal
        self._shuffle = shuffle

    def following(
        self, key: RoundKey, action: Gather, needs: Needs, ready: frozenset[int], seats: int
    ) -> tuple[bytes, ...]:
        """The next cohort, in the order of a batch; without those whose place on the chain was taken back since.

        Empty while there is none.  Raises StorageError if a draw cannot be recorded: nothing has happened then.
        """
        gone: set[bytes] = set()
        while True:
            chosen = self._chosen(key, action, needs, ready, seats, gone)
            with self._journal.reading() as state:
                headers = {s: state.submissions[s].header for s in chosen}
            lost = taken_back(self._view, key, headers)
            if not lost:
                return tuple(sorted(chosen, key=lambda s: headers[s].owner_index))
            _log.warning("event=submissions-taken-back task=%s round=%d count=%d", *named(key), len(lost))
            gone |= lost

    def _chosen(
        self, key: RoundKey, action: Gather, needs: Needs, ready: frozenset[int], seats: int, gone: set[bytes]
    ) -> tuple[bytes, ...]:
        with self._journal.reading() as state:
            current = state.rounds[key]
            able = ready - current.excluded
            if not action.last:
                held = _held(state, current.undrawn(), gone)
                return draw_early(held, able, needs, reserve(seats, needs.least), self._shuffle)
            turn = _turn(state, current, needs, able, gone)
            if turn:
                return turn
            return self._drawn(key, needs, able, gone) or self._drawn_of_late(key, needs, able, gone)

    def _drawn(self, key: RoundKey, needs: Needs, able: frozenset[int], gone: set[bytes]) -> tuple[bytes, ...]:
        """Those of groups that cannot be proven as they are, in others; the first of these."""
        with self._journal.reading() as state:
            current = state.rounds[key]
            pool = [s for group in current.drawn() for s in group if s in current.waiting]
            held, cautious = _held(state, pool, gone), current.given_up > 0
            found = draw(held, able, needs, self._shuffle, cautious=cautious, again=True)
            if pool and (found.groups or found.mixed or current.cautious):
                self._journal.record(GroupsDrawn(*key, found.groups, found.mixed, found.apart))
        return next(iter((*found.groups, *found.mixed)), ())

    def _drawn_of_late(self, key: RoundKey, needs: Needs, able: frozenset[int], gone: set[bytes]) -> tuple[bytes, ...]:
        """Those for whom nothing was drawn yet: all, or who came later."""
        with self._journal.reading() as state:
            current = state.rounds[key]
            held = _held(state, current.undrawn(), gone)
            found = draw(held, able, needs, self._shuffle, cautious=current.given_up > 0)
            if found.groups or found.mixed:
                drawn = GroupsDrawn(*key, found.groups, (*found.mixed, *current.drawn()), found.apart)
                self._journal.record(drawn)
        return next(iter((*found.groups, *found.mixed)), ())


def taken_back(view: MarketReader, key: RoundKey, headers: Mapping[bytes, SubmissionHeader]) -> set[bytes]:
    """Submissions that are not what they were when they came in: a reorganisation may have given an owner's index to
    another, or opened the round for another model.  Provers refuse all of a cohort with one, the market all of a batch.
    They wait, as the chain may be back soon.
    """
    if not headers:
        return set()
    context = view.context(*key)
    return {s for s, header in headers.items() if header.digest(context) != s or not _stands(view, header)}


def _stands(view: MarketReader, header: SubmissionHeader) -> bool:
    """Whether its owner's index is the owner's; a copy of a reference is of whoever opened the round."""
    if header.is_reference:
        return True
    try:
        return view.owner_at(header.task_id, header.owner_index) == header.owner
    except UnknownError:
        return False


def _turn(
    state: CoordinatorState, current: Round, needs: Needs, able: frozenset[int], gone: set[bytes]
) -> tuple[bytes, ...]:
    """The first group that can be proven as it was drawn."""
    for group in current.drawn():
        if current.cautious and group in current.mixed:
            break
        whole = gone.isdisjoint(group) and all(s in current.waiting for s in group)
        if whole and len(holders(_held(state, group, gone), group) & able) >= needs.quorum:
            return group
    return ()


def _held(state: CoordinatorState, submissions: Iterable[bytes], gone: set[bytes]) -> dict[bytes, frozenset[int]]:
    return {s: frozenset(state.submissions[s].receipts) for s in submissions if s not in gone}
