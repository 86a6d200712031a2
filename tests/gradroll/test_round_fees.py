"""What is told of a round's fees, and what a prover that settles for itself tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commons.chain.facts import HeldFees
from commons.runtime.amounts import ETH
from gradroll.commands.proversettle import _machine, _words
from gradroll.model_owner.feesettling import Outcome, SettledBatch
from gradroll.model_owner.roundfees import RoundFees

HELD = HeldFees(bytes(32), bytes(32), 3, 0b1011, bytes(20), 1_700_000_000, challenge=0, paid=0)


def test_who_has_what_of_a_rounds_fees_is_told() -> None:
    fees = RoundFees(5 * 10**15, 2 * 10**15)
    assert fees.in_words(ETH) == "0.005 ETH to the coordinator, 0.002 ETH to provers"
    told = replace(fees, refunded=10**15, waiting=2).in_words(ETH)
    assert "0.001 ETH back to the task" in told
    assert "those of 2 more are held" in told
    assert fees.machine == {
        "coordinator": str(5 * 10**15), "provers": str(2 * 10**15), "refunded": "0", "batches_waiting": 0,
        "payees_waiting": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome.SETTLED, "0.1 ETH are credited to the controller of each of provers 0, 2"),
        (Outcome.PAID, "paid already"),
        (Outcome.EARLY, "from 2023-11-14"),
        (Outcome.OVERDUE, "were due by 2023-11-14"),
        (Outcome.UNATTESTED, "did not attest"),
        (Outcome.CHANGED, "run this again"),
        (Outcome.WAITS, "can be collected from 2023-11-14"),
        (Outcome.RELAYED, "is credited"),
    ],
)
def test_every_outcome_of_settling_has_its_words(outcome: Outcome, words: str) -> None:
    found = SettledBatch(4, 1, HELD, outcome, (0, 2), HELD.due)
    assert words in _words(found, "0.1 ETH")
    assert _machine(found) == {"round": 4, "batch": 1, "outcome": str(outcome), "paid": [0, 2]}
