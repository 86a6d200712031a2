"""Under which models this owner's gradients were graded: a second round on one of them is refused.

A graded round opens one noisy number about a gradient.  A round on the same model has the same gradient of the same
data, and a second number under fresh noise narrows it down.  So the digest of each model is written down before
anything is sent, for all tasks and markets: the data are the same wherever they are asked for.

This is what an honest repetition or a plain attempt runs into.  A model that differs in one bit has another digest;
what bounds that is the number of rounds that an owner takes part in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from circuits.errors import RuleViolationError
from circuits.terms import MarketId
from commons.protocol.codec import Codec
from commons.runtime.identifiers import shown
from commons.storage.recordfiles import read_state, write_record

VERSION = 1
_CURE = "restore it, or take part in no round on a model of before"


@dataclass(frozen=True, slots=True)
class GradedRound:
    """A round in which gradients are graded."""

    market: MarketId
    task: int
    round: int


@dataclass(frozen=True, slots=True)
class _Model:
    """What is kept of one model, by its digest."""

    version: int
    rounds: tuple[GradedRound, ...] = field(default=())


_CODEC: Codec[_Model] = Codec(_Model)


class GradedModels:
    """The models of one owner's state directory; not used by another process at the same time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "graded-models"

    def enter(self, model_digest: bytes, current: GradedRound, *, again: bool, bits: float) -> None:
        """Write down, durably, that a gradient for a model is about to be graded in a round.

        Args:
            model_digest: 32 bytes, of the model itself, whatever else its round was opened with.
            again: the owner accepts that the model was graded in another round before.
            bits: what one number tells at most.

        Raises:
            RuleViolationError: it was, and the owner did not say that it accepts that.
            StorageError: what was written before is damaged, or nothing can be written.
        """
        path = self._directory / f"{model_digest.hex()}.json"
        kept = read_state(path, _CODEC, VERSION, "does not say which rounds had this model", _CURE) or _Model(VERSION)
        if current in kept.rounds:
            return
        if kept.rounds and not again:
            before = kept.rounds[-1]
            raise RuleViolationError(
                f"round {current.round} of task {shown(current.task)} is on a model for which this owner handed in a "
                f"gradient before, in round {before.round} of task {shown(before.task)}: graded again, up to "
                f"{bits:.2f} bits more about the same data become public; take part in a round on another model, or "
                "accept that (--reuse-model)"
            )
        write_record(path, _CODEC, replace(kept, rounds=(*kept.rounds, current)))
