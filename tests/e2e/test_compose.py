"""deploy/compose.yaml with processes in place of containers: up, healthy, up again, a chain that forgot its market."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gradroll.setup.freeports import free_ports
from tests.support.pages import Terminals

pytestmark = pytest.mark.slow

PROVERS = 4


class Project:
    """The project of the compose file; each prover has an address of the loopback interface of its own."""

    def __init__(self, file: Path, volume: Path, terminals: Terminals) -> None:
        self._services: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
        self._volume, self._terminals = volume, terminals
        self._ports = dict(zip(("8545", "7100", "7101"), map(str, free_ports(3)), strict=True))
        for service in self._services.values():
            terminals.environment |= service["environment"]

    def serve(self, name: str) -> subprocess.Popen[bytes]:
        """Start a server, and ask it as compose does until it is healthy."""
        own = self._address(name)
        listen = f"env GRADROLL_PROVER_LISTEN={own} " if name.startswith("prover") else ""
        command = f"{listen}gradroll {self._placed(self._services[name]['command'], name)}"
        process = self._terminals.serve(command, self._volume, self._volume / f"{name}.log")
        _, *check = self._services[name]["healthcheck"]["test"]
        quoted = " ".join(f'"{self._placed(word, name)}"' for word in check)
        self._terminals.type(f"{listen}{quoted}", self._volume)
        return process

    def set_up(self) -> str:
        """Run the service that prepares the market; returns what it says."""
        command = self._placed(self._services["setup"]["command"], "setup")
        return self._terminals.type(f"gradroll {command}", self._volume)

    def up(self) -> list[subprocess.Popen[bytes]]:
        """Start everything behind the chain, in the order of compose."""
        return [self.serve(name) for name in (*(f"prover-{p}" for p in range(PROVERS)), "coordinator")]

    def _address(self, name: str) -> str:
        return f"127.0.0.1{name[-1]}:{self._ports['7101']}"

    def _placed(self, text: str, name: str) -> str:
        own = "127.0.0.1" if name in ("chain", "coordinator") else "0.0.0.0"  # noqa: S104 - provers are told by variable
        changes = {
            "/market": str(self._volume), "chain:8545": "127.0.0.1:8545", "0.0.0.0:": f"{own}:",
            "--prover-host prover-{index}": "--prover-host 127.0.0.1{index}",
            "--coordinator-host coordinator": "--coordinator-host 127.0.0.1", **self._ports,
        }  # fmt: skip
        for old, new in changes.items():
            text = text.replace(old, new)
        return text


def test_up_and_up_again_and_a_chain_that_forgot(repository: Path, tmp_path: Path) -> None:
    with Terminals() as terminals:
        project = Project(repository / "deploy" / "compose.yaml", tmp_path, terminals)
        chain = project.serve("chain")
        assert "nothing is changed" not in project.set_up()
        servers = project.up()
        terminals.stop(*servers)
        assert "nothing is changed" in project.set_up()
        servers = project.up()
        terminals.stop(*servers, chain)
        project.serve("chain")
        with pytest.raises(AssertionError, match="begin anew"):
            project.set_up()
