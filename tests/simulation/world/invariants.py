"""What must be true at every moment, and what once things have stopped going wrong."""

from __future__ import annotations

import numpy as np

from circuits import payload
from circuits.statement import TAIL, BatchStatement
from circuits.verify import sum_of_commitments
from commons.protocol import release, sealedreplies
from commons.protocol.release import SumAsked
from commons.protocol.sealedsums import opener
from commons.protocol.status import SubmissionState, SubmissionStatus
from coordinator.giving_up import SUBMISSIONS_A_ROUND
from coordinator.rounds import CoordinatorState
from coordinator.roundstate import ProvenBatch
from provers.party.ledger import owner_key
from tests.simulation.world.participants import Owner
from tests.simulation.world.world import CONFIRMATIONS, DIMENSION, SUM_SECRET, World

ENDS = (SubmissionState.ACCEPTED, SubmissionState.REJECTED, SubmissionState.EXPIRED)


def always(world: World) -> None:
    """At every moment: no owner in two sums, no sum but of accepted batches, sums are right, nobody honest accused."""
    _one_sum_an_owner(world)
    _sums_were_final(world)
    _no_fee_is_made_or_lost(world)
    if world.coordinator is not None:
        with world.coordinator.journal.reading() as state:
            _nobody_honest_is_accused(world, state)
            _one_submission_an_owner(state)
            _one_end_a_submission(world, state)
            _sums_are_right(world, state)


def _one_sum_an_owner(world: World) -> None:
    sums: dict[bytes, bytes] = {}
    locked: dict[bytes, dict[bytes, int]] = {}
    for index, prover in enumerate(world.provers):
        if prover is None or index in world.liars:
            continue
        for owner, selection in prover.store.ledger.released.items():
            assert sums.setdefault(owner, selection.digest) == selection.digest, "an owner's gradient is in two sums"
        for owner, selection in prover.store.ledger.locks.items():
            counted = locked.setdefault(owner, {})
            counted[selection.digest] = counted.get(selection.digest, 0) + 1
    quorum = world.committee.quorum - len(world.liars)
    for counted in locked.values():
        assert sum(count >= quorum for count in counted.values()) <= 1, "two sets with an owner may both be signed"


def _sums_were_final(world: World) -> None:
    """Looked at after every turn, so that no block but the turn's own can have come on top meanwhile."""
    for index, prover in enumerate(world.provers):
        if prover is None or index in world.liars:
            continue
        for selection in prover.store.ledger.released.values():
            if selection.digest in world.seen_released:
                continue
            world.seen_released.add(selection.digest)
            blocks = [
                block.number
                for block in world.chain.blocks
                for _, batch in block.accepted
                if {h.digest(batch.statement.context) for h in batch.statement.owners} == set(selection.submissions)
            ]
            assert blocks, "a sum was released of a batch that the chain does not have"
            deep = world.chain.head.number - blocks[0]  # less the block that ended the turn
            assert deep >= CONFIRMATIONS, f"a sum was released {deep} blocks deep: it may be taken back"


def _no_fee_is_made_or_lost(world: World) -> None:
    """Of every accepted batch the payee and each member have their fee at most once, and what is not held is paid."""
    book, size = world.chain.fees(), world.committee.size
    batches = [batch for number in range(len(world.chain.opened)) for _, batch in world.chain.batches(number)]
    each = [(world.chain.terms.pay.per_batch(size), world.chain.terms.pay, batch.statement.size) for batch in batches]
    due = sum(of + owners * (pay.per_gradient(size) - pay.flat) for of, pay, owners in each)
    held = sum(
        (size - fees.paid.bit_count()) * book.of_prover(fees) + (0 if fees.paid else book.of_coordinator(fees))
        for fees in book.held.values()
    )
    assert due == book.owed.total() + book.refunded + held, "fees do not add up"


def _fees_are_settled(world: World, state: CoordinatorState) -> None:
    """Who attested and can serve is paid, and so is whoever relayed."""
    assert not state.fees_open, "fees are not settled"
    book = world.chain.fees()
    for held in book.held.values():
        assert held.paid, "nobody was paid for a batch that is served"
        unpaid = {p for p in range(world.committee.size) if (held.attesters & ~held.paid) >> p & 1}
        assert not unpaid or world.schedule.strikes, f"provers {unpaid} attested and serve, and are not paid"
    assert not book.refunded, "provers that serve went unpaid"


def _one_submission_an_owner(state: CoordinatorState) -> None:
    gone = (SubmissionState.REJECTED, SubmissionState.EXPIRED)
    alive = [(e.header.round, e.header.owner_index) for e in state.submissions.values() if e.status.state not in gone]
    assert len(alive) == len(set(alive)), "an owner is in a round twice"


def _one_end_a_submission(world: World, state: CoordinatorState) -> None:
    """Its owner acts on it: one that expired and is accepted after all would be in the way of the next."""
    for submission, status in statuses(state).items():
        if status.state in ENDS:
            known, _ = world.ends.setdefault(submission, (status.state, world.chain.head.time))
            assert known is status.state, f"a submission that was {known.name} is {status.state.name}"
    task_id = world.chain.terms.task_id
    kept = [s for s in world.ends if not state.is_forgotten((task_id, world.headers[s].round))]
    told = {submission: state.status_of(submission) for submission in kept}
    assert all(told.values()), "submissions are forgotten"
    again = [s for s, status in told.items() if status is not None and status.state not in ENDS]
    assert not again, "a submission that had ended goes on"


