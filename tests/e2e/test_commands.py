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

from commons.wire.prover_client import ProverClient
from gradroll.setup.processes import Processes, Running, free_ports, wait_until

pytestmark = pytest.mark.slow

PROVERS = 3


class Market:
    """A development market in a directory, started by commands only."""

    def __init__(self, directory: Path, fleet: Processes) -> None:
        self.directory = directory
        self.fleet = fleet
        chain, self.coordinator, *self.provers = free_ports(2 + PROVERS)
        self.url = f"http://127.0.0.1:{chain}"
        fleet.start("chain", ["chain", "serve", "--listen", f"127.0.0.1:{chain}"])
        self.shown = self.command(
            "setup", "local", "--chain", self.url, "--directory", "local", "--provers", str(PROVERS),
            "--threshold", "1", "--dimension", "3", "--capacity", "2", "--coordinator-port", str(self.coordinator),
            "--prover-port", str(self.provers[0]),
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

    def prover(self, p: int) -> Running:
        """Start a prover and wait until it answers."""
        settings = self.directory / "local" / f"prover-{p}" / "prover.toml"
        running = self.fleet.start(f"prover-{p}", ["prover", "serve", "--config", str(settings)])
        endpoint = f"127.0.0.1:{self.provers[0] + p}"

        def answers() -> bool:
            with ProverClient(endpoint, timeout=2.0) as client:
                return bool(client.status().version)

        wait_until(f"prover {p}", answers, self.fleet, 60)
        return running

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
                time.sleep(0.5)

    def accepted(self, *submission: str) -> None:
        """Wait until a submission, handed in again and again, is in an accepted batch."""
        deadline = time.monotonic() + 600
        while "state: accepted" not in (shown := self.command(*submission)):
            assert time.monotonic() < deadline, shown
            time.sleep(0.5)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Processes(tmp_path / "logs") as fleet:
        yield Market(tmp_path, fleet)


def printed(text: str, name: str) -> str:
    """The address behind a name in what `setup local` printed."""
    found = re.search(rf"^{name} +(0x[0-9a-fA-F]{{40}})$", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_a_round_with_restarts(market: Market) -> None:
    provers = [market.prover(p) for p in range(PROVERS)]
    relay = ["coordinator", "serve", "--config", str(market.directory / "local" / "coordinator" / "coordinator.toml")]
    coordinator = market.fleet.start("coordinator", relay)
    buyer = ("--config", "local/model-owner.toml")
    market.command(
        "task", "create", "--committee", "0", "--verifier", printed(market.shown, "verifier"),
        "--relay", printed(market.shown, "coordinator"), "--dimension", "3", "--norm", "4", "--reward", "1000",
        "--max-owners", "2", *buyer,
    )  # fmt: skip
    gradients = {"a": np.array([0.5, -1.0, 0.25]), "b": np.array([1.0, 1.0, -3.0])}
    for name, gradient in gradients.items():
        np.save(market.directory / f"{name}.npy", gradient)
    np.save(market.directory / "model.npy", np.zeros(3))

    submit = ("submit", "0", "--gradient", "a.npy", "--register", "--config", "local/owner-0.toml")
    assert "error[closed]" in market.command(*submit, status=4)  # no round yet
    assert "InsufficientEscrow" in market.command("task", "open", "0", "--model", "model.npy", *buyer, status=5)
    market.command("task", "fund", "0", "100000", *buyer)
    assert "round 0" in market.command("task", "open", "0", "--model", "model.npy", *buyer)
    assert "error[unknown]" in market.command("submit", "7", *submit[2:], status=4)
    assert "error[not-ready]" in market.command(
        "task", "read", "0", "--round", "0", "--out", "sum.npy", *buyer, status=4
    )

    market.stop(provers[1])
    assert "error[unavailable]" in market.command(*submit, status=5)  # with N = 3 every prover is needed
    provers[1] = market.prover(1)
    assert "provers 0, 1, 2 hold shares" in market.command(*submit)
    market.stop(coordinator)
    coordinator = market.fleet.start("coordinator-again", relay)
    other = ("submit", "0", "--gradient", "b.npy", "--register", "--config", "local/owner-1.toml")
    market.retried(*other)
    market.accepted(*other)

    for source in ([], ["--from-provers"]):
        market.retried("task", "read", "0", "--round", "0", "--out", "sum.npy", *source, *buyer)
        total = np.load(market.directory / "sum.npy")
        assert np.allclose(total, sum(gradients.values()), atol=2 * 2**-16)
        (market.directory / "sum.npy").unlink()
    assert "0.000000000000001 ETH" in market.command("claim", "0", "--config", "local/owner-0.toml")
    assert "nothing to claim" in market.command("claim", "0", "--config", "local/owner-0.toml")
    endpoint = f"127.0.0.1:{market.coordinator}"
    assert "passed proof" in market.command("audit", "0", "--coordinator", endpoint, "--config", "local/chain.toml")
    status = market.command("task", "status", "0", *buyer)
    assert "2 gradients in 1 batch," in status
    assert "ChainError" not in status
    assert "InsufficientEscrow" in market.command("task", "withdraw", "0", "100000000", *buyer, status=5)
    market.command("task", "withdraw", "0", "1000", *buyer)

    market.stop(coordinator)  # for good: sum and audit are still to be had
    market.command("task", "read", "0", "--round", "0", "--out", "sum.npy", *buyer)
    assert np.allclose(np.load(market.directory / "sum.npy"), sum(gradients.values()), atol=2 * 2**-16)
    assert "passed proof" in market.command("audit", "0", "--coordinator", endpoint, "--config", "local/chain.toml")
