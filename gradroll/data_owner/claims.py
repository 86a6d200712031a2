"""Having owners paid; anyone may send it, the money goes to the owner's account.

The contract has one pointer an owner, the first round that it was not paid for.  One claim moves the pointers of many
owners over many rounds.
"""

from __future__ import annotations

from collections.abc import Iterable

from circuits.errors import ContractError
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.runtime.identifiers import shown


def claim_all(chain: ChainWriter, task_id: int, indices: Iterable[int], through: int | None = None) -> int:
    """Have owners paid for all rounds, or those before ``through``; returns what was paid in all.

    Nothing is sent for owners that are owed nothing.  Calling it again pays nothing twice.

    Raises:
        ChainError: the market refused a claim.
    """
    try:
        return chain.claim(task_id, tuple(indices), through, owed_only=True)
    except ContractError as error:
        if error.error != "NothingToClaim":  # anybody may send it, and the owners have the money
            raise
        return 0


def why_nothing(view: ChainView, task_id: int, index: int | None, through: int) -> str:
    """Why there is nothing to claim for an owner, in words."""
    task = shown(task_id)
    if index is None:
        return f"this account is not registered for task {task}; is it the one that submitted?"
    if view.terms(task_id).pay.flat == 0:
        return f"task {task} pays nothing for a gradient, so nothing is owed"
    if through == 0:
        return f"task {task} has opened no round yet; come back when a batch is accepted"
    rounds = range(through)
    accepted = sum(view.consumed(task_id, number, index) for number in rounds)
    if not accepted:
        return f"no gradient of this owner is accepted in {_rounds(rounds)}; gradroll status says what became of it"
    if view.owner(task_id, index).next_claim >= through:
        return f"all is paid: {accepted} accepted gradient{'s' * (accepted > 1)}, claimed before"
    return _unpaid(view, task_id, index, through)


def _unpaid(view: ChainView, task_id: int, index: int, through: int) -> str:
    """Why a claim pays nothing for gradients that were accepted since the last one: only levels do that."""
    following = view.claimable(task_id, index, through).next_claim
    if any(view.consumed(task_id, number, index) for number in range(following, through)):
        return "what was earned in a round with levels is paid when its settle deadline has passed; come back then"
    return "what this owner has handed in since its last claim had level 0, which earns nothing"


def _rounds(rounds: range) -> str:
    return "round 0" if len(rounds) == 1 else f"{len(rounds)} rounds"
