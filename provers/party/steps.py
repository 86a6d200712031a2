"""What the party's steps have in common: what they yield, and the checks that several of them begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import RuleViolationError, WireError
from circuits.hashing import keccak
from circuits.statement import BatchStatement, Context, SubmissionHeader
from circuits.terms import TaskTerms
from commons.protocol.bundle import AuditBundle
from commons.protocol.references import Opening
from native import FrArray
from provers.party import ledger
from provers.party.environment import Environment
from provers.party.memory import Party


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step yields before it is signed: the next party, ledger entries, the body, and what travels beside it.

    ATTEST yields the batch that it attests, too.
    """

    party: Party
    body: bytes
    entries: tuple[ledger.Entry, ...] = ()
    vector: FrArray | None = None
    raw: bytes = b""
    attested: AuditBundle | None = None


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


def references_of(env: Environment, context: Context) -> Opening:
    """What a graded round was opened with.  Raises WireError where that is not what the context binds."""
    opening = env.references(context)
    if opening.digest != context.model_digest:
        raise WireError("the chain shows other references of this round than its context binds")
    return opening


def require_enough_owners(env: Environment, context: Context, owners: int) -> None:
    """Raise RuleViolationError for a set that is smaller than the task allows, by the terms that its context binds."""
    terms = bound_terms(env, context)
    if owners < terms.min_owners:
        raise RuleViolationError(f"this task releases nothing about fewer than {terms.min_owners} owners together")


def bound_terms(env: Environment, context: Context) -> TaskTerms:
    """Terms of a task, which must be those that a context binds (WireError), whatever its node says meanwhile.

    What is attested about fewer owners than those allow costs the bond; numbers under two scales would have their noise
    taken off.
    """
    terms = env.terms(context.task_id)
    if terms.terms_hash != context.terms_hash:
        raise WireError("the chain states other terms of the task than the batch's context binds")
    return terms


def selection_of(statement: BatchStatement) -> ledger.Selection:
    """The sum of a batch: its owners, with the weights that their numbers give."""
    return ledger.Selection.weighted(members_of(statement.context, statement.owners), statement.weights)


def members_of(context: Context, headers: Iterable[SubmissionHeader]) -> tuple[ledger.Member, ...]:
    """Submissions as the ledger keys them."""
    return tuple(ledger.Member(ledger.header_key(context, h), keccak(h.commitment), h.digest(context)) for h in headers)
