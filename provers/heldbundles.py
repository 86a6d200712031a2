"""What a prover keeps for bundles: a folder for each, named by what a receipt for it signs.

RECEIPT/room                    whose bundle it is, and how many bytes are kept free for it
RECEIPT/bundle                  its number, SHA-256, Keccak-256 and length of the file, and the SHA-256 of all that
RECEIPT/SHA-256.data            its file
RECEIPT/over                    since when nodes show that it is over

The name binds chain, contract, campaign, number and content.  After a reorganisation nothing is taken for another
bundle.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, BinaryIO

from eth_hash.auto import keccak

from circuits.atomicfile import UNFINISHED, storing
from circuits.errors import ProofError, UnknownError
from circuits.hashing import words
from commons.storage.files import LOCAL_DISK, Disk, write_durably, written_durably
from provers.heldfiles import NAME, HeldFiles, content_of
from provers.heldroom import Wording

_RECORD = "bundle"
_PIECE = 1 << 20
_SMALL = 1 << 10
"""Bytes of a bundle's records beside its file."""


@dataclass(frozen=True, slots=True)
class HeldBundle:
    """A bundle's file, as it was when it came.

    Attributes:
        number: of the bundle.
        content_digest: SHA-256 of the file.
        digest: Keccak-256 of it.
        length: its bytes.
    """

    number: int
    content_digest: bytes
    digest: bytes
    length: int


class BundleFiles(HeldFiles):
    """A directory of bundles; arguments and errors are those of ``HeldFiles``.  Thread-safe."""

    wording = Wording("bundle", "bundles", "contributor or campaign's owner", "prover.max_bundle_bytes")

    def __init__(self, directory: Path, most: int, disk: Disk = LOCAL_DISK) -> None:
        with storing(f"cannot use {directory}"):
            _clear(directory)
        super().__init__(directory, most, disk)

    def put(
        self, name: bytes, owners: bytes, bundle: HeldBundle, body: Callable[[], Iterator[bytes]],
        check: Callable[[IO[bytes]], None],
    ) -> None:  # fmt: skip
        """Take in a bundle's file, piece by piece; durable on return, and not there if this raises.

        Args:
            bundle: its ``digest`` is not looked at.
            body: the file's pieces, so many bytes as it says; read once there is room.
            check: looks at the file, whose SHA-256 is right.

        Raises:
            FullError: there is no room.
            ProofError: the file has another SHA-256.
            StorageError: it cannot be written.
        """
        folder = self._folder(name)
        with self._coming(name, owners, bundle.length), written_durably(_file(folder, bundle), disk=self._disk) as out:
            hashed, wired = sha256(), keccak.new(b"")
            for piece in body():
                hashed.update(piece)
                wired.update(piece)
                out.write(piece)
            if hashed.digest() != bundle.content_digest:
                raise ProofError(f"the file is not that of bundle {bundle.number}; send the file that was committed to")
            out.seek(0)
            check(out)
            told = words(bundle.number, bundle.content_digest, wired.digest(), bundle.length)
            write_durably(folder / _RECORD, told + sha256(told).digest(), disk=self._disk)

    def bundle(self, name: bytes) -> HeldBundle:
        """A bundle whose file is here, as it was when it came.

        Raises:
            UnknownError: it never came, or was lost or damaged since.
        """
        told = self.told(name)
        if told is None or _digest_of(_file(self._folder(name), told)) != told.content_digest:
            raise UnknownError("the bundle is not here; send it (again)")
        return told

    def holds(self, name: bytes) -> bool:
        """Whether just this bundle's file is here, whole."""
        try:
            return bool(self.bundle(name))
        except UnknownError:
            return False

    def told(self, name: bytes) -> HeldBundle | None:
        """What is noted of a bundle; None where nothing whole is."""
        raw = content_of(self._folder(name) / _RECORD)
        if raw is None or len(raw) != 5 * 32 or sha256(raw[:128]).digest() != raw[128:]:
            return None
        return HeldBundle(
            int.from_bytes(raw[:32], "big"), raw[32:64], raw[64:96], int.from_bytes(raw[96:128], "big")
        )  # fmt: skip

    @contextmanager
    def file(self, content_digest: bytes) -> Iterator[tuple[BinaryIO, HeldBundle]]:
        """A bundle's file to be read, by its SHA-256; whether the disk has damaged it, who reads it sees.

        Raises:
            UnknownError: none is here.
        """
        for name in self.names():
            path = self._folder(name) / f"{content_digest.hex()}.data"
            told = self.told(name) if path.exists() else None
            if told is not None:
                with storing(f"cannot read {path}"), path.open("rb") as file:
                    yield file, told
                return
        raise UnknownError(f"no bundle with the SHA-256 0x{content_digest.hex()} is kept here; ask another member")

    @property
    def files(self) -> int:
        """Bundles whose files are here.  Raises StorageError."""
        with storing(f"cannot look at {self._directory}"):
            return sum(1 for _ in self._directory.glob("*/*.data"))

    @contextmanager
    def _coming(self, name: bytes, owners: bytes, length: int) -> Iterator[None]:
        """Room for a bundle while it comes, and after that if it stays: what is refused takes none."""
        with self._lock:
            self.begin(name, owners, length + _SMALL)
            self._shares.reserve(name, length)
        try:
            yield
        finally:
            with self._changed(name):
                self._shares.release(name, length)
                if not self._shares.comes(name):
                    self._settle(name, owners)

    def _settle(self, name: bytes, owners: bytes) -> None:
        """Keep as much room as what is here takes, whatever callers have said of its length."""
        folder, told = self._folder(name), self.told(name)
        if told is None or not _file(folder, told).exists():
            with storing("cannot tidy the bundles"):
                shutil.rmtree(folder)
        else:
            self.resize(name, owners, told.length + _SMALL)


def _clear(directory: Path) -> None:
    """Delete what a crash left half taken in: it was never said to be here."""
    for folder in directory.glob("*/"):
        for part in folder.glob(f"{UNFINISHED}*"):
            part.unlink()
        if NAME.fullmatch(folder.name) and not any(folder.glob("*.data")):
            shutil.rmtree(folder)


def _file(folder: Path, bundle: HeldBundle) -> Path:
    return folder / f"{bundle.content_digest.hex()}.data"


def _digest_of(path: Path) -> bytes | None:
    with storing(f"cannot read {path}"):
        hashed = sha256()
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    hashed.update(piece)
        except FileNotFoundError:
            return None
        return hashed.digest()
