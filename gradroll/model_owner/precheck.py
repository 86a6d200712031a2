"""What is looked at before a model owner pays: terms under which no round ends, rounds that could not be opened."""

from __future__ import annotations

from circuits.errors import ClosedError, ContractError, InvalidInputError, NotReadyError
from circuits.policies.registry import compiled
from circuits.statement import MAX_COPIES, Committee
from circuits.terms import DAY, ETHER, NewTask
from commons.chain.facts import CommitteeRecord, TaskRecord
from commons.chain.openings import model_digest
from commons.chain.view import ChainView
from commons.protocol.sealedsums import require_sum_key
from commons.runtime.amounts import checksum, ether, utc
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from gradroll.model_owner.pricing import BATCH_PART, owners_that_carry, relaying_gas

CLAIM_WINDOW = 180 * DAY
"""Shortest time for which pay is kept, seconds (``contracts/src/libraries/Terms.sol``)."""
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
        InvalidInputError: the market takes no such terms, or no round could keep to them.
        KeyMismatchError: the reference string at hand is another than the verifier's, or too short for the model.
        CircuitError: the policy cannot check the bound.
        ChainError: the verifier, or the token, is none.
    """
    committee = view.committee_record(terms.committee_id)
    policy = view.policy_of(terms.verifier)
    _require_grading(view, terms)
    largest = terms.largest_batch(policy.capacity)
    if terms.min_owners > largest:
        raise InvalidInputError(
            f"a batch of this verifier holds up to {largest} owners, the task asks for at least {terms.min_owners}; "
            "lower --min-owners, or take a verifier of more"
        )
    _require_copies(terms, largest)
    _require_pay(terms, committee.committee)
    _require_token(view, terms.pay.token)
    _require_windows(terms, view.minimum_window)
    parameters.require_string(view.tau_of(terms.verifier))
    parameters.require_dimension(terms.dimension)
    if terms.sums_private:
        require_sum_key(terms.sum_key)
    if parameters.has_verifying_key(policy.key_hash):
        key = parameters.verifying_key(policy.key_hash)
        compiled(key.policy, key.capacity).require_bound(terms.bound)
    provers = committee.committee.size
    return (
        *of_committee(committee), *_of_relay(view, terms.coordinator), *_of_fees(view, terms, provers),
        *_of_small_batches(terms, provers, largest),
    )  # fmt: skip


def check_round(view: ChainView, record: TaskRecord, seats: int) -> tuple[str, ...]:
    """Look at a task before its next round is opened, at what the market would refuse and at what would be in vain.

    Args:
        seats: most gradients of the round; the owners that are registered have a seat each in any case.

    Returns:
        What may go wrong, in words.

    Raises:
        InvalidInputError: more seats than the task holds owners, or than a reference has copies for.
        ClosedError: all rounds were opened.
        NotReadyError: members of the committee have not joined, or the round before is not settled.
        ContractError: the escrow does not cover the round.
    """
    terms, task = record.terms, shown(record.terms.task_id)
    if seats > terms.capacity:
        raise InvalidInputError(
            f"task {task} holds {terms.capacity} owners, so a round has no {seats} seats; ask for fewer"
        )
    if record.rounds_opened == terms.rounds:
        raise ClosedError(f"task {task} has opened all its {terms.rounds} rounds; create another task")
    committee = view.committee_record(terms.committee_id)
    if not committee.ready:
        raise NotReadyError(_missing(committee) + "; no round can be opened before")
    _require_settled(view, record)
    seats = max(seats, record.active_owners)
    _require_copies_of(view, record, seats)
    _require_escrow(view, record, seats)
    few = f"{record.active_owners} owners are registered for task {task}, a batch takes at least {terms.min_owners}"
    how = "more must register while the round is open" + ("; admit more" if terms.permissioned else "")
    return ((f"{few}; {how}",) if record.active_owners < terms.min_owners else ()) + of_committee(committee)


def running_on(view: ChainView, record: TaskRecord, digest: bytes) -> int | None:
    """The round that could still get a batch, if it is on the model with this digest; None otherwise."""
    number = record.rounds_opened - 1
    if number < 0:
        return None
    last = view.round(record.terms.task_id, number)
    over = last.batches or last.finalized or view.now() > last.settle_deadline
    return None if over or model_digest(view, record.terms.task_id, number) != digest else number


def of_committee(committee: CommitteeRecord) -> tuple[str, ...]:
    """What may go wrong with a committee, in words."""
    found = () if committee.ready else (_missing(committee),)
    spare = committee.committee.size - committee.committee.quorum
    return found if spare else (*found, ALL_NEEDED)


def _require_pay(terms: NewTask, committee: Committee) -> None:
    """What the market asks of a task that pays: who is paid for accounts, and provers that can be done without."""
    pays = terms.pay.fees or terms.pay.flat > 0
    if pays and committee.size < 3 * committee.threshold + 1:
        raise InvalidInputError(
            f"committee {shown(committee.committee_id)} has {committee.size} members of which {committee.threshold} "
            "may collude, and in a task that pays each of them could hold a round to ransom; take one of 3t+1 members "
            "or more, or pay nothing (--reward 0 --no-fees)"
        )
    if terms.pay.base and not terms.permissioned:
        raise InvalidInputError(
            "an open task has no base pay: who registers many accounts would have it for each of them, whatever their "
            "gradients are worth; make it --permissioned, or have all of the pay go by level"
        )
    if terms.pay.reserve(terms.capacity, committee.size, terms.min_owners) >= 1 << 128:
        raise InvalidInputError("a round of all owners would cost 2^128 or more; lower pay, fees or --capacity")


def _require_grading(view: ChainView, terms: NewTask) -> None:
    """Terms that grade go with a verifier that does, and no others."""
    grades = view.is_levelled(terms.verifier)
    if grades and terms.grading is None:
        raise InvalidInputError(
            "this verifier grades gradients, and the terms do not say by what: name the data of your reference "
            "(--reference-data), or take a verifier of another policy"
        )
    if not grades and terms.grading is not None:
        raise InvalidInputError(
            "this verifier does not grade gradients: leave out --reference-data, or take a verifier of the policy "
            "reference"
        )


def seats_of_copies(largest: int) -> int:
    """Most seats of a graded round: its reference has a copy for each full batch, and one for a batch that fails.

    Args:
        largest: most owners of a batch.
    """
    return (MAX_COPIES - 1) * largest


def _require_copies(terms: NewTask, largest: int) -> None:
    """Owners who no copy of the reference is left for would work for nothing."""
    most = seats_of_copies(largest)
    if terms.grading is not None and terms.capacity > most:
        raise InvalidInputError(
            f"a reference has up to {MAX_COPIES} copies, one for each full batch of {largest} owners and one to spare, "
            f"so a task that grades by this verifier holds at most {most} owners, not {terms.capacity}; lower "
            "--capacity, or take a verifier of more"
        )


def _require_copies_of(view: ChainView, record: TaskRecord, seats: int) -> None:
    """The same of a round: tasks are created by other software, too."""
    terms = record.terms
    if terms.grading is None or seats <= (
        most := seats_of_copies(terms.largest_batch(view.policy(terms.task_id).capacity))
    ):
        return
    cure = (
        f"open it with fewer (--seats {most})"
        if record.active_owners <= most
        else f"{record.active_owners} owners are registered and have a seat each, so create a task of fewer owners, or "
        "of a verifier of more"
    )
    raise InvalidInputError(
        f"the copies of a reference are enough for {most} owners in the batches of this verifier, and the round would "
        f"have {seats} seats; {cure}"
    )


def _require_token(view: ChainView, token: bytes) -> None:
    if token != ETHER and not view.tokens.is_token(token):
        raise InvalidInputError(f"there is no token at {checksum(token)} on this chain; correct --token")


def _require_windows(terms: NewTask, least: int) -> None:
    """Time limits as the market takes them."""
    windows = terms.windows
    for name, given, needed in (
        ("submit-window", windows.submit, least),
        ("settle-window", windows.settle, least),
        ("availability-window", windows.availability, least),
        ("claim-window", windows.claim, CLAIM_WINDOW),
        ("exit-delay", windows.exit, windows.settle),
    ):
        if given < needed:
            raise InvalidInputError(
                f"--{name} is {given} s, and this market asks for {needed} s at least; raise it"
                + (" (deposits outlast the settle window)" if name == "exit-delay" else "")
            )


def _require_escrow(view: ChainView, record: TaskRecord, seats: int) -> None:
    """What is free must cover a round of so many seats."""
    needed, task, coin = (
        record.reserve(seats),
        shown(record.terms.task_id),
        view.tokens.currency(record.terms.pay.token),
    )
    if record.balance >= needed:
        return
    fewer = (
        f", or open it with fewer seats (--seats, at least {record.active_owners})"
        if seats > record.active_owners
        else ""
    )
    raise ContractError(
        f"the escrow of task {task} has {coin.shown(record.balance)} free, a round of {seats} seats sets "
        f"{coin.shown(needed)} aside: gradroll task fund {task} {needed - record.balance}{fewer} [InsufficientEscrow]",
        "InsufficientEscrow",
    )


def _missing(committee: CommitteeRecord) -> str:
    members = zip(committee.committee.members, committee.endpoints, strict=True)
    missing = [f"{p} ({checksum(member)})" for p, (member, endpoint) in enumerate(members) if not endpoint]
    name = f"committee {shown(committee.committee.committee_id)} is not complete"
    if not missing:
        return f"{name}: a member leaves, or its key was revoked; it has to be replaced, or rotate its key"
    return f"{name}: prover{'s' * (len(missing) > 1)} {', '.join(missing)} must run gradroll prover join"


def _of_relay(view: ChainView, relay: bytes) -> tuple[str, ...]:
    if view.balance(relay):
        return ()
    return (f"the coordinator's account {checksum(relay)} has no money for the fees of batches; is it the right one?",)


def _of_fees(view: ChainView, terms: NewTask, provers: int) -> tuple[str, ...]:
    """Whether a batch costs its relayer more than it is paid, at what gas costs now."""
    gas, pay = relaying_gas(provers, graded=terms.grading is not None), terms.pay
    cost = gas * view.gas_price()
    if any(pay.token) or not pay.fees or pay.coordinator_batch >= cost:
        return ()
    return (
        f"the coordinator's fee of {ether(pay.coordinator_batch)} a batch is below the {ether(cost)} that its gas "
        "costs now; who relays pays for it",
    )


def _of_small_batches(terms: NewTask, provers: int, largest: int) -> tuple[str, ...]:
    """Whether fees a batch would outweigh the pay, if batches are as small as they may be."""
    pay, least = terms.pay, terms.min_owners
    fees, earned = pay.per_batch(provers), least * pay.flat
    if BATCH_PART * fees <= earned:
        return ()
    share = f"{_times(fees, earned)} its gradients are paid" if earned else "paid for gradients that earn nothing"
    return (
        f"fees of a batch of {least}, the smallest, are {share}, and who relays and proves earns more by small "
        f"batches; {_larger(owners_that_carry(pay, provers), least, min(largest, terms.capacity))}",
    )


def _times(fees: int, earned: int) -> str:
    return f"{100 * fees // earned}% of what" if fees < 10 * earned else f"{fees // earned} times what"


def _larger(enough: int | None, least: int, most: int) -> str:
    """What a model owner can do about it."""
    if enough is not None and enough <= most:
        return f"--min-owners {enough} brings that down to a third"
    larger = f"--min-owners {most}, " if least < most else ""
    return f"what helps is {larger}a higher --reward, or lower fees"


def _require_settled(view: ChainView, record: TaskRecord) -> None:
    if record.rounds_opened == 0:
        return
    task, number = record.terms.task_id, record.rounds_opened - 1
    last = view.round(task, number)
    if last.batches or last.finalized:
        return
    if view.now() > last.settle_deadline:
        raise NotReadyError(f"round {number} ended without a batch; end it first: gradroll task finalize {shown(task)}")
    raise NotReadyError(
        f"round {number} of task {shown(task)} has no accepted batch yet and may get one until "
        f"{utc(last.settle_deadline)}; the next round is opened after that"
    )
