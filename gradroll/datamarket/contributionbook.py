"""Bundles that a contributor committed to: their salts, and their files, until the campaign has no more use of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from circuits.errors import InvalidInputError
from commons.artifacts.bundlefiles import load_bundle, save_bundle
from commons.samples.contributions import bundle_commitment
from commons.samples.samplebundles import SampleBundle
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.secretbook import Broken, SecretBook

OWN_BUNDLES = "bundles"
"""Folder of their files in the state directory."""


@dataclass(frozen=True, slots=True)
class KeptBundle:
    """A bundle that was committed to, or is about to be; by its hashes, its samples could be guessed.

    Attributes:
        campaign, root, salt: 32 bytes each.
        content_digest: 32 bytes, of the file; zeros for samples that are opened in the chain.
        contributor: 20-byte address.
        turn: 0, or another number where the same samples are committed to anew.
    """

    campaign: bytes
    root: bytes = field(repr=False)
    content_digest: bytes = field(repr=False)
    count: int
    contributor: bytes
    salt: bytes = field(repr=False)
    turn: int

    @property
    def commitment(self) -> bytes:
        """32 bytes."""
        return bundle_commitment(self.campaign, self.root, self.content_digest, self.count, self.contributor, self.salt)

    @property
    def inline(self) -> bool:
        """Whether its samples are opened in the chain."""
        return not any(self.content_digest)


class ContributionBook:
    """The bundles in a state directory; the arguments are those of ``SecretBook``."""

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._files = directory / OWN_BUNDLES
        self._book = SecretBook(directory / "contributions", "data-contribution", unlock, encrypting)

    def add(self, kept: KeptBundle, bundle: SampleBundle) -> None:
        """Keep a bundle and what opens it, durably, before the chain is told its commitment.  Raises StorageError."""
        path = self.file_by_root(kept.root)
        if not path.exists() or not _is(path, bundle):
            save_bundle(path, bundle, replace=True)
        names = ("campaign", "root", "content_digest", "contributor", "salt")
        content: dict[str, Any] = {name: getattr(kept, name).hex() for name in names}
        self._book.add(kept.commitment, content | {"count": kept.count, "turn": kept.turn})

    def find(self, commitment: bytes) -> KeptBundle:
        """The bundle behind a commitment.  Raises UnknownError, KeyFileError."""
        return self._kept(commitment, self._book.find(commitment))

    def again(self, wanted: KeptBundle) -> KeptBundle | None:
        """The bundle that says the same with another salt, if one was kept before."""
        return next((kept for kept in self.all() if replace(kept, salt=wanted.salt) == wanted), None)

    def all(self, broken: Broken | None = None) -> Iterator[KeptBundle]:
        """Every bundle; ``broken`` is as of ``SecretBook.all``."""
        return self._book.all(self._kept, broken)

    def content(self, kept: KeptBundle) -> SampleBundle:
        """The samples of a bundle.  Raises UnknownError, InvalidInputError where the file is lost or damaged."""
        return load_bundle(self.file_by_root(kept.root))

    def file_by_root(self, root: bytes) -> Path:
        """Where the file of the bundle with a root is, if it is here."""
        return self._files / f"{root.hex()}.bundle"

    def _kept(self, commitment: bytes, raw: dict[str, Any]) -> KeptBundle:
        try:
            names = ("campaign", "root", "content_digest", "contributor", "salt")
            campaign, root, digest, contributor, salt = (bytes.fromhex(str(raw.get(name))) for name in names)
            kept = KeptBundle(campaign, root, digest, int(raw["count"]), contributor, salt, int(raw["turn"]))
            if kept.commitment == commitment:
                return kept
        except (KeyError, TypeError, ValueError):
            pass
        raise self._book.damaged(commitment)


def _is(path: Path, bundle: SampleBundle) -> bool:
    """Whether a file is just this bundle: nobody could open, or serve, one that a disk has damaged."""
    try:
        return load_bundle(path) == bundle
    except InvalidInputError:
        return False
