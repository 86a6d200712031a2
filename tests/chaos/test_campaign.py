"""A short campaign on real processes, with two coordinators: everything goes wrong once, and the books balance."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign, Orders
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import drawn, kinds_of

SECONDS, EVERY = 60.0, 2.0
MAIN = (
    "kill", "kill-coordinator", "kill-owner", "kill-leader", "kill-redis", "pause", "partition", "reorganise",
    "full-disk", "failover",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.anvil
def test_a_short_campaign_violates_nothing(tmp_path: Path, development_keys: Path) -> None:
    kinds = kinds_of(pair=True)
    faults = drawn(7, SECONDS, 4, every=EVERY, kinds=kinds, pair=True)
    assert {fault.kind for fault in faults} == set(kinds)
    said = io.StringIO()
    chronicle = Chronicle(tmp_path / "events.jsonl", said)
    orders = Orders(7, SECONDS, tmp_path, faults, owners=4, parameters=development_keys, pair=True)
    outcome = Campaign(orders, chronicle).run()
    chronicle.close()
    assert not outcome.violations, f"{outcome.violations}\n{said.getvalue()}"  # what is wrong first: output is cut
    assert not outcome.interrupted
    assert outcome.applied == list(faults)
    assert set(MAIN) <= outcome.counts.keys()
    assert outcome.told["accepted"] == outcome.accepted > 0
    assert outcome.sums == len({event.text.split(",")[0] for event in chronicle.events if event.kind == "sum-read"}) > 0
    assert Counter(event.kind for event in chronicle.events) == outcome.counts
    assert outcome.record()["gradients_accepted"] == outcome.accepted
