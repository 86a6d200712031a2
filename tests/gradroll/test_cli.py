"""The command line: every command teaches, errors have a code and an exit status, secrets stay out."""

from __future__ import annotations

import argparse
import io
import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuits.errors import GradrollError, catalogue
from commons.runtime.amounts import ether, ether_at_most
from commons.storage.accounts import load_account
from gradroll.cli import build_parser, main
from gradroll.console import Console


def leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command that does something."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield path, parser
    for action in groups:
        for name, child in action.choices.items():
            yield from leaves(child, (*path, name))


LEAVES = dict(leaves(build_parser()))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADROLL_DEVELOPMENT", raising=False)


def test_every_role_has_its_commands() -> None:
    wanted = """
        demo, chain serve, coordinator serve, prover init, prover serve, prover join, task create, task fund, task open,
        task status, task show, task transfer, task accept, task coordinator, task read, task withdraw, submit, claim,
        owner register, owner consent, owner resign, owner exit, owner lapse, owner order, owner relay,
        owner account, verifier create,
        collect, task fees, task challenge, task relay, audit, setup srs, setup keys, committee create, committee show,
        committee rotate, committee cancel, committee apply, committee revoke, committee vote, committee replace,
        committee retire, committee bond, committee vote-coordinator, committee coordinator, committee report,
        committee collect, data model make, data model train, data model reveal, data model score, data model missing,
        data improve open, data improve table, data improve sign, data improve submit, data improve claim,
        data improve return, data version register, data version verify, data version graph
    """
    assert {tuple(words.split()) for words in wanted.split(",")} <= set(LEAVES)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_teaches_with_an_example_that_parses(path: tuple[str, ...]) -> None:
    text = LEAVES[path].format_help()
    assert "example:" in text
    example = text.split("example:")[1].replace("...", "").replace("0xA", _address()).replace("0xB", _address())
    words = " ".join(example.replace("0xC", _address()).replace("0xD", _address()).split()).split()
    assert words[0] == "gradroll"
    arguments = [_address() if word == "0x" else word for word in words[1:]]
    build_parser().parse_args(arguments)


def _address() -> str:
    return "0x" + "11" * 20


def test_every_error_of_the_catalogue_has_an_exit_status() -> None:
    assert {kind.exit_status for code, kind in catalogue().items() if code != "internal"} <= {3, 4, 5, 6, 7}


def test_an_error_prints_its_code_and_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status = main(["setup", "srs", "--insecure-seed", "x", "--dimension", "4", "--out", str(tmp_path / "srs")])
    shown = capsys.readouterr().err
    assert status == catalogue()["insecure-setup"].exit_status
    assert shown.startswith("error[insecure-setup]: ")
    assert "--development" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["prover", "serve"], "config", "pass --chain"),
        (["prover", "join", "--keystore", "k", "--committee", "0"], "config", "pass --endpoint"),
        (["prover", "join", "--endpoint", "grpcs://h:1"], "config", "pass --keystore"),
        (["prover", "join", "--endpoint", "[::1]:1", "--committee", "0", "--keystore", "gone"], "bad-key-file", "gone"),
        (["prover", "join", "--endpoint", "http://x/y z"], "config", "prover.endpoint"),
        (["coordinator", "serve"], "config", "pass --chain"),
        (["task", "read", "0", "--round", "0", "--out", "sum.npy"], "config", "pass --account"),
        (["claim", "0", "--account", "absent"], "bad-key-file", "absent"),
        (["prover", "serve", "--config", "absent.toml"], "config", "absent.toml"),
        (["coordinator", "serve", "--market", "0x12"], "config", "chain.market"),
        (["submit", "0", "--gradient", "absent.npy"], "unknown", "absent.npy"),
        (["setup", "keys", "--policy", "norm-contribution", "--srs", "absent", "--out", "x"], "bad-circuit", "of norm"),
        (["setup", "local", "--development", "--policy", "median", "--chain", "http://127.0.0.1:9", "--directory", "x"],
         "bad-circuit", "'median'"),
        (["demo", "--provers", "2"], "config", "--provers"),
        (["demo", "--owners", "3"], "config", "--owners"),
        (["chain", "serve", "--development", "--listen", "8545"], "config", "listen"),
        (["chain", "serve"], "insecure-setup", "public"),
        (["task", "create", "--committee", "0", "--verifier", "0x" + "11" * 20, "--relay", "0x" + "11" * 20,
          "--dimension", "3", "--norm", "-1", "--reward", "1"], "invalid-input", "norm"),
    ],
)  # fmt: skip
def test_bad_input_is_named(
    arguments: list[str], code: str, named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(arguments) == catalogue()[code].exit_status
    shown = capsys.readouterr().err
    assert shown.startswith(f"error[{code}]: ")
    assert named in shown


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from gradroll.cli import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "native", "web3", "grpc", "circuits.policies.registry"} & set(loaded)


