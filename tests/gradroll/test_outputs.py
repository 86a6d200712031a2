"""What commands write: where it may go, who may read it, and that it is there when it was paid for."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import ChainError, ConfigError, StorageError, catalogue
from circuits.keyfiles import save_verifying_key
from commons.chain.devchain import DevChain
from commons.chain.writer import ChainWriter
from commons.settings.loading import load
from commons.settings.sections import ChainSettings, TaskDefaults
from commons.storage.accounts import create_account
from gradroll.cli import main
from gradroll.commands.destinations import require_free
from gradroll.setup.keygen import DEVELOPMENT_SEED, development_srs, generate
from gradroll.setup.local_market import ALLOWANCE, MarketPlan, endow, prepare
from gradroll.setup.settingsfiles import write_settings

URL = "http://127.0.0.1:8545"
STORAGE = catalogue()["storage"].exit_status


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_place_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    require_free(tmp_path / "new" / "file", force=False)
    assert [*tmp_path.rglob("*")] == [tmp_path / "new"]


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(StorageError, match=r"file exists already; .*--force"):
        require_free(path, force=False)
    require_free(path, force=True)
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", ["", "file/below", "x" * 300, "../../proc/below"])
def test_a_place_that_cannot_be_written_is_said_before_anything_is_done(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    place = Path("/proc/below") if "proc" in name else tmp_path / name
    with pytest.raises(StorageError, match=r"choose another place|is a directory|check the permissions"):
        require_free(place, force=True)


@pytest.mark.usefixtures("_usual_umask")
def test_parameters_are_for_everybody_and_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    srs, keys = tmp_path / "public" / "srs.gsrs", tmp_path / "keys"
    seeded = ["--development", "--insecure-seed", "x"]
    of_string = ["setup", "srs", *seeded, "--dimension", "4", "--out"]
    of_keys = ["setup", "keys", *seeded, "--capacity", "2", "--srs", str(srs), "--out", str(keys)]
    assert main([*of_string, str(srs)]) == 0
    assert main([*of_string, str(srs)]) == 0  # it can be made again, and is
    assert main(of_keys) == 0
    made = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    assert {mode(path) for path in made} == {0o644}
    for command in (of_keys, [*of_string, str(keys / "norm-2.proving")]):
        assert main(command) == STORAGE
        assert "--force" in capsys.readouterr().err
    assert {path: path.stat().st_ino for path in made} == made
    assert main([*of_keys, "--force"]) == 0
    assert {mode(path) for path in (srs.parent, keys)} == {0o755}


@pytest.mark.parametrize("folder", ["lab 🧪 ü", 'a "quote" and a \\', "tab\there", "del\x7f"])
def test_a_path_that_is_written_is_read(tmp_path: Path, folder: str) -> None:
    path = tmp_path / folder / "settings.toml"
    write_settings(path, {"keys": {"srs": tmp_path / folder, "directory": "keys"}, "owner": {"patience": 0.5}})
    settings = load(path, environment={})
    assert settings.get("keys.srs") == tmp_path / folder
    assert settings.get("keys.directory") == tmp_path / folder / "keys"
    assert settings.get("owner.patience") == 0.5


def test_a_path_that_no_settings_file_can_hold_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises(StorageError, match=r"not UTF-8.*another directory"):
        write_settings(tmp_path / "s.toml", {"keys": {"srs": folder}})
    plan = MarketPlan(folder, URL, ("h:1",), 0, 3, "norm", 2)
    with pytest.raises(StorageError, match="not UTF-8"):
        prepare(plan, lambda _: None)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://node:8545", 0o644),
        ("http://node:8545/", 0o644),
        ("http://user:secret@node:8545", 0o600),
        ("https://node/v3/key", 0o600),
        ("https://node?key=secret", 0o600),
    ],
)
@pytest.mark.usefixtures("_usual_umask")
def test_settings_are_for_everybody_unless_the_nodes_url_may_hold_a_secret(
    tmp_path: Path, url: str, expected: int
) -> None:
    write_settings(tmp_path / "s.toml", {"chain": {"url": url}})
    assert mode(tmp_path / "s.toml") == expected


@pytest.mark.parametrize("hosts", [("prover 0:7101", "h:1"), ("h:65536", "h:1"), ("h:1", "::1:7100")])
def test_a_local_market_has_endpoints_that_can_be_reached(tmp_path: Path, hosts: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="is not host:port"):
        MarketPlan(tmp_path, URL, (hosts[0],), 1, 3, "norm", 2, coordinator=hosts[1])


def test_a_deployment_looks_at_its_output_before_it_asks_the_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chain.toml").write_text("first")
    account = tmp_path / "operator.key"
    create_account(account)
    arguments = ["chain", "deploy", "--chain", "http://127.0.0.1:1", "--account", str(account), "--out"]
    assert main([*arguments, str(tmp_path / "chain.toml")]) == STORAGE
    assert main([*arguments, str(account / "below")]) == STORAGE
    assert main([*arguments, str(tmp_path / "new.toml")]) == catalogue()["chain"].exit_status
    assert (tmp_path / "operator.key.outbox.lock").exists()
    assert (tmp_path / "chain.toml").read_text() == "first"
    assert "error[storage]" in capsys.readouterr().err


def test_a_deployment_keeps_its_outbox_where_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key's directory may be one that cannot be written."""
    create_account(tmp_path / "operator.key")
    monkeypatch.setenv("GRADROLL_CHAIN_OUTBOX", str(tmp_path / "elsewhere" / "outbox"))
    main(["chain", "deploy", "--chain", "http://127.0.0.1:1", "--account", str(tmp_path / "operator.key"),
          "--out", str(tmp_path / "new.toml")])  # fmt: skip
    assert (tmp_path / "elsewhere" / "outbox.lock").exists()
    assert not (tmp_path / "operator.key.outbox.lock").exists()


