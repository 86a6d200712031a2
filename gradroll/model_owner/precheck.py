"""What is looked at before a model owner pays: terms under which no round ends, rounds that could not be opened."""

from __future__ import annotations

from circuits.errors import ClosedError, ContractError, InvalidInputError, NotReadyError
from circuits.policies.registry import compiled
from commons.chain.facts import CommitteeRecord, NewTask, TaskRecord
from commons.chain.view import ChainView
from commons.runtime.amounts import checksum, ether, utc
from commons.storage.parameters import PublicParameters
from gradroll.model_owner.capacity import check_capacity

ALL_NEEDED = (
    "every member of this committee is needed: while one is absent no round ends; more members, or a lower threshold, "
    "would spare some"
)


def check_terms(view: ChainView, parameters: PublicParameters, terms: NewTask) -> tuple[str, ...]:
    """Look at the terms of a task before it is created.

    Returns:
        What may go wrong, in words.

    Raises:
        UnknownError: there is no such committee.
        InvalidInputError: no round could keep to the terms.
        KeyMismatchError: the reference string at hand is another than the verifier's, or too short for the model.
        CircuitError: the policy cannot check the bound.
        ChainError: the verifier is none.
    """
    check_capacity(terms.bound, terms.max_owners_per_round)
    committee = view.committee_record(terms.committee_id)
    policy = view.policy_of(terms.verifier)
    if terms.min_owners > policy.capacity:
        raise InvalidInputError(
            f"a batch of this verifier holds up to {policy.capacity} owners, the task asks for at least "
            f"{terms.min_owners}; lower --min-owners, or take a verifier of more"
        )
    if not terms.min_owners <= terms.max_owners_per_round:
        raise InvalidInputError(
            f"a round takes up to {terms.max_owners_per_round} owners, but a batch asks for {terms.min_owners}; "
            "raise --max-owners, or lower --min-owners"
        )
    parameters.require_string(view.tau_of(terms.verifier))
    parameters.require_dimension(terms.dimension)
    if parameters.has_verifying_key(policy.key_hash):
        key = parameters.verifying_key(policy.key_hash)
        compiled(key.policy, key.capacity).require_bound(terms.bound)
    return (*of_committee(committee), *_of_relay(view, terms.coordinator))


def check_round(view: ChainView, record: TaskRecord) -> tuple[str, ...]:
    """Look at a task before its next round is opened, at what the market would refuse and at what would be in vain.

    Returns:
        What may go wrong, in words.

    Raises:
        ClosedError: all rounds were opened.
        NotReadyError: members of the committee have not joined, or the round before is not settled.
        ContractError: the escrow does not cover the round.
    """
    terms, task = record.terms, record.terms.task_id
    if record.rounds_opened == terms.rounds:
        raise ClosedError(f"task {task} has opened all its {terms.rounds} rounds; create another task")
    committee = view.committee_record(terms.committee_id)
    if not committee.ready:
        raise NotReadyError(_missing(committee) + "; no round can be opened before")
    _require_settled(view, record)
    needed = terms.max_owners_per_round * terms.reward_per_gradient
    if record.balance < needed:
        raise ContractError(
            f"the escrow of task {task} has {ether(record.balance)} free, a round reserves {ether(needed)}: "
            f"gradroll task fund {task} {needed - record.balance} [InsufficientEscrow]",
            "InsufficientEscrow",
        )
    few = f"{record.owners} owners are registered for task {task}, a batch takes at least {terms.min_owners}"
    how = "admit more" if terms.permissioned else "more must register while the round is open"
    return ((f"{few}; {how}",) if record.owners < terms.min_owners else ()) + of_committee(committee)


def running_on(view: ChainView, record: TaskRecord, digest: bytes) -> int | None:
    """The round that could still get a batch, if it is on the model with this digest; None otherwise."""
    number = record.rounds_opened - 1
    if number < 0:
        return None
    last = view.round(record.terms.task_id, number)
    over = last.batches or last.finalized or view.now() > last.settle_deadline
    return None if over or last.model_digest != digest else number


def of_committee(committee: CommitteeRecord) -> tuple[str, ...]:
    """What may go wrong with a committee, in words."""
    found = () if committee.ready else (_missing(committee),)
    spare = committee.committee.size - committee.committee.quorum
    return found if spare else (*found, ALL_NEEDED)


def _missing(committee: CommitteeRecord) -> str:
    members = zip(committee.committee.members, committee.endpoints, strict=True)
    missing = [f"{p} ({checksum(member)})" for p, (member, endpoint) in enumerate(members) if not endpoint]
    return (
        f"committee {committee.committee.committee_id} is not complete: prover{'s' * (len(missing) > 1)} "
        f"{', '.join(missing)} must run gradroll prover join"
    )


def _of_relay(view: ChainView, relay: bytes) -> tuple[str, ...]:
    if view.balance(relay):
        return ()
    return (f"the coordinator's account {checksum(relay)} has no money for the fees of batches; is it the right one?",)


def _require_settled(view: ChainView, record: TaskRecord) -> None:
    if record.rounds_opened == 0:
        return
    task, number = record.terms.task_id, record.rounds_opened - 1
    last = view.round(task, number)
    if last.batches or last.finalized:
        return
    if view.now() > last.settle_deadline:
        raise NotReadyError(f"round {number} ended without a batch; end it first: gradroll task finalize {task}")
    raise NotReadyError(
        f"round {number} of task {task} has no accepted batch yet and may get one until {utc(last.settle_deadline)}; "
        "the next round is opened after that"
    )
