"""docs/data-market.md: its tutorial as a reader follows it, every block, literally, in order; and its figures."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from pathlib import Path

import pytest

from commons.samples.campaigneconomics import Arbiter, Beliefs, SampleTerms
from commons.samples.epochmanifests import EpochManifest
from commons.samples.merkletrees import MAX_LEAVES
from commons.samples.perceptrons import MAX_WEIGHTS
from commons.samples.sampleschemas import MAX_SAMPLE
from commons.samples.termsuggestions import suggest_terms
from gradroll.cli import build_parser
from tests.support.pages import Terminals, blocks, elsewhere

ETH = 10**18
_MADE = {
    "0x3fa90000000000a1": r"^committee +(0x[0-9a-f]{16})$",
    "0x3fa9c1": r"^campaign (0x[0-9a-f]{6})[0-9a-f]{58}$",
    "0x" + "7e" * 32: r"^commitment (0x[0-9a-f]{64})$",
    "0x" + "4d" * 32: r"^budget (0x[0-9a-f]{64})$",
    "0x" + "5e" * 32: r"^version (0x[0-9a-f]{64})$",
}
"""The page's identifiers, and what the commands print that make the reader's own."""
_VOTE = re.compile(r"gradroll data vote (\d+) \w+ --config (\S+)")


@pytest.fixture
def text(repository: Path) -> str:
    return (repository / "docs" / "data-market.md").read_text(encoding="utf-8")


class Reader:
    """Whoever follows the page: types with own ports and identifiers, and only what there is to do."""

    def __init__(self, directory: Path, terminals: Terminals) -> None:
        self._directory, self._terminals, self._moved = directory, terminals, elsewhere()
        self.said: list[tuple[str, str]] = []
        self.used: set[str] = set()
        self.servers = 0

    def type(self, command: str) -> None:
        """Type a command of the page."""
        typed = self._placed(command)
        if " serve " in typed:
            self.servers += 1
            self._terminals.serve(typed, self._directory, self._directory / f"server-{self.servers}.log")
        elif not self._has_no_seat(typed):
            self.said.append((command, self._terminals.type(typed, self._directory)))

    def run(self, script: str) -> None:
        """Run a Python block."""
        (self._directory / "script.py").write_text(script, encoding="utf-8")
        self.type("python script.py")

    def answer(self, command: str) -> str:
        """What was said to the last command that begins so."""
        return [said for typed, said in self.said if typed.startswith(command)][-1]

    def _placed(self, text: str) -> str:
        told = "\n".join(said for _, said in self.said)
        for old, pattern in _MADE.items():
            if old in text:
                self.used.add(old)
                (made,) = set(re.findall(pattern, told, re.MULTILINE))
                text = text.replace(old, made)
        return self._moved(text)

    def _has_no_seat(self, typed: str) -> bool:
        vote = _VOTE.match(typed)
        return vote is not None and f"case {vote[1]}," not in self.answer(
            f"gradroll data jury seats --config {vote[2]}"
        )


def the_terms() -> SampleTerms:
    """The terms that the page's beliefs give."""
    reward, cost, gain, work = (Fraction(text) * ETH for text in ("0.001", "0.00001", "0.0005", "0.0003"))
    usual = {"checked": "0.3", "tolerated": "0.02", "error": "0.05", "challenged": "0.1", "common": "0.9"}
    shares = {name: Fraction(share) for name, share in usual.items()}
    beliefs = Beliefs(cost=cost, gain=gain, work=work, guessed=Fraction(1, 3), **shares)
    return suggest_terms(int(reward), beliefs, 3, Arbiter.JURY, 5000)


def collected(said: str) -> int:
    """Wei of a line of `gradroll data collect`."""
    (ether,) = re.findall(r"^collected ([\d.]+) ETH$", said, re.MULTILINE)
    return int(Fraction(ether) * ETH)


