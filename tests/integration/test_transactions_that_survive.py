"""A coordinator is killed while its transaction is pending, gas gets dearer, the chain takes the block back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import GradrollError
from circuits.hashing import keccak
from commons.protocol.status import SubmissionState, SubmissionStatus
from commons.runtime.amounts import checksum
from commons.storage.accounts import SigningKey
from provers.node import ProverNode
from tests.support.anvil import Anvil, funded_keys
from tests.support.deployment import Deployment, Process
from tests.support.waiting import wait_for

DIMENSION, DEPTH = 10, 4


class AnvilChain:
    """A running anvil node in the place of a development chain."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self.accounts: tuple[SigningKey, ...] = funded_keys()

    def start(self) -> str:
        return self.node.url

    def stop(self) -> None:
        """It ends with the fixture."""


@dataclass
class Market:
    """A market on anvil, whose provers run in this process and whose coordinator is one of its own."""

    node: Anvil
    deployment: Deployment
    coordinator: Process
    submission: bytes = b""

    @property
    def account(self) -> str:
        return checksum(self.deployment.coordinator_key.address)

    def hand_in(self) -> int:
        task = self.deployment.new_task(2)
        owners = self.deployment.owners(task, 2)
        number = self.deployment.model_owner.open_round(task, keccak(b"m"))
        self.node.ask("evm_setAutomine", False)
        draws = np.random.default_rng(3)
        for owner in owners:
            status, missing = self.deployment.submit(task, number, owner, draws.normal(size=DIMENSION) / DIMENSION)
            assert not missing
            self.submission = status.submission
        return task

    def nonce(self, block: str = "latest") -> int:
        return int(self.node.ask("eth_getTransactionCount", self.account, block), 16)

    def pending(self) -> dict[str, Any] | None:
        """What waits under the account's next nonce."""
        waiting = self.node.ask("txpool_content")["pending"]
        mine: dict[str, Any] = next((sent for who, sent in waiting.items() if who.lower() == self.account.lower()), {})
        found: dict[str, Any] | None = mine.get(str(self.nonce()))
        return found

    def kill(self) -> None:
        self.coordinator.kill()

    def mine(self, blocks: int = 1) -> None:
        self.node.ask("anvil_mine", hex(blocks))

    def accepted(self, task: int) -> int:
        return len(self.deployment.view.accepted(task, 0))

    def status(self) -> SubmissionStatus:
        with self.deployment.client() as client:
            return client.submission_status(self.submission)


def started(deployment: Deployment) -> Process:
    return Process(deployment.coordinator_settings(confirmations=DEPTH, round_age=0.0, longest_pause=1.0))


@pytest.fixture
def market(anvil: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setattr("tests.support.deployment.DevChain", partial(AnvilChain, anvil))
    monkeypatch.setattr("tests.support.deployment.CHAIN_ID", int(anvil.ask("eth_chainId"), 16))
    deployment = Deployment(tmp_path, dimension=DIMENSION)
    with ExitStack() as undo:
        for prover in range(4):
            node = ProverNode(deployment.prover_settings(prover, confirmations=DEPTH))
            node.start()
            undo.callback(node.stop)
        made = Market(anvil, deployment, started(deployment))
        undo.callback(made.kill)
        wait_for(lambda: serves(deployment))
        yield made


def serves(deployment: Deployment) -> bool:
    try:
        with deployment.client() as client:
            client.task_status(1)
    except GradrollError as error:
        return "cannot be reached" not in str(error)
    return True


@pytest.mark.slow
@pytest.mark.anvil
def test_a_killed_coordinator_raises_its_pending_transaction_and_survives_a_reorganisation(market: Market) -> None:
    before = market.nonce()
    task = market.hand_in()
    wait_for(lambda: market.pending() is not None)
    market.kill()
    first = market.pending()
    market.node.ask("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    market.mine()
    assert market.accepted(task) == 0, "its bid does not pay for this block any more"

    market.coordinator = started(market.deployment)
    wait_for(lambda: (market.pending() or first) != first)
    second = market.pending()
    assert first is not None
    assert second is not None
    assert second["nonce"] == first["nonce"]
    assert second["input"] == first["input"]
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert 8 * int(second[fee], 16) >= 9 * int(first[fee], 16)

    market.mine()
    assert market.accepted(task) == 1
    assert market.nonce() == before + 1
    market.node.ask("anvil_reorg", 1, [])
    wait_for(lambda: market.pending() is not None)
    market.mine()
    assert market.accepted(task) == 1
    assert market.nonce() == before + 1, "one nonce, whatever became of it"
    market.mine(DEPTH)
    wait_for(lambda: market.status().state is SubmissionState.ACCEPTED)
    assert market.accepted(task) == 1
