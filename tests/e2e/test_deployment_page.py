"""docs/deployment.md as all its hosts follow it: every block, literally, in order, over TLS, not in development mode.

One machine plays all hosts, so what names a host, a port, a system folder or a chain is put in place of the page's own;
so are the numbers that commands print.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from eth_utils.address import to_canonical_address
from web3 import HTTPProvider, Web3

from commons.chain.rpc import ErrorTable, Rpc
from gradroll.setup.freeports import free_ports
from gradroll.setup.local_market import endow
from tests.support import ptau_writer
from tests.support.anvil import Anvil
from tests.support.pages import Block, Terminals, blocks

pytestmark = [pytest.mark.slow, pytest.mark.anvil]

PROVERS, OWNERS = 4, 2
PUBLISHED_HASH = (
    "89a66eb5590a1c94e3f1ee0e72acf49b1669e050bb5f93c73b066b564dca4e0c"
    "7556a52b323178269d64af325d8fdddb33da3a27c34409b821de82aa2bf1a27b"
)
CEREMONY = "powersOfTau28_hez_final_20.ptau"
PLACEHOLDERS = {
    "1": "prover0", "2": "prover1", "3": "prover2", "4": "prover3", "5": "coordinator", "6": "operator",
    "7": "model-owner", "8": "owner0", "9": "owner1",
}  # fmt: skip
"""Whose address stands behind the page's 0x1111... and so on."""
INSTALLATION = ("make wheel", "sudo python3 -m venv", "sudo /opt/gradroll/bin/pip", "export PATH=", "sudo useradd")
"""What is there already: the packages under test, and a user."""
PIN = f"sha256-{'c' * 43}"
"""What stands for the pin of the coordinator's key."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{40}\b")
_MADE = {
    "committee create": ("0xc0c0c0c0c0c0c0c0", re.compile(r"^committee (0x[0-9a-f]{16}) registered", re.MULTILINE)),
    "task create": ("0x3fa9", re.compile(r"^task (0x[0-9a-f]{16}) created", re.MULTILINE)),
}
"""The page's identifiers, and what the commands print that make the reader's own."""


@dataclass(slots=True)
class Host:
    """A machine: what stands for its root folder, and where its user types."""

    name: str
    root: Path
    home: Path
    port: int = 0
    started: list[str] = field(default_factory=list)

    def log(self, unit: str) -> Path:
        """What a unit writes."""
        return self.root / f"{unit}.log"


def ceremony(directory: Path) -> Path:
    """A ceremony's file of a few powers under the page's name; nobody is told its tau."""
    power, tau = 9, int.from_bytes(hashlib.sha256(b"a ceremony that nobody knows").digest(), "big") >> 3
    in_g1, in_g2 = ptau_writer.powers_sections(tau, power)
    directory.mkdir()
    return ptau_writer.write(directory / CEREMONY, [(1, ptau_writer.header(power)), (2, in_g1), (3, in_g2)])


class Site:
    """All hosts of the page, played by this machine."""

    def __init__(self, work: Path, repository: Path, anvil: Anvil, terminals: Terminals) -> None:
        self._repository, self._terminals, self.node = repository, terminals, anvil.url
        ports = iter(free_ports(PROVERS + 1))
        servers = [*(f"prover{p}" for p in range(PROVERS)), "coordinator"]
        self.hosts = {name: self._server(work / name, next(ports)) for name in servers}
        for name in ("operator", "model-owner", *(f"owner{o}" for o in range(OWNERS))):
            self.hosts[name] = Host(name, work / name, work / name)
            (work / name).mkdir()
        self._ptau = ceremony(work / "ceremony")
        self.addresses: dict[str, str] = {}
        self.pin = PIN
        self.identifiers: dict[str, str] = {}
        self.used: set[str] = set()
        self.said: list[str] = []

    def follow(self, block: Block) -> None:
        """Have those type a block who are meant to."""
        for host in self._readers(block.who):
            for command in block.commands():
                self._type(command, host)

    def changes(self, host: Host) -> Iterator[tuple[str, str]]:
        """What of a command is put in place of the page's own on a host, in this order."""
        published = self.hosts["operator"].home
        yield "prover0", host.name if host.name.startswith("prover") else "prover0"
        yield "https://market.example.org", f"file://{published}/public"
        yield "https://storage.googleapis.com/zkevm/ptau", f"file://{self._ptau.parent}"
        yield PUBLISHED_HASH, hashlib.blake2b(self._ptau.read_bytes()).hexdigest()
        yield "--dimension 1000000", "--dimension 3"
        yield "--chain-id 1 ", "--chain-id 31337 "
        yield "https://node.example.org", self.node
        yield "https://other.example.org", self.node.replace("127.0.0.1", "localhost")
        for name, served in self.hosts.items():
            if served.port:
                yield (
                    f"grpcs://{name}.example.org:{7100 if name == 'coordinator' else 7101}",
                    f"grpcs://localhost:{served.port}",
                )
        yield PIN, self.pin
        yield "0.0.0.0:7100", f"127.0.0.1:{host.port}"
        yield "0.0.0.0:7101", f"127.0.0.1:{host.port}"
        yield "/opt/gradroll/bin/", ""
        yield " deploy/", f" {self._repository}/deploy/"
        yield " -o gradroll -g gradroll", ""
        yield "/etc/", f"{host.root}/etc/"
        yield "/var/lib/gradroll", str(host.home)
        yield "sudo ", ""
        for digit, name in PLACEHOLDERS.items():
            yield f"0x{digit * 40}", self.addresses.get(name, name)
        for placeholder, _ in _MADE.values():
            yield placeholder, self.identifiers.get(placeholder, placeholder)

    def _readers(self, who: str) -> list[Host]:
        provers = [self.hosts[f"prover{p}"] for p in range(PROVERS)]
        coordinator, operator = self.hosts["coordinator"], self.hosts["operator"]
        return {
            "every host": [operator],
            "every prover and the coordinator": [*provers, coordinator],
            "every prover": provers,
            "coordinator": [coordinator],
            "market operator": [operator],
            "whoever pays": [operator],
            "model owner": [self.hosts["model-owner"]],
            "every data owner": [self.hosts[f"owner{o}"] for o in range(OWNERS)],
        }[who]

    def _type(self, command: str, host: Host) -> None:
        special: dict[str, Callable[[str, Host], str]] = {
            "cast send ": self._pay,
            "sudo systemctl enable --now ": self._start,
            "journalctl --unit ": lambda text, at: at.log(text.split()[2]).read_text(),
        }
        if command.startswith(INSTALLATION):
            self.used.add(next(each for each in INSTALLATION if command.startswith(each)))
            return
        own = self._translated(command, host)
        for beginning, do in special.items():
            if command.startswith(beginning):
                self.used.add(beginning)
                self.said.append(do(own, host))
                return
        told = self._terminals.type(own, host.home)
        self.said.append(told)
        for making, (placeholder, pattern) in _MADE.items():
            if making in command:
                self.identifiers[placeholder] = pattern.findall(told)[0]
        if "coordinator init" in command:
            self.pin = re.findall(r"#(sha256-[\w-]{43})$", told.strip())[0]
        if "setup account" in command or "prover init" in command:
            self.addresses[host.name] = _ADDRESS.findall(told)[0]

    def _translated(self, command: str, host: Host) -> str:
        for old, new in self.changes(host):
            if old in command:
                self.used.add(old)
                command = command.replace(old, new)
        return command

    def _pay(self, command: str, _host: Host) -> str:
        found = re.fullmatch(r"cast send (0x\w{40}) --value ([\d.]+)ether --rpc-url (\S+) --account treasury", command)
        assert found, command
        assert found[3] == self.node
        endow(self.node, [to_canonical_address(found[1])], int(float(found[2]) * 10**18))
        return ""

    def _start(self, command: str, host: Host) -> str:
        unit = command.rsplit(maxsplit=1)[-1]
        parsed = ConfigParser(strict=False, interpolation=None)
        parsed.read(host.root / "etc" / "systemd" / "system" / f"{unit}.service")
        start = self._translated(parsed["Service"]["ExecStart"], host)
        self._terminals.serve(start, host.home, host.log(unit))
        host.started.append(unit)
        return ""

    @staticmethod
    def _server(root: Path, port: int) -> Host:
        home = root / "home"
        (root / "etc" / "systemd" / "system").mkdir(parents=True)
        home.mkdir()
        return Host(root.name, root, home, port)


