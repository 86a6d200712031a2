"""The ledger's rows in a prover's database: appended, folded, and dropped once their round is closed for good.

Beside each row that a round is about stands that round.  A row that is dropped leaves the head behind it, 32 bytes,
so that every head that this prover ever signed is still known to be its own (``commons.protocol.ledgerheads``).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commons.storage.database import Database, Step, statements
from provers.party import ledger

RoundName = tuple[int, int]
"""Task and number of a round."""
LEDGER = "CREATE TABLE IF NOT EXISTS ledger (sequence INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL)"
"""Numbers are never given out again, so those of dropped rows stay theirs."""
ROUNDS: Step = statements(
    """CREATE TABLE ledger_rounds (
  sequence INTEGER PRIMARY KEY, task_id TEXT NOT NULL, round TEXT NOT NULL, noted INTEGER NOT NULL
)""",
    "CREATE INDEX ledger_rows_by_round ON ledger_rounds (task_id, round)",
    "CREATE TABLE ledger_heads (sequence INTEGER PRIMARY KEY, digest BLOB NOT NULL)",
)
"""Rows that are there already get no round: they stay for good."""
_ROWS = "SELECT sequence, record, NULL FROM ledger"
_HEADS = "SELECT sequence, NULL, digest FROM ledger_heads"

_KINDS = (ledger.PeerSeen.kind, ledger.HeadSeen.kind, ledger.RoundsClosed.kind)
_KNOWLEDGE = f"SELECT sequence, record FROM ledger WHERE {' OR '.join('instr(record, ?)' for _ in _KINDS)} ORDER BY 1"  # noqa: S608
"""Few of the rows, which are worth looking into: the others are as long as a cohort."""


class LedgerMovedError(Exception):
    """Something else was recorded since a step looked at the ledger.  No error of the catalogue: it runs again."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row, or what is left of it.

    Attributes:
        record: its text, None for one that was dropped.
        head: the chain's head behind it.
    """

    sequence: int
    record: str | None
    head: bytes


class LedgerRows:
    """The durable ledger.  Thread-safe."""

    def __init__(self, database: Database) -> None:
        """Fold the rows.  Raises StorageError for a damaged one."""
        self._database = database
        self._lock = threading.Lock()
        self.state = self._fold()

    def commit(
        self, entries: Sequence[ledger.Entry], about: RoundName | None = None, now: int = 0, after: int | None = None
    ) -> None:
        """Append entries; on return they are durable and folded into ``state``.

        Args:
            about: the round that they are about; without it they are kept for good.
            now: this machine's time, seconds since 1970.
            after: count of the head behind which they come, where somebody signs what follows from it.

        Raises:
            LedgerMovedError: the ledger has another head; nothing is written.
            RuleViolationError: an entry breaks a rule; nothing is written.
            ClosedError: the round is closed for good; nothing is written.
            StorageError: the entries could not be written; nothing is.
        """
        if not entries:
            return
        with self._lock:
            if after not in (None, self.state.count):
                raise LedgerMovedError
            if about is not None:  # rows that knew of it may have been dropped since the step looked
                self.state.require_open(*about)
            for entry in entries:
                self.state.check(entry)
            with self._database.transaction() as connection:
                for entry in entries:
                    self._insert(connection, entry, about, now)
            for entry in entries:
                self.state.apply(entry)

    @staticmethod
    def _insert(connection: sqlite3.Connection, entry: ledger.Entry, about: RoundName | None, now: int) -> None:
        row = connection.execute("INSERT INTO ledger (record) VALUES (?)", (ledger.to_text(entry),)).lastrowid
        if about is not None and not isinstance(entry, ledger.HeadSeen | ledger.Restored):
            place = (row, str(about[0]), str(about[1]), now)
            connection.execute("INSERT INTO ledger_rounds VALUES (?, ?, ?, ?)", place)

    def rounds(self) -> Mapping[RoundName, int]:
        """Rounds with rows that may be dropped some day, and when the last of each was written."""
        query = "SELECT task_id, round, MAX(noted) FROM ledger_rounds GROUP BY task_id, round"
        return {(int(task), int(number)): int(noted) for task, number, noted in self._database.query(query)}

    def selections(self) -> dict[bytes, ledger.Selection]:
        """Sets that were signed, by their digest."""
        with self._lock:  # an owner's lock is the set itself, shared by all its owners
            chosen = {id(selection): selection for selection in self.state.locks.values()}
        return {selection.digest: selection for selection in chosen.values()}

    def sets_of(self, name: RoundName) -> set[bytes]:
        """Digests of the sets of a round that were signed or released."""
        query = "SELECT record FROM ledger JOIN ledger_rounds USING (sequence) WHERE task_id = ? AND round = ?"
        found = (ledger.from_text(text) for (text,) in self._database.query(query, (str(name[0]), str(name[1]))))
        return {entry.selection.digest for entry in found if isinstance(entry, ledger.Locked | ledger.Released)}

    def drop(self, names: Sequence[RoundName]) -> int:
        """Drop the rows of rounds that are closed for good, and words that later ones have replaced.

        Returns:
            How many rows were dropped.

        Raises:
            ValueError: a round is not closed; nothing is dropped.
            StorageError: nothing could be written.
        """
        with self._lock:
            for task_id, number in names:
                if number > self.state.closed.get(task_id, -1):
                    raise ValueError(f"round {number} is not closed for good")
            with self._database.transaction() as connection:
                left = _numbers_of(connection, names) | _replaced(connection)
                dropped = [(row.sequence, row.head) for row in _walk(connection.execute) if row.record is not None]
                dropped = [row for row in dropped if row[0] in left]
                connection.executemany("INSERT INTO ledger_heads VALUES (?, ?)", dropped)
                for table in ("ledger", "ledger_rounds"):
                    numbers = [(sequence,) for sequence, _ in dropped]
                    connection.executemany(f"DELETE FROM {table} WHERE sequence = ?", numbers)  # noqa: S608
            self.state = self._fold()
        return len(dropped)

    def _fold(self) -> ledger.LedgerState:
        state = ledger.LedgerState()
        for row in _walk(self._database.query):
            if row.record is None:
                state.skip(row.head)
            else:
                state.apply(ledger.from_text(row.record))
        return state


def head_of_rows(connection: sqlite3.Connection) -> bytes:
    """Digest of the ledger's head by its rows as they stand, whatever a release makes of them."""
    head = ledger.GENESIS
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "ledger" in tables:
        for row in _walk(connection.execute, with_heads="ledger_heads" in tables):
            head = row.head
    return head


