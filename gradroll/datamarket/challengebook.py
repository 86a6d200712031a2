"""Challenges that a reviewer committed to: who loses this book loses the stakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from circuits.hashing import keccak
from commons.samples.contributions import Ground, challenge_commitment
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.secretbook import Broken, SecretBook


@dataclass(frozen=True, slots=True)
class KeptChallenge:
    """A challenge that was committed to, or is about to be; what it is about is secret until it is opened.

    Attributes:
        campaign, root, salt: 32 bytes each; the root is the bundle's.
        bundle, index: of the sample.
        correction: the corrected sample; empty for none.
        original: bundle and place of what the sample is a copy of, of a duplicate; else zeros.
        challenger: 20-byte address.
    """

    campaign: bytes
    root: bytes = field(repr=False)
    bundle: int = field(repr=False)
    index: int = field(repr=False)
    ground: Ground = field(repr=False)
    correction: bytes = field(repr=False)
    original: tuple[int, int] = field(repr=False)
    challenger: bytes
    salt: bytes = field(repr=False)

    @property
    def commitment(self) -> bytes:
        """32 bytes."""
        correction = keccak(self.correction) if self.correction else bytes(32)
        return challenge_commitment(
            self.campaign, self.bundle, self.root, self.index, self.ground, correction, self.challenger, self.salt
        )


class ChallengeBook:
    """The challenges in a state directory; the arguments are those of ``SecretBook``."""

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._book = SecretBook(directory / "challenges", "data-challenge", unlock, encrypting)

    def add(self, kept: KeptChallenge) -> None:
        """Write a challenge down, durably, before its stake is sent.  Raises StorageError."""
        names = ("campaign", "root", "correction", "challenger", "salt")
        content: dict[str, Any] = {name: getattr(kept, name).hex() for name in names}
        more = {"bundle": kept.bundle, "index": kept.index, "ground": int(kept.ground), "original": kept.original}
        self._book.add(kept.commitment, content | more)

    def find(self, commitment: bytes) -> KeptChallenge:
        """The challenge behind a commitment.  Raises UnknownError, KeyFileError."""
        return self._kept(commitment, self._book.find(commitment))

    def all(self, broken: Broken | None = None) -> Iterator[KeptChallenge]:
        """Every challenge; ``broken`` is as of ``SecretBook.all``."""
        return self._book.all(self._kept, broken)

    def again(self, wanted: KeptChallenge) -> KeptChallenge | None:
        """The challenge that says the same with another salt, if one was kept before."""
        return next((kept for kept in self.all() if replace(kept, salt=wanted.salt) == wanted), None)

    def _kept(self, commitment: bytes, raw: dict[str, Any]) -> KeptChallenge:
        try:
            names = ("campaign", "root", "correction", "challenger", "salt")
            campaign, root, correction, challenger, salt = (bytes.fromhex(str(raw.get(name))) for name in names)
            bundle, index, ground = (int(raw[name]) for name in ("bundle", "index", "ground"))
            of, at = map(int, raw["original"])
            kept = KeptChallenge(campaign, root, bundle, index, Ground(ground), correction, (of, at), challenger, salt)
            if kept.commitment == commitment:
                return kept
        except (KeyError, TypeError, ValueError):
            pass
        raise self._book.damaged(commitment)
