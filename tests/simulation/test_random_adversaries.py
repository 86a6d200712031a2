"""t provers that lie at random, together with owners that cheat: what must hold whatever they do."""

from __future__ import annotations

import random

import pytest

from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.replies import Failure, ProverNamed
from coordinator.machine import Completed, OwnerRejected, batch_of
from tests.simulation.test_cheating_owners import CHEATS, DIMENSION, IDS
from tests.support.faults import covering, lies, probe_lies
from tests.support.network import Fault, Network, OwnerPlan, gradients, network_with

COMMITTEES = [(3, 1), (4, 1), (5, 2), (7, 2)]
UNLOCATED = ["one-product", "norm-product", "one-residual", "all-residuals", "proof-c", "cover-0", "cover-1"]
HARMLESS = {
    "off-value", "off-blinder", "off-mask", "off-bit", "off-check", "twin-of-first", "twin-between", "twin-before",
}  # fmt: skip
"""Cheats with a gradient as committed, and short: such an owner may end up in a batch without the prover it cheated."""


def erratic(generator: random.Random) -> Fault:
    """A prover that tells a few sorts of lies, keeps silent or answers honestly, as the generator has it."""
    known = {**lies(), **probe_lies(), "cover-0": covering(0), "cover-1": covering(1)}
    kinds = generator.choice((sorted(known), UNLOCATED))
    chances = {name: known[name] for name in generator.sample(kinds, generator.randrange(1, 4))}
    rate, silence = generator.choice((0.2, 0.5, 1.0)), generator.choice((0, 0.01))

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        if generator.random() < silence:
            return Failure("unreachable", "unavailable", "timed out")
        changed: StepReply | Failure = reply
        for name in sorted(chances):
            if generator.random() < rate and isinstance(changed, StepReply):
                changed = chances[name](network, prover, request, changed)
        return changed

    return fault


@pytest.mark.slow
@pytest.mark.parametrize(("provers", "threshold"), COMMITTEES)
@pytest.mark.parametrize("seed", range(8))
def test_nothing_wrong_comes_out_and_nobody_honest_is_blamed(seed: int, provers: int, threshold: int) -> None:
    generator = random.Random(f"{seed}-{provers}")
    plans = [OwnerPlan(g) for g in gradients(4, DIMENSION, seed)]
    cheats: dict[int, str] = {}
    for owner in generator.sample(range(4), generator.choice((0, 1, 2))):
        pick = generator.randrange(len(CHEATS))
        cheats[owner] = IDS[pick]
        plans[owner] = CHEATS[pick][1](plans[owner].gradient)
    network = network_with(plans, provers=provers, threshold=threshold)
    liars = generator.sample(range(provers), threshold)
    result = network.run({p: [erratic(generator)] for p in liars})
    rejected = {v.submission for v in result.verdicts if isinstance(v, OwnerRejected)}
    assert {v.prover for v in result.verdicts if isinstance(v, ProverNamed)} <= set(liars)
    assert rejected <= {network.submission(i) for i in cheats}
    assert batch_of(result.transition.state).attempt < 200
    if isinstance(result.transition.outcome, Completed):
        included = [i for i, h in enumerate(network.headers) if h in result.completed.statement.owners]
        network.check(result, included)
        assert all(cheats.get(i, "off-value") in HARMLESS for i in included)
