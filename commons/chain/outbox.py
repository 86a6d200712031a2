"""What an account has sent: a process that is run again goes on with that, and pays for nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Protocol

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from circuits.atomicfile import storing
from circuits.errors import GradrollError, StorageError
from circuits.hashing import keccak
from commons.chain.bids import NO_BID, Bid
from commons.settings.values import Depth
from commons.storage.files import FileLock, write_durably

_VERSION = 3
"""Version 1 has no bids: a variant that replaces one of those begins with what the market asks.  Version 2 has no bytes
of transactions, and forgets what lost its nonce."""
_MAX_BYTES = 4 << 20
_MAX_RAW = 1 << 20
"""Bytes of transactions that are kept, the newest; an older one that is missing is made up for by a transfer of
nothing."""
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$")]
_Count = Annotated[int, Ge(0), Le(2**63 - 1)]
_Wei = Annotated[int, Ge(0), Le(2**256 - 1)]


@dataclass(slots=True)
class Entry:
    """One transaction, before anything of it was sent or after.

    Attributes:
        nonce: the account's, for all variants the same, so that the chain takes one of them at most.
        hashes: of all variants that may have been sent, oldest first.
        bid: of the last of them that was not surely refused.
        raw: signed bytes of the last of them, empty where they are not kept.
        lost: nonce and hash of variants under nonces that another transaction took.  A reorganisation may take that one
            back, so that they can be mined until their nonces are used deep enough.
        here: whether this process has sent one of them; no file says so.
    """

    nonce: int = 0
    hashes: list[bytes] = field(default_factory=list)
    bid: Bid = NO_BID
    raw: bytes = b""
    lost: list[tuple[int, bytes]] = field(default_factory=list)
    here: bool = False

    @property
    def sent(self) -> tuple[bytes, ...]:
        """Hashes of all that may be mined, under whatever nonce."""
        return (*(sent for _, sent in self.lost), *self.hashes)

    def nonce_of(self, sent: bytes) -> int:
        """The nonce of one of them."""
        return next((nonce for nonce, one in self.lost if one == sent and one not in self.hashes), self.nonce)

    def add(self, sent: bytes, raw: bytes, bid: Bid) -> None:
        """A variant under the nonce, before it is sent, perhaps for a second time."""
        if sent in self.hashes:
            self.hashes.remove(sent)
        self.hashes.append(sent)
        self.raw, self.bid = raw, bid

    def abandon(self) -> None:
        """Another transaction took the nonce: it is sent under another one."""
        self.lost += [(self.nonce, sent) for sent in self.hashes if (self.nonce, sent) not in self.lost]
        self._begin_anew()

    def forget(self) -> None:
        """It was mined, and is not what was wanted."""
        self.lost.clear()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.hashes.clear()
        self.bid, self.raw, self.here = NO_BID, b"", False

    def since(self, nonce: int) -> Entry:
        """The same without what has a nonce below this."""
        lost = [one for one in self.lost if one[0] >= nonce]
        return replace(self, lost=lost) if self.nonce >= nonce else Entry(lost=lost)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Lost(_Strict):
    nonce: _Count
    hash: _Hash


class _StoredEntry(_Strict):
    intent: _Hash
    turn: _Count
    nonce: _Count
    hashes: list[_Hash]
    max_fee: _Wei = 0
    tip: _Wei = 0
    raw: _Hex = ""
    lost: list[_Lost] = []

    @model_validator(mode="after")
    def _hangs_together(self) -> _StoredEntry:
        """Something was sent, and the bytes that are kept are those of the last variant."""
        if not self.hashes and not self.lost:
            raise ValueError("nothing was sent of it")
        if self.raw and keccak(bytes.fromhex(self.raw)).hex() not in self.hashes[-1:]:
            raise ValueError("other bytes than those that were sent")
        return self


class _Version(BaseModel):
    version: _Count


class _Stored(_Strict, _Version):
    entries: list[_StoredEntry]


class Kept(Protocol):
    """Where an outbox is kept, for one process at a time.

    Attributes:
        name: what messages call it.
    """

    name: str

    def load(self) -> bytes | None:
        """What was saved last, None for nothing.  Raises StorageError."""

    def save(self, data: bytes) -> None:
        """Make it durable.  Raises StorageError, or another error where it is somebody else's by now."""

    def close(self) -> None:
        """Let another process have it."""


class OutboxFile:
    """An outbox in a file, with a lock beside it."""

    def __init__(self, path: Path) -> None:
        """Raises StorageError: another process uses it, or there can be no such file."""
        self.name = str(path)
        self._path = path
        self._lock = FileLock(
            path.with_name(path.name + ".lock"),
            f"another command is sending transactions of this account ({path}); wait until it has ended",
            f"cannot remember transactions in {path}; chain.outbox names another place for it",
        )

    def load(self) -> bytes | None:
        """See ``Kept``."""
        with storing(f"cannot read {self._path}"):
            if not self._path.exists():
                return None
            with self._path.open("rb") as file:
                return file.read(_MAX_BYTES)

    def save(self, data: bytes) -> None:
        """See ``Kept``."""
        write_durably(self._path, data)

    def close(self) -> None:
        """See ``Kept``."""
        self._lock.release()


