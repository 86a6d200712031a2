"""What a prover keeps on disk: its ledger, its shares, the batches it attested, its shares of their sums.

The ledger is in sqlite (``provers.ledgerrows``); everything else are files.  A share lies in its file as bare scalars,
so that it is used through a memory map; what its owner sealed is kept beside it when it came in another form.  A share
of a sum is computed when it is first asked for, or when the shares under it are deleted; that it is here does not mean
that it may be sent (``provers.party.releasing``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import native
from circuits.atomicfile import storing
from circuits.errors import ClosedError, StorageError, UnknownError
from circuits.statement import Membership
from commons.protocol.bundle import AuditBundle, Certificate
from commons.runtime.clock import Clock, SystemClock
from commons.sharing.sharepayloads import DENSE_FORM, scalar_bytes
from commons.sharing.sharevector import ShareVector
from commons.storage.database import Database, Step, statements
from commons.storage.files import LOCAL_DISK, DirectoryLock, Disk, make_directory, move_durably, sync_directory
from native import FrArray
from provers.batchfiles import BatchFiles
from provers.diskpauses import Pauses
from provers.formers import Formers
from provers.ledgerrows import LEDGER, ROUNDS, LedgerRows, RoundName, head_of_rows
from provers.party.ledger import Entry, LedgerState, RoundsClosed, Selection
from provers.results import Results
from provers.sharefiles import DamagedError, ReceivedShare, ShareRecord, ShareWriter, map_scalars
from provers.storeroom import StoreRoom
from provers.sumfiles import SumFiles

_FIRST_VERSION = (
    LEDGER,
    """CREATE TABLE IF NOT EXISTS shares (
  submission BLOB PRIMARY KEY, task_id TEXT NOT NULL, round TEXT NOT NULL, owner BLOB NOT NULL,
  dimension INTEGER NOT NULL, form INTEGER NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL,
  scalars BLOB NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS shares_by_owner ON shares (task_id, round, owner)",
)
STEPS: tuple[Step, ...] = (statements(*_FIRST_VERSION), ROUNDS, statements(), statements(), statements())
"""Step n leads the database from version n to n + 1.  None may change the ledger's rows: signed heads cover them.

Versions 3 and 5 have another kind of record, version 4 another seal of shares: releases before them are told of a newer
one."""
_AT_ONCE = 256
"""Shares that are deleted in one transaction, each of which waits for the disk."""
_log = logging.getLogger(__name__)


