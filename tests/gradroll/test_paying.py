"""A command that is interrupted after it has sent, and is run again, pays once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits.hashing import keccak
from commons.chain.transactions import Sender
from commons.runtime.amounts import checksum
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.cli import main
from tests.gradroll.smallmarket import SmallMarket, small_market

ETHER = 10**18
BUYER = "--config model-owner.toml"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        yield made


@pytest.fixture(autouse=True)
def _in_the_directory(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.directory)


def sent(market: SmallMarket, account: str) -> int:
    """How many transactions of an account the chain has."""
    address = checksum(market.writer(account).address)
    return market.local.view().rpc.web3.eth.get_transaction_count(address)  # type: ignore[arg-type]


def interrupted(monkeypatch: pytest.MonkeyPatch, words: list[str], waits: int = 1) -> None:
    """Run a command that is interrupted when it waits for a receipt, after so many waits that end."""
    wait, left = Sender._wait, [waits - 1]

    def cut(sender: Sender, *arguments: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return wait(sender, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Sender, "_wait", cut)
        assert main(words) == 130


def again(capsys: pytest.CaptureFixture[str], words: list[str]) -> dict[str, Any]:
    """Run the command again, to its end."""
    assert "run the command again to go on" in capsys.readouterr().err
    assert main([*words, "--json"]) == 0
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    return outcome


@pytest.mark.parametrize(
    ("command", "account"),
    [
        ("task create --dimension 3 --norm 4 --reward 1 " + BUYER, "model-owner.json"),
        ("task fund {task} 1ether " + BUYER, "model-owner.json"),
        ("task withdraw {task} 0.5ether " + BUYER, "model-owner.json"),
        ("task admit {closed} {owner} " + BUYER, "model-owner.json"),
        ("committee create --threshold 1 --member {owner} --member {prover} --member {operator} --config chain.toml "
         "--account operator.json", "operator.json"),
        ("prover join --config prover-0/prover.toml --endpoint 127.0.0.1:1", "prover-0/keys/account.json"),
    ],
    ids=lambda value: " ".join(value.split()[:2]) if " " in value else "",
)  # fmt: skip
def test_a_command_that_was_interrupted_pays_once(
    command: str,
    account: str,
    market: SmallMarket,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, closed = market.task(), market.task(permissioned=True)
    market.writer("model-owner.json").fund(task, ETHER)
    files = {"owner": "owner-0.json", "prover": "prover-0/keys/account.json", "operator": "operator.json"}
    people = {name: checksum(market.writer(file).address) for name, file in files.items()}
    words = command.format(task=task, closed=closed, **people).split()
    before = sent(market, account)
    interrupted(monkeypatch, words)
    again(capsys, words)
    assert sent(market, account) == before + 1


def test_what_was_interrupted_has_its_outcome(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["task", "create", "--dimension", "3", "--norm", "4", "--reward", "2", *BUYER.split()]
    number = market.local.view().task_count()
    interrupted(monkeypatch, words)
    assert again(capsys, words)["task"] == number
    fund = ["task", "fund", str(number), "1ether", *BUYER.split()]
    interrupted(monkeypatch, fund)
    assert again(capsys, fund)["free"] == str(ETHER)
    assert main(fund) == 0, "one that ended is meant again"
    assert market.local.view().task(number).balance == 2 * ETHER


@pytest.mark.parametrize("waits", [1, 2])
def test_a_deployment_that_was_interrupted_goes_on(
    waits: int, market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the registry, or at the market, whose address depends on it."""
    out = f"new-{waits}.toml"
    words = ["chain", "deploy", "--chain", market.url, "--account", "operator.json", "--out", out]
    before = sent(market, "operator.json")
    interrupted(monkeypatch, words, waits)
    made = again(capsys, words)
    assert made["market"].lower() in Path(out).read_text()
    assert sent(market, "operator.json") == before + 2


def test_a_registration_that_was_interrupted_is_paid_once(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The submit itself fails later, as no prover runs."""
    task = market.task()
    market.open_round(task)
    np.save("gradient.npy", np.zeros(3))
    words = ["submit", str(task), "--gradient", "gradient.npy", "--register", "--config", "owner-1.toml"]
    monkeypatch.setenv("GRADROLL_OWNER_PATIENCE", "0")
    interrupted(monkeypatch, words)
    assert main(words) == 5
    assert "is owner 0 of task" in capsys.readouterr().out
    assert sent(market, "owner-1.json") == 1


def test_a_round_that_was_opened_before_the_interruption_is_found(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CoordinatorClient, "put_model", lambda self, data, task, account: keccak(data))
    task = market.task()
    market.writer("model-owner.json").fund(task, ETHER)
    np.save("model.npy", np.ones(3))
    words = ["task", "open", str(task), "--model", "model.npy", *BUYER.split()]
    before = sent(market, "model-owner.json")
    interrupted(monkeypatch, words)
    assert again(capsys, words)["round"] == 0
    assert sent(market, "model-owner.json") == before + 1
    np.save("other.npy", np.zeros(3))
    assert main([*words[:4], "other.npy", *words[5:]]) == 4, "a round on another model has to wait"
