"""Why files that were committed to are refused: they never get better, and are not looked at twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from circuits.errors import InvalidInputError, ProofError

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
