"""A data market for development: provers, everybody and each role have settings that name it, beside one of models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from commons.chain.dataview import DataView
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.settings.datasettings import DataMarketSettings
from commons.settings.loading import load
from commons.settings.sections import ChainSettings, ProverSettings
from commons.storage.accounts import load_account
from gradroll.cli import main
from gradroll.setup.local_data import ROLES
from gradroll.setup.local_market import ALLOWANCE
from gradroll.setup.settingsfiles import add_section, write_settings

PROVERS = 3


def test_everybody_is_told_of_the_campaigns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = DevChain()
    words = f"setup local --chain {chain.start()} --directory {tmp_path} --provers {PROVERS} --owners 0 --dimension 3"
    assert main([*words.split(), "--capacity", "2", "--data", "--development", "--json"]) == 0
    campaigns = bytes.fromhex(json.loads(capsys.readouterr().out)["campaigns"].removeprefix("0x"))
    for prover in range(PROVERS):
        settings = load(tmp_path / f"prover-{prover}" / "prover.toml", environment={})
        assert settings.section(DataMarketSettings, "campaigns").campaigns == campaigns
        assert settings.section(ProverSettings).committee
    named = load(tmp_path / "data.toml", environment={})
    assert named.section(DataMarketSettings, "campaigns", "confirmations").campaigns == campaigns
    view = ChainView.of(named.section(ChainSettings))
    assert DataView(view, campaigns).minimum_window == 60
    own = [load(tmp_path / f"{role}.toml", environment={}).section(DataMarketSettings) for role in ROLES]
    accounts = [load_account(each.account).address for each in own if isinstance(each.account, Path)]
    assert len(set(accounts)) == len({each.state for each in own}) == len(ROLES)
    assert all(view.balance(account) == ALLOWANCE for account in accounts)
    assert {each.campaigns for each in own} == {campaigns}
    assert {each.versions for each in own} == {None}
    for place in {place for each in own for place in (each.models, each.improvement)}:
        assert place is not None
        assert view.rpc.web3.eth.get_code(to_checksum_address(place))
    looking = ["data", "model", "show", "0x" + "3f" * 32, "--config", str(tmp_path / "data.toml"), "--json"]
    assert main(looking) == 0  # without an account or a directory
    assert json.loads(capsys.readouterr().out)["models"] == []
    chain.stop()


def test_a_section_is_added_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    node = "http://user:secret@127.0.0.1:8545"
    write_settings(path, {"chain": {"url": node}, "models": {"confirmations": 1}}, development=True)
    before, mode = path.read_bytes(), path.stat().st_mode
    add_section(path, "data", {"campaigns": "0x" + "11" * 20})
    assert path.read_bytes().startswith(before)
    assert path.stat().st_mode == mode
    settings = load(path, environment={})
    assert settings.development
    assert settings.section(DataMarketSettings, "campaigns").campaigns == b"\x11" * 20
