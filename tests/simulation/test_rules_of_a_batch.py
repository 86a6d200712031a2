"""What the machine and the parties hold to together: sizes, minimum owners, restarts, replays, receipts."""

from __future__ import annotations

from dataclasses import replace

import pytest

import native
from circuits.errors import InvalidInputError, WireError
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverAbsent
from coordinator.machine import (
    Attesting,
    Completed,
    Failed,
    Transition,
    advance,
    awaited,
    batch_of,
    begin,
)
from coordinator.machine.culprits import recover
from coordinator.machine.setbacks import OwnersFell
from native import FrArray
from provers.party.ledger import LedgerState
from tests.support.faults import silent
from tests.support.network import Network, OwnerPlan, gradients, network_with
from tests.support.tiers import deepened


@pytest.mark.parametrize("owners", deepened([2, 3, 4], fast=[2, 4]))
def test_batch_of_any_size_up_to_the_capacity_completes(owners: int) -> None:
    network = network_with(owners)
    network.check(network.run(), range(owners))


@pytest.mark.slow
@pytest.mark.parametrize("owners", [2, 11, 16])
def test_batch_of_a_circuit_for_sixteen_completes(owners: int) -> None:
    network = network_with(owners, capacity=16, dimension=13)
    network.check(network.run(), range(owners))


@pytest.mark.parametrize("dimension", deepened([1, 2, 8, 13], fast=[1, 13]))
def test_dimension_need_not_be_a_power_of_two(dimension: int) -> None:
    network = network_with(2, dimension=dimension)
    network.check(network.run(), range(2))


def test_more_submissions_than_the_circuit_takes_are_refused_at_once() -> None:
    network = network_with(5)
    with pytest.raises(InvalidInputError, match="5 submissions do not fit a circuit for 4"):
        network.run()


def test_one_owner_alone_is_no_batch() -> None:
    result = network_with(1).run()
    assert "too few owners" in result.failed.reason
    assert not result.steps


def test_provers_release_nothing_about_fewer_owners_than_the_task_asks_for() -> None:
    network = network_with(2, least_owners=3)
    result = network.run()
    assert "too few provers" in result.failed.reason
    refusals = [v for v in result.verdicts if isinstance(v, ProverAbsent)]
    assert {v.prover for v in refusals} == {0, 1, 2, 3}
    assert all("fewer than 3 owners" in v.reason for v in refusals)
    assert Step.ATTEST not in result.steps
    assert not any(memory.ledger.locks for memory in network.memories)


def test_batch_can_be_run_again_as_it_was_but_not_with_other_owners() -> None:
    network = network_with(3)
    first = network.run()
    again = network.run(first_attempt=batch_of(first.transition.state).attempt + 1)
    network.check(again, range(3))
    assert again.completed.batch_id != first.completed.batch_id
    del network.headers[2], network.plans[2]
    assert "too few provers" in network.run(first_attempt=10).failed.reason


def test_used_attempt_numbers_are_refused() -> None:
    network = network_with(2)
    network.run()
    result = network.run(first_attempt=1)
    assert all("is used up" in v.reason for v in result.verdicts if isinstance(v, ProverAbsent))
    assert "too few provers" in result.failed.reason


