"""What failed a short while ago is not tried again at once, whoever asks: it costs much, and strangers repeat it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from circuits.errors import StorageError
from commons.runtime.clock import Clock
from provers.sharefiles import DamagedError

_SECONDS = 60.0
_MOST = 1024
"""Names that are remembered, the latest ones."""


class Pauses:
    """Names of what failed on this machine's disk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, float] = OrderedDict()

    @contextmanager
    def attempt(self, name: bytes) -> Iterator[None]:
        """Try something; when the block raises StorageError, this refuses the name for a while.

        Not for a damaged share: it is deleted, so until it is handed in again a repetition costs a look at a row.

        Raises:
            StorageError: it failed less than a minute ago.
        """
        if self._clock.monotonic() < self._until.get(name, 0.0):
            raise StorageError(f"this failed less than {_SECONDS:.0f} s ago on this machine's disk; ask again later")
        try:
            yield
        except DamagedError:
            raise
        except StorageError:
            self._until[name] = self._clock.monotonic() + _SECONDS
            self._until.move_to_end(name)
            if len(self._until) > _MOST:
                self._until.popitem(last=False)
            raise
        self._until.pop(name, None)
