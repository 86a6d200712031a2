"""Owners that were rejected lose their deposit: provers sign that, and the market is shown a quorum's word.

What they have signed is in the journal: it is shown to the market when that is worth it, and again if a reorganisation
takes it back.  What those that are excluded posted in other rounds is cleared on the way (``coordinator.clearing``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from circuits.errors import ContractError, GradrollError
from commons.chain.counting import Counting
from commons.chain.ports import BatchSender
from commons.runtime.clock import Clock
from coordinator.clearing import Clearing
from coordinator.events import ExclusionEnded, ExclusionSigned
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey, named
from coordinator.turns import SETTLED, Turn

P = ParamSpec("P")
_log = logging.getLogger(__name__)
_FINAL = frozenset({"NotInRound", "ExclusionTooLate"})
"""Refusals that do not pass."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is asked once for all owners of a round.

    Attributes:
        now: chain time.
        last: chain time after which nobody is excluded for the round any more.
        deposit: what an owner loses, in the smallest unit of the task's token.
        excluded: registration indices of those that were excluded for this round.
        posted: of those that posted in it; empty where all of them were excluded.
    """

    now: int
    last: int
    deposit: int
    excluded: frozenset[int]
    posted: frozenset[int]


class Exclusions:
    """Shows the market what provers have signed, each ``turn`` a little.

    Args:
        pool: where the work is done.
        interval: seconds between looks.
        least: deposit, in the smallest unit of the task's token, that is worth the gas; one that has posted is
            excluded for less.
    """

    def __init__(
        self, chain: BatchSender, journal: Journal, clock: Clock, pool: Executor, *, interval: float, least: int
    ) -> None:
        self._chain = chain
        self._view = chain.view
        self._journal = journal
        self._clearing = Clearing(chain)
        self._least = least
        self._turn = Turn(clock, pool, interval)
        self._done_since: dict[tuple[int, int, int], int] = {}

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if not self._turn.may_begin():
            return
        rounds: dict[RoundKey, list[ExclusionSigned]] = {}
        with self._journal.reading() as state:
            for each in state.exclusions.values():
                rounds.setdefault((each.task_id, each.round), []).append(each)
            unpaid = state.fees_open.union(state.open_rounds())
        if rounds or unpaid:
            self._turn.begin(self._look, rounds, unpaid)

    def _look(self, rounds: dict[RoundKey, list[ExclusionSigned]], unpaid: set[RoundKey]) -> None:
        self._show(rounds)
        self._clearing.look(unpaid)  # after the others: whom they had excluded just now may have posted elsewhere

    def _show(self, rounds: dict[RoundKey, list[ExclusionSigned]]) -> None:
        for key, signed in rounds.items():
            try:
                self._work(key, signed)
            except GradrollError as error:  # one round does not hold up the others
                _log.warning(
                    "event=exclusion-trouble task=%s round=%d code=%s reason=%r", *named(key), error.code, str(error)
                )
            except Exception:
                _log.exception("event=exclusion-error task=%s round=%d", *named(key))

    def _work(self, key: RoundKey, signed: Iterable[ExclusionSigned]) -> None:
        """Have those of a round's owners excluded for whom it is worth it."""
        facts = self._facts(key, frozenset(each.index for each in signed))
        due = [each for each in signed if self._guarded(self._is_due, each, facts)]
        if due:
            counting = Counting.of(self._view, self._view.committee_of_round(*key))
            for each in due:
                self._guarded(self._send, each, counting)

    def _guarded(
        self, work: Callable[Concatenate[ExclusionSigned, P], bool], signed: ExclusionSigned, *args: P.args,
        **kwargs: P.kwargs,
    ) -> bool:  # fmt: skip
        """Do something for an owner; False where there is trouble, which does not hold up the others."""
        place = *named((signed.task_id, signed.round)), signed.index
        try:
            return work(signed, *args, **kwargs)
        except GradrollError as error:
            _log.warning(
                "event=exclusion-trouble task=%s round=%d owner=%d code=%s reason=%r", *place, error.code, str(error)
            )
        except Exception:
            _log.exception("event=exclusion-error task=%s round=%d owner=%d", *place)
        return False

    def _facts(self, key: RoundKey, signed: frozenset[int]) -> _Facts:
        view = self._view
        now, terms, record = view.now(), view.terms(key[0]), view.round(*key)
        excluded = frozenset(each.index for each in view.excluded(*key))
        posted = () if signed <= excluded else view.posted(*key)
        return _Facts(
            now, record.settle_deadline + terms.windows.exit, terms.pay.deposit, excluded,
            frozenset(each.header.owner_index for each in posted),
        )  # fmt: skip

    def _is_due(self, signed: ExclusionSigned, facts: _Facts) -> bool:
        """Whether it is worth it to exclude an owner now; it is left alone for good once nothing can change."""
        if self._is_done(signed, facts):
            if facts.now - self._done_since.setdefault(signed.place, facts.now) >= SETTLED:
                self._end_with_most(signed)
            return False
        self._done_since.pop(signed.place, None)
        if facts.now > facts.last:
            self._end_with_most(signed)
            return False
        return facts.deposit >= max(self._least, 1) or signed.index in facts.posted

    def _is_done(self, signed: ExclusionSigned, facts: _Facts) -> bool:
        """Whether it is excluded for this round, or was for another and has not posted in this one."""
        if signed.index in facts.excluded:
            return True
        return signed.index not in facts.posted and self._view.owner(signed.task_id, signed.index).excluded

    def _send(self, signed: ExclusionSigned, counting: Counting) -> bool:
        """Show the market a quorum's signatures by keys that count, all of those where there is none; whether it took
        them."""
        place = *named((signed.task_id, signed.round)), signed.index
        given = counting.only(zip(signed.provers, signed.signatures, strict=True))[: counting.committee.quorum]
        try:
            mined = self._chain.exclude(signed.task_id, signed.round, signed.index, signed.submission, tuple(given))
        except ContractError as error:
            if error.error == "AlreadyExcluded":  # somebody was faster
                return False
            if error.error not in _FINAL:
                raise
            _log.warning("event=exclusion-refused task=%s round=%d owner=%d reason=%r", *place, str(error))
            self._end(signed)
            return False
        _log.info("event=owner-excluded task=%s round=%d owner=%d transaction=0x%s", *place, mined.transaction.hex())
        return True

    def _end_with_most(self, signed: ExclusionSigned) -> None:
        """Leave it alone for good, if that is right by what most nodes show.  Raises ChainError."""
        key = signed.task_id, signed.round

        def over() -> bool | None:
            facts = self._facts(key, frozenset((signed.index,)))
            return self._is_done(signed, facts) or facts.now > facts.last or None

        if self._view.most(over):
            self._end(signed)

    def _end(self, signed: ExclusionSigned) -> None:
        self._journal.record(ExclusionEnded(*signed.place))
        self._done_since.pop(signed.place, None)
