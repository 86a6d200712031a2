"""What a coordinator deletes, and when: rounds that are over for good, their results, and models that no round needs.

Nothing depends on when this is done, so it is tried again after trouble, and goes on after a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import groupby, takewhile

from circuits.errors import UnknownError
from circuits.terms import DAY
from commons.chain.openings import model_digest
from commons.chain.ports import MarketReader
from commons.runtime.clock import Clock
from commons.runtime.identifiers import shown
from commons.settings.sections import CoordinatorSettings
from commons.storage.blobs import NO_TASK, Blobs
from coordinator.admission import Admission
from coordinator.journal import Journal
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import RoundKey
from coordinator.turns import Turn, told

_log = logging.getLogger(__name__)
_told = partial(told, _log, "tidy")


class Keeping:
    """Forgets rounds of the journal, each ``turn`` those whose time has come.

    Args:
        results: sums and bundles.
        pool: where the work is done.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        models: Blobs,
        results: Blobs,
        admission: Admission,
        settings: CoordinatorSettings,
        clock: Clock,
        pool: Executor,
    ) -> None:
        self._view, self._journal = view, journal
        self._models, self._results = models, results
        self._admission, self._settings = admission, settings
        self._clock = clock
        self._turn = Turn(clock, pool, settings.tidy_interval)

    def turn(self) -> None:
        """Start the work if it is time."""
        if self._turn.may_begin():
            self._turn.begin(self._tidy)

    def _tidy(self) -> None:
        with _told():
            with self._journal.reading() as state:
                over = _over(state)
            with _told():
                self._forget(over)
            for task_id in self._models.tasks() - {NO_TASK}:
                with _told(f"task={shown(task_id)} "):
                    self._discard_models(task_id)
            for task_id, unknown in self._leftovers().items():
                with _told(f"task={shown(task_id)} "):
                    self._discard_leftovers(task_id, unknown)

    def _forget(self, over: Mapping[int, list[RoundKey]]) -> None:
        """Forget the first rounds of tasks, as many as are long over; the log is gone through once for all."""
        found = {task_id: self._through(task_id, keys) for task_id, keys in over.items()}
        through = {task_id: last for task_id, last in found.items() if last is not None}
        if not through:
            return
        with self._journal.reading() as state:
            leaving = {task_id: _leaving(state, over[task_id], last) for task_id, last in through.items()}
            self._journal.forget(through)
            staying = _known(state)
        for task_id, last in through.items():
            _log.info("event=rounds-forgotten task=%s through=%d", shown(task_id), last)
        self._admission.recount()
        for task_id, digests in leaving.items():
            with _told(f"task={shown(task_id)} "):
                for place in (task_id, NO_TASK):
                    self._results.discard(digests - staying, place)

    def _through(self, task_id: int, keys: list[RoundKey]) -> int | None:
        """The last of a task's first rounds that are long over; trouble with one keeps it and those behind it."""
        through: int | None = None
        with _told(f"task={shown(task_id)} "):
            for _, number in keys:
                if not self._is_over(task_id, number):
                    break
                through = number
        return through

    def _is_over(self, task_id: int, number: int) -> bool:
        """Whether nobody may ask for what there is of a round, as most nodes have it, each by its own blocks.

        Raises ChainError: they do not agree.
        """

        def over() -> bool | None:
            record = self._view.round(task_id, number)
            return self._now() > record.settle_deadline + self._served(task_id) or None

        return bool(self._view.most(over))

    def _now(self) -> int:
        """The time by this machine's clock and by a block that is deep enough: the earlier of the two."""
        return self._view.block(self._settings.confirmations).time_by(self._clock.time())

    def _served(self, task_id: int) -> int:
        """Seconds after its settle deadline for which a round is served, and its fees may be settled."""
        days = max(self._settings.retention_days, self._settings.release_patience)
        return max(days * DAY, self._view.terms(task_id).windows.fees_settled)

    @property
    def _retention(self) -> int:
        return self._settings.retention_days * DAY

    def _discard_models(self, task_id: int) -> None:
        """Delete a task's models that are old, and, as most nodes have it, of no round of which anything is served."""
        before = self._clock.time() - self._retention
        if self._models.older(task_id, before):
            unneeded = self._view.most(lambda: self._unneeded(task_id))
            self._models.discard(unneeded or (), task_id, before=before)

    def _unneeded(self, task_id: int) -> frozenset[bytes] | None:
        """Such models as one node has it."""
        now = self._now()
        old = self._models.older(task_id, now - self._retention)
        number = self._rounds(task_id) - 1 if old else -1
        while number >= 0:
            record = self._view.round(task_id, number)
            if now > record.settle_deadline + self._served(task_id):  # and so are all before it
                break
            old -= {model_digest(self._view, task_id, number), self._view.terms(task_id).manifest}
            number -= 1
        return frozenset(old) or None

    def _rounds(self, task_id: int) -> int:
        """How many rounds a task has; a task that a reorganisation took back has none."""
        try:
            return self._view.task(task_id).rounds_opened
        except UnknownError:
            return 0

    def _leftovers(self) -> dict[int, set[bytes]]:
        """By task, old results of which the log does not know: a crash has left them, or the log is another one."""
        before = self._clock.time() - self._retention
        old = {task_id: self._results.older(task_id, before) for task_id in self._results.tasks()}
        with self._journal.reading() as state:  # after the files: each comes in front of its event
            known = _known(state)
        return {task_id: found for task_id, digests in old.items() if (found := digests - known)}

    def _discard_leftovers(self, task_id: int, unknown: set[bytes]) -> None:
        """Delete those that can be of no round of which anything is served, whatever the log knows."""

        def unneeded() -> frozenset[bytes] | None:
            return frozenset(unknown & self._results.older(task_id, self._now() - self._longest(task_id))) or None

        before = self._clock.time() - self._retention  # what was put again meanwhile is young
        self._results.discard(self._view.most(unneeded) or (), task_id, before=before)

    def _longest(self, task_id: int) -> int:
        """Seconds for which a result may be asked for, if it came when its round was opened."""
        if task_id == NO_TASK:
            return self._retention
        try:
            windows = self._view.terms(task_id).windows
            return windows.submit + windows.settle + self._served(task_id)
        except UnknownError:
            return self._retention


def _known(state: CoordinatorState) -> set[bytes]:
    return {digest for key in state.rounds for digest in _digests(state, key)}


def _over(state: CoordinatorState) -> dict[int, list[RoundKey]]:
    """By task, its first rounds about which nothing is left to do, in order; also those of which headers were refused
    only.
    """
    busy = state.fees_open | {(task_id, number) for task_id, number, _ in state.exclusions}
    busy |= {key for key, current in state.rounds.items() if not current.closed}
    found: dict[int, list[RoundKey]] = {}
    for task_id, keys in groupby(sorted(state.rounds.keys() | state.refused.keys()), key=lambda key: key[0]):
        found[task_id] = list(takewhile(lambda key: key not in busy, keys))
    return found


def _leaving(state: CoordinatorState, keys: list[RoundKey], last: int) -> set[bytes]:
    """Digests of the results of rounds up to one."""
    return {digest for key in keys if key[1] <= last for digest in _digests(state, key)}


def _digests(state: CoordinatorState, key: RoundKey) -> list[bytes]:
    """Of the results of a round's batches."""
    batches = list(state.batches_of(key)) if key in state.rounds else []
    return [digest for batch in batches for digest in (batch.bundle_digest, batch.payload_digest) if digest is not None]
