"""The event log in one Redis list: followed by anybody, written by who holds the lease.

The head row counts how often events were dropped, so whoever follows notices, and reads it anew.

An append is one script, which looks at the lease, the head row and the length, and remembers what it did: an answer
that is lost is asked for again, and nothing is written twice.  Redis must keep an append-only file, else a crash of it
loses events; the witness notices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from circuits.errors import StandbyError, StorageError
from commons.storage.database import require_known
from commons.storage.eventlog import FIRST_VERSION, HEAD, Record, RecordVersions, parse_row, upgraded
from commons.storage.logwitness import Head, LostEventsError, Witness
from commons.storage.redislease import Lease
from commons.storage.redisplace import RedisPlace, UnansweredError

_COMPACTED = "compacted"
"""Member of the head row: how often events were dropped."""
_PAGE = 1000
_READ = "return {redis.call('LINDEX', KEYS[1], 0), redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])}"
_APPEND = """
if redis.call('GET', KEYS[3]) == ARGV[2] then return 'done' end
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[3] then return 'head' end
if redis.call('HGET', KEYS[2], 'mark') ~= ARGV[1] then return 'lost' end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[4]) then return 'length' end
for i = 5, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('SET', KEYS[3], ARGV[2])
return 'done'
"""
_BIND = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return false end
if ARGV[2] ~= '' then redis.call('SETNX', KEYS[2], ARGV[2]) end
return redis.call('GET', KEYS[2]) or ''
"""
_SKIP = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 0 end
if tonumber(redis.call('GET', KEYS[2]) or 0) < tonumber(ARGV[2]) then redis.call('SET', KEYS[2], ARGV[2]) end
return 1
"""
_BOUND = "return redis.call('GET', KEYS[1])"
_MOST_ROWS = 1_000_000
"""Rows of one append: Redis takes few arguments more."""


class ShortenedError(StorageError):
    """Whoever leads has dropped events: the log has to be read anew."""


class RedisLog:
    """See ``EventLog``.  It can only be read until ``lead``."""

    def __init__(self, place: RedisPlace, witness: Witness, versions: RecordVersions = FIRST_VERSION) -> None:
        """Raises:
        LostEventsError: the log belongs with another folder of files.
        StorageError: Redis cannot be read, or has a newer release's log.
        """
        self._place, self._witness, self._versions = place, witness, versions
        self._head = Head()
        self._last = b""
        self._compactions = 0
        self._lease: Lease | None = None
        self._require_folder(place.run(_BOUND, (place.files,)))
        self._version()

    @property
    def head(self) -> Head:
        """How far it was read or written."""
        return self._head

    def read(self) -> Iterator[dict[str, Any]]:
        """See ``EventLog``."""
        self._head, self._last = Head(), b""
        self._compactions = self._top()[1]
        return self.news()

    def news(self) -> Iterator[dict[str, Any]]:
        """The records since the last one that was read here; none of a log that its next leader has to upgrade first.

        Raises:
            ShortenedError: events were dropped since.
            LostEventsError: that one is not there any more.
            StorageError: Redis cannot be read, or has a newer release's log.
        """
        while True:
            (head, compactions), rows = self._page(self._head.records)
            if head < self._versions.latest:
                if self._head.records:
                    raise self._witness.lost("is empty, or another one")
                return
            self._require_whole(compactions)
            if self._head.records and (not rows or rows.pop(0) != self._last):
                raise self._witness.lost("is shorter, or another one")
            for row in rows:
                record = parse_row(row)
                self._head, self._last = self._head.after(row), row
                yield record
            if len(rows) < _PAGE:
                return

    def lead(self, lease: Lease) -> None:
        """Upgrade the log, compare it with what is known of it, and have appends allowed.  ``news`` has the rest.

        Raises:
            LostEventsError: events are missing, or other ones are there.
            StandbyError, StorageError: the lease is lost, or Redis cannot be used.
        """
        self._witness.reread(led=self._bind(lease, ""))
        found, compactions = self._top()
        self._require_whole(compactions)
        is_empty = not found and next(self._rows(0), None) is None
        whole = self._compared(found, is_known=is_empty)
        self._require_token(lease)
        if found < self._versions.latest:
            self._upgrade(lease, found, whole.records)
            whole = self._compared(self._versions.latest, is_known=True)
        self._witness.begin(lease.token, self._versions.latest, whole, compactions)
        self._bind(lease, self._witness.folder)  # not before: a log that is refused stays as it was
        self._lease = lease

    def append(self, records: Sequence[Record]) -> None:
        """See ``EventLog``.

        Raises:
            StandbyError: another may lead; the records may be in the log, which has to be read anew.
            StorageError: Redis refused, or another program has changed the log; nothing was changed.
        """
        if self._lease is None:
            raise StandbyError("this coordinator stands by, and writes no events")
        if not records:
            return
        rows = [json.dumps(record, sort_keys=True).encode() for record in records]
        if len(rows) > _MOST_ROWS:
            raise StorageError(f"{len(rows)} events at a time are too many for a log in Redis")
        self._witness.require_room()
        after = self._head
        for row in rows:
            after = after.after(row)
        self._run_append(self._lease, rows, after)
        self._head, self._last = after, rows[-1]
        self._witness.note(self._versions.latest, after, self._compactions)

    def compact(self, drops: Callable[[Record], bool], records: Sequence[Record]) -> None:
        """See ``EventLog``.

        What the log will be is written beside the files first: whoever leads after a crash knows both forms.

        Raises:
            StandbyError: another may lead.
            StorageError: nothing was changed; or nobody knows, and the log has to be read anew.
        """
        lease = self._lease
        if lease is None:
            raise StandbyError("this coordinator stands by, and drops no events")
        lease.require()
        kept = [row for row in self._rows(1) if not drops(parse_row(row))]
        rows = [*kept, *(json.dumps(record, sort_keys=True).encode() for record in records)]
        after = Head()
        for row in rows:
            after = after.after(row)
        self._witness.require_room()
        self._witness.expect(after)
        head = _head_row(self._versions.latest, self._compactions + 1)
        self._replace(lease, [head, *rows], self._head_row(), self._head.records + 1)
        self._compactions += 1
        self._head, self._last = after, rows[-1] if rows else b""
        self._witness.note(self._versions.latest, after, self._compactions)

    def _run_append(self, lease: Lease, rows: Sequence[bytes], after: Head) -> None:
        keys = (self._place.log, self._place.lease, self._place.last)
        act = f"{lease.mark}/{self._compactions}/{after.records}/{after.digest.hex()}"
        told = lease.insisted(
            _APPEND, keys, lease.mark, act, self._head_row(), self._head.records + 1, *rows
        )  # fmt: skip
        match told:
            case b"done":
                return
            case b"lost":
                lease.lose()
                raise lease.lapsed()
            case b"head":
                self._version()
        lease.lose()  # whoever leads next compares the log with what is known of it
        raise StorageError(
            f"the log {self._place.log} was emptied, replaced, or written to by a program that does not lead; nothing "
            "was changed. Stop that program; if events are gone, restore Redis from its append-only file or a backup"
        )

    def close(self) -> None:
        """Nothing to let go of: the connection is somebody else's."""

    def _head_row(self) -> str:
        return _head_row(self._versions.latest, self._compactions)

    def _require_whole(self, compactions: int) -> None:
        if compactions != self._compactions:
            if not self._head.records:
                self._compactions = compactions  # nothing of it was read yet
                return
            raise ShortenedError(f"events were dropped from the log {self._place.log}; it has to be read anew")

    def _page(self, first: int) -> tuple[tuple[int, int], list[bytes]]:
        """What the head row says, and the rows from one on; row 0 of a list with a version is that."""
        last = _PAGE if first == 0 else first + _PAGE
        head, rows = self._place.run(_READ, (self._place.log,), max(first, 1), last)
        found = _head_in(head)
        require_known(f"the log {self._place.log}", found[0], self._versions.latest)
        return found, list(rows)

    def _top(self) -> tuple[int, int]:
        """The version of the list, and how often events were dropped.  Raises StorageError for a newer release's."""
        return self._page(0)[0]

    def _version(self) -> int:
        """The version of the list, 0 for none; StorageError for one of a newer release."""
        return self._top()[0]

    def _rows(self, first: int) -> Iterator[bytes]:
        """All rows from one on."""
        while True:
            _, rows = self._place.run(_READ, (self._place.log,), first, first + _PAGE - 1)
            yield from rows
            first += len(rows)
            if len(rows) < _PAGE:
                return

    def _compared(self, found: int, *, is_known: bool = False) -> Head:
        """The head of the whole log, once it agrees with the witness and with what was read here.

        Args:
            found: version of its records, 0 for those of before there were versions.
            is_known: its records need no look: they were compared in an older version, or there are none.
        """
        comparable = not is_known and self._witness.is_of(max(found, 1))
        told = self._witness.known(self._compactions)
        known = {told.records: told.digest} if comparable else {}
        if self._head.records:
            known.setdefault(self._head.records, self._head.digest)
        at = Head()
        self._require_same(at, known)
        for row in self._rows(min(found, 1)):
            at = at.after(row)
            self._require_same(at, known)
        if at.records < max(told.records, self._head.records):
            raise self._witness.lost(f"has {at.records} events")
        return at

    def _require_same(self, at: Head, known: dict[int, bytes]) -> None:
        if known.get(at.records, at.digest) != at.digest:
            raise self._witness.lost("has other events than it had")

    def _upgrade(self, lease: Lease, found: int, records: int) -> None:
        """Give the list this release's version, as a whole."""
        steps: Sequence[Callable[[Record], Record]] = self._versions.steps[max(found, 1) - 1 :]
        first = next(self._rows(0), b"")
        rows = [upgraded(row, steps) for row in self._rows(min(found, 1))]
        lease.require()
        self._replace(lease, [self._head_row(), *rows], first, records + min(found, 1))

    def _replace(self, lease: Lease, rows: Sequence[str | bytes], head: str | bytes, before: int) -> None:
        """Have other rows take the place of the list, of which the first one and the number are known."""
        try:
            replaced = self._place.replace_list(rows, lease.mark, head, before, _PAGE)
        except UnansweredError:
            lease.lose()  # whoever leads next sees which of the two it is
            raise
        if not replaced:
            lease.lose()
            raise lease.lapsed()

    def _require_token(self, lease: Lease) -> None:
        """Have Redis, where it has forgotten how many have led, go on behind that; the lease is over then."""
        known = self._witness.token
        if lease.token <= known:
            lease.insisted(_SKIP, (self._place.lease, self._place.fence), lease.mark, known)
            lease.lose()
            raise lease.lapsed()

    def _bind(self, lease: Lease, folder: str) -> bool:
        """Refuse the log of another folder; have one of none be that of ``folder``, unless that is empty.

        Returns whether it is of a folder now.
        """
        bound = lease.insisted(_BIND, (self._place.lease, self._place.files), lease.mark, folder)
        if bound is None:
            lease.lose()
            raise lease.lapsed()
        self._require_folder(bound)
        return bool(bound)

    def _require_folder(self, bound: bytes | None) -> None:
        if bound and bound.decode("ascii", "replace") != self._witness.folder:
            raise LostEventsError(
                "the event log in Redis belongs with another folder of models, sums and bundles than "
                f"{self._witness.path.parent}: set coordinator.shared to the one that all who share this log use"
            )


def _head_row(version: int, compactions: int) -> str:
    return json.dumps({HEAD: version} | ({_COMPACTED: compactions} if compactions else {}), sort_keys=True)


def _head_in(row: bytes | None) -> tuple[int, int]:
    """Version and compactions in a head row; 0 for a record, and for no row."""
    record = {} if row is None else parse_row(row)
    if HEAD not in record:
        return 0, 0
    version, compactions = record[HEAD], record.get(_COMPACTED, 0)
    if type(version) is not int or version < 1 or type(compactions) is not int or compactions < 0:
        raise StorageError("the event log's first row is damaged; restore it from a backup")
    return version, compactions
