"""docs/quickstart.md as a reader follows it: every block, literally, in order, from an empty directory."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.support.pages import Terminals, blocks

pytestmark = pytest.mark.slow

PORTS = (8545, 7100, 7101, 7102, 7103, 7104)


def free(first: int, count: int) -> bool:
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
    if free(PORTS[0], 1) and free(PORTS[1], len(PORTS) - 1):
        return lambda command: command
    base = next(first for first in range(20_000, 32_000, 10) if free(first, len(PORTS)))

    def moved(command: str) -> str:
        command = command.replace(":8545", f":{base}").replace(":7100", f":{base + 1}")
        own = f" --coordinator-port {base + 1} --prover-port {base + 2}"
        return command + own if "setup local" in command else command

    return moved


def test_the_page(repository: Path, tmp_path: Path) -> None:
    moved, servers = elsewhere(), 0
    told: list[str] = []

    def place(text: str) -> str:
        """With the reader's own ports, and its own task in place of the page's."""
        made = re.findall(r"^task (0x[0-9a-f]{16}) created", "\n".join(told), re.MULTILINE)
        for task in made:
            text = text.replace("0x3FA9000000000001", task).replace("0x3fa9", task[:7])
        return moved(text)

    with Terminals() as terminals:
        for block in blocks(repository / "docs" / "quickstart.md"):
            if block.language == "python":
                (tmp_path / "script.py").write_text(place(block.text), encoding="utf-8")
                told.append(terminals.type("python script.py", tmp_path))
                continue
            for command in block.commands():
                typed = place(command)
                if " serve " in typed:
                    servers += 1
                    terminals.serve(typed, tmp_path, tmp_path / f"server-{servers}.log")
                else:
                    told.append(terminals.type(typed, tmp_path))
    assert servers == 6
    said = "\n".join(told)
    assert "state: accepted" in said
    assert "received 0.001 ETH" in said
    assert "passed proof" in said
    for name in ("sum.npy", "again.npy"):
        assert np.allclose(np.load(tmp_path / name), [1.0, -2.0, 0.5], atol=2 * 2**-16)
    assert told[-1].splitlines() == ["accepted", f"{2 * 10**15} wei"]  # owner 1 claims both rounds
