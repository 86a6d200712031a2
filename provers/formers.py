"""The members of its committee with whom a prover was ever started: it releases sums of the rounds of all of them.

A node's word alone is not enough: one that named strangers as the members of a round could have a sum released that no
quorum of the true ones attested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.statement import Committee, Membership
from commons.protocol.codec import Codec
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.recordfiles import read_state, write_record

FILE = "memberships.json"
_VERSION = 1
_CURE = (
    "restore this one file from a backup, or remove it: then sums of rounds of former members are not released, and "
    "their keys stay"
)


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
        found = read_state(self._path, _CODEC, _VERSION, "names no members", _CURE)
        self._known: tuple[Membership, ...] = found.memberships if found else ()

    @property
    def known(self) -> tuple[Membership, ...]:
        """All of them, in the order in which they came to be."""
        return self._known

    def remember(self, own: Membership) -> None:
        """Add what this prover is now; durable on return.  Raises StorageError."""
        if own in self._known:
            return
        known = (*self._known, own)
        write_record(self._path, _CODEC, _Known(_VERSION, known), disk=self._disk)
        self._known = known

    def has(self, committee: Committee, index: int) -> bool:
        """Whether this prover was started as this member of these members."""
        return Membership(committee, index) in self._known
