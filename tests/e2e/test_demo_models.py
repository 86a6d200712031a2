"""The model market's demo, as a user runs it: everything that it shows is held against what it wrote."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.anvil import Anvil
from tests.support.demoruns import DemoRun
from tests.support.tiers import many

PRIZE = 10**18
TRAINED = "out of the rollup"
MOMENTS = (("round 0", 6), ("chain: ", 1), ("entered", 6))
"""Lines after which the demo is interrupted, and its processes by then; the first in every full run."""
QUORUM = 3
"""Of four provers, of whom one may collude; of seven it is five."""


def check_balances(balances: dict[str, dict[str, Any]], winner: str, sale: dict[str, Any]) -> None:
    """All that anybody paid and got is named, adds up, and goes to somebody."""
    flows = {name: [(what, int(wei)) for what, wei in each["flows"]] for name, each in balances.items()}
    for name, each in balances.items():
        assert int(each["after"]) == int(each["before"]) + sum(wei for _, wei in flows[name]) - int(each["gas"])
        assert int(each["gas"]) > 0
    net = {name: sum(wei for _, wei in each) for name, each in flows.items()}
    price, royalty = int(sale["price"]), int(sale["royalty"])
    (escrow,) = (wei for what, wei in flows[TRAINED] if what == "escrow of the training")
    assert escrow < 0
    assert sum(net.values()) == escrow
    expected = {
        "the bounty's owner": -PRIZE, "a buyer": -price, "who made the start": royalty,
        TRAINED: escrow + price - royalty, "alone, 24 hidden units": 0, "alone, 8 hidden units": 0,
    }  # fmt: skip
    expected[winner] += PRIZE
    assert net == expected
    assert royalty == price // 10 > 0


def check_receipts(work: Path) -> None:
    """A quorum of provers holds what was shown: a group for training, two tests; nobody was shown the others."""
    hidden = [sha256(path.read_bytes()).hexdigest() for path in (work / "hidden").iterdir()]
    holders = sorted(len(list(work.glob(f"prover-*/state/bounties/*/{digest}.data"))) for digest in hidden)
    assert holders[:2] == [0, 0]
    assert len(holders) == 5 and min(holders[2:]) >= QUORUM


def play(repository: Path, out: Path, *options: str) -> None:
    """Run the demo to its end, and check everything that it is to show."""
    told = DemoRun("models", repository, out).finish(*options)
    report = json.loads((out / "models.json").read_text())
    scores, sale = report["scores"], report["sale"]
    assert len(scores) == 3
    assert report["winner"] == max(scores, key=scores.__getitem__)
    for said in ("lineage proven", "lineage, verified from the chain", "sold and opened", "each balance follows"):
        assert said in told
    assert sale["measured"] == scores[TRAINED]
    assert int(sale["price"]) == 10**17 + 10**15 * max(0, scores[TRAINED] - 100)
    assert [(each["round"], each["gradients"]) for each in sale["lineage"]] == [(0, 4), (1, 4)]
    check_balances(report["balances"], report["winner"], sale)
    check_receipts(out / "models")


@pytest.mark.slow
def test_three_developers_a_bounty_and_a_buyer_after_runs_that_were_interrupted(
    repository: Path, tmp_path: Path
) -> None:
    for line, processes in MOMENTS[: many(1, len(MOMENTS))]:
        DemoRun("models", repository, tmp_path).interrupt(line, processes)
    play(repository, tmp_path)
    for name in ("row.sealed", "sold.sealed"):
        assert (tmp_path / "models" / name).stat().st_size > 2410 * 64
    secrets = list((tmp_path / "models").glob("*/models/*.json"))
    assert len(secrets) == 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets)


@pytest.mark.slow
@pytest.mark.anvil
def test_the_models_demo_on_a_live_anvil_node(repository: Path, tmp_path: Path, anvil: Anvil) -> None:
    play(repository, tmp_path, "--chain", anvil.url, "--provers", "7", "--threshold", "2")
