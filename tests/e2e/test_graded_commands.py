"""A task that grades gradients, by the commands of model owner, owners and auditor."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gradroll.setup.processes import Processes
from tests.e2e.test_commands import PROVERS, Market, printed, task_in

pytestmark = pytest.mark.slow

BUYER = ("--config", "local/model-owner.toml")
OWN = np.array([1.0, 2.0, -2.0])
GRADIENTS = (OWN, 0.5 * OWN + np.array([0.1, 0.0, 0.1]), -OWN)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with Processes(tmp_path / "logs") as fleet:
        yield Market(tmp_path, fleet, "reference", 4)


def pass_time(market: Market, seconds: int) -> None:
    """Put the development chain's clock forward."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "evm_increaseTime", "params": [seconds]}
    asked = urllib.request.Request(market.url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - loopback
        assert "error" not in json.load(answer)


def test_a_graded_round_by_commands(market: Market) -> None:
    for p in range(PROVERS):
        market.prover(p)
    market.relay()
    np.save(market.directory / "model.npy", np.zeros(3))
    np.save(market.directory / "own.npy", OWN)
    for o, gradient in enumerate(GRADIENTS):
        np.save(market.directory / f"{o}.npy", gradient)
    (market.directory / "data.csv").write_text("the model owner's data")
    terms = (
        "task", "create", "--committee", printed(market.shown, "committee", 16), "--verifier",
        printed(market.shown, "verifier"), "--relay", printed(market.shown, "coordinator"), "--dimension", "3",
        "--norm", "1", "--reward", "0.001ether", "--capacity", "3", "--min-owners", "2", "--no-fees", *BUYER,
    )  # fmt: skip
    assert "--reference-data" in market.command(*terms, status=3), "a verifier that grades goes with terms that do"
    assert "--reference-data" in market.command(*terms, "--dither", "8", status=3)
    created = market.command(*terms, "--reference-data", "data.csv")
    assert "level by its cosine with a gradient of the model owner's own: 1 from 0.25 on" in created
    task = task_in(created)
    market.command("task", "fund", task, "0.01ether", *BUYER)
    opening = ("task", "open", task, "--model", "model.npy", *BUYER)
    assert "name it (--reference)" in market.command(*opening, status=3)
    assert "round 0" in market.retried(*opening, "--reference", "own.npy")
    for o in range(len(GRADIENTS)):
        submitted = market.command(
            "submit", task, "--gradient", f"{o}.npy", "--register", "--yes", "--config", f"local/owner-{o}.toml"
        )  # fmt: skip
        assert "to the task's norm bound" in submitted
    pass_time(market, 86_400 + 60)
    for o, word in enumerate(("state: accepted", "state: accepted", "state: accepted: weight")):
        shown = market.command(
            "submit", task, "--gradient", f"{o}.npy", "--wait", "300", "--config", f"local/owner-{o}.toml"
        )  # fmt: skip
        assert word in shown
    read = market.retried("task", "read", task, "--round", "0", "--out", "sum.npy", *BUYER)
    assert "sum of 3 gradients, each by its weight, 6 in all" in read
    unit = [gradient / np.linalg.norm(gradient) for gradient in GRADIENTS]
    assert np.allclose(np.load(market.directory / "sum.npy"), 3 * (unit[0] + unit[1]), atol=1e-3)
    audit = market.command("audit", task, "--round", "0", *BUYER)
    assert "passed proof" in audit
    assert "graded against copy" in audit
    for level, counts in (("level 3, counts three times", 2), ("level 0, does not count", 1)):
        assert audit.count(level) == counts
    assert "earns 0 ETH" in audit
