"""Fees that the market holds: what is overdue goes back, and nobody who is faster, or a pause, does harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from circuits.errors import ContractError, UnknownError
from circuits.terms import Pay
from commons.chain.facts import HeldFees
from commons.chain.writer import ChainWriter
from commons.runtime.amounts import ETH
from gradroll.commands.taskfees import _machine, _words
from gradroll.model_owner.escrow import BatchFees, EscrowOwner
from tests.gradroll.fakes import NOW, FakeChain

PAYEE = b"\x11" * 20
HELD = HeldFees(bytes(32), bytes(32), 3, 0b1011, PAYEE, NOW + 60, challenge=0, paid=0)
PAY = Pay(coordinator_batch=5 * 10**15, coordinator_gradient=10**15, prover_batch=10**15, prover_gradient=10**14)


@dataclass
class Sent:
    """Records what is sent; a refund is refused with an error if a test says so."""

    refusal: str = ""
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def refund_fees(self, task_id: int, number: int, batch: int, held: HeldFees) -> None:
        if self.refusal:
            raise ContractError("refused", self.refusal)
        self.calls.append(("refund", number, batch))

    def challenge_availability(self, task_id: int, number: int, batch: int, held: HeldFees) -> None:
        self.calls.append(("challenge", number, batch, held))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[int, HeldFees]]:
    """What the market holds, by round and batch."""
    rounds: dict[int, dict[int, HeldFees]] = {0: {1: HELD, 0: replace(HELD, due=NOW - 1)}, 1: {}}

    def of_round(self: FakeChain, task_id: int, number: int, batch: int | None = None) -> Mapping[int, HeldFees]:
        return rounds[number]

    monkeypatch.setattr(FakeChain, "held_fees", of_round, raising=False)
    return rounds


def owner(sent: Sent) -> EscrowOwner:
    return EscrowOwner(FakeChain((), opened=2).view, cast(ChainWriter, sent))


def test_what_is_held_is_told_in_order(held: dict[int, dict[int, HeldFees]]) -> None:
    assert [(each.round, each.batch) for each in owner(Sent()).held_fees(0)] == [(0, 0), (0, 1)]


def test_only_what_is_overdue_goes_back(held: dict[int, dict[int, HeldFees]]) -> None:
    sent = Sent()
    assert [(each.round, each.batch) for each in owner(sent).refund_fees(0)] == [(0, 0)]
    assert sent.calls == [("refund", 0, 0)]


@pytest.mark.parametrize("error", ["AvailabilityNotOverdue", "FeesUnknown", "RoundStillOpen"])
def test_a_pause_or_somebody_faster_or_an_open_round_does_no_harm(
    held: dict[int, dict[int, HeldFees]], error: str
) -> None:
    assert owner(Sent(error)).refund_fees(0) == ()
    with pytest.raises(ContractError):
        owner(Sent("TaskUnknown")).refund_fees(0)


def test_a_batch_is_challenged_with_what_the_market_holds(held: dict[int, dict[int, HeldFees]]) -> None:
    sent = Sent()
    owner(sent).challenge(0, 0, 1)
    assert sent.calls == [("challenge", 0, 1, HELD)]
    with pytest.raises(UnknownError, match="no fees for batch 7 of round 0 of task 0x0"):
        owner(sent).challenge(0, 0, 7)


def test_what_each_of_them_gets_is_told() -> None:
    said = _words(BatchFees(2, 1, HELD), PAY, ETH)
    assert "round 2, batch 1, 3 gradients: 0.008 ETH for 0x1111" in said
    assert "0.0013 ETH for each of 3 provers that attested; until 1970-01-12" in said
    assert "challenged; until" in _words(BatchFees(2, 1, replace(HELD, challenge=NOW)), PAY, ETH)
    waiting = _words(BatchFees(2, 1, replace(HELD, paid=0b11, due=0)), PAY, ETH)
    assert "0.008 ETH for 0x1111" in waiting
    assert "waits for the end of the round" in waiting
    paid = BatchFees(2, 1, replace(HELD, paid=0b11, payee_paid=True))
    assert "0 ETH for 0x1111" in _words(paid, PAY, ETH)
    assert "2 of them are paid" in _words(paid, PAY, ETH)
    assert _machine(BatchFees(2, 1, HELD), PAY)["prover_fee"] == str(13 * 10**14)
