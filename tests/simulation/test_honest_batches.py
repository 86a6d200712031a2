"""Batches in which everybody keeps to the protocol."""

from __future__ import annotations

import pytest

from commons.protocol.messages import Step
from tests.support.network import network_with
from tests.support.tiers import deepened

COMMITTEES = deepened([(3, 1), (4, 1), (5, 2), (7, 2)], fast=[(3, 1), (4, 1)])


@pytest.mark.parametrize(("provers", "threshold"), COMMITTEES)
def test_honest_batch_completes_without_a_detour(provers: int, threshold: int) -> None:
    network = network_with(3, provers=provers, threshold=threshold)
    result = network.run()
    network.check(result, range(3))
    assert not result.verdicts
    assert list(result.steps) == [
        Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST,
    ]  # fmt: skip