class Outbox:
    """The record of an account's transactions that are under way, or that no command has reported yet.

    For one process, and in it for whoever holds the lock of the account's one ``Sender``.

    A command that sends the same transaction twice means it: the first of a run is matched with the first of the run
    before it, the second with the second.  A process that runs on (``standing``) asks the chain before it sends, so
    that the same transaction again is the one before, until that is deep enough to be forgotten.

    Args:
        place: a file, which need not exist, or where else it is kept.
        standing: how deep a transaction must be to be forgotten, in a process that runs on; None in a command, which
            calls ``clear``.

    Raises:
        StorageError: another process uses it, or it is damaged, or it cannot be read or written.
    """

    def __init__(self, place: Path | Kept, *, standing: Depth | None = None) -> None:
        self._kept: Kept = OutboxFile(place) if isinstance(place, Path) else place
        self.standing = standing
        self._turns: Counter[bytes] = Counter()
        self._saved = False
        try:
            self._entries = self._load()
        except GradrollError:
            self._kept.close()
            raise

    def entry(self, intent: bytes) -> Entry:
        """The entry of the next transaction with this 32-byte intent; change it, then ``save``."""
        turn = self._turns[intent]
        if self.standing is None:
            self._turns[intent] += 1
        return self._entries.setdefault((intent, turn), Entry())

    def filler(self, intent: bytes) -> Entry:
        """The one entry of what fills a nonce, however often it is asked for; ``clear`` forgets it."""
        self._turns[intent] = 1
        return self._entries.setdefault((intent, 0), Entry())

    def holds(self, intent: bytes) -> bool:
        """Whether something was sent by an earlier run of what ``entry`` gives next for this intent."""
        entry = self._entries.get((intent, self._turns[intent]))
        return entry is not None and bool(entry.sent)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of this account is under way, as far as the outbox knows."""
        return not self._entries

    def at(self, nonce: int) -> Entry | None:
        """What was sent from here under a nonce, of several the dearest: what another transaction must replace."""
        under = (entry for entry in self._entries.values() if entry.hashes and entry.nonce == nonce)
        return max(under, key=lambda entry: entry.bid.most, default=None)

    def bid_at(self, nonce: int) -> Bid:
        """The bid of that."""
        found = self.at(nonce)
        return NO_BID if found is None else found.bid

    def has(self, nonce: int) -> bool:
        """Whether a transaction with a nonce was sent from here."""
        return self.at(nonce) is not None

    def drop_before(self, nonce: int) -> None:
        """Forget transactions whose nonces are below this: the account has used those deep enough.

        Raises StorageError.
        """
        kept = {key: entry.since(nonce) for key, entry in self._entries.items()}
        kept = {key: entry for key, entry in kept.items() if entry.sent}
        if kept != self._entries:
            self._entries = kept
            self.save()

    def save(self) -> None:
        """Make all entries durable; those of which nothing was sent are left out.  Raises StorageError."""
        self._drop_bytes()
        entries = [_stored(*key, entry) for key, entry in self._entries.items() if entry.sent]
        if not entries and not self._saved:
            return
        data = _Stored(version=_VERSION, entries=entries).model_dump_json().encode()
        if len(data) > _MAX_BYTES:
            raise StorageError(
                f"{self._kept.name} would have over {_MAX_BYTES} bytes; split the command into smaller ones"
            )
        self._kept.save(data)
        self._saved = True

    def _drop_bytes(self) -> None:
        """Keep no more bytes of transactions than there is room for: the oldest are mined already, most probably."""
        left = _MAX_RAW
        for entry in sorted(self._entries.values(), key=lambda entry: entry.nonce, reverse=True):
            left -= len(entry.raw)
            if left < 0:
                entry.raw = b""

    def clear(self) -> None:
        """Forget what this command has sent, once its result is told.  What another one sent stays."""
        self._entries = {key: entry for key, entry in self._entries.items() if key[1] >= self._turns[key[0]]}
        self.save()
        self._turns.clear()

    def close(self) -> None:
        """Let another process have it."""
        self._kept.close()

    def _load(self) -> dict[tuple[bytes, int], Entry]:
        data = self._kept.load()
        self._saved = data is not None
        return {} if data is None else _entries(data, self._kept.name)

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _entries(data: bytes, name: str) -> dict[tuple[bytes, int], Entry]:
    try:
        if _Version.model_validate_json(data).version > _VERSION:
            raise StorageError(f"{name} was written by a newer release; update this one, nothing was changed")
        stored = _Stored.model_validate_json(data)
    except ValidationError as error:
        raise _damaged(name) from error
    entries = {
        (bytes.fromhex(one.intent), one.turn): Entry(
            one.nonce,
            [bytes.fromhex(sent) for sent in one.hashes],
            Bid(one.max_fee, one.tip),
            bytes.fromhex(one.raw),
            [(lost.nonce, bytes.fromhex(lost.hash)) for lost in one.lost],
        )
        for one in stored.entries
    }
    if len(entries) != len(stored.entries):
        raise _damaged(name)
    return entries


def _stored(intent: bytes, turn: int, entry: Entry) -> _StoredEntry:
    return _StoredEntry(
        intent=intent.hex(), turn=turn, nonce=entry.nonce, hashes=[one.hex() for one in entry.hashes],
        max_fee=entry.bid.most, tip=entry.bid.tip, raw=entry.raw.hex(),
        lost=[_Lost(nonce=nonce, hash=sent.hex()) for nonce, sent in entry.lost],
    )  # fmt: skip


def _damaged(name: str) -> StorageError:
    return StorageError(
        f"{name} is damaged, and it says which transactions are under way; look whether the account's last ones were "
        "mined, then remove the file"
    )
