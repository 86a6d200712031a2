"""docs/replacing-a-prover.md as its readers follow it: every command, literally, on a market in this process."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.cli import main
from gradroll.setup.local_market import BOND
from provers.joining.keystore import Keystore
from tests.gradroll.smallmarket import SmallMarket, small_market
from tests.support.pages import Block, blocks

DAY = 86_400
GONE, STAYING = 3, (0, 1, 2)
CONTROLLER = b"\x88" * 20
"""Nobody has its key: it only has to be named alike."""


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMarket]:
    with small_market(tmp_path / "market") as made:
        monkeypatch.chdir(made.directory)
        yield made


class Readers:
    """Those who type what a page says, each in a terminal of its own; one machine plays all of them."""

    def __init__(self, market: SmallMarket) -> None:
        self._market = market
        self._home = {"new member": "newcomer", "market operator": "."}
        self.used: set[str] = set()

    def follow(self, block: Block) -> None:
        """Type a block where it is meant to be typed."""
        for command in block.commands():
            if block.who == "every member that stays":
                for member in STAYING:
                    self._type(command.replace("vote.json", f"vote-{member}.json"), f"prover-{member}/keys")
            else:
                self._type(command, f"{self._home[block.who]}/keys")

    def _type(self, command: str, keys: str) -> None:
        changes = {
            "0xc0c0c0c0c0c0c0c0": shown(self._market.local.committee),
            "grpcs://prover3.example.org:7101": "127.0.0.1:7101",
            "operator.key": f"prover-{STAYING[0]}/keys/account.json",
            "--keystore keystore": f"--keystore {keys}",
        }
        newcomer = self._market.directory / "newcomer" / "keys"
        if newcomer.is_dir():
            changes["0x" + "9" * 40] = checksum(Keystore.load(newcomer).address)
        for old, new in changes.items():
            if old in command:
                self.used.add(old)
                command = command.replace(old, new)
        program, *words = shlex.split(command)
        assert (program, main(words)) == ("gradroll", 0), command


def test_the_page(market: SmallMarket, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = repository / "docs" / "replacing-a-prover.md"
    readers = Readers(market)
    view, committee = market.local.view(), market.local.committee
    before = view.member(committee, GONE)
    for block in blocks(page):
        readers.follow(block)
        if "prover init" in block.text:
            (address,) = re.findall(r"\b0x[0-9a-fA-F]{40}\b", capsys.readouterr().out)
            assert main(["chain", "fund", address, "--chain", market.url, "--development"]) == 0
        if "prover join" in block.text:
            assert view.member(committee, GONE).signer == before.signer, "it counts after the delay"
            market.chain.advance(8 * DAY)
    seated = view.member(committee, GONE)
    assert seated.signer == Keystore.load(market.directory / "newcomer" / "keys").address != before.signer
    assert (seated.controller, seated.bond, seated.endpoint) == (CONTROLLER, BOND, "127.0.0.1:7101")
    assert readers.used == {
        "0xc0c0c0c0c0c0c0c0", "grpcs://prover3.example.org:7101", "operator.key", "--keystore keystore",
        "0x" + "9" * 40,
    }  # fmt: skip
