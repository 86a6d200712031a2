"""Shares under way: what has come of each, also when the connection broke, so that its owner need not send it again.

Each chunk is the owner's, or it is not taken: the owner signed what they hash to.  So nobody else can put anything into
an upload, and several streams of one, its owner's second try beside the first or the coordinator's, only help each
other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from circuits.errors import BusyError
from commons.sharing.sealedbodies import BodyLabel, RunningCheck, SealedChunk, open_chunk
from provers.sharefiles import ReceivedShare, ShareWriter

MOST = 64
"""Uploads that are under way or broke off; beyond it one that was left alone makes room, the oldest of the task that
keeps most room from others."""
IDLE = 3600
"""Seconds after which one that nobody goes on with is let go of: its owner would have come back."""
OwnerName = tuple[int, int, bytes]
"""Task, round and address of an owner."""


class Partial:
    """One share under way.

    Args:
        writer: takes the payload; the beginning, which is its prover's own, is in it already.
        check: of the body's chunks.
        key: of the body.
        held: what is let go of with it.
    """

    def __init__(self, writer: ShareWriter, check: RunningCheck, key: bytes, label: BodyLabel, held: ExitStack) -> None:
        self._writer, self._check, self._key, self._label = writer, check, key, label
        self._resources = held
        self._lock = threading.Lock()
        self._kept = False
        self.broken = False

    @property
    def taken(self) -> int:
        """Chunks that have come."""
        return self._check.taken

    @property
    def over(self) -> bool:
        """Whether nothing more can become of it."""
        return self._kept or self.broken

    def take(self, index: int, chunk: SealedChunk) -> None:
        """Take a chunk that is not here yet.

        Raises:
            WireError: it is another than its owner signed, or does not open.
            StorageError: it cannot be written.
            BusyError: that happened to another stream, and the upload begins anew.
        """
        with self._lock:
            self._require_sound()
            if index != self._check.taken or self._kept:
                return  # another stream brought it
            self._check.take(chunk)
            with self._breaking():
                self._writer.write(open_chunk(self._key, chunk.sealed, self._label, index))

    def keep(self, digest: bytes, adopt: Callable[[ReceivedShare], None]) -> None:
        """Check the whole and have it adopted, once.  Raises as ``ShareWriter.finish``; BusyError as ``take``."""
        with self._lock:
            self._require_sound()
            if self._kept:
                return
            with self._breaking():
                adopt(self._writer.finish(digest))
            self._kept = True

    def close(self) -> None:
        """Delete what is not kept."""
        with self._lock:
            self.broken = True
            self._resources.close()

    def _require_sound(self) -> None:
        if self.broken:
            raise BusyError("what came of this share is of no use; hand it in again")

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Whatever goes wrong in the files leaves them in an unknown state: the upload begins anew."""
        try:
            yield
        except BaseException:
            self.broken = True
            raise


@dataclass(slots=True)
class _Held:
    partial: Partial
    owner: OwnerName
    size: int
    expires: int
    users: int = field(default=0)
    idle_since: float | None = field(default=None)

    @property
    def is_of_use(self) -> bool:
        """Whether anything of it is worth keeping when nobody brings the rest just now."""
        return bool(self.users) or (not self.partial.over and self.partial.taken > 0)


class Partials:
    """All shares under way at one prover.

    Args:
        per_owner: most of one owner in a round.
    """

    def __init__(self, per_owner: int) -> None:
        self._per_owner = per_owner
        self._held: dict[bytes, _Held] = {}  # those that somebody came with last at the end
        self._lock = threading.Lock()

    @contextmanager
    def held(
        self, upload: bytes, owner: OwnerName, size: int, expires: int, begin: Callable[[], Partial]
    ) -> Iterator[Partial]:
        """The share of an upload, as far as it has come.

        What is over afterwards, or of which nothing has come, is let go of: a head alone keeps no room from others,
        nor does a call that is refused behind it.

        Args:
            upload: digest of its manifest.
            size: bytes that it comes to take.
            expires: when nobody can use it any more, seconds since 1970.
            begin: makes one of which nothing has come.

        Raises:
            BusyError: too many are under way, of this owner or of all.
        """
        with self._lock:
            held = self._held.pop(upload, None)
            if held is None or held.partial.over:
                self._make_room(owner)
                held = _Held(begin(), owner, size, expires)
            self._held[upload] = held
            held.users, held.idle_since = held.users + 1, None
        try:
            yield held.partial
        finally:
            with self._lock:
                held.users -= 1
                if not held.is_of_use:
                    self._drop(held)

    def discard(self, now: float) -> None:
        """Let go of those that nobody can use any more, or that nobody has gone on with for long."""
        with self._lock:
            for held in [held for held in self._held.values() if not held.users]:
                held.idle_since = now if held.idle_since is None else held.idle_since
                if held.expires < now or now - held.idle_since > IDLE:
                    self._drop(held)

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            for held in list(self._held.values()):
                self._drop(held)

    def _make_room(self, owner: OwnerName) -> None:
        own = [held for held in self._held.values() if held.owner == owner]
        for among, most in ((own, self._per_owner), (list(self._held.values()), MOST)):
            if len(among) >= most:
                idle = [held for held in among if not held.users]
                if not idle:
                    raise BusyError("as many shares as are taken at a time are under way here; ask again in a while")
                self._drop(max(idle, key=self._kept_from_others))

    def _kept_from_others(self, held: _Held) -> int:
        """Bytes of all of its task; the first of several with as much is the one that was left alone first."""
        return sum(other.size for other in self._held.values() if other.owner[0] == held.owner[0])

    def _drop(self, held: _Held) -> None:
        self._held = {upload: other for upload, other in self._held.items() if other is not held}
        held.partial.close()
