"""What provers sign for the market so that a task has another coordinator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from circuits.hashing import typed_digest
from circuits.terms import MarketId

COORDINATOR_TYPE = "Coordinator(uint256 taskId,uint256 round,uint256 change,address coordinator)"
"""By a quorum of the committee's present members: it names a task's coordinator."""


@dataclass(frozen=True, slots=True)
class NewCoordinator:
    """A coordinator that a task is to have.

    Attributes:
        round: rounds opened so far (``TaskRecord.rounds_opened``).
        change: changes of the coordinator so far (``TaskRecord.coordinator_changes``): what is signed works once, and
            not after a round was opened or somebody else named one.
        coordinator: its 20-byte signing address.
    """

    kind: ClassVar[str] = "coordinator"
    task_id: int
    round: int
    change: int
    coordinator: bytes

    def digest(self, market: MarketId) -> bytes:
        """EIP-712 digest that members sign, under the market's domain."""
        values = (self.task_id, self.round, self.change, self.coordinator)
        return typed_digest(market.domain, COORDINATOR_TYPE, values)
