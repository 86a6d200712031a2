"""A member that revokes its key after it attested keeps nobody else from being paid, over gRPC and at the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from tests.integration.test_fees_of_a_round import AVAILABILITY, OF_PROVER, Earned, Market
from tests.support.waiting import wait_for


@pytest.fixture
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    made = Market(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


def revoke(market: Market, member: int) -> None:
    account = market.keystores[member].account
    writer = ChainWriter(ChainView(market.url, market.market), account)
    writer.revoke_key(market.committee_id, account.address)


def hand_in_without(market: Market, task: int, absent: int, patch: pytest.MonkeyPatch) -> None:
    """A round whose batch is attested by a bare quorum, and whose sum is open."""
    with market.coordinated() as node:
        chain = node.coordinator.driver._settlement._chain
        accept = chain.accept_batch

        def by_the_others(statement: Any, proof: Any, attestations: Any, payee: bytes, **more: Any) -> Any:
            return accept(statement, proof, [each for each in attestations if each[0] != absent], payee, **more)

        patch.setattr(chain, "accept_batch", by_the_others)
        market.hand_in(task)
        market.await_sum(task)


def test_the_coordinator_settles_with_those_whose_keys_count(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    task, earned = market.paying(), Earned(market)
    hand_in_without(market, task, 3, monkeypatch)
    revoke(market, 2)
    market.dev.advance(AVAILABILITY // 2 + 60)
    with market.coordinated():
        wait_for(lambda: any(earned.now()[1:]))
    assert earned.now()[1:] == [OF_PROVER, OF_PROVER, 0, 0], "prover 3, who has not attested, makes up the quorum"


def test_a_prover_settles_with_those_whose_keys_count(
    market: Market, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task, earned = market.paying(), Earned(market)
    hand_in_without(market, task, 3, monkeypatch)
    revoke(market, 2)
    market.dev.advance(AVAILABILITY // 2 + 60)
    market.settle(task, 0, capsys)
    assert earned.now()[1:] == [OF_PROVER, OF_PROVER, 0, 0]
