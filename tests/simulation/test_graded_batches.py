"""Graded batches with real provers and the coordinator's machine: what comes out, and who is found if somebody lies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from commons.protocol.gradedbodies import GradedValidateBody
from commons.protocol.messages import Step
from commons.protocol.replies import ProverNamed
from coordinator.machine import Failed, OwnerRejected, ProversSuspected, ReferenceFell
from tests.support.faults import badly_signed, covering, garbage, refusing, silent
from tests.support.gradedlies import bump, check_graded, graded_lies, other_squares, shifting_norm
from tests.support.gradednetwork import BOUND, along, graded_with
from tests.support.network import Fault, OwnerPlan, Result, slack_bits
from tests.support.tiers import deepened

OWNERS = (900, 500, 900, -300)
STEPS = (
    Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE,
    Step.ATTEST,
)  # fmt: skip
LOCATING = deepened([(4, 1), (7, 2)], fast=[(4, 1)])
EVERYBODY = list(range(len(OWNERS)))


def named(result: Result) -> set[int]:
    return {v.prover for v in result.verdicts if isinstance(v, ProverNamed)}


def test_owners_are_graded_and_summed_by_their_weights() -> None:
    network = graded_with(OWNERS)
    result = network.run()
    check_graded(network, result, EVERYBODY)
    assert result.steps == STEPS
    assert not result.verdicts
    assert len(result.completed.bundle.certificate.attestations) == network.provers


@pytest.mark.parametrize(("provers", "threshold"), LOCATING)
@pytest.mark.parametrize("name", list(graded_lies()))
def test_persistent_liar_is_named_and_the_batch_completes(name: str, provers: int, threshold: int) -> None:
    network = graded_with(OWNERS, provers=provers, threshold=threshold)
    result = network.run({1: [graded_lies()[name]]})
    assert named(result) == {1}
    assert not result.of(ProversSuspected)
    assert not result.of(OwnerRejected)
    assert not result.of(ReferenceFell)
    check_graded(network, result, EVERYBODY)


@pytest.mark.parametrize(("provers", "threshold"), LOCATING)
@pytest.mark.parametrize("position", [(43,), ()], ids=["one", "all"])
def test_prover_with_other_squares_is_named(position: tuple[int, ...], provers: int, threshold: int) -> None:
    network = graded_with(OWNERS, provers=provers, threshold=threshold)
    with other_squares(1, bump(*position)):
        result = network.run()
        check_graded(network, result, EVERYBODY)
    assert named(result) == {1}
    assert not result.of(ProversSuspected)


@pytest.mark.parametrize("provers", [4, 3], ids=["one more than needed", "just enough"])
def test_prover_that_covers_for_an_owner_has_no_number_opened(provers: int) -> None:
    """Attack: residuals of 2t + 1 provers always fit, so one of them makes an invalid owner's come out as zero."""
    network = graded_with([900, OwnerPlan(2 * along(900, 5)), 500, 900], provers=provers)
    result = network.run({2: [covering(2, GradedValidateBody)]})
    assert named(result) <= {2}
    if provers > 3:
        check_graded(network, result, [0, 2, 3])
        (rejected,) = result.of(OwnerRejected)
        assert isinstance(rejected, OwnerRejected)
        assert (rejected.submission, rejected.code) == (network.submission(1), "validity")
        assert named(result) == {2}
    else:
        assert isinstance(result.transition.outcome, Failed)
        assert Step.LOCK not in result.steps


@pytest.mark.parametrize("provers", [4, 3], ids=["one more than needed", "just enough"])
def test_norm_that_is_shifted_has_no_number_opened(provers: int) -> None:
    """Attack: the owner states the bits of a smaller norm, and a prover shifts the inner product to it."""
    long = 2 * along(900, 5)
    shift = BOUND - sum(int(v) ** 2 for v in long)
    network = graded_with([900, OwnerPlan(long, bits=slack_bits(0)), 500, 900], provers=provers)
    result = network.run({2: [shifting_norm(3, shift)]})
    assert named(result) <= {2}
    if provers > 3:
        check_graded(network, result, [0, 2, 3])
        assert named(result) == {2}
    else:
        assert Step.LOCK not in result.steps or network.submission(1) not in {
            h.digest(network.context) for h in result.completed.statement.owners
        }


@pytest.mark.parametrize("step", [Step.LOCK, Step.OPEN])
def test_garbage_is_held_against_its_signer_and_a_bad_signature_against_nobody(step: Step) -> None:
    for fault, proven in ((garbage(step), True), (badly_signed(step), False)):
        network = graded_with(OWNERS)
        result = network.run({2: [fault]})
        check_graded(network, result, EVERYBODY)
        verdicts = [(v.prover, v.step, v.proven) for v in result.verdicts if isinstance(v, ProverNamed)]
        assert verdicts == [(2, step, proven)]


@pytest.mark.parametrize("fault", [silent, refusing], ids=["silent", "refusing"])
@pytest.mark.parametrize("step", deepened(list(STEPS), fast=[Step.LOCK, Step.OPEN]))
def test_absence_is_survived_down_to_the_quorum(step: Step, fault: Callable[[Step], Fault]) -> None:
    network = graded_with(OWNERS)
    result = network.run({0: [fault(step)]})
    check_graded(network, result, EVERYBODY)
    assert not named(result)


@pytest.mark.parametrize("name", ["inner-product", "product-of-bits"])
def test_liar_that_lies_once_is_suspected_and_left_out(name: str) -> None:
    network = graded_with(OWNERS)
    result = network.run({3: [graded_lies(times=1)[name]]})
    check_graded(network, result, EVERYBODY)
    assert not named(result)
    assert [v.provers for v in result.verdicts if isinstance(v, ProversSuspected)] == [(0, 1, 2, 3)]


def test_liar_about_products_of_bits_is_found_among_seven() -> None:
    """Those of five always fit: trials that end where all seven did not fit would tell nothing."""
    network = graded_with(OWNERS, provers=7, threshold=2)
    result = network.run({1: [graded_lies()["product-of-bits"]]})
    assert named(result) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(graded_lies()))
def test_two_liars_of_seven_are_named(name: str) -> None:
    network = graded_with(OWNERS, provers=7, threshold=2)
    result = network.run({2: [graded_lies()[name]], 5: [graded_lies()[name]]})
    assert named(result) == {2, 5}
    check_graded(network, result, EVERYBODY)