def _nobody_honest_is_accused(world: World, state: CoordinatorState) -> None:
    for current in state.rounds.values():
        assert current.excluded <= world.liars, f"honest provers are named: {current.named}"
    for status in statuses(state).values():
        assert status.state is not SubmissionState.REJECTED, status.reason


def _sums_are_right(world: World, state: CoordinatorState) -> None:
    quantized = {(owner.round, owner.index): owner.quantized.values for owner in world.owners}
    rounds = range(world.schedule.rounds)
    accepted = {batch_id for number in rounds for batch_id, _ in world.chain.batches(number)}
    for batch in state.batches.values():
        if batch.payload_digest is None:
            continue
        assert batch.batch_id in accepted, "a sum was released of a batch that the chain does not have"
        (statement,) = (b.statement for n in rounds for i, b in world.chain.batches(n) if i == batch.batch_id)
        opened = payload.decode(_as_read(world, batch, statement), DIMENSION)
        headers = [world.headers[submission] for submission in batch.submissions]
        assert tuple(headers) == statement.owners
        weighted = zip(headers, statement.weights, strict=True)
        plain = np.sum([weight * quantized[h.round, h.owner_index] for h, weight in weighted], axis=0)
        assert np.array_equal(opened.values, plain), "a sum is wrong"


def _as_read(world: World, batch: ProvenBatch, statement: BatchStatement) -> bytes:
    """What a model owner has of the sum that the coordinator serves."""
    kept = world._coordinator().results.get(batch.payload_digest or b"")
    if not world.schedule.private:
        return kept
    asked = SumAsked(statement.context, batch.batch_id, sum_of_commitments(statement))
    replies = {share.prover: share.reply(batch.batch_id) for share in sealedreplies.decode(kept, DIMENSION + TAIL)}
    opens = opener(SUM_SECRET, asked.context, asked.batch_id)
    return release.opened(world.committee, world.setup.commitment, asked, replies, opens=opens).payload


def in_the_end(world: World) -> None:
    """After peace: who got its shares to a quorum in time is paid, and the sum is open."""
    assert world.coordinator is not None, "the coordinator does not start"
    assert all(world.provers), "a prover does not start"
    with world.coordinator.journal.reading() as state:
        assert not state.open_rounds(), {key: state.rounds[key].trouble for key in state.open_rounds()}
        owners = {s for s in statuses(state) if not world.headers[s].is_reference}
        assert owners == {s for s in world.ends if not world.headers[s].is_reference}, "a submission has no end"
        _copies_were_used_or_not(world, state)
        for owner in world.owners:
            if owner.is_everywhere:
                _got_in(world, state, owner)
        for batch in state.batches.values():
            assert not batch.accepted or batch.payload_digest is not None, "an accepted batch's sum stays closed"
        known = {(h.round, h.owner_index) for s, h in world.headers.items() if state.status_of(s) is not None}
        entered_by = [(owner.round, owner.index) for owner in world.owners if owner.entered]
        forgotten = [one for one in entered_by if one not in known]
        assert not forgotten, f"submissions of owners {forgotten} are forgotten"
        _fees_are_settled(world, state)
    entered = sum(owner.entered for owner in world.owners)
    assert entered == len(world.owners) or world.schedule.strikes, "an owner could not submit in peace"


def _copies_were_used_or_not(world: World, state: CoordinatorState) -> None:
    """A copy of a reference ends with its round; one by which a batch was graded stays proven."""
    told = statuses(state)
    used = {
        batch.statement.graded.reference.digest(batch.statement.context)
        for number in range(len(world.chain.opened))
        for _, batch in world.chain.batches(number)
        if batch.statement.graded is not None
    }
    copies = {s for s in told if world.headers[s].is_reference}
    assert used <= {s for s in copies if told[s].state is SubmissionState.PROVEN}, "a copy was used, and is not proven"
    unused = {s for s in copies - used if told[s].state not in (SubmissionState.PROVEN, SubmissionState.EXPIRED)}
    assert not unused, f"copies of a reference are left: {[told[s] for s in unused]}"


def statuses(state: CoordinatorState) -> dict[bytes, SubmissionStatus]:
    """What became of every submission, also those of rounds that are closed."""
    return state.ended | {submission: entry.status for submission, entry in state.submissions.items()}


def _got_in(world: World, state: CoordinatorState, owner: Owner) -> None:
    """An owner that submits again whenever its submission has expired is paid, unless it could not any more."""
    theirs = [s for s, h in world.headers.items() if (h.round, h.owner_index) == (owner.round, owner.index)]
    told = [status for status in map(state.status_of, theirs) if status is not None]
    status = told[-1] if told else None
    if status is None or status.state is SubmissionState.ACCEPTED:
        assert status is not None or not owner.entered, "a submission is forgotten"
        return
    late = world.ends[status.submission][1] > world.chain.opened[owner.round].submit
    accepted = sum(len(batch.statement.owners) for _, batch in world.chain.batches(owner.round))
    full = world.chain.opened[owner.round].seats - accepted < world.chain.terms.min_owners
    excused = late or full or _is_bound(world, owner) or owner.earlier >= SUBMISSIONS_A_ROUND
    assert world.schedule.lies and excused, (status.state.name, status.reason)


def _is_bound(world: World, owner: Owner) -> bool:
    """Whether a prover has it in a signed set."""
    key = owner_key(world.chain.context(owner.round), owner.key.address)
    return any(prover is not None and prover.store.ledger.bound_to(key) is not None for prover in world.provers)