def test_usage_errors_are_argparses_own() -> None:
    usual = (["submit"], ["audit", "zero"], ["committee", "create", "--threshold", "0"], ["nothing"])
    for arguments in (*usual, ["demo", "--policy", "median"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert (
            main(["chain", "serve", "--development", "--listen", f"127.0.0.1:{port}"])
            == catalogue()["config"].exit_status
        )
    assert str(port) in capsys.readouterr().err


def test_an_account_is_private_and_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "owner.key"
    assert main(["setup", "account", "--out", str(path)]) == 0
    shown = capsys.readouterr()
    secret = json.loads(path.read_text())["secret"]
    assert secret not in shown.out + shown.err
    assert load_account(path).address.hex() in shown.out.lower()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert main(["setup", "account", "--out", str(path)]) == catalogue()["storage"].exit_status
    assert json.loads(path.read_text())["secret"] == secret
    path.chmod(0o644)
    with pytest.raises(GradrollError, match="chmod 600"):
        load_account(path)


def test_prover_init_makes_keys_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "keys"
    assert main(["prover", "init", "--keystore", str(directory)]) == 0
    assert main(["prover", "init", "--keystore", str(directory)]) == catalogue()["storage"].exit_status
    assert main(["prover", "init"]) == catalogue()["config"].exit_status
    assert "address 0x" in capsys.readouterr().out


def test_development_parameters_are_made_and_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    srs, keys = tmp_path / "srs.gsrs", tmp_path / "keys"
    seeded = ["--insecure-seed", "x"]
    assert main(["setup", "srs", "--development", *seeded, "--dimension", "4", "--out", str(srs)]) == 0
    make = ["setup", "keys", "--policy", "norm", "--capacity", "2", "--srs", str(srs), "--out", str(keys)]
    assert main(make) == catalogue()["insecure-setup"].exit_status
    assert main([*make, "--development", *seeded]) == 0
    assert "insecure-development" in capsys.readouterr().out
    assert sorted(path.name for path in keys.iterdir()) == ["norm-2.proving", "norm-2.verifying"]


@pytest.mark.parametrize("writing", ["save_proving_key", "save_verifying_key"])
def test_making_keys_goes_again_after_an_interruption(
    writing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the two files is left alone, where it would be in the way."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    srs, keys = str(tmp_path / "srs.gsrs"), tmp_path / "keys"
    seeded = ["--development", "--insecure-seed", "x"]
    assert main(["setup", "srs", *seeded, "--dimension", "4", "--out", srs]) == 0
    make = ["setup", "keys", *seeded, "--capacity", "2", "--srs", srs, "--out", str(keys)]
    with monkeypatch.context() as patched:
        patched.setattr(f"gradroll.setup.keygen.{writing}", interrupted)
        assert main(make) == 130
    assert main(make) == 0


def test_an_interruption_says_that_nothing_is_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, what: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradroll.commands.arrayfiles.read_array", interrupted)
    assert main(["submit", "0", "--gradient", "g.npy"]) == 130
    assert "nothing is lost" in capsys.readouterr().err


def test_the_console_is_plain_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    Console(out).line("text", "red")
    Console(out).heading("title")
    assert out.getvalue() == "text\n\ntitle\n"


@pytest.mark.parametrize(
    ("wei", "text"), [(0, "0 ETH"), (10**18, "1 ETH"), (15 * 10**17, "1.5 ETH"), (1, f"0.{'0' * 17}1 ETH")]
)
def test_amounts_are_exact(wei: int, text: str) -> None:
    assert ether(wei) == text


@pytest.mark.parametrize(
    ("wei", "text"), [(0, "0 ETH"), (999, ether(999)), (1001, ether(1010)), (270301504988976, "0.000271 ETH")]
)
def test_bounds_are_rounded_up(wei: int, text: str) -> None:
    assert ether_at_most(wei) == text