@pytest.mark.parametrize(
    "step",
    deepened([Step.PROJECT, Step.MASK, Step.COMBINE, Step.PROVE, Step.ATTEST], fast=[Step.MASK, Step.ATTEST]),
)
def test_prover_that_restarts_within_a_batch_is_left_out_of_it(step: Step) -> None:
    network = network_with(3)

    def restart(net: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        if request.step is step:
            net.restart(prover)
        return reply

    result = network.run({1: [restart]})
    network.check(result, range(3))
    assert {type(v) for v in result.verdicts} <= {ProverAbsent}


def test_batch_whose_provers_all_restarted_is_begun_again_under_higher_attempts() -> None:
    network = network_with(3)
    died = network.run({p: [lambda *_: Failure("unreachable", "unavailable", "gone")] for p in range(2)})
    assert isinstance(died.transition.outcome, Failed)
    for prover in range(4):
        network.restart(prover)
    attempt = batch_of(died.transition.state).attempt
    network.check(network.run(first_attempt=attempt + 1), range(3))


def test_machine_is_replayed_from_its_replies() -> None:
    network = network_with(3)
    transition = begin(network.resources, network.cohort, attempt_number=1, reachable=range(4))
    trace: list[tuple[Transition, dict[int, StepReply | Failure]]] = []
    while transition.outcome is None:
        replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
        trace.append((transition, replies))
        transition = advance(network.resources, transition.state, replies)
    assert isinstance(transition.outcome, Completed)
    again = begin(network.resources, network.cohort, attempt_number=1, reachable=range(4))
    for before, replies in trace:
        assert again.requests == before.requests
        again = advance(network.resources, again.state, replies)
    assert isinstance(again.outcome, Completed)
    assert again.outcome.proof == transition.outcome.proof
    assert again.outcome.bundle.encode() == transition.outcome.bundle.encode()


def test_unasked_replies_are_ignored_and_missing_ones_are_absences() -> None:
    network = network_with(2)
    start = begin(network.resources, network.cohort, attempt_number=1, reachable=[0, 1, 2])
    replies = {p: network.deliver(p, r) for p, r in start.requests.items()}
    replies[3] = replies[0]
    assert not advance(network.resources, start.state, replies).verdicts
    del replies[1]
    transition = advance(network.resources, start.state, replies)
    assert [type(v) for v in transition.verdicts] == [ProverAbsent]
    assert isinstance(transition.outcome, Failed)


def test_message_of_another_step_is_not_taken() -> None:
    network = network_with(2)
    start = begin(network.resources, network.cohort, attempt_number=1, reachable=range(4))
    replies = {p: network.deliver(p, r) for p, r in start.requests.items()}
    second = advance(network.resources, start.state, replies)
    assert awaited(second.state) is Step.PROJECT
    transition = advance(network.resources, second.state, replies)
    assert isinstance(transition.outcome, Failed)
    assert "too few provers" in transition.outcome.reason


def test_nothing_follows_the_end() -> None:
    network = network_with(2)
    result = network.run()
    with pytest.raises(WireError, match="has ended"):
        advance(network.resources, result.transition.state, {})
    with pytest.raises(WireError, match="has ended"):
        awaited(result.transition.state)


def test_set_that_was_signed_is_finished_without_a_prover_that_it_does_not_need() -> None:
    """Prover 3 was away when the others signed; that its share of one owner is wrong comes out when it is back."""

    def bend(shares: list[FrArray]) -> None:
        shares[3][0] = native.add(shares[3][[0]], native.from_ints([9]))[0]

    network = network_with([OwnerPlan(g, bend=bend if i == 2 else None) for i, g in enumerate(gradients(3, 5))])
    signed = network.run({p: [silent(Step.ATTEST)] for p in (0, 1)}, reachable=range(3))
    assert "too few provers" in signed.failed.reason
    locked = frozenset(network.submission(i) for i in range(3))
    result = network.run(first_attempt=5, locked=locked)
    network.check(result, range(3))
    assert {v.prover for v in result.verdicts if isinstance(v, ProverAbsent)} == {3}


def test_batch_is_not_finished_below_a_quorum_of_signatures() -> None:
    network = network_with(3)
    result = network.run({p: [silent(Step.ATTEST)] for p in range(2)})
    assert "too few provers: 2 of 4 are left" in result.failed.reason
    assert not result.failed.final


def test_set_that_provers_were_asked_to_sign_is_not_tried_without_one_of_its_owners() -> None:
    """Whoever has signed signs no other set with the rest; the owners are told at once to submit to the next round."""
    network = network_with(3)
    transition = begin(network.resources, network.cohort, attempt_number=1, reachable=range(4))
    while not isinstance(transition.state, Attesting):
        replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
        transition = advance(network.resources, transition.state, replies)
    run = transition.state.run
    assert run.batch.locked == frozenset(range(3))
    after = recover(network.resources, run, Step.ATTEST, OwnersFell(frozenset({1}), ()))
    assert isinstance(after.outcome, Failed)
    assert after.outcome.final
    assert "had signed already" in after.outcome.reason


def test_prover_that_lost_a_share_it_gave_a_receipt_for_is_left_out() -> None:
    network = network_with(3)
    del network.memories[2].payloads[network.submission(1)]
    result = network.run()
    network.check(result, range(3))
    assert [(v.prover, v.step) for v in result.verdicts if isinstance(v, ProverAbsent)] == [(2, Step.COIN)]


def test_strangers_cannot_open_a_session() -> None:
    network = network_with(2)
    stranger = replace(network.resources, authorize=lambda session: bytes(65))
    transition = begin(stranger, network.cohort, attempt_number=1, reachable=range(4))
    replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
    assert all(isinstance(r, Failure) and r.code == "bad-signature" for r in replies.values())
    assert all(memory.ledger == LedgerState() for memory in network.memories)


def test_cohort_of_another_context_is_refused() -> None:
    network = network_with(2)
    context = replace(network.context, bound=network.context.bound - 1)
    transition = begin(network.resources, Cohort(context, tuple(network.headers)), attempt_number=1, reachable=range(4))
    replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
    assert all(isinstance(r, Failure) for r in replies.values())
