"""Votes that a juror committed to: who loses this book cannot reveal them, and loses the stake."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from commons.chain.juryfacts import Verdict, vote_commitment
from commons.storage.unlock import LOCKED, Unlock
from gradroll.datamarket.casesubjects import Subject
from gradroll.datamarket.secretbook import SecretBook


@dataclass(frozen=True, slots=True)
class KeptVote:
    """A vote, which is secret; ``deployment``, of the jury, and ``salt`` are 32 bytes, ``juror`` a 20-byte address.

    Attributes:
        subject: what was voted on, which the commitment does not bind; None where it was not kept.
    """

    deployment: bytes
    case: int
    round: int
    seat: int
    juror: bytes
    verdict: Verdict = field(repr=False)
    salt: bytes = field(repr=False)
    subject: Subject | None = None

    @property
    def commitment(self) -> bytes:
        """32 bytes."""
        return vote_commitment(self.deployment, self.case, self.round, self.seat, self.juror, self.verdict, self.salt)


class VoteBook:
    """The votes in a state directory; the arguments are those of ``SecretBook``."""

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._book = SecretBook(directory / "votes", "jury-vote", unlock, encrypting)

    def decide(
        self, deployment: bytes, place: tuple[int, int, int], juror: bytes, verdict: Verdict, subject: Subject
    ) -> KeptVote:
        """The vote of a seat, kept durably: the one that was kept before with the same verdict, or a new one.

        Args:
            place: case, round and seat.
            subject: what the juror looked at.
        """
        made = KeptVote(deployment, *place, juror, verdict, secrets.token_bytes(32), subject)
        for kept in self._book.all(self._kept):
            if replace(kept, salt=made.salt) == made:
                return kept
        content: dict[str, Any] = {name: getattr(made, name).hex() for name in ("deployment", "juror", "salt")}
        numbers = {"case": made.case, "round": made.round, "seat": made.seat, "verdict": int(verdict)}
        self._book.add(made.commitment, content | numbers | {"subject": subject.words})
        return made

    def find(self, commitment: bytes) -> KeptVote:
        """The vote behind a commitment.  Raises UnknownError, KeyFileError."""
        return self._kept(commitment, self._book.find(commitment))

    def _kept(self, commitment: bytes, raw: dict[str, Any]) -> KeptVote:
        try:
            deployment, juror, salt = (bytes.fromhex(str(raw.get(name))) for name in ("deployment", "juror", "salt"))
            case, round_, seat, verdict = (int(raw[name]) for name in ("case", "round", "seat", "verdict"))
            subject = Subject.of(raw["subject"]) if "subject" in raw else None
            kept = KeptVote(deployment, case, round_, seat, juror, Verdict(verdict), salt, subject)
            if kept.commitment == commitment:
                return kept
        except (KeyError, TypeError, ValueError):
            pass
        raise self._book.damaged(commitment)
