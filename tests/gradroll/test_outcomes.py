"""With --json every command writes exactly one object, of its outcome or of its error, and nothing for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commons.runtime.amounts import checksum
from gradroll.cli import main
from tests.gradroll.mistaken_files import SECRET
from tests.gradroll.smallmarket import DIMENSION, PROVERS, REWARD, SmallMarket, small_market

BUYER, OWNER = ("--config", "model-owner.toml"), ("--config", "owner-0.toml")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallMarket]:
    with small_market(tmp_path_factory.mktemp("market")) as made:
        made.open_round(made.task())
        yield made


@pytest.fixture(autouse=True)
def _in_the_directory(market: SmallMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.directory)


def outcome(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    """The one object that a command writes."""
    assert main([*words, "--json"]) == status
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_tasks(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    listed = outcome(capsys, "task", "list", "--config", "chain.toml")
    (task,) = listed["tasks"]
    assert (task["task"], task["dimension"], task["free"], task["reserved"]) == (0, DIMENSION, "0", str(4 * REWARD))
    assert listed["warnings"] == []
    shown = outcome(capsys, "task", "status", "0", *BUYER)
    assert shown["task"] == task
    assert shown["rounds"][0]["finalized"] is False
    assert "the chain's word only" in shown["warnings"][0]


def test_committee(capsys: pytest.CaptureFixture[str]) -> None:
    shown = outcome(capsys, "committee", "show", "0", "--config", "chain.toml")
    assert (shown["committee"], shown["ready"], len(shown["members"])) == (0, True, PROVERS)


def test_an_owners_commands(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    account = checksum(market.writer("owner-0.json").address)
    assert outcome(capsys, "status", "0", *OWNER) == {
        "account": account, "index": None, "owed": "0", "paid": "0", "rounds": [], "warnings": []
    }  # fmt: skip
    claimed = outcome(capsys, "claim", "0", *OWNER)
    assert (claimed["owner"], claimed["paid"]) == (account, "0")
    assert "not registered" in claimed["reason"]


def test_what_is_paid_names_its_transactions(capsys: pytest.CaptureFixture[str]) -> None:
    funded = outcome(capsys, "task", "fund", "0", "5", *BUYER)
    assert (funded["funded"], funded["free"], len(funded["transactions"])) == ("5", "5", 1)
    withdrawn = outcome(capsys, "task", "withdraw", "0", "5", *BUYER)
    assert (withdrawn["withdrawn"], withdrawn["finalized"]) == ("5", [])


def test_setup(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    seeded = ("--insecure-seed", "x", "--development")
    made = outcome(capsys, "setup", "srs", *seeded, "--dimension", "4", "--out", "made.gsrs")
    assert (made["file"], made["origin"]) == ("made.gsrs", "insecure-development")
    keys = outcome(capsys, "setup", "keys", *seeded, "--capacity", "2", "--srs", "made.gsrs", "--out", "made")
    assert (keys["directory"], keys["policy"], keys["capacity"]) == ("made", "norm", 2)
    assert keys["setup"] == "insecure-development"
    assert len(keys["key_hash"]) == 66
    account = outcome(capsys, "setup", "account", "--out", "made.json")
    assert account["file"] == "made.json"
    assert "norm" in {policy["name"] for policy in outcome(capsys, "setup", "policies")["policies"]}
    keep = ("--chain", market.url, "--directory", ".", "--development", "--keep")
    assert outcome(capsys, "setup", "local", *keep)["kept"] is True


def test_a_prover(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    made = outcome(capsys, "prover", "init", "--keystore", "made-prover")
    assert made["directory"].endswith("made-prover")
    joined = outcome(capsys, "prover", "join", "--config", "prover-1/prover.toml")
    assert (joined["committee"], joined["prover"], joined["endpoint"]) == (0, 1, market.local.plan.provers[1])


def test_a_development_chain(capsys: pytest.CaptureFixture[str], market: SmallMarket) -> None:
    account = checksum(market.writer("owner-0.json").address)
    sent = outcome(capsys, "chain", "fund", account, "--chain", market.url, "--development")
    assert (sent["addresses"], sent["received"]) == ([account], str(10 * 10**18))


@pytest.mark.parametrize(
    ("command", "code", "status"),
    [
        ("task list", "config", 3),
        ("task status 7 --config model-owner.toml", "unknown", 4),
        ("task withdraw 0 1ether --config model-owner.toml", "contract-refused", 5),
        ("claim 0 --config owner-0.toml --account absent.json", "bad-key-file", 6),
        ("coordinator status --config coordinator/coordinator.toml", "unavailable", 5),
    ],
)
def test_an_error_is_the_object(command: str, code: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    said = outcome(capsys, *command.split(), status=status)
    assert said["error"]["code"] == code
    assert said["error"]["message"]
    assert said["warnings"] == []


def test_an_interruption_is_the_object(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradroll.commands.arrayfiles.read_array", interrupted)
    said = outcome(capsys, "submit", "0", "--gradient", "g.npy", *OWNER, status=130)
    assert said["error"]["code"] == "interrupted"


def test_no_log_shows_the_nodes_url(
    market: SmallMarket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at the level at which web3 and urllib3 tell of every request."""
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    caplog.set_level(logging.DEBUG)
    assert main(["task", "list", "--config", "chain.toml", "--chain", f"{market.url}/{SECRET}?key={SECRET}"]) == 0
    logged = [
        record.getMessage() for record in caplog.records if not record.name.endswith("devchain")
    ]  # the other side
    assert SECRET not in " ".join(logged)


def test_escrow_commands_take_the_chain_and_an_account_alone(
    market: SmallMarket, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Path("chain-only.toml")
    text = Path("chain.toml").read_text()
    settings.write_text(text[: text.index("[keys]")])
    alone = ("--config", str(settings), "--account", "model-owner.json")
    task = str(market.task(permissioned=True))
    someone = checksum(market.writer("owner-1.json").address)
    for words in (("fund", task, "7"), ("admit", task, someone), ("finalize", task), ("withdraw", task, "7")):
        outcome(capsys, "task", *words, *alone)
