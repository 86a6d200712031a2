"""What the party's steps have in common: what they yield, and the checks that several of them begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import RuleViolationError, WireError
from circuits.hashing import keccak
from circuits.statement import Context, SubmissionHeader
from native import FrArray
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.memory import Party


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step yields before it is signed: the next party, ledger entries, the body, and what travels beside it."""

    party: Party
    body: bytes
    entries: tuple[ledger.Entry, ...] = ()
    vector: FrArray | None = None
    raw: bytes = b""


def require_continuity(env: Environment, context: Context) -> None:
    """Refuse a round that was open when this prover's ledger was found to be an old copy."""
    if env.ledger.restored_at and env.opened_at(context) <= env.ledger.restored_at:
        raise RuleViolationError(
            "this prover's ledger was found to be an old copy; it takes part in rounds that are opened from now on"
        )


class RestoredError(RuleViolationError):
    """This prover's ledger is an old copy; ``entry`` must be durable before the refusal leaves."""

    def __init__(self, entry: ledger.Restored) -> None:
        super().__init__(
            "a peer holds a later head of this prover's ledger: it was restored from an old copy, and stays silent in "
            "every round that is open now"
        )
        self.entry = entry


def check_context(env: Environment, context: Context) -> None:
    """Refuse a context that is not the one the chain gives for this round."""
    require_same(context, env.context(context.task_id, context.round))


def require_same(context: Context, stated: Context) -> None:
    """Refuse a context that is not the one that the chain states."""
    if context != stated:
        raise WireError("the batch's context is not the one that the chain states for this round")


def members_of(context: Context, headers: Iterable[SubmissionHeader]) -> tuple[ledger.Member, ...]:
    """Submissions as the ledger keys them."""
    return tuple(
        ledger.Member(ledger.owner_key(context, h.owner), keccak(h.commitment), h.digest(context)) for h in headers
    )
