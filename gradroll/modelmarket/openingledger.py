"""How often commitments of this seller were opened: counted before a proof leaves, whatever becomes of it.

Each proof opens C_M at one random point.  The 128 masks of its tail hide 128 such values; the 129th would say something
about the weights.  The market counts what it accepts.  A proof that never arrived has told its value to whoever saw it,
and so has one on another chain: both are counted here only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from circuits.errors import RuleViolationError
from circuits.hashing import keccak
from circuits.statement import TAIL
from commons.protocol.codec import Codec
from commons.storage.recordfiles import read_state, write_record
from native import G1

MOST_OPENINGS = TAIL - 1
VERSION = 1
_CURE = "restore it from a backup; prove nothing of this model without it"


@dataclass(frozen=True, slots=True)
class Opening:
    """A proof that was made of a model.

    Attributes:
        deployment: of the registry that it is for, 32 bytes.
        listing: 32 bytes.
        subject: what of the listing: ``group 3``, ``lineage``.
        proof: digest of the proof, 32 bytes.
    """

    deployment: bytes
    listing: bytes
    subject: str
    proof: bytes

    @property
    def place(self) -> tuple[bytes, bytes, str]:
        """What one proof is taken for."""
        return self.deployment, self.listing, self.subject


@dataclass(frozen=True, slots=True)
class _Openings:
    """What is kept of one commitment."""

    version: int
    openings: tuple[Opening, ...] = field(default=())


_CODEC: Codec[_Openings] = Codec(_Openings)


class OpeningLedger:
    """The ledger in a state directory that this process has locked."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "openings"

    def openings(self, commitment: G1) -> tuple[Opening, ...]:
        """What was opened here of a commitment.  Raises StorageError for a damaged ledger."""
        return self._read(commitment).openings

    def used(self, commitment: G1, deployment: bytes, on_chain: int, landed: Callable[[Opening], bool]) -> int:
        """How many values of a commitment may be known: those that the registry counts, and those that it does not.

        Args:
            deployment: of the registry that was asked.
            on_chain: what it counts; other machines may have sent some of that.
            landed: whether it has one of the proofs that were made here for it.
        """
        here = self.openings(commitment)
        arrived = {one.place for one in here if one.deployment == deployment and landed(one)}
        unseen = len(here) - len(arrived)  # of several proofs of one group the registry has one
        return max(on_chain + unseen, len(here))  # whatever a node says, these were opened

    def left(self, commitment: G1, deployment: bytes, on_chain: int, landed: Callable[[Opening], bool]) -> int:
        """How many openings are left; the arguments are those of ``used``."""
        return max(MOST_OPENINGS - self.used(commitment, deployment, on_chain, landed), 0)

    def enter(self, commitment: G1, opening: Opening, on_chain: int, landed: Callable[[Opening], bool]) -> int:
        """Write down, durably, that a proof is about to leave; the same proof is counted once.

        Returns:
            how many openings are left afterwards.

        Raises:
            RuleViolationError: the tail hides no more.
            StorageError: the ledger is damaged or cannot be written.
        """
        kept = self._read(commitment)
        left = MOST_OPENINGS - self.used(commitment, opening.deployment, on_chain, landed)
        if opening in kept.openings:
            return max(left, 0)
        _require_left(left)
        write_record(self._path(commitment), _CODEC, replace(kept, openings=(*kept.openings, opening)))
        return left - 1

    def require_left(self, commitment: G1, deployment: bytes, on_chain: int, landed: Callable[[Opening], bool]) -> None:
        """Raise RuleViolationError where no proof may be made any more; the arguments are those of ``used``."""
        _require_left(MOST_OPENINGS - self.used(commitment, deployment, on_chain, landed))

    def _read(self, commitment: G1) -> _Openings:
        path = self._path(commitment)
        return read_state(path, _CODEC, VERSION, "does not say what was opened", _CURE) or _Openings(VERSION)

    def _path(self, commitment: G1) -> Path:
        return self._directory / f"{keccak(commitment).hex()}.json"


def _require_left(left: int) -> None:
    if left < 1:
        raise RuleViolationError(
            f"this model was opened {MOST_OPENINGS - left} times, in proofs that arrived and such that did not, "
            f"and its tail hides {MOST_OPENINGS}: one more would tell something about its weights; commit to "
            "it anew (gradroll model commit) and list that"
        )
