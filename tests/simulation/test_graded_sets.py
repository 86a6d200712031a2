"""Graded cohorts: a reference that is bad, owners that are dropped before the set is locked and never after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import native
from circuits.errors import InvalidInputError
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverAbsent, ProverNamed
from coordinator.machine import Failed, OwnerRejected, OwnerSetAside, ReferenceFell, begin
from native import FrArray
from tests.support.faults import lies, silent
from tests.support.gradedlies import bump, check_graded, graded_lie, graded_lies
from tests.support.gradednetwork import GradedNetwork, along, graded_with
from tests.support.network import Network, OwnerPlan, Result, network_with

D = 5
OWNERS = (900, 500, 900, -300)
EVERYBODY = list(range(len(OWNERS)))
GOOD = OwnerPlan(along(1000, D))
QUORUM = range(3)


def off_the_polynomial(shares: list[FrArray]) -> None:
    shares[2] = native.add(shares[2], native.from_ints([1] * len(shares[2])))


BAD_DEALERS = {
    "smallness": OwnerPlan(along(1000, D), values=native.from_ints([1 << 200] * D)),
    "validity": OwnerPlan(2 * along(1000, D)),
    "dealing": OwnerPlan(along(1000, D), bend=off_the_polynomial),
    "commitment": OwnerPlan(along(1000, D), commit_to=native.from_int64(along(500, D))),
    "signature": OwnerPlan(along(1000, D), forged=("dealing_signature",)),
}


def numbers(result: Result) -> tuple[int, ...]:
    graded = result.completed.statement.graded
    assert graded is not None
    return graded.values


def expected() -> tuple[int, ...]:
    """The numbers when nothing goes wrong: in another attempt at the same cohort they are the same."""
    return numbers(graded_with(OWNERS).run())


def following(result: Result) -> int:
    """The next attempt's number."""
    state = result.transition.state
    return state.batch.attempt + 1  # type: ignore[union-attr]


def locked_set(network: GradedNetwork) -> frozenset[bytes]:
    return frozenset(network.cohort.digests)


def nobody_is_blamed(result: Result) -> None:
    assert not result.of(OwnerRejected)
    assert not result.of(OwnerSetAside)
    assert not result.of(ReferenceFell)
    assert not result.of(ProverNamed)


@pytest.mark.parametrize("fault", BAD_DEALERS)
def test_cohort_ends_with_its_reference_and_no_owner_is_blamed(fault: str) -> None:
    network = graded_with(OWNERS, copies=(BAD_DEALERS[fault], GOOD))
    result = network.run()
    assert result.failed.final
    (fell,) = result.of(ReferenceFell)
    assert isinstance(fell, ReferenceFell)
    assert fell.submission == network.cohort.digests[0]
    assert fell.proven
    assert fell.reason.startswith(fault)
    assert not [v for v in result.verdicts if v is not fell]
    assert Step.LOCK not in result.steps
    network.copy = 1
    network.headers = [network.submit_again(owner, network.plans[owner]) for owner in EVERYBODY]
    check_graded(network, network.run(first_attempt=following(result)), EVERYBODY)


def test_owners_of_a_failed_cohort_are_in_no_other_with_the_same_submissions() -> None:
    network = graded_with(OWNERS, copies=(BAD_DEALERS["validity"], GOOD))
    first = network.run()
    network.copy = 1
    result = network.run(first_attempt=following(first))
    assert not result.failed.final
    assert {v.code for v in result.verdicts if isinstance(v, ProverAbsent)} == {"rule-violation"}


@pytest.mark.parametrize("fault", BAD_DEALERS)
def test_bad_owner_is_dropped_before_the_lock_and_the_others_are_graded(fault: str) -> None:
    network = graded_with([900, BAD_DEALERS[fault], 500, 900])
    result = network.run()
    (rejected,) = result.of(OwnerRejected)
    assert isinstance(rejected, OwnerRejected)
    assert rejected.submission == network.submission(1)
    assert rejected.code == fault
    assert len(result.verdicts) == 1
    check_graded(network, result, [0, 2, 3])


def test_reference_about_which_nobody_can_say_who_lied_may_be_cleared_by_another_try() -> None:
    network = graded_with(OWNERS)
    lie = graded_lie(Step.PROJECT, "shares", bump(3))
    result = network.run({1: [lie]}, reachable=QUORUM)
    (fell,) = result.of(ReferenceFell)
    assert isinstance(fell, ReferenceFell)
    assert not fell.proven
    check_graded(network, network.run({1: [lie]}, first_attempt=following(result)), EVERYBODY)


