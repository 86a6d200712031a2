"""A command that is interrupted after it has sent, and is run again, pays once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import contracts
from circuits.hashing import keccak
from commons.chain.receiptwatch import Receipts
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.cli import main
from tests.gradroll.smallmarket import SmallMarket, small_market

TENTH = 10**17
"""Of an ether."""
BUYER = "--config model-owner.toml"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        yield made


@pytest.fixture(autouse=True)
def _in_the_directory(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.directory)


def interrupted(monkeypatch: pytest.MonkeyPatch, words: list[str], waits: int = 1) -> None:
    """Run a command that is interrupted when it waits for a receipt, after so many waits that end."""
    wait, left = Receipts.wait, [waits - 1]

    def cut(receipts: Receipts, *arguments: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return wait(receipts, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Receipts, "wait", cut)
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
        ("task transfer {task} {owner} " + BUYER, "model-owner.json"),
        ("task coordinator {task} {owner} " + BUYER, "model-owner.json"),
        ("owner register {task} --config owner-0.toml", "owner-0.json"),
        ("task fund {task} 0.1ether " + BUYER, "model-owner.json"),
        ("task withdraw {task} 0.05ether " + BUYER, "model-owner.json"),
        ("task admit {closed} {owner} " + BUYER, "model-owner.json"),
        ("committee create --threshold 1 --member {owner} --member {prover} --member {operator} --config chain.toml "
         "--account operator.json", "operator.json"),
        ("owner resign {task} --config owner-1.toml", "owner-1.json"),
        ("owner account {task} {owner} --config owner-1.toml", "owner-1.json"),
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
    market.writer("model-owner.json").fund(task, TENTH)
    market.writer("owner-1.json").register(task)
    files = {"owner": "owner-0.json", "prover": "prover-0/keys/account.json", "operator": "operator.json"}
    people = {name: checksum(market.writer(file).address) for name, file in files.items()}
    words = command.format(task=shown(task), closed=shown(closed), **people).split()
    before = market.sent(account)
    interrupted(monkeypatch, words)
    again(capsys, words)
    assert market.sent(account) == before + 1


def test_what_was_interrupted_has_its_outcome(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["task", "create", "--dimension", "3", "--norm", "4", "--reward", "2", *BUYER.split()]
    before = market.local.view().task_count()
    interrupted(monkeypatch, words)
    made = again(capsys, words)["task"]
    assert market.local.view().task_ids()[before:] == (int(made, 16),)
    fund = ["task", "fund", made, "0.1ether", *BUYER.split()]
    interrupted(monkeypatch, fund)
    assert again(capsys, fund)["free"] == str(TENTH)
    assert main(fund) == 0, "one that ended is meant again"
    assert market.local.view().task(int(made, 16)).balance == 2 * TENTH


@pytest.mark.parametrize("waits", [1, 2, 3])
def test_a_deployment_that_was_interrupted_goes_on(
    waits: int, market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the registry's library, at the registry, or at the factory."""
    out = f"new-{waits}.toml"
    words = ["chain", "deploy", "--chain", market.url, "--account", "operator.json", "--out", out]
    before = market.sent("operator.json")
    interrupted(monkeypatch, words, waits)
    made = again(capsys, words)
    assert made["market"].lower() in Path(out).read_text()
    libraries = {*contracts.load("CommitteeRegistry").links, *contracts.load("Market").links}
    assert market.sent("operator.json") == before + 3 + len(libraries)


def test_a_registration_that_was_interrupted_is_paid_once(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The submit itself fails later, as no prover runs."""
    task = market.task()
    market.open_round(task)
    np.save("gradient.npy", np.zeros(3))
    words = ["submit", shown(task), "--gradient", "gradient.npy", "--register", "--config", "owner-1.toml"]
    monkeypatch.setenv("GRADROLL_OWNER_PATIENCE", "0")
    before = market.sent("owner-1.json")
    interrupted(monkeypatch, words)
    assert main(words) == 5
    assert "is owner 0 of task" in capsys.readouterr().out
    assert market.sent("owner-1.json") == before + 1


def test_a_round_that_was_opened_before_the_interruption_is_found(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CoordinatorClient, "put_model", lambda self, data, task, account: keccak(data))
    task = market.task()
    market.writer("model-owner.json").fund(task, TENTH)
    np.save("model.npy", np.ones(3))
    words = ["task", "open", shown(task), "--model", "model.npy", *BUYER.split()]
    before = market.sent("model-owner.json")
    interrupted(monkeypatch, words)
    assert again(capsys, words)["round"] == 0
    assert market.sent("model-owner.json") == before + 1
    np.save("other.npy", np.zeros(3))
    assert main([*words[:4], "other.npy", *words[5:]]) == 4, "a round on another model has to wait"
