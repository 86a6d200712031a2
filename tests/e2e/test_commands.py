"""Every role by its own command, as processes, with restarts in between, refusals, and a coordinator that is gone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from commons.runtime.amounts import checksum
from commons.settings.pins import with_pin
from commons.storage.accounts import load_account
from commons.storage.tlskeys import TLS_FILE, read_server_key
from commons.wire.identity import pin_of_key
from commons.wire.prover_client import ProverClient
from gradroll.setup.freeports import free_ports
from gradroll.setup.processes import Processes, Running, wait_until

pytestmark = pytest.mark.slow

PROVERS = 4
PAUSE = 2
"""Seconds between two tries of a command: each is a process that takes a second of what it waits for."""


class Market:
    """A development market in a directory, started by commands only."""

    def __init__(
        self, directory: Path, fleet: Processes, policy: str = "norm", capacity: int = 2, dimension: int = 3
    ) -> None:
        self.directory = directory
        self.fleet = fleet
        chain, self.coordinator, *self.provers = free_ports(2 + PROVERS)
        self.url = f"http://127.0.0.1:{chain}"
        fleet.start("chain", ["chain", "serve", "--listen", f"127.0.0.1:{chain}"])
        self.shown = self.command(
            "setup", "local", "--chain", self.url, "--directory", "local", "--provers", str(PROVERS),
            "--threshold", "1", "--dimension", str(dimension), "--capacity", str(capacity), "--coordinator-port",
            str(self.coordinator), "--prover-port", str(self.provers[0]), "--policy", policy, "--owners", "3",
        )  # fmt: skip

    def command(self, *arguments: str, status: int = 0) -> str:
        """Run a command to its end; returns what it printed."""
        environment = {**os.environ, "GRADROLL_DEVELOPMENT": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "gradroll", *arguments],
            cwd=self.directory, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def owner(self, o: int) -> str:
        """Address of a data owner's key."""
        key = load_account(self.directory / "local" / f"owner-{o}.json")
        return checksum(key.address)

    def prover(self, p: int) -> Running:
        """Start a prover and wait until it answers."""
        settings = self.directory / "local" / f"prover-{p}" / "prover.toml"
        running = self.fleet.start(f"prover-{p}", ["prover", "serve", "--config", str(settings)])
        key = read_server_key(settings.parent / "keys" / TLS_FILE)
        endpoint = with_pin(f"grpcs://127.0.0.1:{self.provers[0] + p}", pin_of_key(key))

        def answers() -> bool:
            with ProverClient(endpoint, timeout=2.0) as client:
                return bool(client.status().version)

        wait_until(f"prover {p}", answers, self.fleet, 60)
        return running

    def relay(self) -> Running:
        """Start the coordinator."""
        settings = self.directory / "local" / "coordinator" / "coordinator.toml"
        return self.fleet.start("coordinator", ["coordinator", "serve", "--config", str(settings)])

    def stop(self, running: Running) -> None:
        """Stop one process as an operator does."""
        self.fleet.stop_one(running)

    def retried(self, *arguments: str) -> str:
        """Repeat a command until it succeeds, as users do while a server starts."""
        deadline = time.monotonic() + 600
        while True:
            try:
                return self.command(*arguments)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE)

    def accepted(self, *submission: str) -> None:
        """Wait until a submission, handed in again and again, is in an accepted batch."""
        deadline = time.monotonic() + 600
        while "state: accepted" not in (shown := self.command(*submission)):
            assert time.monotonic() < deadline, shown
            time.sleep(PAUSE)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Processes(tmp_path / "logs") as fleet:
        yield Market(tmp_path, fleet)


def printed(text: str, name: str, digits: int = 40) -> str:
    """The address, or identifier, behind a name in what `setup local` printed."""
    found = re.search(rf"^{name} +(0x[0-9a-fA-F]{{{digits}}})$", text, re.MULTILINE)
    assert found, text
    return found[1]


def task_in(created: str) -> str:
    """The first digits of the task that `task create` made, as people type them."""
    found = re.search(r"^task (0x[0-9a-f]{16}) created", created, re.MULTILINE)
    assert found, created
    return found[1][:8]