def test_least_number_counts_owners_alone() -> None:
    network = graded_with([900])
    assert "too few owners: 1" in network.run().failed.reason
    dropped = graded_with([900, BAD_DEALERS["validity"]])
    result = dropped.run()
    assert "too few owners: 1" in result.failed.reason
    assert result.failed.final


def test_capacity_counts_the_reference() -> None:
    network = graded_with([900, 500, 900, -300, 100])
    with pytest.raises(InvalidInputError, match="6 submissions do not fit a circuit for 5 rows"):
        network.run()


def test_reference_stands_where_the_task_grades_and_only_there() -> None:
    graded, plain = graded_with([900, 500]), network_with(2)
    bare = Cohort(graded.context, tuple(graded.headers))
    with pytest.raises(InvalidInputError, match="where its task grades"):
        begin(graded.resources, bare, attempt_number=1, reachable=range(4))
    with pytest.raises(InvalidInputError, match="where its task grades"):
        begin(plain.resources, graded.cohort, attempt_number=1, reachable=range(4))


@pytest.mark.parametrize("step", [Step.LOCK, Step.OPEN, Step.PROVE])
def test_prover_lost_after_the_lock_is_replaced_by_the_others_and_the_numbers_are_the_same(step: Step) -> None:
    network = graded_with(OWNERS)
    result = network.run({2: [silent(step)]})
    check_graded(network, result, EVERYBODY)
    assert numbers(result) == expected()
    assert result.steps.count(Step.LOCK) == 2
    assert [v.prover for v in result.verdicts if isinstance(v, ProverAbsent)] == [2]


@pytest.mark.parametrize("step", [Step.LOCK, Step.OPEN, Step.PROVE, Step.ATTEST])
def test_locked_set_is_finished_later_with_the_same_numbers(step: Step) -> None:
    network = graded_with(OWNERS)
    failed = network.run({p: [silent(step)] for p in (1, 2)})
    assert not failed.failed.final
    nobody_is_blamed(failed)
    for prover in range(network.provers):
        network.restart(prover)
    again = network.run(first_attempt=following(failed), locked=locked_set(network), reachable=QUORUM)
    check_graded(network, again, EVERYBODY)
    assert numbers(again) == expected()


def test_set_that_was_locked_is_the_only_one() -> None:
    network = graded_with(OWNERS)
    failed = network.run({p: [silent(Step.OPEN)] for p in (1, 2)})
    everybody, network.headers = network.headers, network.headers[:3]
    other = network.run(first_attempt=following(failed))
    assert isinstance(other.transition.outcome, Failed)
    network.headers = everybody
    again = network.run(first_attempt=following(other), locked=locked_set(network))
    assert numbers(again) == expected()


@pytest.mark.parametrize("early", [(0,), (0, 1, 2, 3)], ids=["one", "all"])
def test_prover_whose_node_still_takes_submissions_is_waited_for_and_not_blamed(early: tuple[int, ...]) -> None:
    network = graded_with(OWNERS)
    for prover in early:
        network.memories[prover].over = False
    result = network.run()
    nobody_is_blamed(result)
    codes = {v.prover: v.code for v in result.verdicts if isinstance(v, ProverAbsent)}
    assert codes == dict.fromkeys(early, "not-ready")
    if len(early) > 1:
        assert not result.failed.final
        for memory in network.memories:
            memory.over = True
        result = network.run(first_attempt=following(result), locked=locked_set(network))
    check_graded(network, result, EVERYBODY)
    assert numbers(result) == expected()


def locked_network(*, spoil: Callable[[Network], None] | None = None) -> tuple[GradedNetwork, int]:
    """A network whose set is locked and not finished, and the number of the next attempt."""
    network = graded_with(OWNERS)
    failed = network.run({p: [silent(Step.OPEN)] for p in (1, 2)})
    if spoil is not None:
        spoil(network)
    return network, following(failed)


@pytest.mark.parametrize(
    "name", ["projection-of-the-reference", "residual", "inner-product", "product-of-bits", "slack", "number"]
)
def test_liar_with_2t_plus_1_provers_drops_nobody_from_a_locked_set(name: str) -> None:
    network, attempt = locked_network()
    lying = {1: [graded_lies()[name]]}
    stopped = network.run(lying, first_attempt=attempt, locked=locked_set(network), reachable=QUORUM)
    assert not stopped.failed.final
    assert not stopped.of(OwnerRejected)
    assert not [v for v in stopped.verdicts if isinstance(v, ProverNamed) and v.prover != 1]
    done = network.run(lying, first_attempt=following(stopped), locked=locked_set(network))
    check_graded(network, done, EVERYBODY)
    assert numbers(done) == expected()


