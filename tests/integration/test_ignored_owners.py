"""An owner whom a coordinator does not take, over gRPC and at the contracts: it posts, and is taken or paid for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.errors import UnavailableError
from circuits.hashing import keccak
from circuits.terms import ETHER, Pay, Windows
from commons.chain.ignored import PostedOwners, postings
from commons.protocol.status import SubmissionState
from commons.storage.accounts import save_account
from coordinator.service import CoordinatorNode
from gradroll import cli
from gradroll.demo.cheaters import deal_oversized
from tests.integration.test_fees_of_a_round import Market
from tests.integration.test_nodes import gradient
from tests.support.deployment import REWARD, Owner
from tests.support.waiting import wait_for

OWNERS, SUBMIT, SETTLE, AVAILABILITY = 3, 600, 3600, 20_000
PAY = Pay(bonus=REWARD, coordinator_batch=1000, coordinator_gradient=10, prover_batch=200, prover_gradient=3)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    made = Market(tmp_path_factory.mktemp("market"))
    yield made
    made.close()


class Ignored:
    """An owner with the command line, whose coordinator does not answer."""

    def __init__(self, market: Market, owner: Owner, directory: Path) -> None:
        self.market = market
        save_account(directory / "owner.json", owner.key)
        np.save(directory / "gradient.npy", gradient())
        self.config = directory / "owner.toml"
        self.gradient = str(directory / "gradient.npy")
        self.config.write_text(
            f"""
[chain]
url = "{market.url}"
chain_id = {market.view.chain_id}
market = "0x{market.market.hex()}"
[keys]
srs = "{market.directory / "srs.gsrs"}"
directory = "{market.directory / "keys"}"
[owner]
account = "{directory / "owner.json"}"
coordinator = "127.0.0.1:{market.coordinator_port}"
state = "{directory / "state"}"
stall_timeout = 5.0
"""
        )

    def run(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
        """A command: its exit status, and what it tells programs."""
        capsys.readouterr()
        status = cli.main([*words, "--config", str(self.config), "--development", "--json"])
        return status, json.loads(capsys.readouterr().out)


def test_an_owner_that_cannot_reach_the_coordinator_posts_and_is_taken_from_the_chain(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = market.new_task(OWNERS, pay=PAY, windows=Windows(SUBMIT, SETTLE))
    market.model_owner.fund(task, 10**6)
    *others, last = market.owners(task, OWNERS)
    number = market.model_owner.open_round(task, keccak(b"m"))
    ignored, shown = Ignored(market, last, tmp_path), f"0x{task:016x}"
    status, told = ignored.run(capsys, "owner", "post", shown)
    assert (status, told["error"]["code"]) == (4, "unknown")
    status, told = ignored.run(capsys, "submit", shown, "--gradient", ignored.gradient)
    assert status == UnavailableError.exit_status
    assert any(f"gradroll owner post {shown}" in warning for warning in told["warnings"])
    status, told = ignored.run(capsys, "owner", "post", shown)
    assert (status, told["round"]) == (0, number)
    posted = told["submission"]
    status, told = ignored.run(capsys, "owner", "post", shown)
    assert "AlreadyPosted" in told["error"]["message"]
    assert postings(market.view, task, number) == PostedOwners(frozenset({last.index}), frozenset({last.index}))
    assert ignored.run(capsys, "status", shown)[1]["rounds"][0]["posted"] is True
    with market.coordinated():
        for owner in others:
            market.submit(task, number, owner, gradient())
        wait_for(lambda: market.view.round(task, number).owners == OWNERS)
        with market.client() as client:
            submission = bytes.fromhex(posted.removeprefix("0x"))
            wait_for(lambda: client.submission_status(submission).state is SubmissionState.ACCEPTED)
    assert postings(market.view, task, number) == PostedOwners(frozenset({last.index}), frozenset())
    assert ignored.run(capsys, "submit", shown, "--gradient", ignored.gradient)[0] == UnavailableError.exit_status
    status, told = ignored.run(capsys, "owner", "post", shown)
    assert "accepted batch" in told["error"]["message"]


@pytest.mark.slow
def test_a_coordinator_that_ignores_an_owner_has_less(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks away; the round ends without the owner that posted."""
    task = market.new_task(OWNERS, pay=PAY, windows=Windows(SUBMIT, SETTLE, availability=AVAILABILITY))
    market.model_owner.fund(task, 10**6)
    *others, last = market.owners(task, OWNERS)
    number = market.model_owner.open_round(task, keccak(b"m"))
    ignored, shown = Ignored(market, last, tmp_path), f"0x{task:016x}"
    assert ignored.run(capsys, "submit", shown, "--gradient", ignored.gradient)[0] == UnavailableError.exit_status
    assert ignored.run(capsys, "owner", "post", shown)[0] == 0
    monkeypatch.setattr("coordinator.postings.Postings.take", lambda self, key: False)
    before = market.view.owed(ETHER, market.coordinator_key.address)
    with market.coordinated():
        for owner in others:
            market.submit(task, number, owner, gradient())
        market.dev.advance(SUBMIT + 60)
        wait_for(lambda: market.view.round(task, number).owners == OWNERS - 1)
        market.dev.advance(AVAILABILITY // 2 + SETTLE)
        wait_for(lambda: market.view.owed(ETHER, market.coordinator_key.address) > before)
    fee = 1000 + 10 * (OWNERS - 1)
    assert market.view.owed(ETHER, market.coordinator_key.address) - before == fee * (OWNERS - 1) // OWNERS


def test_an_owner_that_deals_badly_is_excluded_and_loses_its_deposit(market: Market) -> None:
    deposit = 4000
    task = market.new_task(OWNERS, pay=replace(PAY, deposit=deposit), windows=Windows(SUBMIT, SETTLE))
    market.model_owner.fund(task, 10**6)
    *others, cheater = market.owners(task, OWNERS)
    number = market.model_owner.open_round(task, keccak(b"m"))
    before = market.view.owed(ETHER, market.coordinator_key.address)
    header, upload = market.header(task, number, cheater, gradient(), deal=deal_oversized)
    node = CoordinatorNode(market.coordinator_settings(posting_interval=0.2, exclude_from=deposit))
    node.start()
    try:
        for owner in others:
            market.submit(task, number, owner, gradient())
        receipts, missing = market.send(upload)
        assert not missing
        cheater.chain.post_submission(header, receipts)  # with fewer, nobody can say whether a prover lies
        with market.client() as client:
            submission = header.digest(market.view.context(task, number))
            wait_for(lambda: market.view.round(task, number).owners == OWNERS - 1)
            assert client.submission_status(submission).state is SubmissionState.REJECTED
        wait_for(lambda: market.view.owner(task, cheater.index).excluded)
    finally:
        node.stop()
    (excluded,) = market.view.excluded(task, number)
    assert (excluded.index, excluded.submission, excluded.deposit) == (cheater.index, submission, deposit)
    assert market.view.owed(ETHER, market.coordinator_key.address) - before == deposit // 2
    assert postings(market.view, task, number) == PostedOwners(frozenset({cheater.index}), frozenset())
