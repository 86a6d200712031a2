"""Deploy starts what the command line takes; example settings pass the real loader and the servers' own checks."""

from __future__ import annotations

import shlex
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from commons.settings.loading import load
from commons.settings.sections import (
    ChainSettings,
    CoordinatorSettings,
    KeySettings,
    ModelOwnerSettings,
    OwnerSettings,
    ProverSettings,
)
from gradroll.cli import build_parser

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
PROVERS = 4


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
        assert services[name]["depends_on"]["setup"]["condition"] == "service_completed_successfully"


def test_the_image_holds_every_package_and_the_artifacts() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    for package in project["tool"]["maturin"]["python-packages"]:
        assert f"COPY {package}" in text, package
    assert "COPY contracts/artifacts" in text
    assert "USER gradroll" in text
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            assert all((DEPLOY.parent / source).exists() for source in words[1:-1]), line


@pytest.mark.parametrize("name", ["prover", "coordinator"])
def test_units_start_real_commands(name: str) -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "systemd" / f"gradroll-{name}.service")
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/gradroll")
    parsed = build_parser().parse_args(arguments)
    assert parsed.config == Path(f"/etc/gradroll/{name}.toml")
    assert unit["Service"]["LimitCORE"] == "0"  # no key ends in a core dump


def test_example_settings_pass_the_real_loader() -> None:
    examples = DEPLOY / "examples"
    settings = {path.stem: load(path, environment={}) for path in examples.glob("*.toml")}
    assert set(settings) == {"prover", "coordinator", "owner", "model-owner"}
    for each in settings.values():
        assert not each.development
        assert len(each.section(ChainSettings).market) == 20
        assert each.section(KeySettings).srs.suffix == ".gsrs"
    assert settings["prover"].section(ProverSettings).tls is not None
    assert settings["coordinator"].section(CoordinatorSettings).log.startswith("sqlite:///")
    assert settings["owner"].section(OwnerSettings).state == examples / "owner-state"
    assert settings["model-owner"].section(ModelOwnerSettings).coordinator.startswith("grpcs://")
