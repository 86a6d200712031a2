"""Clears what owners posted in one round that are excluded for another.

An owner that dealt well in a round, posted that, and is excluded for what it dealt in another one counts as ignored in
the first: coordinators take it no more, and no quorum signs anything against that dealing.  It would cost the payees of
the round a part of their fees; anybody may have the market forget it, without a word of the provers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import partial

from circuits.errors import ContractError
from commons.chain.ignored import postings
from commons.chain.ports import BatchSender
from commons.runtime.identifiers import shown
from coordinator.roundstate import RoundKey, named
from coordinator.turns import MARGIN, told

_log = logging.getLogger(__name__)
_told = partial(told, _log, "clearing")


class Clearing:
    """Looks at rounds whose fees may be paid yet.

    What is to be cleared the chain says: so nothing is lost by a restart, and what a reorganisation takes back is
    cleared again.
    """

    def __init__(self, chain: BatchSender) -> None:
        self._chain = chain
        self._view = chain.view
        self._seen = 0
        self._tasks: frozenset[int] = frozenset()
        self._posted: set[RoundKey] = set()  # rounds of these tasks in which anybody posted

    def look(self, rounds: Iterable[RoundKey]) -> None:
        """Clear what there is; trouble with one owner, round or task is logged and holds up no other."""
        tasks: dict[int, list[RoundKey]] = {}
        for key in sorted(rounds):
            tasks.setdefault(key[0], []).append(key)
        paying = frozenset(filter(self._pays, tasks))
        if not paying:
            return
        with _told():
            self._take_note(paying)
            for task_id in sorted(paying):
                with _told(f"task={shown(task_id)} "):
                    self._look_at_task(task_id, [key for key in tasks[task_id] if key in self._posted])

    def _pays(self, task_id: int) -> bool:
        """Whether ignored owners cost anybody fees; not while the node does not say it."""
        with _told(f"task={shown(task_id)} "):
            return self._view.terms(task_id).pay.pays_coordinator
        return False

    def _take_note(self, tasks: frozenset[int]) -> None:
        """Learn in which rounds anybody posted: one question for all of them."""
        new = tasks - self._tasks  # what was posted in these before was not kept
        found, last = self._view.posted_since(0 if new else max(self._seen - MARGIN, 0))
        self._tasks |= tasks
        self._posted |= {key for key in found if key[0] in self._tasks}
        self._seen = last

    def _look_at_task(self, task_id: int, keys: list[RoundKey]) -> None:
        excluded = frozenset(each.index for each in self._view.excluded(task_id)) if keys else frozenset()
        for key in keys if excluded else ():
            with _told("task={} round={} ".format(*named(key))):
                self._look_at_round(key, excluded)

    def _look_at_round(self, key: RoundKey, excluded: AbstractSet[int]) -> None:
        left = postings(self._view, *key, among=excluded).ignored
        if left and self._is_unpaid(key):
            for index in sorted(left):
                with _told("task={} round={} owner={} ".format(*named(key), index)):
                    self._clear(key, index)

    def _is_unpaid(self, key: RoundKey) -> bool:
        """Whether a payee's fee may be cut yet: where none is, clearing costs gas for nothing."""
        return not self._view.round(*key).closed or any(
            not held.payee_paid for held in self._view.held_fees(*key).values()
        )

    def _clear(self, key: RoundKey, index: int) -> None:
        if not self._view.owner(key[0], index).excluded:  # its index was given to another owner
            return
        try:
            mined = self._chain.exclude(*key, index, bytes(32), ())
        except ContractError as error:
            if error.error == "AlreadyExcluded":  # somebody was faster
                return
            raise
        place = *named(key), index
        _log.info("event=posting-cleared task=%s round=%d owner=%d transaction=0x%s", *place, mined.transaction.hex())
