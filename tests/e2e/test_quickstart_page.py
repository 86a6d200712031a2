"""docs/quickstart.md as a reader follows it: every block, literally, in order, from an empty directory."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.pages import Terminals, blocks, elsewhere

pytestmark = pytest.mark.slow


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
