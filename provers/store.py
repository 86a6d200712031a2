"""What a prover keeps on disk: its ledger, its shares, the batches it attested, its shares of their sums.

The ledger is append-only in sqlite; everything else are files.  A share lies in its file as bare scalars, so that it is
used through a memory map; what its owner sealed is kept beside it when it came in another form.  A share of a sum is
computed when it is first asked for, or when the shares under it are deleted; that it is here does not mean that it may
be sent (``provers.party.releasing``).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial, reduce
from hashlib import sha256
from pathlib import Path

import native
from circuits.atomicfile import storing
from circuits.errors import ClosedError, FullError, StorageError, UnknownError
from circuits.statement import Membership
from commons.protocol.bundle import ROUND_NAMED, AuditBundle, Certificate, named_round
from commons.sharing.sharepayloads import DENSE_FORM
from commons.sharing.sharevector import ShareVector
from commons.storage.database import Database, Step, statements
from commons.storage.files import LOCAL_DISK, DirectoryLock, Disk, move_durably, write_durably
from native import FrArray
from provers.formers import Formers
from provers.party import ledger
from provers.sharefiles import DamagedError, ReceivedShare, ShareWriter, map_scalars, map_sealed, require_whole

_FIRST_VERSION = (
    "CREATE TABLE IF NOT EXISTS ledger (sequence INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS shares (
  submission BLOB PRIMARY KEY, task_id TEXT NOT NULL, round TEXT NOT NULL, owner BLOB NOT NULL,
  dimension INTEGER NOT NULL, form INTEGER NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL,
  scalars BLOB NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS shares_by_owner ON shares (task_id, round, owner)",
)
STEPS: tuple[Step, ...] = (statements(*_FIRST_VERSION),)
"""Step n leads the database from version n to n + 1.  None may change the ledger's rows: signed heads cover them."""
_CERTIFICATE = ".certificate"
_AT_ONCE = 256
"""Shares that are deleted in one transaction, each of which waits for the disk."""
RoundName = tuple[int, int]
"""Task and number of a round."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """What is known of a stored share.

    Attributes:
        form: first byte of its payload.
        size: bytes of its files.
        expires: the round's settle deadline, seconds since 1970.
    """

    submission: bytes
    task_id: int
    round: int
    owner: bytes
    dimension: int
    form: int
    size: int
    expires: int


class Store:
    """A prover's state directory; one process at a time.

    Attributes:
        per_owner: most submissions of an owner in a round.
    """

    def __init__(self, directory: Path, *, max_bytes: int, per_owner: int = 4, disk: Disk = LOCAL_DISK) -> None:
        """Open the directory and fold the ledger.

        Args:
            max_bytes: most bytes of shares on disk.
            per_owner: most submissions of an owner in a round.

        Raises:
            StorageError: another process uses the directory, its content is damaged, or of a newer release.
        """
        self._lock = DirectoryLock(directory)
        self._disk = disk
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            self._open(directory, undo)
            undo.pop_all()  # all is well: nothing of it is undone
        self._max_bytes, self.per_owner = max_bytes, per_owner

    def _open(self, directory: Path, undo: ExitStack) -> None:
        # It may be refused: first.
        self._database = Database(directory / "prover.sqlite", STEPS, self._disk, kept=_head_of_rows)
        undo.callback(self._database.close)
        self._shares, self._bodies = directory / "shares", directory / "bodies"
        self._sums, self._incoming = directory / "sums", directory / "incoming"
        self._batches = directory / "batches"
        with storing(f"cannot use the state directory {directory}"):
            for folder in (self._shares, self._bodies, self._sums, self._batches, self._incoming):
                folder.mkdir(mode=0o700, exist_ok=True)
            for leftover in self._incoming.iterdir():
                leftover.unlink()
        self.formers = Formers(directory, self._disk)
        self._whole: set[bytes] = set()
        self._commit = threading.Lock()
        self.ledger = self._fold()
        self._drop_orphans()
        self._counting = threading.Lock()
        self._used = self._count()
        self._of_round = self._index()

    def close(self) -> None:
        """Let go of the directory."""
        self._database.close()
        self._lock.release()

    def commit(self, entries: Sequence[ledger.Entry]) -> None:
        """Append ledger entries; on return they are durable and folded into ``ledger``.

        Raises:
            RuleViolationError: an entry breaks a rule; nothing is written.
            StorageError: the entries could not be written; nothing is.
        """
        if not entries:
            return
        with self._commit:
            for entry in entries:
                self.ledger.check(entry)
            rows = [(ledger.to_text(entry),) for entry in entries]
            with self._database.transaction() as connection:
                connection.executemany("INSERT INTO ledger (record) VALUES (?)", rows)
            for entry in entries:
                self.ledger.apply(entry)

    def room_for(self, task_id: int, round_number: int, owner: bytes, size: int) -> None:
        """Raise ClosedError or StorageError when one more share of ``size`` bytes is not taken."""
        key = (str(task_id), str(round_number), owner)
        count = self._database.query("SELECT COUNT(*) FROM shares WHERE task_id = ? AND round = ? AND owner = ?", key)
        if count[0][0] >= self.per_owner:
            raise ClosedError(f"this owner has handed in {self.per_owner} submissions in this round already")
        if self.usage()[1] + size > self._max_bytes:
            raise FullError("this prover's room for shares is used up; try again after the round has settled")

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
        """Take over finished files as a submission's share; durable on return."""
        if self.find(record.submission) is None:  # a call whose connection broke may still end beside the next one
            self.room_for(record.task_id, record.round, record.owner, record.size)
        with storing("cannot store the share"):
            if received.body is not None:
                move_durably(received.body, self._bodies / record.submission.hex(), self._disk)
            move_durably(received.scalars, self._share_path(record.submission), self._disk)
        row = (
            record.submission, str(record.task_id), str(record.round), record.owner, record.dimension,
            record.form, record.size, record.expires, received.digest,
        )  # fmt: skip
        with self._database.transaction() as connection:
            there = connection.execute("SELECT bytes FROM shares WHERE submission = ?", row[:1]).fetchone()
            connection.execute("INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        with self._counting:
            count, size = self._used
            self._used = (count + (there is None), size + record.size - (there[0] if there else 0))

    def share(self, submission: bytes) -> FrArray:
        """A stored share: FrArray (share_length, 4), read-only; its digest is checked at the first use of a process.

        Raises:
            UnknownError: it is not here.
            StorageError: it is damaged.
        """
        vector = map_scalars(self._share_path(submission), self._known(submission).dimension)
        if submission not in self._whole:
            query = "SELECT scalars FROM shares WHERE submission = ?"
            require_whole(vector, self._database.query(query, (submission,))[0][0])
            self._whole.add(submission)
        return vector

    def share_payload(self, submission: bytes) -> bytes:
        """A stored share as its owner sealed it.  Raises UnknownError."""
        record = self._known(submission)
        body = self._share_path(submission) if record.form == DENSE_FORM else self._bodies / submission.hex()
        with storing("cannot read the share"):
            return bytes((record.form,)) + body.read_bytes()

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
            some = ordered[first : first + _AT_ONCE]
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM shares WHERE submission = ?", [(s,) for s in some])
            with self._counting:
                self._used = self._count()
            for submission in some:
                self._delete(submission)
        return len(leaving)

    def _delete(self, submission: bytes) -> None:
        with storing("cannot delete a share"):
            for path in (self._share_path(submission), self._bodies / submission.hex()):
                self._disk.durably(partial(path.unlink, missing_ok=True))
            self._whole.discard(submission)

    def discard_results(self, before: float) -> int:
        """Delete sums and batches that were written before a time, seconds since 1970."""
        with storing("cannot tidy the results"):
            old = [p for folder in (self._sums, self._batches) for p in folder.iterdir() if p.stat().st_mtime < before]
            for path in old:
                self._disk.durably(path.unlink)
        if old:
            self._of_round = self._index()
        return len(old)

    def put_batch(self, bundle: AuditBundle) -> None:
        """Keep an attested batch: its certificate, and everything that was opened."""
        self.put_certificate(bundle.certificate)
        write_durably(
            self._batches / f"{bundle.certificate.batch_id.hex()}.opened", bundle.encode_opened(), disk=self._disk
        )

    def put_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate; of one that is here already only the attestations change, to the larger number.

        With them comes the payee, which nothing else binds: this prover may have been named another one.
        """
        path = self._certificate_path(certificate.batch_id)
        if path.exists():
            known = Certificate.decode(self.certificate(certificate.batch_id))
            if len(known.attestations) >= len(certificate.attestations):
                return
            certificate = replace(known, payee=certificate.payee).attested_by(certificate.attestations)
        write_durably(path, certificate.encode(), disk=self._disk)
        context = certificate.statement.context
        self._of_round.setdefault((context.task_id, context.round), set()).add(certificate.batch_id)

    def batches_of(self, task_id: int, round_number: int) -> list[bytes]:
        """Batches of a round whose certificate is here, in ascending order."""
        return sorted(self._of_round.get((task_id, round_number), ()))

    def certificate(self, batch_id: bytes) -> bytes:
        """The certificate of a batch, encoded.  Raises UnknownError."""
        return self._batch_file(self._certificate_path(batch_id), batch_id)

    def audit_bundle(self, batch_id: bytes) -> bytes:
        """The audit bundle of a batch, encoded.  Raises UnknownError."""
        opened = self._batch_file(self._batches / f"{batch_id.hex()}.opened", batch_id)
        return self.certificate(batch_id) + opened

    def summed(self, selection: ledger.Selection) -> FrArray:
        """This prover's share of a sum, FrArray (d + 129, 4).

        Raises:
            UnknownError: neither it nor all shares under it are here (any more).
            StorageError: it is damaged.
        """
        path = self._sums / selection.digest.hex()
        if path.exists():
            try:
                return map_sealed(path)
            except DamagedError:
                if not all(self.find(submission) for submission in selection.submissions):
                    raise
                _log.warning("event=sum-repaired selection=0x%s", selection.digest.hex())
        return self._add_up(selection, path)

    def _add_up(self, selection: ledger.Selection, path: Path) -> FrArray:
        """Compute this prover's share of a sum from the shares under it, and keep it."""
        rows = [ShareVector.of(self.share(s), self._known(s).dimension).row for s in selection.submissions]
        raw = native.linear_combination(rows, list(selection.weights)).astype("<u8", copy=False).tobytes()
        write_durably(path, raw + sha256(raw).digest(), disk=self._disk)
        return map_sealed(path)

    def _keep_sums(self, leaving: set[bytes]) -> set[bytes]:
        """Compute the sums that need shares about to be deleted, for later readers; those that must stay, if any."""
        staying: set[bytes] = set()
        if not leaving:
            return staying
        with self._commit:  # an owner's lock is the set itself, shared by all its owners
            selections = {id(selection): selection for selection in self.ledger.locks.values()}
        for selection in selections.values():
            if leaving.intersection(selection.submissions) and all(self.find(s) for s in selection.submissions):
                try:
                    self.summed(selection)
                except DamagedError as error:  # it will never be whole again: no reason to keep the others
                    _log.error("event=sum-lost reason=%r", str(error))
                except StorageError as error:  # a full disk, say: the next round of tidying tries again
                    _log.error("event=sum-not-written reason=%r", str(error))
                    staying.update(selection.submissions)
        return staying

    def _count(self) -> tuple[int, int]:
        count, size = self._database.query("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM shares")[0]
        return int(count), int(size)

    def _index(self) -> dict[RoundName, set[bytes]]:
        """Batches by round, from how their certificates begin."""
        found: dict[RoundName, set[bytes]] = {}
        for path in self._batches.glob(f"*{_CERTIFICATE}"):
            with storing("cannot read a batch"), path.open("rb") as file:
                name = named_round(file.read(ROUND_NAMED))
            if name is not None:  # of this release
                found.setdefault(name, set()).add(bytes.fromhex(path.stem))
        return found

    def _certificate_path(self, batch_id: bytes) -> Path:
        return self._batches / f"{batch_id.hex()}{_CERTIFICATE}"

    def _batch_file(self, path: Path, batch_id: bytes) -> bytes:
        if not path.exists():
            raise UnknownError(
                f"this prover has nothing of batch 0x{batch_id.hex()}: it did not attest it, or has deleted it"
            )
        with storing("cannot read a batch"):
            return path.read_bytes()

    def _fold(self) -> ledger.LedgerState:
        state = ledger.LedgerState()
        for (record,) in self._database.query("SELECT record FROM ledger ORDER BY sequence"):
            state.apply(ledger.from_text(record))
        return state

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


def _head_of_rows(connection: sqlite3.Connection) -> bytes:
    """Digest of the ledger's head by its rows as they stand, whatever a release makes of them."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ledger'").fetchone():
        return ledger.GENESIS
    rows = connection.execute("SELECT record FROM ledger ORDER BY sequence")
    return reduce(ledger.head_over, (text for (text,) in rows), ledger.GENESIS)
