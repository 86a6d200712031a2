"""Provers that lie: named where the protocol can tell; nothing wrong ever comes out, nobody honest is accused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pytest

from circuits import payload
from commons.protocol.bundle import Certificate
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import ProverAbsent, ProverNamed
from coordinator.machine import Completed, Failed, OwnerRejected, OwnerSetAside, ProversSuspected
from tests.simulation.test_cheating_owners import another_commitment, network_of, off, rejected, too_long
from tests.support.faults import (
    LIES,
    REWRITES,
    badly_signed,
    covering,
    garbage,
    lie,
    lie_in_revelation,
    lies,
    probe_lies,
    refusing,
    release_lies,
    silent,
)
from tests.support.network import Fault, Network, Result, network_with
from tests.support.tiers import deepened

BATCH_STEPS = [s for s in Step if s <= Step.ATTEST]
LOCATING = deepened([(4, 1), (7, 2)], fast=[(4, 1)])
"""The fast tier has a liar of each kind in the smallest committee that can name it."""
UNLOCATED = ["one-product", "one-residual", "proof-c"]


def named(result: Result) -> set[int]:
    return {v.prover for v in result.verdicts if isinstance(v, ProverNamed)}


def nobody_honest_suffers(network: Network, result: Result, liars: set[int]) -> None:
    """No honest prover is named, no honest owner rejected; what completes is right."""
    assert named(result) <= liars
    assert not result.of(OwnerRejected)
    if isinstance(result.transition.outcome, Completed):
        indices = [h.owner_index for h in network.headers]
        owners = [indices.index(h.owner_index) for h in result.completed.statement.owners]
        network.check(result, owners)


@cache
def accepted(provers: int, threshold: int) -> tuple[Network, Certificate]:
    """A batch that the market has accepted; a release changes nothing for the one after it."""
    network = network_with(3, provers=provers, threshold=threshold)
    done = network.run().completed
    network.accept(done)
    return network, done.bundle.certificate


def run_with(network: Network, faults: Mapping[int, Sequence[Fault]]) -> Result:
    result = network.run(faults)
    nobody_honest_suffers(network, result, set(faults))
    return result


@pytest.mark.parametrize(("provers", "threshold"), LOCATING)
@pytest.mark.parametrize("name", LIES)
def test_persistent_liar_is_named_and_the_batch_completes(name: str, provers: int, threshold: int) -> None:
    network = network_with(3, provers=provers, threshold=threshold)
    result = run_with(network, {1: [lies()[name]]})
    network.check(result, range(3))
    assert named(result) == {1}
    assert not result.of(ProversSuspected)


@pytest.mark.parametrize(("provers", "threshold"), LOCATING)
@pytest.mark.parametrize("name", list(release_lies()))
def test_provers_that_lie_about_the_sum_or_withhold_it_change_nothing(name: str, provers: int, threshold: int) -> None:
    network, certificate = accepted(provers, threshold)
    liars = range(1, 1 + threshold)
    opened = network.open_sum(certificate, faults={p: [release_lies()[name]] for p in liars})
    expected = np.sum([plan.gradient for plan in network.plans], axis=0)
    assert np.array_equal(payload.decode(opened.payload, network.dimension).values, expected)
    assert {v.prover for v in opened.verdicts} == set(liars)


@pytest.mark.parametrize(("provers", "threshold"), deepened([(3, 1), (5, 2)], fast=[(3, 1)]))
@pytest.mark.parametrize("name", deepened(LIES, fast=["projections-of-all", "one-product"]))
def test_with_2t_plus_1_provers_a_liar_stops_the_batch_and_bends_nothing(
    name: str, provers: int, threshold: int
) -> None:
    network = network_with(3, provers=provers, threshold=threshold)
    result = run_with(network, {1: [lies()[name]]})
    assert result.failed.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", LIES)
def test_two_liars_of_seven_are_named(name: str) -> None:
    network = network_with(3, provers=7, threshold=2)
    result = run_with(network, {2: [lies()[name]], 5: [lies()[name]]})
    network.check(result, range(3))
    assert named(result) == {2, 5}


@pytest.mark.parametrize("step", deepened(BATCH_STEPS, fast=[Step.VALIDATE]))
def test_garbage_is_held_against_its_signer(step: Step) -> None:
    network = network_with(3)
    result = run_with(network, {2: [garbage(step)]})
    network.check(result, range(3))
    assert [(v.prover, v.step, v.proven) for v in result.verdicts if isinstance(v, ProverNamed)] == [(2, step, True)]


@pytest.mark.parametrize("step", deepened(BATCH_STEPS, fast=[Step.CONFIRM]))
def test_bad_signature_is_no_proof_against_anyone(step: Step) -> None:
    network = network_with(3)
    result = run_with(network, {2: [badly_signed(step)]})
    network.check(result, range(3))
    assert [(v.prover, v.step, v.proven) for v in result.verdicts if isinstance(v, ProverNamed)] == [(2, step, False)]


def test_vector_that_came_with_another_ones_signature_is_no_proof_against_anyone() -> None:
    network = network_with(3)
    result = run_with(network, {1: [lies()["combined-row-unsigned"]]})
    network.check(result, range(3))
    assert [(v.prover, v.proven) for v in result.verdicts if isinstance(v, ProverNamed)] == [(1, False)]


def test_message_of_another_session_is_no_proof_against_its_sender() -> None:
    """Whoever sits on the line could replay it; as a share of this session it would be a wrong one, signed."""
    network, heard = network_with(3), dict[int, StepReply]()

    def hear(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        if request.step is Step.MASK:
            heard[prover] = reply
        return reply

    def replay(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        return heard[prover] if request.step is Step.MASK else reply

    network.run({2: [hear]})
    result = network.run({2: [replay]}, first_attempt=2)
    network.check(result, range(3))
    found = [(v.prover, v.step, v.proven) for v in result.verdicts if isinstance(v, ProverNamed)]
    assert found == [(2, Step.MASK, False)]


@pytest.mark.parametrize(
    ("provers", "threshold", "gone"), deepened([(4, 1, 1), (7, 2, 2), (3, 1, 1), (5, 2, 1)], fast=[(4, 1, 1)])
)
@pytest.mark.parametrize("fault", [silent, refusing], ids=["silent", "refusing"])
@pytest.mark.parametrize("step", deepened(BATCH_STEPS, fast=[Step.MASK]))
def test_absence_is_survived_down_to_the_quorum(
    step: Step, fault: Callable[[Step], Fault], provers: int, threshold: int, gone: int
) -> None:
    network = network_with(3, provers=provers, threshold=threshold)
    result = run_with(network, {p: [fault(step)] for p in range(gone)})
    assert not named(result)
    if provers > 2 * threshold + 1:
        network.check(result, range(3))
    else:
        assert "too few provers" in result.failed.reason


@pytest.mark.parametrize("name", deepened(UNLOCATED, fast=["one-residual"]))
def test_liar_that_lies_once_is_suspected_and_left_out(name: str) -> None:
    step, rewrite = REWRITES[name]
    network = network_with(3)
    result = run_with(network, {3: [lie(step, rewrite, times=1)]})
    network.check(result, range(3))
    assert not named(result)
    assert [v.provers for v in result.verdicts if isinstance(v, ProversSuspected)] == [(0, 1, 2, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNLOCATED)
def test_liar_beside_a_cheating_owner_cannot_save_the_owner_or_frame_a_prover(name: str) -> None:
    step, rewrite = REWRITES[name]
    network = network_of([(1, too_long)])
    result = network.run({3: [lie(step, rewrite)]})
    network.check(result, [0, 2, 3])
    assert named(result) == {3}
    assert rejected(network, result.verdicts) == {1: "validity"}


def test_prover_that_covers_for_an_owner_is_named_and_the_owner_rejected() -> None:
    network = network_of([(1, too_long)])
    result = network.run({3: [covering(1)]})
    network.check(result, [0, 2, 3])
    assert named(result) == {3}
    assert rejected(network, result.verdicts) == {1: "validity"}


@pytest.mark.parametrize("name", list(probe_lies()))
def test_liar_in_a_probe_is_named_and_the_owner_found(name: str) -> None:
    network = network_of([(1, another_commitment)])
    result = network.run({0: [probe_lies()[name]]})
    network.check(result, [0, 2, 3])
    assert named(result) == {0}
    assert rejected(network, result.verdicts) == {1: "commitment"}


def test_prover_that_hides_the_wrong_share_it_got_is_named() -> None:
    network = network_of([(1, off(0, 2))])
    result = network.run({2: [lie_in_revelation]})
    network.check(result, range(4))
    assert named(result) == {2}
    assert not result.of(OwnerRejected)


@pytest.mark.parametrize("fault", [silent, refusing], ids=["silent", "refusing"])
def test_prover_that_lies_and_then_reveals_nothing_is_left_out(fault: Callable[[Step], Fault]) -> None:
    network = network_with(3)
    result = run_with(network, {2: [lies()["projections-of-all"], fault(Step.REVEAL)]})
    network.check(result, range(3))
    assert [v.prover for v in result.verdicts if isinstance(v, ProverNamed | ProverAbsent)] == [2]
    assert len(result.verdicts) == 1


def test_liar_with_2t_plus_1_provers_can_set_owners_aside_but_not_reject_them() -> None:
    network = network_with(3, provers=3)
    result = run_with(network, {1: [lies()["one-residual"]]})
    assert result.of(OwnerSetAside)
    assert isinstance(result.transition.outcome, Completed | Failed)
