"""Markets for development: one that its chain still has is kept, one that it forgot is told; owners and money."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from commons.chain.devchain import DevChain
from commons.chain.rpc import ErrorTable, Rpc
from commons.settings.loading import load
from commons.settings.pins import with_pin
from commons.settings.sections import OwnerSettings
from commons.storage.accounts import SigningKey, load_account
from commons.storage.tlskeys import read_server_key
from commons.wire.identity import pin_of_key
from gradroll.cli import main
from gradroll.setup.local_market import ALLOWANCE


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[[str], int]:
    """`setup local --keep` on a chain, as often as wanted."""

    arguments = ["--provers", "3", "--dimension", "3", "--capacity", "2", "--owners", "1"]

    def run(url: str) -> int:
        place = ["--chain", url, "--directory", str(tmp_path / "local")]
        return main(["setup", "local", "--development", "--keep", *place, *arguments])

    return run


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file below a directory."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_second_run_changes_nothing(prepare: Callable[[str], int], tmp_path: Path) -> None:
    chain = DevChain()
    url = chain.start()
    assert prepare(url) == 0
    made = contents(tmp_path)
    assert prepare(url) == 0
    assert contents(tmp_path) == made
    chain.stop()


def test_a_chain_that_forgot_the_market_is_told_and_nothing_is_changed(
    prepare: Callable[[str], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = DevChain()
    assert prepare(chain.start()) == 0
    chain.stop()
    made = contents(tmp_path)
    again = DevChain()
    assert prepare(again.start()) == 3
    again.stop()
    assert "begin anew" in capsys.readouterr().err
    assert contents(tmp_path) == made


def test_owners_get_an_account_and_settings(prepare: Callable[[str], int], tmp_path: Path) -> None:
    chain = DevChain()
    assert prepare(chain.start()) == 0
    chain.stop()
    own = load(tmp_path / "local" / "owner-0.toml", environment={}).section(OwnerSettings)
    assert isinstance(own.account, Path) and load_account(own.account).address
    pin = pin_of_key(read_server_key(tmp_path / "local" / "coordinator" / "state" / "tls.pem"))
    assert own.coordinator == with_pin("grpcs://127.0.0.1:7100", pin)
    assert own.state == tmp_path / "local" / "owner-0"


def test_a_development_chains_clock_is_put_forward(capsys: pytest.CaptureFixture[str]) -> None:
    chain = DevChain()
    url = chain.start()
    eth = Rpc(url, ErrorTable(())).web3.eth
    before = eth.get_block("latest")
    assert main(["chain", "forward", "3600", "--blocks", "5", "--chain", url, "--development", "--json"]) == 0
    told, after = json.loads(capsys.readouterr().out), eth.get_block("latest")
    assert (told["block"], told["time"]) == (after["number"], after["timestamp"])
    assert after["number"] >= before["number"] + 5
    assert after["timestamp"] >= before["timestamp"] + 3600
    chain.stop()


def test_a_node_that_keeps_its_clock_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = DevChain()
    refuse = {"error": {"code": -32601, "message": "the method does not exist"}}
    monkeypatch.setattr(chain, "answer", lambda method, params: refuse)
    assert main(["chain", "forward", "1", "--chain", chain.start(), "--development"]) == 5
    chain.stop()
    assert "the node refuses evm_increaseTime; use a development chain" in capsys.readouterr().err


def test_accounts_get_money_from_a_development_node(capsys: pytest.CaptureFixture[str]) -> None:
    account = SigningKey.generate().address
    chain = DevChain()
    url = chain.start()
    assert main(["chain", "fund", f"0x{account.hex()}", "--chain", url, "--development"]) == 0
    assert Rpc(url, ErrorTable(())).web3.eth.get_balance(to_checksum_address(account)) == ALLOWANCE
    chain.stop()
    assert "received 10 ETH" in capsys.readouterr().out
