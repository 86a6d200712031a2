"""What became of the fees of a round's batches: who has what, and what the market still holds."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.terms import TaskTerms
from commons.chain.fees import fees_paid
from commons.chain.view import ChainView
from commons.runtime.amounts import Currency


@dataclass(frozen=True, slots=True)
class RoundFees:
    """The fees of all accepted batches of a round, in the smallest unit of the task's token.

    Attributes:
        coordinator: what payees got.
        provers: what members of the committee got together.
        refunded: what went back to the task.
        waiting: batches of which no prover was paid yet.
        payees: batches of which provers are through, and whose payee waits until it is certain which owners the
            coordinator ignored.
    """

    coordinator: int = 0
    provers: int = 0
    refunded: int = 0
    waiting: int = 0
    payees: int = 0

    @classmethod
    def of(cls, view: ChainView, terms: TaskTerms, number: int) -> RoundFees:
        """As the market's events tell.  Raises ChainError."""
        if not terms.pay.fees:
            return cls()
        told = fees_paid(view, terms.task_id, number)
        held = view.held_fees(terms.task_id, number).values()
        return cls(
            sum(each.coordinator for each in told), sum(each.provers for each in told),
            sum(each.refunded for each in told), sum(not each.provers_through for each in held),
            sum(not each.payee_paid for each in held if each.provers_through),
        )  # fmt: skip

    def in_words(self, coin: Currency) -> str:
        """What is told of them."""
        parts = [f"{coin.shown(self.coordinator)} to the coordinator", f"{coin.shown(self.provers)} to provers"]
        if self.refunded:
            parts.append(f"{coin.shown(self.refunded)} back to the task, as too few provers served")
        if self.waiting:
            parts.append(f"those of {self.waiting} more are held until their sums are shown to be served")
        if self.payees:
            parts.append(
                f"the coordinator's of {self.payees} more are held until it is certain that it ignored nobody, at the "
                "latest until the round is over"
            )
        return ", ".join(parts)

    @property
    def machine(self) -> dict[str, object]:
        """For programs."""
        return {
            "coordinator": str(self.coordinator), "provers": str(self.provers), "refunded": str(self.refunded),
            "batches_waiting": self.waiting, "payees_waiting": self.payees,
        }  # fmt: skip