def test_nobody_is_dropped_in_attempts_behind_the_lock() -> None:
    """A prover does not lock, and one of the three that are left then lies about an owner."""
    lie, seen = graded_lies()["residual"], list[Step]()

    def later(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        seen.append(request.step)
        return lie(network, prover, request, reply) if seen.count(Step.VALIDATE) > 1 else reply

    result = graded_with(OWNERS).run({0: [silent(Step.LOCK)], 1: [later]})
    assert "it can stop a round, never bend it" in result.failed.reason
    assert not result.failed.final
    nobody_is_blamed(result)


def test_wrong_share_of_an_owner_in_a_locked_set_costs_its_prover_and_nobody_else() -> None:
    def spoil(network: Network) -> None:
        network.memories[0].payloads[network.submission(1)] = network.memories[1].payloads[network.submission(1)]

    network, attempt = locked_network(spoil=spoil)
    done = network.run(first_attempt=attempt, locked=locked_set(network))
    check_graded(network, done, EVERYBODY)
    assert numbers(done) == expected()
    assert [v.prover for v in done.verdicts if isinstance(v, ProverAbsent)] == [0]


@pytest.mark.parametrize("name", ["inner-product", "residual", "product-of-bits", "not-bits", "number"])
def test_with_2t_plus_1_provers_a_liar_stops_the_batch_and_bends_nothing(name: str) -> None:
    network = graded_with(OWNERS, provers=3)
    result = network.run({1: [graded_lies()[name]]})
    assert not result.of(OwnerRejected)
    assert not [v for v in result.verdicts if isinstance(v, ProverNamed) and v.prover != 1]
    assert not [v for v in result.of(ReferenceFell) if isinstance(v, ReferenceFell) and v.proven]
    if not isinstance(result.transition.outcome, Failed):
        check_graded(network, result, [i for i in EVERYBODY if network.headers[i] in result.completed.statement.owners])


def test_two_batches_of_a_round_are_graded_against_a_copy_each() -> None:
    network = graded_with(OWNERS, copies=(GOOD, GOOD))
    everybody, plans = network.headers, network.plans
    network.headers, network.plans = everybody[:2], plans[:2]
    first = network.run()
    check_graded(network, first, [0, 1])
    network.copy, network.headers, network.plans = 1, everybody[2:], plans[2:]
    second = network.run(first_attempt=following(first))
    check_graded(network, second, [0, 1])
    both = {first.completed.statement.graded.reference, second.completed.statement.graded.reference}  # type: ignore[union-attr]
    assert both == set(network.references)


def test_copy_is_used_in_one_cohort() -> None:
    network = graded_with(OWNERS)
    everybody = network.headers
    network.headers = everybody[:2]
    first = network.run()
    network.headers = everybody[2:]
    second = network.run(first_attempt=following(first))
    assert not second.failed.final
    assert {v.code for v in second.verdicts if isinstance(v, ProverAbsent)} == {"rule-violation"}


def test_numbers_are_inner_products_with_the_copy_and_not_with_another() -> None:
    network = graded_with([900, 500], copies=(GOOD, OwnerPlan(np.roll(along(1000, D), 1))), copy=1)
    result = network.run()
    check_graded(network, result, [0, 1])


def test_combined_row_with_the_other_lies_of_plain_batches() -> None:
    network = graded_with(OWNERS)
    result = network.run({2: [lies()["confirmed-state"]]})
    check_graded(network, result, EVERYBODY)
    assert [v.prover for v in result.verdicts if isinstance(v, ProverNamed)] == [2]


@pytest.mark.parametrize("fault", ["smallness", "validity", "dealing"])
def test_provers_sign_the_exclusion_of_an_owner_of_a_graded_cohort(fault: str) -> None:
    network = graded_with([900, BAD_DEALERS[fault], 500, 900])
    (rejected,) = network.run().of(OwnerRejected)
    assert isinstance(rejected, OwnerRejected)
    assert rejected.evidence is not None
    assert rejected.evidence.owner == 2, "the reference has place 0"
    for prover in range(network.provers):
        reply = network.deliver(prover, network.authorized(rejected.evidence))
        assert isinstance(reply, StepReply), reply
