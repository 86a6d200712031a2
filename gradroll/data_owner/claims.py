"""Claiming an owner's pay from the chain's own records; anyone may send the claim, the money goes to the owner.

Every accepted gradient is paid the same, and the contract knows who is owed: one bit an owner and a round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circuits.errors import ContractError
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter


@dataclass(frozen=True, slots=True)
class Claim:
    """The reward per gradient in wei, owed to the owner with a registration index for one round."""

    task_id: int
    round: int
    index: int
    amount: int

    def send(self, chain: ChainWriter) -> None:
        """Have it paid."""
        chain.claim(self.task_id, self.round, self.index)


def open_claims(view: ChainView, task_id: int, rounds: Iterable[int], owner: bytes) -> tuple[Claim, ...]:
    """An owner's rewards in the given rounds that are neither claimed nor empty."""
    index, amount = view.owner_index(task_id, owner), view.terms(task_id).reward_per_gradient
    if index is None or amount == 0:
        return ()
    return tuple(
        Claim(task_id, number, index, amount)
        for number in rounds
        if view.consumed(task_id, number, index) and not view.claimed(task_id, number, index)
    )


def claim_all(chain: ChainWriter, task_id: int, rounds: Iterable[int], owner: bytes) -> int:
    """Claim everything that rounds owe an owner; returns the wei paid.  Calling it again pays nothing twice.

    Raises:
        ChainError: the market refused a claim.
    """
    claims = open_claims(chain.view, task_id, rounds, owner)
    for claim in claims:
        try:
            claim.send(chain)
        except ContractError as error:
            if error.error != "AlreadyClaimed":  # anybody may send it, and the owner has the money
                raise
    return sum(claim.amount for claim in claims)


def why_nothing(view: ChainView, task_id: int, rounds: Sequence[int], owner: bytes) -> str:
    """Why `open_claims` finds nothing, in words."""
    index = view.owner_index(task_id, owner)
    if index is None:
        return f"this account is not registered for task {task_id}; is it the one that submitted?"
    if view.terms(task_id).reward_per_gradient == 0:
        return f"task {task_id} pays nothing for a gradient, so nothing is owed"
    if not rounds:
        return f"task {task_id} has opened no round yet; come back when a batch is accepted"
    accepted = sum(view.consumed(task_id, number, index) for number in rounds)
    if accepted:
        return f"all is paid: {accepted} accepted gradient{'s' * (accepted > 1)}, claimed before"
    return f"no gradient of this account is accepted in {_rounds(rounds)}; gradroll status says what became of it"


def _rounds(rounds: Sequence[int]) -> str:
    return f"round {rounds[0]}" if len(rounds) == 1 else f"{len(rounds)} rounds"
