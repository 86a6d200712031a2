"""A prover that relayed a batch late has the coordinator's fee, and collects it once it is certain who was ignored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from circuits.errors import ContractError
from circuits.terms import Pay, Windows
from commons.chain.facts import HeldFees
from gradroll.commands.proversettle import _words
from gradroll.model_owner.feesettling import FeeSettler, Outcome, SettledBatch

MEMBERS = tuple(bytes(19) + bytes((p,)) for p in range(1, 5))
RELAY, SUBMIT, SETTLE = MEMBERS[1], 1000, 2000
HELD = HeldFees(bytes(32), bytes(32), 3, 0b1111, RELAY, 500, challenge=0, paid=0b1111)


@dataclass
class Chain:
    """A market that holds the fees of one batch, and an account at it."""

    held: HeldFees
    time: int
    posted: tuple[object, ...] = ()
    refusal: str = ""
    address: bytes = RELAY
    sent: list[HeldFees] = field(default_factory=list)

    @property
    def view(self) -> Any:
        pay, windows = Pay(coordinator_batch=9, prover_batch=1), Windows(1000, 1000, availability=400)
        return SimpleNamespace(
            now=lambda: self.time,
            terms=lambda task: SimpleNamespace(pay=pay, windows=windows),
            round=lambda task, number: SimpleNamespace(submit_deadline=SUBMIT, settle_deadline=SETTLE),
            posted=lambda task, number: self.posted,
            committee_of_round=lambda task, number: SimpleNamespace(members=MEMBERS),
            held_fees=lambda task, number: {0: self.held},
            accepted=lambda task, number: (
                SimpleNamespace(task_id=task, round=number, record=SimpleNamespace(batch_index=0)),
            ),
        )

    def refund_fees(self, task_id: int, number: int, batch: int, held: HeldFees) -> None:
        if self.refusal:
            raise ContractError("refused", self.refusal)
        self.sent.append(held)

    def settle(self) -> SettledBatch:
        settler = FeeSettler(cast(Any, SimpleNamespace(view=self.view)), cast(Any, self), self.address)
        (found,) = settler.settle(7, 0)
        return found


@pytest.mark.parametrize(
    ("chain", "earliest"),
    [
        (Chain(HELD, SUBMIT), SUBMIT + 1),
        (Chain(HELD, SUBMIT + 1, posted=("an owner",)), SETTLE + 1),
        (Chain(replace(HELD, due=1500), SUBMIT + 1), 1501),
    ],
    ids=["the submit window is open", "an owner posted", "members can be added"],
)
def test_it_waits_until_it_is_time(chain: Chain, earliest: int) -> None:
    found = chain.settle()
    assert (found.outcome, found.earliest, chain.sent) == (Outcome.WAITS, earliest, [])
    assert "can be collected from" in _words(found, "")


@pytest.mark.parametrize("held", [HELD, replace(HELD, due=0), replace(HELD, paid=0, attesters=0b1101)])
def test_it_is_collected_with_what_the_market_holds(held: HeldFees) -> None:
    chain = Chain(held, SUBMIT + 1)
    assert chain.settle().outcome is Outcome.RELAYED
    assert chain.sent == [held]


def test_nobody_collects_for_another_or_twice() -> None:
    for chain in (Chain(HELD, SETTLE, address=MEMBERS[0]), Chain(replace(HELD, payee_paid=True), SETTLE)):
        assert chain.settle().outcome is Outcome.PAID
        assert not chain.sent
    assert Chain(HELD, SETTLE, refusal="FeesUnknown").settle().outcome is Outcome.PAID
    with pytest.raises(ContractError):
        Chain(HELD, SETTLE, refusal="TaskUnknown").settle()


def test_trouble_with_one_round_keeps_no_other_from_being_settled() -> None:
    chain = Chain(HELD, SETTLE)
    refund, told = chain.refund_fees, list[SettledBatch]()

    def refusing(task_id: int, number: int, batch: int, held: HeldFees) -> None:
        if number == 0:
            raise ContractError("refused", "TaskUnknown")
        refund(task_id, number, batch, held)

    chain.refund_fees = refusing  # type: ignore[method-assign]
    settler = FeeSettler(cast(Any, SimpleNamespace(view=chain.view)), cast(Any, chain), RELAY)
    with pytest.raises(ContractError, match="refused"):
        told.extend(settler.settle(7, 0, 1))
    assert [each.round for each in told] == [1]
    assert chain.sent == [HELD]
