"""What a model owner does with its account alone: money in escrow, owners admitted, rounds ended, tasks passed on.

It takes the chain and a key, but neither a coordinator nor public parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from circuits.errors import ContractError, InvalidInputError, UnknownError
from circuits.terms import ETHER
from commons.chain.account import Progress
from commons.chain.calldata import NO_PERMIT
from commons.chain.facts import HeldFees
from commons.chain.fees import NOTHING_TO_REFUND
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.identifiers import shown


@dataclass(frozen=True, slots=True)
class BatchFees:
    """Fees that the market holds for a batch, by its number in its round."""

    round: int
    batch: int
    held: HeldFees


class EscrowOwner:
    """A model owner's account at one market.  Every method raises ChainError when the market or the node refuses.

    Args:
        view: read access to the chain.
        chain: sends this account's transactions.
    """

    def __init__(self, view: ChainView, chain: ChainWriter) -> None:
        self._view = view
        self._chain = chain

    def fund(self, task_id: int, amount: int, *, permit: bool = False) -> None:
        """Move money of the task's token into its escrow; of an ERC-20 the market is first allowed to take as much.

        Args:
            permit: sign a permit (EIP-2612) instead, where the token knows permits: one transaction and not two, but
                a call that is repeated after an interruption cannot tell that it has paid.

        Raises:
            InvalidInputError: the amount is not positive.
        """
        if amount <= 0:
            raise InvalidInputError(f"a task is funded with a positive amount, not with {amount}; correct it")
        token = self._view.terms(task_id).pay.token
        signed = self._chain.permit(token, amount) if permit and token != ETHER else NO_PERMIT
        self._chain.fund(task_id, amount, signed)

    def admit(self, task_id: int, owners: Sequence[bytes], progress: Progress | None = None) -> int:
        """Let data owners register for a permissioned task; see ``ChainWriter.admit``."""
        return self._chain.admit(task_id, owners, progress)

    def set_coordinator(self, task_id: int, coordinator: bytes) -> None:
        """Name another coordinator, between rounds, or when the last has no batch by half of its settle window."""
        if self._view.task(task_id).coordinator != coordinator:
            self._chain.set_coordinator(task_id, coordinator)

    def transfer(self, task_id: int, to: bytes | None) -> None:
        """Offer the task to another model owner, who has to ``accept`` it; None takes the offer back."""
        if self._view.task(task_id).pending_owner != to:
            self._chain.transfer_task(task_id, to or bytes(20))

    def accept(self, task_id: int) -> None:
        """Take a task that was offered to this account, with its escrow."""
        if self._view.task(task_id).model_owner != self._chain.address:
            self._chain.accept_task(task_id)

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

    def held_fees(self, task_id: int) -> tuple[BatchFees, ...]:
        """Fees of accepted batches that the market still holds: nobody has shown a quorum's word that the sum is
        served."""
        rounds = range(self._view.task(task_id).rounds_opened)
        return tuple(
            BatchFees(number, batch, held)
            for number in rounds
            for batch, held in sorted(self._view.held_fees(task_id, number).items())
        )

    def refund_fees(self, task_id: int) -> tuple[BatchFees, ...]:
        """Have what is overdue of the provers' fees paid back to the task, and coordinators credited; returns of which.

        Anybody may.  Whose time has passed, the market says: its clock stands still while it is paused.
        """
        refunded, now = [], self._view.now()
        for fees in self.held_fees(task_id):
            if fees.held.due >= now:
                continue
            try:
                self._chain.refund_fees(task_id, fees.round, fees.batch, fees.held)
            except ContractError as error:
                if error.error not in NOTHING_TO_REFUND:
                    raise
            else:
                refunded.append(fees)
        return tuple(refunded)

    def challenge(self, task_id: int, number: int, batch: int) -> None:
        """Have a quorum sign anew that a batch's sum is served, because it is not to be had.

        Once a batch, in the first half of its availability window; where nobody shows it in time, fees go back.

        Raises:
            UnknownError: the market holds no fees for it.
        """
        held = self._view.held_fees(task_id, number, batch).get(batch)
        if held is None:
            raise UnknownError(
                f"the market holds no fees for batch {batch} of round {number} of task {shown(task_id)}; see gradroll "
                "task fees"
            )
        self._chain.challenge_availability(task_id, number, batch, held)

    def withdraw(self, task_id: int, amount: int, to: bytes | None = None) -> None:
        """Take unreserved escrow back; ``to``: have it paid to another account.

        Raises:
            ContractError: less than that is free.
        """
        try:
            self._chain.withdraw(task_id, amount, to)
        except ContractError as error:
            if error.error != "InsufficientEscrow":
                raise
            record = self._view.task(task_id)
            coin = self._view.tokens.currency(record.terms.pay.token)
            raise ContractError(
                f"the free escrow of task {shown(task_id)} is {coin.shown(record.balance)}, {coin.shown(amount)} are "
                "asked for (open rounds reserve pay and fees of all their seats); withdraw less [InsufficientEscrow]",
                error.error,
            ) from error
