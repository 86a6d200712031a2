"""Deploy starts what the command line takes; example settings pass the real loader and the servers' own checks."""

from __future__ import annotations

import re
import resource
import shlex
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from circuits.errors import ChainError, ConfigError, KeyFileError, StorageError, catalogue
from circuits.srs import powers_needed
from circuits.statement import domain_size
from commons.chain.devchain import DevChain
from commons.runtime.descriptors import room_for
from commons.runtime.supervision import STUCK_STATUS
from commons.settings.loading import load
from commons.settings.pins import parse_endpoint
from commons.settings.sections import (
    ChainSettings,
    CoordinatorSettings,
    KeySettings,
    ModelOwnerSettings,
    OwnerSettings,
    ProverSettings,
    Server,
)
from gradroll.cli import build_parser, main
from tests.support import buildcontext

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
EXAMPLES = DEPLOY / "examples"
PROVERS = 4
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert set(document["volumes"]) == {"market"}
    found: dict[str, Any] = document["services"]
    return found


def command(service: dict[str, Any]) -> Any:
    """The parsed command of a service."""
    return build_parser().parse_args(shlex.split(service["command"]))


def published(service: dict[str, Any]) -> set[int]:
    """Container ports that a service shows to others."""
    return {int(str(port).rpartition(":")[2]) for port in [*service.get("ports", []), *service.get("expose", [])]}


def test_compose_starts_what_the_demo_starts(services: dict[str, Any]) -> None:
    assert set(services) == {"chain", "setup", "coordinator", *(f"prover-{p}" for p in range(PROVERS))}
    for service in services.values():
        assert command(service).run
        assert service["environment"]["GRADROLL_DEVELOPMENT"] == "1"
        assert service["volumes"] == ["market:/market"]


def test_ports_and_hosts_agree(services: dict[str, Any]) -> None:
    setup = command(services["setup"])
    assert setup.chain == "http://chain:8545"
    assert command(services["chain"]).listen == "0.0.0.0:8545"
    assert published(services["chain"]) == {8545}
    assert (setup.provers, setup.same_port, setup.prover_host) == (PROVERS, True, "prover-{index}")
    assert all(published(services[f"prover-{p}"]) == {setup.prover_port} for p in range(PROVERS))
    assert setup.coordinator_host == "coordinator"
    assert published(services["coordinator"]) == {setup.coordinator_port}


def test_only_the_loopback_interface_is_published(services: dict[str, Any]) -> None:
    for service in services.values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))


def test_servers_wait_for_the_setup_and_read_what_it_writes(services: dict[str, Any]) -> None:
    directory = command(services["setup"]).directory
    expected = {f"prover-{p}": directory / f"prover-{p}" / "prover.toml" for p in range(PROVERS)}
    expected["coordinator"] = directory / "coordinator" / "coordinator.toml"
    for name, path in expected.items():
        assert command(services[name]).config == path
        waits = services[name]["depends_on"]
        assert {each["condition"] for each in waits.values()} <= {"service_completed_successfully", "service_healthy"}
    assert all("setup" in services[f"prover-{p}"]["depends_on"] for p in range(PROVERS))
    assert set(services["coordinator"]["depends_on"]) == {f"prover-{p}" for p in range(PROVERS)}
    assert services["setup"]["depends_on"] == {"chain": {"condition": "service_healthy"}}
    assert command(services["setup"]).keep  # a second `up` finds the market


