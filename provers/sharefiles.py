"""Share files: a payload is written piece by piece as it arrives and expanded to scalars, which are read through memory
maps."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from circuits.atomicfile import storing
from circuits.errors import StorageError, WireError
from circuits.statement import Membership, share_length
from commons.sharing.sharepayloads import DENSE_FORM, all_payload_sizes, check_form, scalar_bytes, share_blocks
from commons.storage.files import LOCAL_DISK, Disk
from native import FrArray
from provers.seals import Sealer, fits

_SCALAR = 32
"""Bytes of a scalar in a file."""


class DamagedError(StorageError):
    """A file is not what was written: it will never be readable again."""


@dataclass(frozen=True, slots=True)
class ReceivedShare:
    """Files of a checked payload, both synced.

    Attributes:
        form: the payload's first byte.
        scalars: the share, 32 bytes little-endian a scalar.
        body: the payload without its first byte, unless that is the same.
        size: bytes of both.
        seal: of the scalars' file, see ``provers.seals``.
    """

    form: int
    scalars: Path
    body: Path | None
    size: int
    seal: bytes


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


def stored_bytes(form: int, payload_bytes: int, dimension: int) -> int:
    """``ReceivedShare.size`` of a payload of some form and length."""
    return scalar_bytes(dimension) + (0 if form == DENSE_FORM else payload_bytes - 1)


class ShareWriter:
    """Receives one share payload into temporary files, which leaving the context deletes."""

    def __init__(self, folder: Path, dimension: int, holder: Membership, disk: Disk = LOCAL_DISK) -> None:
        """Raises StorageError when no file can be made."""
        self._folder, self._disk = folder, disk
        self._dimension, self._holder = dimension, holder
        self._largest = max(all_payload_sizes(dimension, holder.committee))
        self._hash = hashlib.sha256()
        self._size = 0
        self._form = -1
        self._files: dict[IO[bytes], Path] = {}
        self._body = self._temporary()

    def __enter__(self) -> ShareWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the files, unless somebody has taken them over."""
        for file, path in self._files.items():
            with suppress(OSError):  # a full disk, told by whoever wrote; what is left is deleted at the next start
                file.close()
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Take the next piece of the payload; WireError as soon as it cannot be a share any more."""
        self._hash.update(piece)
        self._size += len(piece)
        if self._form < 0 and piece:
            self._form, piece = piece[0], piece[1:]
        if self._size > self._largest:
            raise WireError(f"a share of {self._dimension} coordinates is not that long")
        with storing("cannot store the share"):
            self._body.write(piece)

    def finish(self, expected_digest: bytes) -> ReceivedShare:
        """Check form, length, digest and scalars, expand, and sync.

        Raises:
            WireError: the payload is not the one that the owner signed, or no share of this task.
            StorageError: it could not be written.
        """
        check_form(self._form, self._size, self._dimension, self._holder.committee)
        if self._hash.digest() != expected_digest:
            raise WireError("the share does not have the digest that stands in the signed header")
        dense = self._form == DENSE_FORM
        scalars = self._body if dense else self._temporary()
        with storing("cannot store the share"):
            self._body.flush()
            seal = self._expand(None if dense else scalars)
            self._disk.durably(self._sync)
        size = sum(os.fstat(file.fileno()).st_size for file in self._files)
        body = None if dense else self._files[self._body]
        return ReceivedShare(self._form, self._files[scalars], body, size, seal)

    def _sync(self) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())

    def _expand(self, target: IO[bytes] | None) -> bytes:
        """Write the scalars block by block, so that no share is held in memory; without a target only check them.

        Returns their seal.
        """
        mapped, sealer = mmap.mmap(self._body.fileno(), 0, prot=mmap.PROT_READ), Sealer()
        for block in share_blocks(self._form, memoryview(mapped), self._dimension, self._holder):
            raw = block.astype("<u8", copy=False).tobytes()
            sealer.update(raw)
            if target is not None:
                target.write(raw)
        return sealer.seal()

    def _temporary(self) -> IO[bytes]:
        with storing("cannot store the share"):
            handle, name = tempfile.mkstemp(dir=self._folder)
        file = os.fdopen(handle, "w+b")
        self._files[file] = Path(name)
        return file


def map_scalars(path: Path, dimension: int, seal: bytes | None = None) -> FrArray:
    """A share file as FrArray (share_length, 4), read-only and mapped.

    A prover that computes with a damaged share sends values that are off by an amount which somebody may know: with t
    corrupt provers to make them fit, the validity test would then open a linear function of an honest gradient.

    Args:
        seal: of what was written; none, where that was looked at before.

    Raises:
        DamagedError: it is gone, cut off, or not what was sealed.
    """
    if not path.exists():
        raise DamagedError("a share is gone from the disk; this prover waits until it is handed to it again")
    with storing("cannot read a share"), path.open("rb") as file:
        vector = _mapped(file)
        if len(vector) != share_length(dimension):
            raise DamagedError("a share on disk is cut off; this prover waits until it is handed to it again")
        # Through the same open file: another one may take its name meanwhile.
        if seal is not None and not fits(seal, file):
            raise DamagedError("a share on disk is damaged; this prover waits until it is handed to it again")
    return vector


def map_sealed(path: Path) -> FrArray:
    """A file of bare scalars and their SHA-256 behind them, FrArray (n, 4), mapped.  Raises StorageError if damaged."""
    with storing("cannot read a share of a sum"), path.open("rb") as file:
        vector = _mapped(file)
    if len(vector) < 2 or hashlib.sha256(vector[:-1].data).digest() != vector[-1].tobytes():
        raise DamagedError("a share of a sum on disk is damaged; this prover does not serve it")
    return vector[:-1]


def _mapped(file: IO[bytes]) -> FrArray:
    """A file of bare scalars as FrArray (n, 4), read-only and mapped.  Raises DamagedError."""
    size = os.fstat(file.fileno()).st_size
    if size == 0 or size % _SCALAR:
        raise DamagedError("a file of shares on disk is cut off in the middle of a scalar; it is not used")
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    return np.frombuffer(mapped, "<u8").reshape(-1, 4)
