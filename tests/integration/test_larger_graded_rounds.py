"""Graded rounds on real nodes beyond one batch of four provers: several batches and rounds, provers that are lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import ContractError
from circuits.terms import Windows
from commons.protocol.status import SubmissionState
from commons.storage.submissions import SubmissionStore
from gradroll.audit.auditor import Auditor
from gradroll.model_owner.buyer import RoundAggregate
from provers.node import ProverNode
from tests.integration.test_graded_rounds import (
    BOUND,
    DIMENSION,
    GRADING,
    SKEW,
    WINDOW,
    Floats,
    Market,
    after_the_deadline,
)
from tests.integration.test_relaying import serving
from tests.support.deployment import Deployment
from tests.support.waiting import wait_for

HALF, OWNERS = DIMENSION // 2, 8
RNG = np.random.default_rng(13)


@contextmanager
def market_of(directory: Path, owners: int, **options: int) -> Iterator[tuple[Market, dict[int, ProverNode]]]:
    """A task that grades, with batches of at most four owners; its provers, which may be stopped."""
    made = Deployment(directory, dimension=DIMENSION, policy="reference", slots=5, **options)
    nodes = {p: ProverNode(made.prover_settings(p, clock_skew=SKEW)) for p in range(len(made.ports))}
    for one in nodes.values():
        one.start()
    try:
        with serving(made), made.client() as client:
            task = made.new_task(owners, grading=GRADING, windows=Windows(WINDOW, WINDOW), bound=BOUND)
            yield Market(made, directory, client, task, made.owners(task, owners)), nodes
    finally:
        for one in nodes.values():
            one.stop()
        made.close()


def lose(nodes: dict[int, ProverNode], *lost: int) -> None:
    """Some provers are gone for good."""
    for prover in lost:
        nodes.pop(prover).stop()


def graded(market: Market, number: int, done: Sequence[bytes], batches: int) -> RoundAggregate:
    """What comes of a round once nobody can hand anything in; everybody is in a batch that passes its audit."""
    after_the_deadline(market, number)
    wait_for(lambda: all(market.state(each) is SubmissionState.ACCEPTED for each in done), 120)
    shown = market.client.task_status(market.task).rounds[number].batches
    assert len(shown) == batches
    wait_for(lambda: all(b.payload_digest for b in market.client.task_status(market.task).rounds[number].batches))
    audits = Auditor(market.deployment.view, market.client, market.parameters).audit_round(market.task, number)
    assert [report.verdict for _, report in audits] == ["passed"] * batches
    return market.buyer.read_aggregate(market.task, number)


def weight_of(market: Market, number: int) -> dict[int, int]:
    """Each owner's weight by its place in the market's list."""
    places = {owner.key.address: nth for nth, owner in enumerate(market.owners)}
    audits = Auditor(market.deployment.view, market.client, market.parameters).audit_round(market.task, number)
    weights: dict[int, int] = {}
    for _, report in audits:
        assert report.statement is not None
        weights |= {
            places[header.owner]: weight
            for header, weight in zip(report.statement.owners, report.statement.weights, strict=True)
        }
    return weights


def halves(first: Floats, second: Floats) -> Floats:
    return np.concatenate((first, second))


def test_rounds_of_several_batches_of_which_the_second_takes_out_what_the_first_published(tmp_path: Path) -> None:
    """And a prover is lost in it.  Who hands a sum of the first round in again has no weight, although the model
    owner's gradient still points along it."""
    first, second, none = RNG.normal(size=HALF), RNG.normal(size=HALF), np.zeros(HALF)
    with market_of(tmp_path, OWNERS) as (market, nodes):
        model = np.zeros(DIMENSION)
        number = market.buyer.open_round(market.task, model, reference=halves(first, none))
        honest = [halves(first + 0.1 * RNG.normal(size=HALF), none) for _ in range(OWNERS)]
        done = [market.owner(nth).submit(market.task, each).submission for nth, each in enumerate(honest)]
        before = graded(market, number, done, batches=2)
        assert weight_of(market, number) == dict.fromkeys(range(OWNERS), 3)
        own = halves(first / np.linalg.norm(first), second / np.linalg.norm(second))
        replayed = [each.total for each in before.graded]
        assert all(np.dot(each, own) > 0.6 * np.linalg.norm(each) * np.linalg.norm(own) for each in replayed)
        number = market.buyer.open_round(market.task, model + 1, reference=own, past_sums=2)
        honest = [halves(none, second + 0.1 * RNG.normal(size=HALF)) for _ in range(OWNERS - 2)]
        gradients = [*honest, *replayed]
        done = [market.owner(nth).submit(market.task, each).submission for nth, each in enumerate(gradients)]
        lose(nodes, 2)
        graded(market, number, done, batches=2)
        assert weight_of(market, number) == dict.fromkeys(range(OWNERS - 2), 3) | {OWNERS - 2: 0, OWNERS - 1: 0}


def test_graded_rounds_of_seven_provers_of_which_two_are_lost(tmp_path: Path) -> None:
    """After the first round, as shared keys are set up with its first batch, by all."""
    with market_of(tmp_path, 4, provers=7, threshold=2) as (market, nodes):
        for lost in ((), (0, 5)):
            own = RNG.normal(size=DIMENSION)
            number = market.buyer.open_round(market.task, own, reference=own, past_sums=0)
            gradients = [*(own + 0.1 * RNG.normal(size=DIMENSION) for _ in range(3)), -own]
            done = [market.owner(nth).submit(market.task, each).submission for nth, each in enumerate(gradients)]
            lose(nodes, *lost)
            read = graded(market, number, done, batches=1)
            assert read.weights == (3, 3, 3, 0)
        assert market.buyer.read_aggregate(market.task, number, from_provers=True).weights == read.weights


def test_a_copy_of_the_reference_is_not_posted_as_a_gradient_that_was_ignored(tmp_path: Path) -> None:
    """Attack: the model owner is an owner, too, and has receipts for its copies.  The coordinator's fees would burn."""
    with market_of(tmp_path, 2) as (market, _):
        deployment, chain = market.deployment, market.deployment.model_owner
        task = deployment.new_task(3, grading=GRADING, windows=Windows(WINDOW, WINDOW), bound=BOUND)
        index = chain.register(task)
        number = market.buyer.open_round(task, np.zeros(DIMENSION), reference=RNG.normal(size=DIMENSION))
        store = SubmissionStore(tmp_path / "model-owner", deployment.view.market_id)
        copy = store.load(task, number, chain.address, 0)
        assert copy is not None and len(copy.receipts) == len(deployment.ports)
        context = deployment.view.context(task, number)
        posted = replace(copy.header, owner_index=index).signed(context, deployment.dev.accounts[0].sign)
        with pytest.raises(ContractError, match="AttestationInvalid"):
            chain.post_submission(posted, copy.receipts)
        assert not deployment.view.posted(task, number)