def test_every_server_is_asked_whether_it_is_healthy(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name in ("chain", "setup"):
            continue
        marker, program, *arguments = service["healthcheck"]["test"]
        assert (marker, program) == ("CMD", "gradroll")
        asked, served = build_parser().parse_args(arguments), command(service)
        assert asked.config == served.config
        assert asked.run is not served.run


def test_the_chains_health_check_tells_a_chain_from_none(services: dict[str, Any]) -> None:
    marker, program, *arguments = services["chain"]["healthcheck"]["test"]
    assert (marker, program) == ("CMD", "python")
    chain = DevChain()
    asked = [each.replace("http://127.0.0.1:8545", chain.start()) for each in arguments]
    assert asked != arguments
    subprocess.run([sys.executable, *asked], cwd=ROOT, check=True)
    chain.stop()
    assert subprocess.run([sys.executable, *asked], cwd=ROOT, capture_output=True, check=False).returncode


def test_what_compose_says_to_run_exists(services: dict[str, Any]) -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    said = re.findall(r"docker compose -f (\S+) run --rm (\S+) (.*)$", text, re.MULTILINE)
    assert len(said) > 1
    made = command(services["setup"]).directory
    for file, service, arguments in said:
        assert (ROOT / file).exists()
        assert service in services
        assert build_parser().parse_args(shlex.split(arguments)).config == made / "chain.toml"


def instructions(name: str) -> list[list[str]]:
    """The words of every line of the Containerfile that begins with an instruction."""
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """What the image is made of, relative to the repository."""
    own = (words[1:-1] for words in instructions("COPY") if not words[1].startswith("--"))
    return [source for sources in own for source in sources]


def test_the_image_holds_every_package_and_the_artifacts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    top = {source.partition("/")[0] for source in copied()}
    assert set(project["tool"]["maturin"]["python-packages"]) <= top
    assert "contracts/artifacts" in copied()
    assert all((ROOT / source).exists() for source in copied())
    assert ["USER", "gradroll"] in instructions("USER")


def test_base_and_compiler_are_pinned() -> None:
    given = dict(words[1].split("=", 1) for words in instructions("ARG"))
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", given["BASE"])
    assert {words[1] for words in instructions("FROM")} == {"${BASE}"}
    wanted = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text(encoding="utf-8"))
    least = [int(part) for part in wanted["workspace"]["package"]["rust-version"].split(".")]
    assert [int(part) for part in given["RUST"].split(".")] >= least


