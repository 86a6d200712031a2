"""Walks of a page of the documentation: its blocks, taken literally, in the terminals of those who type them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

TOO_EARLY = (4, 5)
"""Exit statuses after which a page's reader types a command again: too early, or somebody is not there yet."""
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<'(\w+)'")
_PORTS = (8545, 7100, 7101, 7102, 7103, 7104)
_TRIES, _PAUSE = 300, 2  # seconds: each try is a process that takes one of what it waits for


@dataclass(frozen=True, slots=True)
class Block:
    """What a reader types; ``language`` is console or python."""

    language: str
    text: str

    @property
    def who(self) -> str:
        """The comment that a block begins with: whose terminal it is meant for."""
        first = self.text.splitlines()[0]
        return first.removeprefix("# ") if first.startswith("# ") else ""

    def commands(self) -> Iterator[str]:
        """One command after the other, here-documents with theirs; comments and empty lines are none."""
        lines = iter(self.text.splitlines())
        for line in lines:
            if not line or line.startswith("#"):
                continue
            command, here = [line], _HERE.search(line)
            while here and command[-1] != here[1]:
                command.append(next(lines))
            yield "\n".join(command)


def _free(first: int, count: int) -> bool:
    """Whether nobody listens on so many ports from the first on."""
    with ExitStack() as stack:
        try:
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def elsewhere() -> Callable[[str], str]:
    """What a command becomes where somebody has the page's ports: itself, on other ones."""
    if _free(_PORTS[0], 1) and _free(_PORTS[1], len(_PORTS) - 1):
        return lambda command: command
    base = next(first for first in range(20_000, 32_000, 10) if _free(first, len(_PORTS)))

    def moved(command: str) -> str:
        command = command.replace(":8545", f":{base}").replace(":7100", f":{base + 1}")
        own = f" --coordinator-port {base + 1} --prover-port {base + 2}"
        return command + own if "setup local" in command else command

    return moved


def blocks(page: Path) -> list[Block]:
    """The console and python blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


@dataclass(slots=True)
class Terminals:
    """The terminals of everybody on a page; what was started in them ends when the block is left.

    Attributes:
        environment: variables beside those of the system; `export` lines add to them.
    """

    environment: dict[str, str] = field(default_factory=dict)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Terminals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(*tuple(self._running))

    def type(self, command: str, directory: Path) -> str:
        """Run a command of bash to its end, again while it is too early; returns what it printed.

        Raises:
            AssertionError: it fails; the message has its output.
        """
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = os.path.expandvars(value)
            return ""
        for _ in range(_TRIES):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=directory, env=self._variables(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode not in TOO_EARLY:
                break
            time.sleep(_PAUSE)
        assert done.returncode == 0, f"{command}\nends with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def serve(self, command: str, directory: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start a server in a terminal of its own and wait until it says that it has started."""
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=directory, env=self._variables(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        while "-started " not in (said := log.read_text(errors="replace")):
            assert process.poll() is None, f"{command}\nends with {process.returncode}:\n{said}"
            time.sleep(0.1)
        return process

    def stop(self, *processes: subprocess.Popen[bytes]) -> None:
        """Stop servers as a service manager does, and wait until they are gone."""
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()
            self._running.remove(process)

    def _variables(self) -> Mapping[str, str]:
        """The environment of a reader who installed gradroll and set nothing but what the page says."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GRADROLL_")}
        return own | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"} | self.environment