@pytest.mark.slow
def test_addresses_are_told_and_written_as_soon_as_they_are_paid_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = DevChain("::1")
    url = chain.start()
    assert url.startswith("http://[::1]:")
    account = create_account(tmp_path / "operator.key")
    endow(url, [account.address], ALLOWANCE)
    key = generate(tmp_path, "norm", 2, development_srs(DEVELOPMENT_SEED, 4), DEVELOPMENT_SEED)
    save_verifying_key(key, tmp_path / "norm.verifying")
    out = tmp_path / "chain.toml"
    command = ["chain", "deploy", "--development", "--chain", url, "--account", str(tmp_path / "operator.key"),
               "--out", str(out), "--verifying-key", str(tmp_path / "norm.verifying")]  # fmt: skip
    with monkeypatch.context() as broken:
        broken.setattr(ChainWriter, "deploy_verifier", _unreachable)
        assert main(command) == catalogue()["chain"].exit_status
    market = load(out, environment={}).section(ChainSettings).market
    assert f"market 0x{market.hex()}" in capsys.readouterr().out.lower()
    unfinished = out.read_text()
    assert "run the same command again" in unfinished
    create_account(tmp_path / "other.key")
    for change in (("--account", str(tmp_path / "other.key")), ("--chain", "http://127.0.0.1:1")):
        assert main([*command, *change]) == catalogue()["storage"].exit_status  # it is no repetition
    assert out.read_text() == unfinished
    assert main(command) == 0  # it goes on with the contracts that are there
    shown = capsys.readouterr().out.lower()
    assert "run the same command again" not in out.read_text()
    settings = load(out, environment={})
    verifier = settings.section(TaskDefaults).verifier
    assert verifier is not None
    assert f"0x{verifier.hex()}" in shown
    assert settings.section(ChainSettings).market == market
    assert main(command) == catalogue()["storage"].exit_status  # it is whole now
    assert "# registry: 0x" in out.read_text()
    assert main([*command, "--force", "--verifying-key", str(tmp_path / "norm.verifying")]) == 0
    assert load(out, environment={}).section(ChainSettings).market != market
    assert load(out, environment={}).section(TaskDefaults).verifier is None
    assert out.read_text().count("# verifier of norm, 2 owners: 0x") == 2
    chain.stop()


def _unreachable(*_: object) -> bytes:
    raise ChainError("the node cannot be reached")


@pytest.mark.slow
def test_a_local_market_is_completed_and_replaced_with_its_keys(tmp_path: Path) -> None:
    chain = DevChain()
    plan = MarketPlan(tmp_path / "local", chain.start(), ("[::1]:7101", "[::1]:7102", "[::1]:7103"), 1, 3, "norm", 2,
                      bind="::1", coordinator="[::1]:7100")  # fmt: skip
    first = prepare(plan, lambda _: None)
    with pytest.raises(StorageError, match=r"holds a market already; .*--force"):
        prepare(plan, lambda _: None)
    plan.chain_settings.unlink()  # as an interruption would have left it
    second = prepare(plan, lambda _: None)
    third = prepare(plan, lambda _: None, replace=True)
    chain.stop()
    assert len({market.market for market in (first, second, third)}) == 3
    assert len({market.coordinator for market in (first, second, third)}) == 1
    for file in (plan.chain_settings, plan.directory / "model-owner.toml"):
        task = load(file, environment={}).section(TaskDefaults)
        assert (task.committee, task.verifier, task.relay) == (third.committee, third.verifier, third.coordinator)
    coordinator = load(third.coordinator_settings, environment={})
    assert coordinator.get("coordinator.listen") == "[::1]:7100"
    assert coordinator.get("coordinator.log") == f"sqlite://{third.coordinator_settings.parent}/events.sqlite"
    assert load(third.prover_settings(2), environment={}).get("prover.listen") == "[::1]:7103"
