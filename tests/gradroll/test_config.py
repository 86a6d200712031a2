"""Settings: order of sources, checked values, and errors that name the key and where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits.errors import ConfigError, InsecureSetupError
from commons.settings.loading import ChainSettings, KeySettings, ProverSettings, load
from gradroll.nodes import node_config

MARKET = "0x" + "ab" * 20


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def test_file_then_environment_then_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, f'[chain]\nurl = "http://file"\nchain_id = 1\nmarket = "{MARKET}"\n')
    environment = {"GRADROLL_CHAIN_URL": "http://environment", "GRADROLL_CHAIN_CHAIN_ID": "2", "HOME": "/root"}
    chain = load(path, environment=environment, overrides={"chain.chain_id": 3}).section(ChainSettings)
    assert chain == ChainSettings("http://environment", 3, bytes.fromhex("ab" * 20))


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[keys]\nsrs = "srs.gsrs"\ndirectory = "/keys"\n')
    assert load(path, environment={}).section(KeySettings) == KeySettings(tmp_path / "srs.gsrs", Path("/keys"))
    from_environment = load(path, environment={"GRADROLL_KEYS_SRS": "here.gsrs"}).section(KeySettings)
    assert from_environment.srs == Path.cwd() / "here.gsrs"


def test_optional_keys_have_defaults(tmp_path: Path) -> None:
    text = '[prover]\nlisten = "h:1"\nendpoint = "h:1"\nkeystore = "k"\nstate = "s"\ncommittee = 0\n'
    prover = load(written(tmp_path, text), environment={}).section(ProverSettings)
    assert (prover.tls_certificate, prover.committee) == (None, 0)


PROVER = (
    f'[chain]\nurl = "http://n"\nchain_id = 1\nmarket = "{MARKET}"\nfrom_block = 5\n'
    '[keys]\nsrs = "s"\ndirectory = "d"\n'
    '[prover]\nlisten = "h:1"\nendpoint = "h:1"\nkeystore = "k"\nstate = "s"\ncommittee = 0\n'
)


def test_a_prover_waits_for_finality_unless_told_otherwise(tmp_path: Path) -> None:
    """What was accepted in a block that a reorganisation takes back must not have been released."""
    usual = node_config(load(written(tmp_path, PROVER), environment={}))
    assert (usual.confirmations, usual.second_rpc_url, usual.retention_days) == (12, "", 90)
    text = PROVER + 'confirmations = 64\nsecond_node = "https://other"\nretention_days = 7\n'
    chosen = node_config(load(written(tmp_path, text), environment={}))
    assert (chosen.confirmations, chosen.second_rpc_url, chosen.retention_days) == (64, "https://other", 7)
    assert chosen.from_block == 5


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("confirmations = 0\n", "confirmations is 0"),
        ("confirmations = 10001\n", "confirmations is 10001"),
        ("retention_days = 0\n", "retention_days is 0"),
        ('second_node = "ws://other"\n', "second_rpc_url is no http"),
    ],
)
def test_a_prover_refuses_settings_that_cannot_work(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        node_config(load(written(tmp_path, PROVER + text), environment={}))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[chain]\nurl = 5\n", "chain.url"),
        ('[chain]\nchain_id = "one"\n', "chain.chain_id"),
        ("[chain]\nchain_id = 1.5\n", "chain.chain_id"),
        ("[chain]\nchain_id = -1\n", "chain.chain_id"),
        ("[chain]\nchain_id = true\n", "chain.chain_id"),
        ('[chain]\nmarket = "0x12"\n', "chain.market"),
        ('[chain]\nmarket = "zz"\n', "chain.market"),
        ('[chain]\nmarkt = "0x12"\n', "chain.markt"),
        ("[keys]\nsrs = 3\n", "keys.srs"),
        ('[keys]\nsrs = ""\n', "keys.srs"),
        ("[chains]\n", "chains"),
        ("chain = 3\n", "chain"),
        ('development = "perhaps"\n', "development"),
        ("[chain\n", "TOML"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(written(tmp_path, text), environment={})


def test_unknown_variables_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GRADROLL_CHAIN_ULR"):
        load(environment={"GRADROLL_CHAIN_ULR": "http://x"})
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml", environment={})


def test_a_missing_key_is_named_with_the_ways_to_set_it() -> None:
    with pytest.raises(ConfigError, match=r"chain\.url.*GRADROLL_CHAIN_URL"):
        load(environment={}).section(ChainSettings)


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_development_comes_from_the_environment_too(value: str, expected: bool) -> None:
    assert load(environment={"GRADROLL_DEVELOPMENT": value}).development is expected


def test_insecure_setups_need_development_mode() -> None:
    with pytest.raises(InsecureSetupError, match="--development"):
        load(environment={}).require_development("a seeded SRS")
    load(environment={}, development=True).require_development("a seeded SRS")