def spent(node: str) -> dict[str, int]:
    """Gas of all transactions on a chain, by sender."""
    # The library alone: of a receipt our own provider keeps what our code reads, and that is not the sender.
    eth, total = Web3(HTTPProvider(node)).eth, dict[str, int]()
    for number in range(int(eth.block_number) + 1):
        for transaction in eth.get_block(number)["transactions"]:
            receipt = eth.get_transaction_receipt(bytes(transaction))  # type: ignore[arg-type]
            total[receipt["from"]] = total.get(receipt["from"], 0) + receipt["gasUsed"]
    return total


def stated(page: Path) -> dict[str, int]:
    """The page's figures of gas, by account."""
    rows = re.findall(r"^\| ([a-z ]+) \| .* \| ([\d,]+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(gas.replace(",", "")) for name, gas in rows}


def test_the_page(repository: Path, tmp_path: Path, anvil: Anvil) -> None:
    page = repository / "docs" / "deployment.md"
    Rpc(anvil.url, ErrorTable(())).web3.provider.make_request("evm_setIntervalMining", [1])  # type: ignore[arg-type]
    with Terminals() as terminals:
        site = Site(tmp_path, repository, anvil, terminals)
        for block in blocks(page):
            site.follow(block)
        buyer = site.hosts["model-owner"]
        expected = {old for host in site.hosts.values() for old, _ in site.changes(host)}
    for name in ("sum.npy", "again.npy"):
        assert np.allclose(np.load(buyer.home / name), [1.0, -2.0, 0.5], atol=2 * 2**-16)
    said = "\n".join(site.said)
    assert said.count("received 0.001 ETH") == OWNERS
    assert "passed proof" in said
    assert [site.hosts[f"prover{p}"].started for p in range(PROVERS)] == [["gradroll-prover"]] * PROVERS
    assert expected | set(INSTALLATION) <= site.used  # no change that the page needs no more

    gas = spent(anvil.url)
    accounts = {
        "market operator": "operator", "prover": "prover0", "coordinator": "coordinator", "model owner": "model-owner",
        "data owner": "owner0",
    }  # fmt: skip
    measured = {role: gas[site.addresses[name]] for role, name in accounts.items()}
    figures = stated(page)
    assert {role: pytest.approx(figures[role], rel=0.02) for role in accounts} == measured
