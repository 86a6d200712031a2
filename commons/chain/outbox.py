"""What an account has sent: a process that is run again goes on with that, and pays for nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Protocol

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from circuits.atomicfile import storing
from circuits.errors import GradrollError, StorageError
from commons.chain.bids import NO_BID, Bid
from commons.settings.values import Depth
from commons.storage.files import FileLock, write_durably

_VERSION = 2
"""Version 1 has no bids: a variant that replaces one of those begins with what the market asks."""
_MAX_BYTES = 4 << 20
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Ge(0), Le(2**63 - 1)]
_Wei = Annotated[int, Ge(0), Le(2**256 - 1)]


@dataclass(slots=True)
class Entry:
    """One transaction, before anything of it was sent or after.

    Attributes:
        nonce: the account's, for all variants the same, so that the chain takes one of them at most.
        hashes: of all variants that may have been sent, oldest first.
        bid: of the last of them.
        here: whether this process has sent one of them; no file says so.
    """

    nonce: int = 0
    hashes: list[bytes] = field(default_factory=list)
    bid: Bid = NO_BID
    here: bool = False

    def forget(self) -> None:
        """Nothing of it can be mined any more, or it was mined and is not what was wanted."""
        self.hashes.clear()
        self.bid, self.here = NO_BID, False


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _StoredEntry(_Strict):
    intent: _Hash
    turn: _Count
    nonce: _Count
    hashes: Annotated[list[_Hash], MinLen(1)]
    max_fee: _Wei = 0
    tip: _Wei = 0


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

    def holds(self, intent: bytes) -> bool:
        """Whether something was sent by an earlier run of what ``entry`` gives next for this intent."""
        entry = self._entries.get((intent, self._turns[intent]))
        return entry is not None and bool(entry.hashes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of this account is under way, as far as the outbox knows."""
        return not self._entries

    def bid_at(self, nonce: int) -> Bid:
        """The highest bid under a nonce, whatever it is for: what another transaction must replace."""
        bids = (entry.bid for entry in self._entries.values() if entry.hashes and entry.nonce == nonce)
        return max(bids, key=lambda bid: bid.most, default=NO_BID)

    def has(self, nonce: int) -> bool:
        """Whether a transaction with a nonce was sent from here."""
        return any(entry.hashes and entry.nonce == nonce for entry in self._entries.values())

    def drop_before(self, nonce: int) -> None:
        """Forget transactions whose nonces are below this: the account has used those deep enough.

        Raises StorageError.
        """
        kept = {key: entry for key, entry in self._entries.items() if entry.hashes and entry.nonce >= nonce}
        if len(kept) < len(self._entries):
            self._entries = kept
            self.save()

    def save(self) -> None:
        """Make all entries durable; those of which nothing was sent are left out.  Raises StorageError."""
        entries = [_stored(*key, entry) for key, entry in self._entries.items() if entry.hashes]
        if not entries and not self._saved:
            return
        data = _Stored(version=_VERSION, entries=entries).model_dump_json().encode()
        if len(data) > _MAX_BYTES:
            raise StorageError(
                f"{self._kept.name} would have over {_MAX_BYTES} bytes; split the command into smaller ones"
            )
        self._kept.save(data)
        self._saved = True

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
            one.nonce, [bytes.fromhex(sent) for sent in one.hashes], Bid(one.max_fee, one.tip)
        )
        for one in stored.entries
    }
    if len(entries) != len(stored.entries):
        raise _damaged(name)
    return entries


def _stored(intent: bytes, turn: int, entry: Entry) -> _StoredEntry:
    hashes = [one.hex() for one in entry.hashes]
    return _StoredEntry(
        intent=intent.hex(), turn=turn, nonce=entry.nonce, hashes=hashes, max_fee=entry.bid.most, tip=entry.bid.tip
    )


def _damaged(name: str) -> StorageError:
    return StorageError(
        f"{name} is damaged, and it says which transactions are under way; look whether the account's last ones were "
        "mined, then remove the file"
    )
