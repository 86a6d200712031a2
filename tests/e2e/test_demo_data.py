"""The data market's demo, as a user runs it: everything that it shows is held against what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commons.samples.contributions import EMPTY_LOG
from commons.samples.epochmanifests import EpochManifest
from commons.samples.perceptrons import Perceptron
from gradroll.demo.datadigits import BAD, BUNDLE, CLASSES, COPIES, GROUP, INITIAL, Stock
from gradroll.demo.developers import load_images
from tests.support.anvil import Anvil
from tests.support.demoruns import DemoRun
from tests.support.tiers import DEEP, many

MOMENTS = (("bundle 1:", 6), ("review", 6), ("case", 6), ("committed to before any test", 6))
"""Lines after which the demo is interrupted, and its processes by then; the first in every full run."""
CHEATERS = (
    "who labels wrongly", "who labels without looking", "who copies samples", "who copies a commitment",
    "who challenges a good sample",
)  # fmt: skip
HONEST = ("honest contributor A", "honest contributor B", "honest contributor C", "who proves copies",
          "who looks at samples")  # fmt: skip
OWNER = "the campaign's owner"


def check_balances(balances: dict[str, dict[str, Any]]) -> None:
    """All that anybody paid and got is named, adds up, and goes to somebody; honesty paid, and nothing else did."""
    net = {}
    for name, each in balances.items():
        net[name] = sum(int(wei) for _, wei in each["flows"])
        assert int(each["after"]) == int(each["before"]) + net[name] - int(each["gas"])
    assert sum(net.values()) == 0
    assert all(net[name] > 0 for name in HONEST)
    assert all(net[name] < 0 for name in CHEATERS)
    assert all(wei >= 0 for name, wei in net.items() if name.startswith(("juror", "prover")))
    assert sum(wei for name, wei in net.items() if name.startswith("juror")) > 0
    assert sum(int(wei) for what, wei in balances[OWNER]["flows"] if what == "escrow") == -4 * 10**18
    rewards = [int(wei) for each in balances.values() for what, wei in each["flows"] if what.startswith("rewards of")]
    reward = 10**16
    assert sum(rewards) % reward == 0
    assert 3 * BUNDLE + BAD // 2 <= sum(rewards) // reward < 3 * BUNDLE + BAD // 2 + BAD
    assert net[OWNER] < -sum(rewards), "it paid rewards, corrections, and for improvement"


def check_models(report: dict[str, Any], work: Path) -> None:
    """Weights and right answers are what Python gets from the manifests that the demo wrote; order is of the log."""
    stock = Stock.of(load_images())
    contents = {0: stock.initial.samples, **dict(enumerate((each.samples for each in stock.honest), 1))}
    contents |= {4: stock.wrong.samples, 5: stock.guessed.samples}
    log, samples, counts = EMPTY_LOG, list[bytes](), {}
    for epoch, path in enumerate(sorted(work.glob("epoch-*.json"))):
        manifest = EpochManifest.decode(path.read_bytes())
        assert (manifest.epoch, manifest.log_before) == (epoch, log)
        log = manifest.log
        known = {each.number: contents.get(each.number, stock.copied.samples) for each in manifest.bundles}
        counted = list(manifest.samples(known))
        samples += counted
        counts[f"epoch {epoch}"] = len(counted)
    right = {each for each in stock.guessed.samples if stock.seen(each) == each}
    assert len(samples) == CLASSES * INITIAL + 3 * BUNDLE + BAD // 2 + len(right) + 1
    assert all(stock.seen(each) == each for each in samples), "every label that counts is right"
    file = json.loads((work / "perceptron.json").read_bytes())
    replica = Perceptron(stock.document.schema, file["bits"], file["margin"])
    replica.train(samples)
    assert replica.weights.tolist() == file["weights"]
    assert file["log"] == log.hex()
    accuracy, shown = report["accuracy"], list(stock.groups[0].samples)
    assert report["contract"] == accuracy["what was accepted"]["contract"] == replica.right(shown)
    assert report["network"] == accuracy["what was accepted"]["network"]
    for model in ("contract", "network"):
        assert GROUP // 2 < accuracy["what was accepted"][model] <= GROUP
        assert accuracy["what was accepted"][model] > accuracy["all that was brought"][model]
        assert accuracy["what was accepted"][model] > accuracy["initial data"][model]
    brought = CLASSES * INITIAL + 3 * BUNDLE + BAD + BAD // 2 + BAD + COPIES
    assert accuracy["all that was brought"]["samples"] == brought
    lineage = report["lineage"]
    assert {epoch: sum(by.values()) for epoch, by in lineage["epochs"].items()} == counts
    assert len(set(lineage["versions"].values())) == len(lineage["versions"]) == 4


def play(repository: Path, out: Path, *options: str) -> None:
    """Run the demo to its end, and check everything that it is to show."""
    told = DemoRun("data", repository, out).finish(*options)
    report = json.loads((out / "data.json").read_text())
    if "--json" in options:
        assert {**json.loads(told), **report} == json.loads(told), "programs are told the whole report"
    else:
        check_told(told)
    check_balances(report["balances"])
    check_models(report, out / "data")


def check_told(told: str) -> None:
    """What people see of it."""
    said = ("opens for nobody", "are copies: proven", "appeals, for a jury of 7", "every weight as in Python",
            "finds the very set", "each balance follows")  # fmt: skip
    assert all(line in told for line in said)


@pytest.mark.slow
def test_a_campaign_its_cheaters_and_its_models_after_runs_that_were_interrupted(
    repository: Path, tmp_path: Path
) -> None:
    for line, processes in MOMENTS[: many(1, len(MOMENTS))]:
        DemoRun("data", repository, tmp_path).interrupt(line, processes)
    play(repository, tmp_path)
    work = tmp_path / "data"
    secrets = [*work.glob("contributor-*/contributions/*.json"), *work.glob("juror-*/votes/*.json"),
               *work.glob("reviewer-*/challenges/*.json"), work / "owner" / "tests.json"]  # fmt: skip
    assert len(secrets) > 3 * 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)
    held = [len(list(work.glob(f"prover-*/state/bundles/*/{digest}.data"))) for digest in _digests()]
    assert min(held) >= 3, "a quorum holds every bundle that was opened"


def _digests() -> list[str]:
    stock = Stock.of(load_images())
    return [each.content_digest.hex() for each in (*stock.honest, stock.wrong, stock.guessed, stock.copied)]


@pytest.mark.slow
@pytest.mark.anvil
@pytest.mark.skipif(not DEEP, reason="the deep tier's: the full one plays the demo on the built-in chain")
def test_the_data_demo_on_a_live_anvil_node(repository: Path, tmp_path: Path, anvil: Anvil) -> None:
    play(repository, tmp_path, "--chain", anvil.url, "--provers", "7", "--threshold", "2", "--json")