def test_a_round_with_restarts(market: Market) -> None:
    provers = [market.prover(p) for p in range(PROVERS)]
    relay = ["coordinator", "serve", "--config", str(market.directory / "local" / "coordinator" / "coordinator.toml")]
    coordinator = market.fleet.start("coordinator", relay)
    buyer = ("--config", "local/model-owner.toml")
    committee = printed(market.shown, "committee", 16)
    created = market.command(
        "task", "create", "--committee", committee, "--verifier", printed(market.shown, "verifier"),
        "--relay", printed(market.shown, "coordinator"), "--dimension", "3", "--norm", "4", "--reward", "1000",
        "--capacity", "2", "--permissioned", "--no-fees", *buyer,
    )  # fmt: skip
    assert "each round of all seats sets aside 0.000000000000002 ETH" in created
    task = task_in(created)
    gradients = {"a": np.array([0.5, -1.0, 0.25]), "b": np.array([1.0, 1.0, -3.0])}
    for name, gradient in gradients.items():
        np.save(market.directory / f"{name}.npy", gradient)
    np.save(market.directory / "model.npy", np.zeros(3))

    market.command("task", "admit", task, *map(market.owner, range(2)), *buyer)
    submit = ("submit", task, "--gradient", "a.npy", "--register", "--config", "local/owner-0.toml")
    assert "error[closed]" in market.command(*submit, status=4)  # no round yet
    assert "InsufficientEscrow" in market.command("task", "open", task, "--model", "model.npy", *buyer, status=5)
    market.command("task", "fund", task, "100000", *buyer)
    assert "round 0" in market.command("task", "open", task, "--model", "model.npy", *buyer)
    assert "error[unknown]" in market.command("submit", "0x0000000000000007", *submit[2:], status=4)
    assert "error[not-ready]" in market.command(
        "task", "read", task, "--round", "0", "--out", "sum.npy", *buyer, status=4
    )

    for p in (1, 2):
        market.stop(provers[p])
    assert "error[unavailable]" in market.command(*submit, status=5)  # two of four are no quorum
    for p in (1, 2):
        market.prover(p)
    holders = re.search(r"provers ([0-9, ]+) hold shares", market.command(*submit))
    assert holders and len(holders[1].split(", ")) >= 3  # the coordinator hands the others theirs later
    market.stop(coordinator)
    coordinator = market.fleet.start("coordinator-again", relay)
    other = ("submit", task, "--gradient", "b.npy", "--register", "--config", "local/owner-1.toml")
    market.retried(*other)
    market.accepted(*other)

    for source in ([], ["--from-provers"]):
        market.retried("task", "read", task, "--round", "0", "--out", "sum.npy", *source, *buyer)
        total = np.load(market.directory / "sum.npy")
        assert np.allclose(total, sum(gradients.values()), atol=2 * 2**-16)
        (market.directory / "sum.npy").unlink()
    elsewhere = "0x" + "22" * 20
    order = ("owner", "order", task, "--to", elsewhere, "--max-tip", "100", "--out", "order.json")
    assert f"to {elsewhere}, less a tip of up to" in market.command(*order, "--config", "local/owner-0.toml")
    relayed = ("owner", "relay", "order.json", "--config", "local/owner-1.toml")
    assert f"was paid, to {elsewhere}" in market.command(*relayed)
    assert "carried out, or somebody claimed meanwhile" in market.command(*relayed, status=4)
    everybody = ("claim", task, "--owner", "all", "--config", "local/owner-0.toml")
    assert "received 0.000000000000001 ETH" in market.command(*everybody)
    assert "nothing to claim" in market.command("claim", task, "--config", "local/owner-1.toml")
    assert "passed proof" in market.command("audit", task, "--round", "0", "--export", "round-0.archive", *buyer)
    status = market.command("task", "status", task, *buyer)
    assert "2 of 2 gradients in 1 batch," in status
    assert "ChainError" not in status
    assert "InsufficientEscrow" in market.command("task", "withdraw", task, "100000000", *buyer, status=5)
    market.command("task", "withdraw", task, "1000", *buyer)

    market.stop(coordinator)  # for good: sum and audit are still to be had
    market.command("task", "read", task, "--round", "0", "--out", "sum.npy", *buyer)
    assert np.allclose(np.load(market.directory / "sum.npy"), sum(gradients.values()), atol=2 * 2**-16)
    assert "passed proof" in market.command("audit", task, *buyer)
    assert "passed proof" in market.command("audit", "--from", "round-0.archive", *buyer)