def test_the_context_of_a_build_is_what_the_image_copies() -> None:
    context = set(buildcontext.files(ROOT))
    for source in copied():
        assert source in context or any(path.startswith(f"{source}/") for path in context), source
    needless = {path for path in context if not any(path == each or path.startswith(f"{each}/") for each in copied())}
    assert needless == set()
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = {path for path in tracked.splitlines() if any(path == s or path.startswith(f"{s}/") for s in copied())}
    fuzzer = {path for path in wanted if path.startswith("native/fuzz/")}
    assert wanted - fuzzer <= context
    assert fuzzer
    assert not fuzzer & context
    hidden = ["git", "ls-files", "--others", "--ignored", "--exclude-standard"]
    built = subprocess.run(hidden, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert context & set(built) == set()
    assert sum((ROOT / path).stat().st_size for path in context) < 8 * MEGABYTE


def test_the_rules_of_a_context_are_those_of_docker(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("# all\n*\n!a\n!b/keep\n**/*.so\n")
    for name in ("a/x.py", "a/y.so", "a/deep/z.so", "b/keep", "b/drop", "c/x.py", "top"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert set(buildcontext.files(tmp_path)) == {"a/x.py", "b/keep"}


def unit(name: str) -> ConfigParser:
    """A service unit."""
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(DEPLOY / "systemd" / f"gradroll-{name}.service")
    return parsed


@pytest.mark.parametrize("name", ["prover", "coordinator"])
def test_units_start_real_commands(name: str) -> None:
    service = unit(name)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/gradroll")
    parsed = build_parser().parse_args(arguments)
    assert parsed.config == Path(f"/etc/gradroll/{name}.toml")
    assert service["LimitCORE"] == "0"  # no key ends in a core dump


@pytest.mark.parametrize("name", ["prover", "coordinator"])
def test_units_have_descriptors_for_all_connections(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit = int(unit(name)["Service"]["LimitNOFILE"])
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    wanted = Server.model_fields["max_connections"].default
    assert room_for(wanted) == wanted
    assert not caplog.messages


@pytest.mark.parametrize("name", ["prover", "coordinator"])
def test_units_start_again_what_may_heal_and_nothing_else(name: str, tmp_path: Path) -> None:
    service = unit(name)["Service"]
    final = {int(status) for status in service["RestartPreventExitStatus"].split()}
    assert {error.exit_status for error in (ConfigError, KeyFileError, StorageError)} <= final
    assert ChainError.exit_status not in final
    assert main([name, "serve", "--config", str(tmp_path / "missing.toml")]) in final
    with pytest.raises(SystemExit) as stopped:
        main([name, "serve", "--no-such-option"])
    assert stopped.value.code in final
    assert unit(name)["Unit"]["StartLimitIntervalSec"] == "0"  # no burst of tries after which a node's return is missed


@pytest.mark.parametrize("name", ["prover", "coordinator"])
def test_units_are_told_that_a_process_lives_and_start_one_again_that_ended_itself(name: str) -> None:
    service = unit(name)["Service"]
    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "5min"
    assert STUCK_STATUS not in {int(status) for status in service["RestartPreventExitStatus"].split()}
    assert STUCK_STATUS not in {error.exit_status for error in catalogue().values()}


def test_example_settings_pass_the_real_loader() -> None:
    settings = {path.stem: load(path, environment={}) for path in EXAMPLES.glob("*.toml")}
    assert set(settings) == {"prover", "coordinator", "owner", "model-owner"}
    for each in settings.values():
        assert not each.development
        assert len(each.section(ChainSettings).market) == 20
        assert each.section(KeySettings).srs.suffix == ".gsrs"
    assert settings["coordinator"].section(CoordinatorSettings).log.startswith("sqlite:///")
    assert settings["owner"].section(OwnerSettings).state == EXAMPLES / "owner-state"


def test_what_examples_leave_out_could_be_put_in(tmp_path: Path) -> None:
    for path in EXAMPLES.glob("*.toml"):
        whole = re.sub(r"^# (?=\w+ = )", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (tmp_path / path.name).write_text(whole, encoding="utf-8")
        load(tmp_path / path.name, environment={})


def test_examples_agree_with_each_other() -> None:
    """One chain, one market, TLS everywhere, the coordinator where its users look for it."""
    documents = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.toml")}
    chains = [document["chain"] for document in documents.values()]
    assert all(chain == chains[0] for chain in chains)
    used = {documents["owner"]["owner"]["coordinator"], documents["model-owner"]["model_owner"]["coordinator"]}
    port = documents["coordinator"]["coordinator"]["listen"].rpartition(":")[2]
    announced = documents["coordinator"]["coordinator"]["endpoint"]
    assert announced == f"grpcs://coordinator.example.org:{port}"
    assert [each.partition("#")[0] for each in used] == [announced]
    assert all(parse_endpoint(each).pin for each in used)  # owners and model owners know the coordinator by its key
    assert documents["prover"]["prover"]["endpoint"].startswith("grpcs://")
    settings = [load(EXAMPLES / f"{name}.toml", environment={}) for name in ("prover", "coordinator")]
    assert settings[0].section(ProverSettings).tls is None
    assert settings[1].section(CoordinatorSettings).tls is None
    assert settings[0].section(ProverSettings).second_node
    assert documents["owner"]["keys"] == documents["model-owner"]["keys"]
    assert settings[0].section(KeySettings) == settings[1].section(KeySettings)
    assert load(EXAMPLES / "model-owner.toml", environment={}).section(ModelOwnerSettings).coordinator in used


def test_the_ceremonys_file_serves_the_models_that_the_page_says() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    found = re.search(r"File (\d+) of the perpetual powers of tau serves models of up to ([\d,]+) coordinates", page)
    assert found
    power, largest = int(found[1]), int(found[2].replace(",", ""))
    assert f"powersOfTau28_hez_final_{power}.ptau --dimension" in page
    there = (2 << power) - 1  # [tau^i]_1 of a file of that power
    assert powers_needed(domain_size(largest)) <= there < powers_needed(domain_size(largest + 1))
