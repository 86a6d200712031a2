"""Graded batches with real provers and the coordinator's machine: what comes out, and who is found if somebody lies."""

from __future__ import annotations

import pytest

from commons.protocol.messages import Step
from commons.protocol.replies import ProverNamed
from coordinator.machine import OwnerRejected, ProversSuspected, ReferenceFell
from tests.support.gradedlies import bump, check_graded, graded_lies, other_squares
from tests.support.gradednetwork import graded_with
from tests.support.network import Result
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


def numbers(result: Result) -> tuple[int, ...]:
    graded = result.completed.statement.graded
    assert graded is not None
    return graded.values


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