def _walk(ask: Callable[[str], Iterable[Any]], *, with_heads: bool = True) -> Iterator[_Row]:
    """All rows in their order, those that were dropped among them."""
    head = ledger.GENESIS
    query = f"{_ROWS} UNION ALL {_HEADS} ORDER BY 1" if with_heads else f"{_ROWS} ORDER BY 1"
    for sequence, record, digest in ask(query):
        head = digest if record is None else ledger.head_over(head, record)
        yield _Row(sequence, record, head)


def _numbers_of(connection: sqlite3.Connection, names: Sequence[RoundName]) -> set[int]:
    query = "SELECT sequence FROM ledger_rounds WHERE task_id = ? AND round = ?"
    return {number for task, of in names for (number,) in connection.execute(query, (str(task), str(of)))}


def _replaced(connection: sqlite3.Connection) -> set[int]:
    """Rows whose knowledge a later one has replaced: of one peer the last head counts, of one task the last end."""
    last: dict[tuple[str, int, bytes], int] = {}
    replaced: set[int] = set()
    for sequence, text in connection.execute(_KNOWLEDGE, _KINDS):
        entry = ledger.from_text(text)
        match entry:
            case ledger.PeerSeen():
                subject = (entry.kind, entry.prover, ledger.UNNAMED)
            case ledger.HeadSeen():
                subject = (entry.kind, entry.prover, entry.signer)
            case ledger.RoundsClosed():
                subject = (entry.kind, entry.task_id, b"")
            case _:
                continue
        replaced.update({last[subject]} if subject in last else ())
        last[subject] = sequence
    return replaced
