"""What a model owner does with its account alone: money in escrow, owners admitted, rounds ended.

It takes the chain and a key, but neither a coordinator nor public parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ContractError, InvalidInputError
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter, Progress


class EscrowOwner:
    """A model owner's account at one market.  Every method raises ChainError when the market or the node refuses.

    Args:
        view: read access to the chain.
        chain: sends this account's transactions.
    """

    def __init__(self, view: ChainView, chain: ChainWriter) -> None:
        self._view = view
        self._chain = chain

    def fund(self, task_id: int, wei: int) -> None:
        """Move money into the task's escrow.  Raises InvalidInputError for an amount that is not positive."""
        if wei <= 0:
            raise InvalidInputError(f"a task is funded with a positive amount, not with {wei} wei; correct it")
        self._chain.fund(task_id, wei)

    def admit(self, task_id: int, owners: Sequence[bytes], progress: Progress | None = None) -> int:
        """Admit data owners to a permissioned task, in as many transactions as they need; see ``ChainWriter.admit``."""
        return self._chain.admit(task_id, owners, progress)

    def finalize_round(self, task_id: int, round_number: int) -> None:
        """Release a round's unspent reserve once its settling time is over."""
        self._chain.finalize_round(task_id, round_number)

    def finalize_overdue(self, task_id: int) -> tuple[int, ...]:
        """Finalize every round whose settling time is over; returns their numbers."""
        now, overdue = self._view.now(), []
        for number in range(self._view.task(task_id).rounds_opened):
            state = self._view.round(task_id, number)
            if not state.finalized and now > state.settle_deadline:
                try:
                    self.finalize_round(task_id, number)
                except ContractError as error:
                    if error.error != "RoundAlreadyFinalized":  # anybody may, and somebody was faster
                        raise
                overdue.append(number)
        return tuple(overdue)

    def withdraw(self, task_id: int, wei: int) -> None:
        """Take unreserved escrow back."""
        self._chain.withdraw(task_id, wei)
