"""What a prover keeps for bounties: a folder for each, with files named by their digests.

BOUNTY/room                     whose bounty it is, and how many bytes are kept free for all of it
BOUNTY/SHA-256.data             a group's file
BOUNTY/INDEX.group              which group that is, and the SHA-256 of that
BOUNTY/LISTING/OFFER.row        a sealed row
BOUNTY/LISTING/OFFER-K'.blinding  x of it for one K', the SHA-256 of the row, and the SHA-256 of both
BOUNTY/over                     since when nodes show that the bounty is over

How much there is room for is in ``heldroom``.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import FullError, UnknownError
from circuits.hashing import words
from commons.protocol.bountydraws import HiddenGroup
from commons.storage.erasing import destroy, finish_destroying
from commons.storage.files import write_durably
from native import G1
from provers.heldfiles import NAME, HeldFiles, content_of
from provers.heldroom import Wording

MOST_OFFERS = 2
"""Of one listing in one bounty.  None of them is let go of for a newer one: the winner may have any of them locked.  A
winner seals once; the other one is for a row that was lost.  Room for all of them is kept for every entrant, so that
no winner that fails on purpose uses up what the next one needs."""


class BountyFiles(HeldFiles):
    """A directory of bounties; arguments and errors are those of ``HeldFiles``.  Thread-safe."""

    wording = Wording("bounty", "bounties", "owner", "prover.max_bounty_bytes")

    def put_group(self, bounty: bytes, index: int, group: HiddenGroup, file: bytes) -> None:
        """Keep a group's checked data; durable on return.  Raises StorageError."""
        record = words(group.samples, group.salt, group.group_hash, group.file_digest)
        folder = self._folder(bounty)
        with self._changed(bounty):
            write_durably(folder / f"{group.file_digest.hex()}.data", file, disk=self._disk)
            write_durably(folder / f"{index}.group", record + sha256(record).digest(), disk=self._disk)

    def group(self, bounty: bytes, index: int) -> HiddenGroup:
        """A group whose data are here, as they were when they came.

        Raises:
            UnknownError: they never came, or were lost or damaged since.
        """
        raw = content_of(self._folder(bounty) / f"{index}.group")
        if raw is not None and len(raw) == 5 * 32 and sha256(raw[:128]).digest() == raw[128:]:
            group = HiddenGroup(raw[32:64], raw[64:96], raw[96:128], int.from_bytes(raw[:32], "big"))
            file = content_of(self._folder(bounty) / f"{group.file_digest.hex()}.data")
            if file is not None and sha256(file).digest() == group.file_digest:
                return group
        raise UnknownError(f"the data of group {index} of the bounty are not here; send them (again)")

    def holds_group(self, bounty: bytes, index: int, group: HiddenGroup) -> bool:
        """Whether just this group's data are here, whole."""
        try:
            return self.group(bounty, index) == group
        except UnknownError:
            return False

    def put_offer(self, bounty: bytes, listing: bytes, offer: bytes, public: G1, row: bytes, blinding: int) -> None:
        """Keep a winner's checked offer; durable on return.

        A row is kept once, and x for each K' that a receipt is asked for: with the x of another K' nobody opens it.

        Raises:
            FullError: as many offers of this listing are here as are kept.
            StorageError: it cannot be written.
        """
        folder = self._folder(bounty) / listing.hex()
        path = folder / _blinding_name(offer, public)
        with self._changed(bounty):
            self.require_place(bounty, listing, offer, public)
            record = blinding.to_bytes(32, "big") + sha256(row).digest()
            write_durably(path, record + sha256(record).digest(), disk=self._disk)
            write_durably(folder / f"{offer.hex()}.row", row, disk=self._disk)

    def require_place(self, bounty: bytes, listing: bytes, offer: bytes, public: G1) -> None:
        """Raise FullError where as many other offers of a listing are here as are kept."""
        folder = self._folder(bounty) / listing.hex()
        known = {other.name for other in folder.glob("*.blinding")}
        if _blinding_name(offer, public) not in known and len(known) >= MOST_OFFERS:
            raise FullError(f"{MOST_OFFERS} offers of this listing are here already; have one of them locked")

    def holds_offer(self, bounty: bytes, listing: bytes, offer: bytes, public: G1, blinding: int) -> bool:
        """Whether just this offer is here, whole."""
        folder = self._folder(bounty) / listing.hex()
        told = _told(folder / _blinding_name(offer, public))
        if told is None or told[0] != blinding:
            return False
        row = content_of(folder / f"{offer.hex()}.row")
        return row is not None and sha256(row).digest() == told[1]

    def blinding(self, bounty: bytes, listing: bytes, offer: bytes, public: G1) -> int:
        """x of an offer, for its K'.  Raises UnknownError."""
        told = _told(self._folder(bounty) / listing.hex() / _blinding_name(offer, public))
        if told is None:
            raise UnknownError("what opens this offer was not told here; ask another member of the committee")
        return told[0]

    def file(self, bounty: bytes, digest: bytes) -> bytes:
        """A group's file or a sealed row by its digest.  Raises UnknownError."""
        folder = self._folder(bounty)
        data = content_of(folder / f"{digest.hex()}.data")
        if data is not None and sha256(data).digest() == digest:
            return data
        with storing(f"cannot look at {folder}"):
            listings = [name for name in os.listdir(folder) if NAME.fullmatch(name)] if folder.is_dir() else []
        for listing in listings:
            row = content_of(folder / listing / f"{digest.hex()}.row")
            if row is not None:
                return row
        raise UnknownError(
            f"nothing whole with the digest 0x{digest.hex()} is kept here for this bounty; ask another member"
        )

    def erase(self, folder: Path) -> None:
        """Delete all of a bounty; what opens its offers is overwritten first."""
        for path in (*folder.glob("*.data"), *folder.glob("*/*.row")):
            path.unlink()  # first, as a full disk has no room for what takes the place of a secret
        for path in folder.glob("*/*.blinding"):
            destroy(path, b"", self._disk)
        for listing in folder.glob("*/"):
            finish_destroying(listing, self._disk)  # what a crash left half written

    @property
    def files(self) -> int:
        """Groups and sealed rows that are here.  Raises StorageError."""
        with storing(f"cannot look at {self._directory}"):
            return sum(path.suffix in (".data", ".row") for path in self._directory.rglob("*"))


def _blinding_name(offer: bytes, public: G1) -> str:
    return f"{offer.hex()}-{sha256(public).hexdigest()[:32]}.blinding"


def _told(path: Path) -> tuple[int, bytes] | None:
    """x, and the SHA-256 of the row that it belongs to; None where they are not here, or damaged."""
    raw = content_of(path)
    if raw is None or len(raw) != 96 or sha256(raw[:64]).digest() != raw[64:]:
        return None
    return int.from_bytes(raw[:32], "big"), raw[32:64]