@pytest.mark.slow
def test_the_page(repository: Path, tmp_path: Path) -> None:
    with Terminals() as terminals:
        reader = Reader(tmp_path, terminals)
        for block in blocks(repository / "docs" / "data-market.md"):
            if block.language == "python":
                reader.run(block.text)
                continue
            for command in block.commands():
                reader.type(command)
    assert reader.used == set(_MADE)
    assert reader.servers == 5
    assert "59 samples, 1 copies left out" in reader.answer(
        "gradroll data bundle make --schema flowers.json --records first"
    )
    assert "sample 10 is at distance 0 of sample 10 of bundle 1" in reader.answer("gradroll data review 4")
    require_money(reader)
    status = reader.answer("gradroll data status")
    for told in ("sample 3: settled, corrected", "sample 6: settled, bad", "sample 10: settled, bad", "68 accepted"):
        assert told in status
    epoch = EpochManifest.decode((tmp_path / "epoch.json").read_bytes())
    assert f"log 0x{epoch.log.hex()}, as the chain has it" in reader.answer("gradroll data epoch")
    assert "88 samples" in reader.answer("gradroll data model show")
    assert "group 0: 39 right of 40 that are scored" in reader.answer("gradroll data model score")
    require_improvement(reader)
    verified = reader.answer("gradroll data version verify")
    assert "computed here: " in verified
    assert "author's word" not in verified


def require_money(reader: Reader) -> None:
    """Everybody is paid what the page says, to the wei."""
    terms = the_terms()
    found = terms.deposit - terms.fee - (terms.deposit - terms.fee) // 2  # half is burnt
    accepted = terms.reward + terms.deposit
    wanted = {
        "contributor-0": 59 * accepted,
        "contributor-1": 8 * accepted + terms.fee,
        "reviewer": 3 * (found + terms.stake) + terms.fee + terms.correction,
        "campaign-owner": 15 * ETH // 100 - 67 * terms.reward - terms.correction,
    }
    for who, amount in wanted.items():
        assert collected(reader.answer(f"gradroll data collect 0x3fa9c1 --config local/{who}.toml")) == amount, who


def require_improvement(reader: Reader) -> None:
    """Members, contributor and contract have one table, which pays the first bundle for what it improved."""
    table = reader.answer("gradroll data improve table")
    (root,) = re.findall(r"in all, root (0x[0-9a-f]{64})", table)
    signed = [said for typed, said in reader.said if typed.startswith("gradroll data improve sign")]
    assert len(signed) == 3
    assert all(root in said for said in signed)
    base, right = (
        int(*re.findall(what, table, re.MULTILINE)) for what in (r"^(\d+) of 40 tests", r"^bundle 1: (\d+) r")
    )
    assert right > base
    assert (
        collected(reader.answer("gradroll data improve collect")) == ETH // 100 * right // 40 - ETH // 100 * base // 40
    )


def test_every_row_of_what_can_go_wrong_names_tests_that_are_there(repository: Path, text: str) -> None:
    part = text.split("## What can go wrong, and who pays\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")][2:]
    places = [
        *(repository / "contracts" / "test").rglob("*.t.sol"),
        *(repository / "tests" / "datamarket").glob("*.py"),
    ]
    code = "\n".join(path.read_text(encoding="utf-8") for path in places)
    there = set(re.findall(r"(?:function|def) (test_\w+)\(", code))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named and set(named) <= there, row


def test_the_figures_are_those_of_the_code(text: str) -> None:
    assert f"{MAX_WEIGHTS:,} weights at most" in text
    assert f"at most {MAX_SAMPLE:,} bytes, bundles {MAX_LEAVES:,} samples" in text
    terms = parsed("terms --reward 1")
    assert terms.burnt == 5000  # half of D - F is burnt
    opened = parsed(f"open --schema s --committee 0x{1:016x} --reward 1 --escrow 1 --max-samples 1")
    windows = {name: value for name, value in vars(opened).items() if name.endswith("_window")}
    assert len(windows) == 9 and set(windows.values()) == {3 * 86_400}
    assert opened.open_delay == 64


def parsed(words: str) -> argparse.Namespace:
    """What the parser makes of a command of the data market."""
    return build_parser().parse_args(["data", *words.split()])
