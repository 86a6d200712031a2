"""Policies of other packages in whole batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from circuits.gadgets import equal
from circuits.policies import spec
from circuits.policies.registry import register
from circuits.policies.spec import OwnerWires, PolicySpec
from circuits.r1cs import ConstraintSystem
from commons.protocol.messages import Step
from commons.protocol.replies import ProverNamed
from coordinator.machine import ProversSuspected
from tests.support.network import OwnerPlan, network_with
from tests.support.policies import own_registry


def odd_slack(cs: ConstraintSystem, owner: OwnerWires) -> None:
    """The squared norm has the other parity than BOUND, which is even: no slot can stay empty."""
    equal(cs, owner.slack[0], 1)


@pytest.fixture
def unserved() -> Iterator[str]:
    """A policy that was registered although empty slots break it under this task's bound."""
    with own_registry() as patch:
        patch.setattr(spec, "_tried_bounds", lambda: (1,))
        register(PolicySpec("odd-slack", "The slack is odd.", odd_slack))
        yield "odd-slack"


def test_no_prover_is_named_where_the_tasks_bound_does_not_suit_the_policy(unserved: str) -> None:
    """All owners keep the policy; the proof could not hold for the empty slot, and would look like a prover's lie."""
    plans = [OwnerPlan(np.array([2 * owner + 1, 0, 0, 0, 2], np.int64)) for owner in range(3)]
    result = network_with(plans, proves=unserved).run()
    assert "prover" in result.failed.reason
    assert not result.of(ProverNamed)
    assert not result.of(ProversSuspected)
    assert Step.PROVE not in result.steps
