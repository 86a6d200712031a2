"""What a node's environment asks of the chain before a prover signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import pytest

from circuits.errors import ChainError, ClosedError, InvalidInputError, UnknownError
from circuits.statement import Context, MarketId, Policy, TaskTerms
from commons.chain.facts import RoundRecord
from commons.chain.view import ChainView
from commons.runtime.clock import Clock, SystemClock
from commons.storage.parameters import PublicParameters
from native import G1
from provers.finality import Finality
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.store import Store

TERMS = TaskTerms(
    MarketId(1, b"\x01" * 20, b"\x02" * 32), 3, b"\x03" * 20, 5, b"\x04" * 20, b"\x05" * 20, 10, 16, 1 << 40, 2, 4, 3,
    10, 60, 600, False, False,
)  # fmt: skip
POLICY = Policy(16, b"\x06" * 32, b"\x07" * 32)
CONTEXT = Context.of(TERMS, 0, b"\x08" * 32, POLICY)
OPEN = RoundRecord(b"\x08" * 32, 50, 100, 1, 2, 20, G1(bytes(64)), False)


@dataclass
class Chain:
    """A round that has two owners already, numbers 8 and 9."""

    now_: int = 100
    record: RoundRecord = OPEN

    def now(self) -> int:
        return self.now_

    def terms(self, task_id: int) -> TaskTerms:
        return TERMS

    def round(self, task_id: int, number: int) -> RoundRecord:
        return self.record

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        return index in (8, 9)

    def context(self, task_id: int, number: int) -> Context:
        return CONTEXT


def environment(
    chain: Chain, committee_id: int = 5, max_dimension: int = 10, clock: Clock | None = None
) -> NodeEnvironment:
    return NodeEnvironment(
        cast(ChainView, chain), cast(Finality, None), cast(Store, None), cast(Keystore, None),
        cast(PublicParameters, None), clock or SystemClock(), committee_id=committee_id, max_dimension=max_dimension,
        clock_skew=30,
    )  # fmt: skip


@dataclass
class Stopped:
    """A clock that a snapshot has put back, or that is right."""

    at: float

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_ledger_is_found_to_be_old_at_a_time_that_no_open_round_is_after() -> None:
    """By a clock that was put back with the ledger, a round that lost its records would seem to be opened later."""
    assert environment(Chain(now_=1000), clock=Stopped(1000)).now() == 1000
    assert environment(Chain(now_=1000), clock=Stopped(1020)).now() == 1020
    assert environment(Chain(now_=1000), clock=Stopped(980)).now() == 1000
    with pytest.raises(ChainError, match="clock is 31 s behind"):
        environment(Chain(now_=1000), clock=Stopped(969)).now()


def test_a_batch_that_the_market_would_take_is_admissible() -> None:
    environment(Chain()).require_admissible(CONTEXT, (0, 1))


@pytest.mark.parametrize(
    ("chain", "indices", "match"),
    [
        (Chain(now_=101), (0, 1), "takes no batches any more"),
        (Chain(record=replace(OPEN, finalized=True)), (0, 1), "takes no batches any more"),
        (Chain(), (0, 1, 2), "no room for 3 more owners"),
        (Chain(), (0, 9), r"owners \[9\] are in an accepted batch"),
    ],
)
def test_what_the_market_would_refuse_is_not_signed(chain: Chain, indices: tuple[int, ...], match: str) -> None:
    """A signature locks the owners; for a batch that cannot be accepted any more they would lose their round."""
    with pytest.raises(ClosedError, match=match):
        environment(chain).require_admissible(CONTEXT, indices)


def test_a_round_was_opened_a_submit_window_before_its_deadline() -> None:
    assert environment(Chain(record=replace(OPEN, submit_deadline=5060))).opened_at(CONTEXT) == 5000


def test_rounds_of_another_committee_or_of_a_model_too_large_have_no_context_here() -> None:
    assert environment(Chain()).context(3, 0) == CONTEXT
    with pytest.raises(UnknownError, match="not for this prover's"):
        environment(Chain(), committee_id=4).context(3, 0)
    with pytest.raises(InvalidInputError, match="this prover takes 9"):
        environment(Chain(), max_dimension=9).context(3, 0)
