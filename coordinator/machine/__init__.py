"""The coordinator's batch state machine: pure, replayable, without IO, clock or randomness."""

from coordinator.machine.machine import advance, awaited, begin
from coordinator.machine.state import Attesting, Batch, Ended, Locking, Resources, State, Transition, batch_of
from coordinator.machine.verdicts import (
    Completed,
    Failed,
    OwnerRejected,
    OwnerSetAside,
    ProversSuspected,
    ReferenceFell,
    Verdict,
)

__all__ = [
    "Attesting", "Batch", "Completed", "Ended", "Failed", "Locking", "OwnerRejected", "OwnerSetAside",
    "ProversSuspected", "ReferenceFell", "Resources", "State", "Transition", "Verdict", "advance", "awaited",
    "batch_of", "begin",
]  # fmt: skip
