"""The members of its committee with whom a prover was ever started: it releases sums of the rounds of all of them.

A node's word alone is not enough: one that named strangers as the members of a round could have a sum released that no
quorum of the true ones attested.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import GradrollError, StorageError
from circuits.statement import Committee, Membership
from commons.protocol.codec import Codec
from commons.storage.database import require_known
from commons.storage.files import LOCAL_DISK, Disk, write_durably

FILE = "memberships.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Known:
    """What the file holds, in the order in which it came to be."""

    version: int
    memberships: tuple[Membership, ...]


_CODEC: Codec[_Known] = Codec(_Known)


class Formers:
    """All memberships of one prover, in a file of its state directory."""

    def __init__(self, directory: Path, disk: Disk = LOCAL_DISK) -> None:
        """Read the file.  Raises StorageError when it is damaged, or of a newer release."""
        self._path, self._disk = directory / FILE, disk
        self._known = self._read()

    def remember(self, own: Membership) -> None:
        """Add what this prover is now; durable on return.  Raises StorageError."""
        if own in self._known:
            return
        known = (*self._known, own)
        text = json.dumps(_CODEC.encode(_Known(_VERSION, known)), indent=1)
        write_durably(self._path, text.encode() + b"\n", disk=self._disk)
        self._known = known

    def has(self, committee: Committee, index: int) -> bool:
        """Whether this prover was started as this member of these members."""
        return Membership(committee, index) in self._known

    def _read(self) -> tuple[Membership, ...]:
        with storing(f"cannot read {self._path}"):
            raw = self._path.read_bytes() if self._path.exists() else None
        if raw is None:
            return ()
        try:
            document = json.loads(raw)
            if isinstance(document, dict) and type(version := document.get("version")) is int:
                require_known(self._path, version, _VERSION)
            return _CODEC.decode(document).memberships
        except StorageError:
            raise
        except (ValueError, RecursionError, GradrollError) as error:
            raise StorageError(
                f"{self._path} names no members: {error}; restore this one file from a backup, or remove it: then sums "
                "of rounds of former members are not released"
            ) from error
