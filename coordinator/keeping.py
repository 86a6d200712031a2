"""What a coordinator deletes, and when: rounds that are over for good, their results, and models that no round needs.

Nothing depends on when this is done, so it is tried again after trouble, and goes on after a restart.
"""

from __future__ import annotations

import logging
from concurrent.futures import Executor
from functools import partial

from circuits.errors import UnknownError
from circuits.terms import DAY
from commons.chain.facts import RoundRecord
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
        results: sums and bundles; those of which the log does not know are deleted at once, as a crash has left them.
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
        """Raises StorageError when nothing can be deleted."""
        self._view, self._journal = view, journal
        self._models, self._results = models, results
        self._admission, self._settings = admission, settings
        self._clock = clock
        self._turn = Turn(clock, pool, settings.tidy_interval)
        with journal.reading() as state:
            results.keep_only({digest for key in state.rounds for digest in _digests(state, key)})

    def turn(self) -> None:
        """Start the work if it is time."""
        if self._turn.may_begin():
            self._turn.begin(self._tidy)

    def _tidy(self) -> None:
        with _told():
            now = int(min(self._view.block(self._settings.confirmations).timestamp, self._clock.time()))
            with self._journal.reading() as state:
                over = _over(state)
            for task_id, keys in over.items():
                with _told(f"task={shown(task_id)} "):
                    self._forget(task_id, keys, now)
            for task_id in self._models.tasks() - {NO_TASK}:
                with _told(f"task={shown(task_id)} "):
                    self._discard_models(task_id, now)

    def _forget(self, task_id: int, keys: list[RoundKey], now: int) -> None:
        """Forget the first of a task's rounds, as many as are long over."""
        through: int | None = None
        for _, number in keys:
            if now <= self._end(task_id, self._view.round(task_id, number)):
                break
            through = number
        if through is None:
            return
        with self._journal.reading() as state:
            leaving = {d for key in keys if key[1] <= through for d in _digests(state, key)}
            self._journal.forget(task_id, through)
            staying = {digest for key in state.rounds for digest in _digests(state, key)}
        for place in (task_id, NO_TASK):
            self._results.discard(leaving - staying, place)
        self._admission.recount()
        _log.info("event=rounds-forgotten task=%s through=%d", shown(task_id), through)

    def _end(self, task_id: int, record: RoundRecord) -> int:
        """Until when anybody may ask for what there is of a round: fees may take two and a half windows."""
        days = max(self._settings.retention_days, self._settings.release_patience)
        fees = 5 * self._view.terms(task_id).windows.availability // 2
        return record.settle_deadline + max(days * DAY, fees)

    def _discard_models(self, task_id: int, now: int) -> None:
        """Delete a task's models that are old, and of none of its rounds of which anything is served."""
        old = self._models.older(task_id, now - self._settings.retention_days * DAY)
        number = self._rounds(task_id) - 1 if old else -1
        while number >= 0:
            record = self._view.round(task_id, number)
            if now > self._end(task_id, record):  # and so are all before it
                break
            old.discard(record.model_digest)
            number -= 1
        self._models.discard(old, task_id)

    def _rounds(self, task_id: int) -> int:
        """How many rounds a task has; a task that a reorganisation took back has none."""
        try:
            return self._view.task(task_id).rounds_opened
        except UnknownError:
            return 0


def _over(state: CoordinatorState) -> dict[int, list[RoundKey]]:
    """By task, its first rounds about which nothing is left to do, in order.

    Never the last one of a task: by it a log of another deployment is told (``coordinator_start.require_own_log``).
    """
    busy = state.fees_open | {(task_id, number) for task_id, number, _ in state.exclusions}
    found: dict[int, list[RoundKey]] = {}
    for task_id in {task_id for task_id, _ in state.rounds}:
        keys = sorted(key for key in state.rounds if key[0] == task_id)[:-1]
        first = next((at for at, key in enumerate(keys) if key in busy or not state.rounds[key].closed), len(keys))
        found[task_id] = keys[:first]
    return found


def _digests(state: CoordinatorState, key: RoundKey) -> list[bytes]:
    """Of the results of a round's batches."""
    batches = list(state.batches_of(key))
    return [digest for batch in batches for digest in (batch.bundle_digest, batch.payload_digest) if digest is not None]
