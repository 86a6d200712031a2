"""The demo, as a user runs it: on the embedded chain, and on a live anvil node with another committee."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.anvil import Anvil

pytestmark = pytest.mark.slow

HONEST, CHEATERS = 4, 2
KEYS = {
    "dataset", "dimension", "owners", "provers", "threshold", "chain", "rounds", "final_accuracy", "plaintext_accuracy",
    "payouts", "fees", "audit", "card", "ungraded_accuracy",
}  # fmt: skip
ROUND_KEYS = {
    "accepted", "rejected", "accuracy", "gas", "gas_per_gradient", "seconds", "aggregate_matches_plaintext", "weights",
    "view",
}  # fmt: skip


def run(repository: Path, out: Path, *options: str) -> tuple[dict[str, Any], str]:
    """The report and the account of a demo with two rounds."""
    command = [sys.executable, "-m", "gradroll", "demo", "--rounds", "2", "--owners", str(HONEST + CHEATERS)]
    done = subprocess.run(
        [*command, "--out", str(out), *options],
        cwd=repository, capture_output=True, text=True, check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("GRADROLL_")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report, done.stdout


def check(report: dict[str, Any]) -> None:
    """Everything that the demo is to show."""
    assert set(report) == KEYS
    assert (report["dimension"], report["owners"]) == (650, HONEST + CHEATERS)
    assert (report["audit"], report["card"]) == ("passed", "verified")
    assert report["final_accuracy"] == report["plaintext_accuracy"] > 0.5
    assert len(report["rounds"]) == 2
    for played in report["rounds"]:
        assert set(played) == ROUND_KEYS
        assert set(played["seconds"]) == {"submit", "prove", "settle", "release"}
        assert played["accepted"] == HONEST
        assert played["aggregate_matches_plaintext"] is True
        assert played["gas_per_gradient"] == played["gas"] // HONEST > 0
        assert [rejection["owner"].split(" (")[0] for rejection in played["rejected"]] == ["owner 4", "owner 5"]
        assert played["rejected"][1]["reason"].startswith("smallness:")
        assert played["view"] is None
    paid = list(report["payouts"].values())
    assert all(wei > 0 for wei in paid[:HONEST])
    assert paid[HONEST:] == [0] * CHEATERS
    coordinator, *provers = report["fees"].values()
    assert len(provers) == report["provers"]
    assert coordinator > 0
    assert len(set(provers)) == 1
    assert provers[0] > 0


def check_secrets(work: Path, account: str) -> None:
    """No private key and no seed of any process is in what was printed or logged."""
    files = [path for path in work.rglob("*.json") if stat.S_IMODE(path.stat().st_mode) == 0o600]
    found = [json.loads(path.read_text()) for path in files]
    secrets = [each["secret"] for each in found if "secret" in each]
    assert len(secrets) >= 2 * 4 + 3 + HONEST + CHEATERS  # provers' two keys each, three operators, owners
    shown = account + "".join(path.read_text(errors="replace") for path in (work / "logs").glob("*.log"))
    assert not [secret[:8] for secret in secrets if secret in shown]


def test_the_demo_on_the_embedded_chain(repository: Path, tmp_path: Path) -> None:
    report, account = run(repository, tmp_path)
    check(report)
    assert (report["provers"], report["threshold"]) == (4, 1)
    assert report["chain"].startswith("eth-tester")
    assert all(played["rejected"][0]["reason"].startswith("validity:") for played in report["rounds"])
    assert len(set(report["payouts"].values())) == 2  # equal pay, or nothing
    assert "DEVELOPMENT MODE" in account
    assert "the same, bit for bit" in account
    assert "Traceback" not in account
    check_secrets(tmp_path / "run", account)


def test_the_demo_of_graded_gradients(repository: Path, tmp_path: Path) -> None:
    report, account = run(repository, tmp_path, "--policy", "reference", "--owners", "10")
    assert set(report) == KEYS
    attackers = [f"owner {i} (against the model)" for i in (7, 8, 9)]
    for played in report["rounds"]:
        assert (played["accepted"], played["rejected"], played["aggregate_matches_plaintext"]) == (10, [], True)
        assert [played["weights"][name] for name in attackers] == [0, 0, 0]
    assert [report["payouts"][name] for name in attackers] == [0, 0, 0]
    assert report["final_accuracy"] == report["plaintext_accuracy"] > report["ungraded_accuracy"] + 0.1
    assert (report["audit"], report["card"]) == ("passed", "verified")
    assert "owner 9 (against the model) counts 0 times" in account


def test_the_demo_of_a_hidden_model(repository: Path, tmp_path: Path) -> None:
    report, account = run(repository, tmp_path, "--hidden-model")
    assert set(report) == KEYS
    assert report["dimension"] == 1210 + 10 * 1040 + 170 + 1040  # gradient, sigma of each output, beta
    assert round(report["final_accuracy"], 4) == round(report["plaintext_accuracy"], 4) > 0.6
    assert report["audit"] == "passed"
    for played in report["rounds"]:
        assert set(played) == ROUND_KEYS
        assert (played["accepted"], len(played["rejected"])) == (HONEST, CHEATERS)
        assert played["aggregate_matches_plaintext"] is True
        assert (played["view"]["shown"], played["view"]["repeated"]) == (0, 0)
        assert played["view"]["accuracy"] < played["accuracy"] - 0.2
    assert all(report["fees"].values())
    assert "owners were shown a view: 0 of the model's numbers" in account
    check_secrets(tmp_path / "run", account)


@pytest.mark.anvil
def test_the_demo_on_a_live_anvil_node(repository: Path, tmp_path: Path, anvil: Anvil) -> None:
    options = ("--chain", anvil.url, "--provers", "7", "--threshold", "2", "--non-iid")
    report, _ = run(repository, tmp_path, *options)
    check(report)
    assert (report["provers"], report["threshold"]) == (7, 2)
    assert anvil.url in report["chain"]
    assert list(report["payouts"].values())[:HONEST] == [2 * 10**15] * HONEST
