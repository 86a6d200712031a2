"""Whether owners have a part in a round: the market takes their gradients, and they have not asked to leave before."""

from __future__ import annotations

from collections.abc import Iterable

from circuits.errors import ClosedError, SignatureError
from circuits.statement import SubmissionHeader
from commons.chain.facts import OwnerRecord, Participants, RoundRecord
from commons.chain.ports import MarketReader


def require_eligible(chain: MarketReader, task_id: int, number: int, indices: Iterable[int]) -> Participants:
    """Refuse owners that have no part in a round, and say why.  It stays so: seats and who leaves are fixed for a round
    when it is opened.

    Returns:
        What the market said of them, whatever else is to be looked at.

    Raises:
        ClosedError: one has none.
        UnknownError: there is no such round, or no such owner.
    """
    wanted = tuple(indices)
    found = chain.participants(task_id, number, wanted)
    for index, owner in zip(wanted, found.owners, strict=True):
        if not owner.has_part(index, found.round, number):
            raise ClosedError(_why_not(owner, index, found.round, number))
    return found


def require_dealer(chain: MarketReader, header: SubmissionHeader) -> None:
    """Refuse a copy of a reference that comes under another address than the present model owner's.

    Commitments and digests of all copies are public, so anybody could sign them, and fill the places that copies have.
    Who takes a task over before all copies of a round are handed in cannot hand in the rest.

    Raises:
        SignatureError: it does.
    """
    dealer = chain.task(header.task_id).model_owner
    if dealer != header.owner:
        raise SignatureError(
            f"0x{header.owner.hex()} hands in a copy of the reference, which the model owner 0x{dealer.hex()} deals"
        )


def _why_not(owner: OwnerRecord, index: int, opened: RoundRecord, number: int) -> str:
    if index >= opened.limit:
        return (
            f"owner {index} registered when all seats of round {number} were taken, which is for owners below "
            f"{opened.limit}; take part in the next round"
        )
    until = "" if owner.leaves_at is None else f", and leaves: none from {owner.leaves_at} on"
    return (
        f"owner {index} has a part in rounds from {owner.joined_at} on{until}; take part in one of those, or register "
        "another key"
    )
