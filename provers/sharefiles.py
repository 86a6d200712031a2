"""Share files: written piece by piece as they arrive, read through memory maps or expanded from seeds."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from types import TracebackType

import numpy as np

import native
from circuits.errors import StorageError, WireError
from native import FrArray
from provers.files import storing
from provers.shares import DENSE_FORM, check_form, expand_seed, payload_size

_CHECKED_AT_ONCE = 1 << 15


class ShareWriter:
    """Receives one share payload into a temporary file, which leaving the context deletes."""

    def __init__(self, folder: Path, dimension: int) -> None:
        """Raises StorageError when no file can be made."""
        self._dimension = dimension
        self._hash = hashlib.sha256()
        self._size = 0
        self.form = -1
        with storing("cannot store the share"):
            handle, name = tempfile.mkstemp(dir=folder)
        self._file = os.fdopen(handle, "w+b")
        self.path = Path(name)

    def __enter__(self) -> ShareWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Payload bytes received."""
        return self._size

    def write(self, piece: bytes) -> None:
        """Take the next piece of the payload; WireError as soon as it cannot be a share any more."""
        self._hash.update(piece)
        self._size += len(piece)
        if self.form < 0 and piece:
            self.form, piece = piece[0], piece[1:]
        if self._size > payload_size(self._dimension, DENSE_FORM):
            raise WireError(f"a share of {self._dimension} coordinates is not that long")
        with storing("cannot store the share"):
            self._file.write(piece)

    def finish(self, expected_digest: bytes) -> Path:
        """Check form, length, digest and scalars, and sync the file.

        Raises:
            WireError: the payload is not the one that the owner signed, or no share of this task.
            StorageError: it could not be written.
        """
        check_form(self.form, self._size, self._dimension)
        if self._hash.digest() != expected_digest:
            raise WireError("the share does not have the digest that stands in the signed header")
        with storing("cannot store the share"):
            self._file.flush()
            os.fsync(self._file.fileno())
        if self.form == DENSE_FORM:
            self._check_scalars()
        return self.path

    def _check_scalars(self) -> None:
        self._file.seek(0)
        while block := self._file.read(32 * _CHECKED_AT_ONCE):
            scalars: FrArray = np.frombuffer(block, "<u8").astype(np.uint64, copy=False).reshape(-1, 4)
            try:
                native.check(scalars)
            except ValueError as error:
                raise WireError(f"a share holds a scalar that is not below the order: {error}") from error


class SeedCache:
    """Expanded seeds, the most recently used ones, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[bytes, FrArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, submission: bytes, path: Path, dimension: int) -> FrArray:
        """The expansion of the seed in a file; StorageError when the file is damaged."""
        with self._lock:
            if submission in self._held:
                self._held.move_to_end(submission)
                return self._held[submission]
        with storing(f"cannot read the share {path}"):
            seed = path.read_bytes()
        if len(seed) != 32:
            raise StorageError(f"the share {path} is cut off; this prover sits its submission out")
        vector = expand_seed(seed, dimension)
        vector.flags.writeable = False
        with self._lock:
            self._held[submission] = vector
            while len(self._held) > 1 and sum(v.nbytes for v in self._held.values()) > self._limit:
                self._held.popitem(last=False)
        return vector

    def forget(self, submission: bytes) -> None:
        """Drop one expansion."""
        with self._lock:
            self._held.pop(submission, None)
