"""t provers that lie at random in graded cohorts, beside a bad owner or a bad reference: what holds whatever they do.

A try that fails is followed by another of the same cohort, as the coordinator makes it, of its locked set if there is
one; each with other lies.
"""

from __future__ import annotations

import random

import pytest

from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverNamed
from coordinator.machine import Completed, OwnerRejected, ReferenceFell, batch_of
from tests.simulation.test_graded_sets import BAD_DEALERS, GOOD
from tests.support.gradedlies import check_graded, graded_lies
from tests.support.gradednetwork import graded_with
from tests.support.network import Fault, Network, OwnerPlan
from tests.support.tiers import deepened

COSINES = (900, 500, 900, -300)
TRIES = 4


def erratic(generator: random.Random) -> Fault:
    """A prover that tells a few sorts of lies, keeps silent or answers honestly, as the generator has it."""
    known = graded_lies()
    chances = {name: known[name] for name in generator.sample(sorted(known), generator.randrange(1, 5))}
    rate, silence = generator.choice((0.2, 0.5, 1.0)), generator.choice((0, 0.05))

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply | Failure:
        if generator.random() < silence:
            return Failure("unreachable", "unavailable", "timed out")
        changed: StepReply | Failure = reply
        for lie in chances.values():
            if generator.random() < rate and isinstance(changed, StepReply):
                changed = lie(network, prover, request, changed)
        return changed

    return fault


@pytest.mark.parametrize(("provers", "threshold"), deepened([(3, 1), (4, 1), (5, 2), (7, 2)], fast=[(4, 1)]))
@pytest.mark.parametrize("seed", deepened(range(8), fast=[0, 1]))
def test_numbers_are_right_and_opened_once_and_nobody_honest_is_blamed(seed: int, provers: int, threshold: int) -> None:
    generator = random.Random(f"{seed}-{provers}")
    owners: list[int | OwnerPlan] = list(COSINES)
    bad = generator.choice((None, 1))
    if bad is not None:
        owners[bad] = BAD_DEALERS[generator.choice(("smallness", "validity", "commitment"))]
    reference_is_bad = generator.random() < 0.2
    network = graded_with(
        owners, copies=(BAD_DEALERS["validity"] if reference_is_bad else GOOD,), provers=provers, threshold=threshold
    )  # fmt: skip
    liars = generator.sample(range(provers), threshold)
    locked: frozenset[bytes] | None = None
    first = 1
    for _ in range(TRIES):
        result = network.run({p: [erratic(generator)] for p in liars}, first_attempt=first, locked=locked)
        batch = batch_of(result.transition.state)
        assert {v.prover for v in result.verdicts if isinstance(v, ProverNamed)} <= set(liars)
        rejected = {v.submission for v in result.of(OwnerRejected) if isinstance(v, OwnerRejected)}
        assert rejected <= (set() if bad is None else {network.submission(bad)})
        assert reference_is_bad or not any(v.proven for v in result.of(ReferenceFell) if isinstance(v, ReferenceFell))
        assert batch.attempt - first < 200
        asked = None if batch.locked is None else frozenset(batch.cohort.digests[i] for i in sorted(batch.locked))
        assert locked is None or asked == locked, "a set that provers were asked to lock is the only one"
        assert (Step.LOCK in result.steps) <= (asked is not None)
        locked, first = asked, batch.attempt + 1
        if isinstance(result.transition.outcome, Completed):
            included = [i for i, h in enumerate(network.headers) if h in result.completed.statement.owners]
            assert bad not in included
            assert not reference_is_bad
            check_graded(network, result, included)
            return
    assert reference_is_bad or provers < 3 * threshold + 1, "liars among enough provers stop nothing"
