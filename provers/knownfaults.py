"""Why files that were committed to are refused: they never get better, and are not looked at twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from circuits.errors import InvalidInputError, ProofError, RuleViolationError

_MOST = 1024


class KnownFaults:
    """The latest faults, by a name that stands for just one content."""

    def __init__(self) -> None:
        self._faults = dict[bytes, InvalidInputError | ProofError]()

    def require_none(self, name: bytes) -> None:
        """Raise again what was raised of a file."""
        known = self._faults.get(name)
        if known is not None:
            raise type(known)(str(known))

    @contextmanager
    def noted(self, name: bytes) -> Iterator[None]:
        """A check of a file, unless it was found wrong before; what it raises is noted."""
        self.require_none(name)  # of two that came at once
        try:
            yield
        except (InvalidInputError, ProofError) as error:
            while len(self._faults) >= _MOST:
                self._faults.pop(next(iter(self._faults)))
            self._faults[name] = error
            raise


class FaultsOf:
    """How often somebody handed in what was wrong, whose doing it can only be; the latest who did are known.

    Thread-safe.

    Args:
        most: faults after which no more is looked at.
    """

    def __init__(self, most: int) -> None:
        self._most, self._counts = most, Counter[bytes]()
        self._lock = threading.Lock()

    def require_few(self, who: bytes) -> None:
        """Raise RuleViolationError where there were too many."""
        with self._lock:
            if self._counts.get(who, 0) >= self._most:
                raise RuleViolationError(
                    f"{self._most} that were signed for the same were looked at here, and each was false: no further "
                    "one is looked at"
                )

    @contextmanager
    def counted(self, who: bytes) -> Iterator[None]:
        """A check; counts it where it raises InvalidInputError or ProofError."""
        self.require_few(who)
        try:
            yield
        except (InvalidInputError, ProofError):
            with self._lock:
                while len(self._counts) >= _MOST and who not in self._counts:
                    self._counts.pop(next(iter(self._counts)))
                self._counts[who] += 1
            raise
