"""docs/model-market.md: its tutorial as a reader follows it, every block, literally, in order; and its figures."""

from __future__ import annotations

import json
import re
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from circuits.accuracy.sizeclasses import MAX_CHUNKS, SMALL
from circuits.statement import TAIL
from commons.artifacts.networkfiles import read_network
from gradroll.modelmarket.openingledger import MOST_OPENINGS
from gradroll.setup.freeports import free_ports
from tests.support.pages import Terminals, blocks

_MADE = {
    "0x" + "4b" * 20: r"^verifier of accuracy-\S+ (0x[0-9a-fA-F]{40})$",
    "0x" + "7c" * 32: r"^set (0x[0-9a-f]{64}) of 1 groups$",
    "0x" + "1a" * 64: r"^(0x[0-9a-f]{128})$",
    "0x" + "3f" * 32: r"^listing (0x[0-9a-f]{64})$",
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku": r"^offer (bafkrei\w{52}), in the store \S+$",
    "0x" + "5a" * 32: r"^sale (0x[0-9a-f]{64}): .* are locked$",
}
"""The page's identifiers, and what the commands print that make the reader's own."""


@pytest.fixture
def text(repository: Path) -> str:
    return (repository / "docs" / "model-market.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page(repository: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    told: list[str] = []
    used: set[str] = set()

    def place(text: str) -> str:
        """With the reader's own port, and its own identifiers in place of the page's."""
        for old, pattern in _MADE.items():
            if old in text:
                used.add(old)
                (made,) = set(re.findall(pattern, "\n".join(told), re.MULTILINE))
                text = text.replace(old, made)
        return text.replace(":8545", f":{port}")

    with Terminals() as terminals:
        for block in blocks(repository / "docs" / "model-market.md"):
            if block.language == "python":
                (tmp_path / "script.py").write_text(block.text, encoding="utf-8")
                told.append(terminals.type("python script.py", tmp_path))
                continue
            for command in block.commands():
                typed = place(command)
                if " serve " in typed:
                    terminals.serve(typed, tmp_path, tmp_path / "chain.log")
                else:
                    told.append(terminals.type(typed, tmp_path))
    assert used == set(_MADE)
    said = "\n".join(told)
    (right,) = re.findall(r"^group 0: (\d+) of 128 right$", said, re.MULTILINE)
    assert f"received 0.{int(right):03} ETH" in said  # 0.1 at the floor of 100, 0.001 for each beyond it
    assert f"the commitment can be opened {MOST_OPENINGS - 1} times more" in said
    sold, bought = (read_network(tmp_path / f"{name}.safetensors").weights(SMALL) for name in ("model", "bought"))
    assert np.array_equal(sold, bought)
    (fresh,) = re.findall(r"^(\d+) of 169 right$", told[-1], re.MULTILINE)
    assert int(fresh) > 100


def test_the_noise_of_scores_is_what_it_is(text: str) -> None:
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+)% \| ([\d.]+) \|$", text, re.MULTILINE)
    assert [int(samples.replace(",", "")) for samples, _, _ in rows] == [128, 1024, 4096]
    for samples, part, answers in rows:
        number = int(samples.replace(",", ""))
        noise = sqrt(0.9 * 0.1 / number)
        assert (part, answers) == (f"{100 * noise:.1f}", f"{number * noise:.1f}")


def test_sizes_and_openings_are_those_of_the_code(text: str) -> None:
    assert f"{TAIL} uniform numbers" in text and f"**{MOST_OPENINGS} openings" in text
    samples = 64 * MAX_CHUNKS * SMALL.samples
    assert f"A group has {MAX_CHUNKS} chunks at most, a set 64 groups: {samples:,} samples in the class small" in text
    assert f"{SMALL.inputs} inputs, {SMALL.hidden} hidden units, {SMALL.classes} classes" in text


def test_the_chain_costs_what_the_page_says(repository: Path, text: str) -> None:
    gas = json.loads((repository / "contracts" / "snapshots" / "models.json").read_text(encoding="utf-8"))
    assert f"{int(gas['prove, 1 chunk, first of a model']):,} gas" in text
