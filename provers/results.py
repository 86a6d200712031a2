"""What comes of shares, batches and sums: kept, deleted and counted by task, one change at a time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

from commons.protocol.bundle import AuditBundle, Certificate
from commons.sharing.sharepayloads import scalar_bytes
from native import FrArray
from provers.batchfiles import BatchFiles
from provers.ledgerrows import LedgerRows, RoundName
from provers.storeroom import StoreRoom
from provers.sumfiles import SumFiles


class Results:
    """Files of batches and sums, and what each task has of them.

    Args:
        rows: say which sums are of which round.
    """

    def __init__(self, batches: BatchFiles, sums: SumFiles, rows: LedgerRows, room: StoreRoom) -> None:
        """Count what is there.  Raises StorageError."""
        self._batches, self._sums, self._rows, self._room = batches, sums, rows, room
        self._changing = threading.Lock()
        with self._fewer():
            pass

    def require_room(self, task_id: int, size: int, dimension: int) -> None:
        """Raise FullError when there is none for a task's batch of ``size`` bytes and for the share of its sum."""
        self._room.require_results(task_id, size + scalar_bytes(dimension))

    def put_batch(self, bundle: AuditBundle) -> None:
        """See ``BatchFiles.put``."""
        self._put(bundle.certificate, partial(self._batches.put, bundle))

    def put_certificate(self, certificate: Certificate) -> None:
        """See ``BatchFiles.put_certificate``."""
        self._put(certificate, partial(self._batches.put_certificate, certificate))

    def put_sum(self, task_id: int, digest: bytes, scalars: bytes, *, leaving: bool) -> FrArray:
        """Keep the sum of a task's set, see ``SumFiles.put``.

        Args:
            leaving: the shares under it are about to be deleted, so that it takes less room than they do.

        Raises:
            FullError: there is no room.
        """
        with self._changing:
            if not leaving:
                self._room.require(len(scalars))
            before = self._sums.size(digest)
            try:
                return self._sums.put(digest, scalars)
            finally:
                self._room.add_results(task_id, self._sums.size(digest) - before)

    def discard_old(self, before: float, standing: Collection[RoundName]) -> int:
        """Delete what was written before a time, seconds since 1970, but nothing of rounds that stand; how many."""
        kept = {digest for name in standing for digest in self._rows.sets_of(name)}
        with self._fewer():
            return self._sums.discard_old(before, kept) + self._batches.discard_old(before, standing)

    def forget(self, names: Collection[RoundName]) -> None:
        """Delete everything of rounds that are closed for good, rows of the ledger last: they say what there is."""
        with self._fewer():
            self._sums.discard({digest for name in names for digest in self._rows.sets_of(name)})
            self._batches.discard(names)
            self._rows.drop(tuple(names))

    def _put(self, certificate: Certificate, put: Callable[[], None]) -> None:
        batch_id, task_id = certificate.batch_id, certificate.statement.context.task_id
        with self._changing:
            before = self._batches.size(batch_id)
            try:
                put()
            finally:
                self._room.add_results(task_id, self._batches.size(batch_id) - before)

    @contextmanager
    def _fewer(self) -> Iterator[None]:
        """Files are deleted, and what is left is counted before any others come, also if that goes wrong."""
        with self._changing:
            try:
                yield
            finally:
                held = Counter(self._batches.sizes())
                for name in () if self._sums.is_empty() else self._rows.rounds():
                    held[name[0]] += sum(map(self._sums.size, self._rows.sets_of(name)))
                self._room.recount_results(held)