class Store:
    """A prover's state directory; one process at a time.

    Attributes:
        per_owner: most submissions of an owner in a round.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int,
        per_owner: int = 4,
        disk: Disk = LOCAL_DISK,
        clock: Clock | None = None,
    ) -> None:
        """Open the directory and fold the ledger.

        Args:
            max_bytes: most bytes of shares, and of the sums and batches that come of them, on disk.
            per_owner: most submissions of an owner in a round.
            clock: says when a round was last worked on; the machine's if none is given.

        Raises:
            StorageError: another process uses the directory, its content is damaged, or of a newer release.
        """
        self._lock = DirectoryLock(directory)
        self._disk, self._clock = disk, clock or SystemClock()
        self._room, self._pauses = StoreRoom(max_bytes), Pauses(self._clock)
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            self._open(directory, undo)
            undo.pop_all()  # all is well: nothing of it is undone
        self.per_owner = per_owner

    def _open(self, directory: Path, undo: ExitStack) -> None:
        # It may be refused: first.
        self._database = Database(directory / "prover.sqlite", STEPS, self._disk, kept=head_of_rows)
        undo.callback(self._database.close)
        self._shares, self._bodies = directory / "shares", directory / "bodies"
        self._incoming, sums, batches = directory / "incoming", directory / "sums", directory / "batches"
        with storing(f"cannot use the state directory {directory}"):
            for folder in (self._shares, self._bodies, sums, batches, self._incoming):
                make_directory(folder)
            sync_directory(directory)  # a process that died may have made them, and not come to this
            for leftover in self._incoming.iterdir():
                leftover.unlink()
        self.formers = Formers(directory, self._disk)
        self._whole: set[bytes] = set()
        self._rows = LedgerRows(self._database)
        self._batches, self._sums = BatchFiles(batches, self._disk), SumFiles(sums, self._disk)
        self._results = Results(self._batches, self._sums, self._rows, self._room)
        self._drop_orphans()
        self._counting = threading.Lock()
        self._used: tuple[int, int] = (0, 0)
        self._count()

    @property
    def ledger(self) -> LedgerState:
        """The durable ledger's fold; another one after rounds were closed, so do not keep it."""
        return self._rows.state

    def close(self) -> None:
        """Let go of the directory."""
        self._database.close()
        self._lock.release()

    def commit(self, entries: Sequence[Entry], about: RoundName | None = None, after: int | None = None) -> None:
        """Append ledger entries; on return they are durable and folded into ``ledger``.  See ``LedgerRows.commit``."""
        self._rows.commit(entries, about, int(self._clock.time()), after)

    @contextmanager
    def reserved(self, task_id: int, round_number: int, owner: bytes, size: int) -> Iterator[None]:
        """Keep room for one more share of ``size`` bytes while it comes.

        Raises:
            ClosedError: its owner has handed in as many as one may.
            FullError: there is no room, or none for this task.
        """
        self._require_few(task_id, round_number, owner)
        with self._room.reserved(task_id, size):
            yield

    def _require_few(self, task_id: int, round_number: int, owner: bytes) -> None:
        key = (str(task_id), str(round_number), owner)
        count = self._database.query("SELECT COUNT(*) FROM shares WHERE task_id = ? AND round = ? AND owner = ?", key)
        if count[0][0] >= self.per_owner:
            raise ClosedError(f"this owner has handed in {self.per_owner} submissions in this round already")

    def require_room_for_batch(self, task_id: int, size: int, dimension: int) -> None:
        """Raise FullError when there is none for a task's batch of ``size`` bytes and for the share of its sum."""
        self._results.require_room(task_id, size, dimension)

    def usage(self) -> tuple[int, int]:
        """Number of shares on disk and their bytes; counted along, as it is asked for with every share."""
        return self._used

    def find(self, submission: bytes) -> ShareRecord | None:
        """The record of a stored share."""
        rows = self._database.query("SELECT * FROM shares WHERE submission = ?", (submission,))
        if not rows:
            return None
        digest, task_id, round_number, owner, dimension, form, size, expires, _ = rows[0]
        return ShareRecord(digest, int(task_id), int(round_number), owner, dimension, form, size, expires)

    def receive(self, dimension: int, holder: Membership) -> ShareWriter:
        """A writer for a share payload that arrives piece by piece; ``adopt`` takes the finished share."""
        return ShareWriter(self._incoming, dimension, holder, self._disk)

    def adopt(self, record: ShareRecord, received: ReceivedShare) -> None:
        """Take over finished files as a submission's share; durable on return.

        What has come whole is not refused for want of room: that was kept for it (``reserved``).
        """
        if self.find(record.submission) is None:  # a call whose connection broke may still end beside the next one
            self._require_few(record.task_id, record.round, record.owner)
        with storing("cannot store the share"):
            if received.body is not None:
                move_durably(received.body, self._bodies / record.submission.hex(), self._disk)
            move_durably(received.scalars, self._share_path(record.submission), self._disk)
        row = (
            record.submission, str(record.task_id), str(record.round), record.owner, record.dimension,
            record.form, record.size, record.expires, received.seal,
        )  # fmt: skip
        with self._database.transaction() as connection:
            there = connection.execute("SELECT bytes FROM shares WHERE submission = ?", row[:1]).fetchone()
            connection.execute("INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._count_shares(record.task_id, int(there is None), record.size - (there[0] if there else 0))

    def share(self, submission: bytes) -> FrArray:
        """A stored share: FrArray (share_length, 4), read-only; its seal is checked at first, and after ``doubt``.

        Raises:
            UnknownError: it is not here.
            StorageError: it is damaged; it is not here any more then, so that it can be taken in again.
        """
        record = self._known(submission)
        try:
            seal = self._seal_to_look_at(submission)
            vector = map_scalars(self._share_path(submission), record.dimension, seal)
            if seal is not None:
                self._whole.add(submission)
        except DamagedError as error:
            _log.error("event=share-lost submission=0x%s reason=%r", submission.hex(), str(error))
            self._drop([submission])
            raise
        return vector

    def _seal_to_look_at(self, submission: bytes) -> bytes | None:
        """The seal of a share that was not found whole before."""
        if submission in self._whole:
            return None
        seal: bytes = self._database.query("SELECT scalars FROM shares WHERE submission = ?", (submission,))[0][0]
        return seal

    def doubt(self, submissions: Iterable[bytes]) -> None:
        """Look at the seals of shares again when they are next used: a disk damages what was whole before."""
        self._whole.difference_update(submissions)

    def share_payload(self, submission: bytes) -> bytes:
        """A stored share as its owner sealed it.  Raises as ``share``."""
        self.doubt([submission])
        self.share(submission)
        form = self._known(submission).form
        body = self._share_path(submission) if form == DENSE_FORM else self._bodies / submission.hex()
        with storing("cannot read the share"):
            return bytes((form,)) + body.read_bytes()

    def due(self, now: int) -> dict[RoundName, int]:
        """Rounds with shares that are to be deleted, by what was known when those came in, and when they became due."""
        query = "SELECT task_id, round, MAX(expires) FROM shares WHERE expires < ? GROUP BY task_id, round"
        return {(int(task), int(number)): int(due) for task, number, due in self._database.query(query, (now,))}

    def discard_settled(self, now: int, still_open: frozenset[RoundName] = frozenset()) -> int:
        """Delete the shares of rounds that settled before ``now``, but keep their sums; the ledger stays whole.

        Args:
            still_open: rounds that have not, though their shares are due.
        """
        rows = self._database.query("SELECT submission, task_id, round FROM shares WHERE expires < ?", (now,))
        leaving = {submission for submission, task, number in rows if (int(task), int(number)) not in still_open}
        leaving -= self._keep_sums(leaving)
        ordered = sorted(leaving)
        for first in range(0, len(ordered), _AT_ONCE):
            self._drop(ordered[first : first + _AT_ONCE])
        return len(leaving)

    def _drop(self, some: Collection[bytes]) -> None:
        """Delete shares, rows first: a file without one goes at the next start."""
        with self._database.transaction() as connection:
            query = "SELECT task_id, bytes FROM shares WHERE submission = ?"
            gone = [row for s in some for row in connection.execute(query, (s,))]
            connection.executemany("DELETE FROM shares WHERE submission = ?", [(s,) for s in some])
        for task_id, size in gone:
            self._count_shares(int(task_id), -1, -size)
        for submission in some:
            self._delete(submission)

    def _delete(self, submission: bytes) -> None:
        with storing("cannot delete a share"):
            for path in (self._share_path(submission), self._bodies / submission.hex()):
                self._disk.durably(partial(path.unlink, missing_ok=True))
            self._whole.discard(submission)

    def discard_results(self, before: float, standing: Collection[RoundName] = ()) -> int:
        """Delete sums and batches that were written before a time, seconds since 1970.

        Args:
            standing: rounds whose sums and batches are kept whatever their age is.
        """
        return self._results.discard_old(before, standing)

    def rounds(self) -> dict[RoundName, int]:
        """Rounds of which there is more than shares, and when each was last worked on, seconds since 1970."""
        return {**dict.fromkeys(self._batches.rounds(), 0), **self._rows.rounds()}

    def close_round(self, name: RoundName) -> None:
        """Refuse every step of a round, and of those of its task before it, for good; durable on return.

        Raises:
            StorageError: it could not be written down; nothing has changed.
        """
        task_id, number = name
        if self.ledger.closed.get(task_id, -1) < number:
            self._rows.commit([RoundsClosed(task_id, number)])

    def forget_closed(self) -> int:
        """Delete everything of rounds that are closed for good; again after a crash, until all of it is gone.

        Returns:
            How many rounds there were.
        """
        closed = self.ledger.closed
        names = [name for name in self.rounds() if name[1] <= closed.get(name[0], -1)]
        if names:
            self._results.forget(names)
        return len(names)

    def summed(self, selection: Selection, *, leaving: bool = False) -> FrArray:
        """This prover's share of a sum, FrArray (d + 129, 4).

        Args:
            leaving: the shares under it are about to be deleted, so that it takes less room than they do.

        Raises:
            UnknownError: neither it nor all shares under it are here (any more).
            FullError: there is no room for it.
            StorageError: it is damaged.
        """
        try:
            found = self._sums.find(selection.digest)
        except DamagedError:
            if not all(self.find(submission) for submission in selection.submissions):
                raise
            _log.warning("event=sum-repaired selection=0x%s", selection.digest.hex())
            found = None
        return self._add_up(selection, leaving) if found is None else found

    def _add_up(self, selection: Selection, leaving: bool) -> FrArray:
        """Compute this prover's share of a sum from the shares under it, and keep it; none of them is damaged."""
        records = [self._known(submission) for submission in selection.submissions]
        if leaving:
            return self._sum_of(records, selection, leaving)
        self._room.require(scalar_bytes(records[0].dimension))
        with self._pauses.attempt(selection.digest):  # strangers ask as often as they like
            return self._sum_of(records, selection, leaving)

    def _sum_of(self, records: Sequence[ShareRecord], selection: Selection, leaving: bool) -> FrArray:
        self.doubt(selection.submissions)
        rows = [ShareVector.of(self.share(one.submission), one.dimension).row for one in records]
        raw = native.linear_combination(rows, list(selection.weights)).astype("<u8", copy=False).tobytes()
        return self._results.put_sum(records[0].task_id, selection.digest, raw, leaving=leaving)

    def _keep_sums(self, leaving: set[bytes]) -> set[bytes]:
        """Compute the sums that need shares about to be deleted, for later readers; those that must stay, if any."""
        staying: set[bytes] = set()
        if not leaving:
            return staying
        for selection in self._rows.selections().values():
            if leaving.intersection(selection.submissions) and all(self.find(s) for s in selection.submissions):
                try:
                    self.summed(selection, leaving=True)
                except DamagedError as error:  # it will never be whole again: no reason to keep the others
                    _log.error("event=sum-lost reason=%r", str(error))
                except StorageError as error:  # a full disk, say: the next round of tidying tries again
                    _log.error("event=sum-not-written reason=%r", str(error))
                    staying.update(selection.submissions)
        return staying

    def _count(self) -> None:
        """Count what lies there at the start; from then on it is counted along."""
        query = "SELECT task_id, COUNT(*), SUM(bytes) FROM shares GROUP BY task_id"
        for task_id, count, size in self._database.query(query):
            self._count_shares(int(task_id), count, size)

    def _count_shares(self, task_id: int, count: int, size: int) -> None:
        """So many shares, of so many bytes, are there more, or fewer."""
        with self._counting:
            self._used = self._used[0] + count, self._used[1] + size
        self._room.add_shares(task_id, size)

    def put_batch(self, bundle: AuditBundle) -> None:
        """Keep an attested batch: its certificate, and everything that was opened."""
        self._results.put_batch(bundle)

    def put_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate, see ``BatchFiles``."""
        self._results.put_certificate(certificate)

    def batches_of(self, task_id: int, round_number: int) -> list[bytes]:
        """Batches of a round whose certificate is here, in ascending order."""
        return self._batches.of_round((task_id, round_number))

    def certificate(self, batch_id: bytes) -> bytes:
        """The certificate of a batch, encoded.  Raises UnknownError."""
        return self._batches.certificate(batch_id)

    def audit_bundle(self, batch_id: bytes) -> bytes:
        """The audit bundle of a batch, encoded.  Raises UnknownError."""
        return self._batches.bundle(batch_id)

    def _drop_orphans(self) -> None:
        """A crash between a file's rename and its row leaves a file that no receipt speaks of."""
        known = {row[0].hex() for row in self._database.query("SELECT submission FROM shares")}
        with storing("cannot tidy the share directory"):
            for path in (*self._shares.iterdir(), *self._bodies.iterdir()):
                if path.name not in known:
                    path.unlink()

    def _known(self, submission: bytes) -> ShareRecord:
        record = self.find(submission)
        if record is None:
            raise UnknownError(f"no share of submission 0x{submission.hex()} is here")
        return record

    def _share_path(self, submission: bytes) -> Path:
        return self._shares / submission.hex()
