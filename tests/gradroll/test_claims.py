"""Claiming for many owners and rounds: it is one call, and whoever is faster does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from circuits.errors import ContractError
from commons.chain.writer import ChainWriter
from gradroll.data_owner.claims import claim_all
from tests.gradroll.fakes import FakeChain
from tests.support.parts import with_parts

OWNERS = {bytes([number]) * 20: number for number in (1, 2, 3)}


@dataclass
class Sent:
    """An account that claims; it is refused with an error if a test says so."""

    view: FakeChain
    refusal: str = ""
    calls: list[tuple[tuple[int, ...], int | None]] = field(default_factory=list)

    @property
    def chain(self) -> ChainWriter:
        return cast(ChainWriter, self)

    def claim(self, task_id: int, indices: Sequence[int], through: int | None, *, owed_only: bool) -> int:
        if self.refusal:
            raise ContractError("refused", self.refusal)
        assert owed_only
        self.calls.append((tuple(indices), through))
        end = self.view.opened if through is None else through
        return sum(self.view.claimable(task_id, index, end).amount for index in indices)


def market(**changes: object) -> FakeChain:
    """Three rounds were opened; owners 1 and 2 are accepted in all of them."""
    return with_parts(FakeChain((), OWNERS, opened=3, accepted_indices=frozenset({1, 2})), **changes)


def test_one_call_is_for_all_owners_and_all_rounds() -> None:
    sent = Sent(market())
    assert claim_all(sent.chain, 0, OWNERS.values()) == 2 * 3 * 1000
    assert sent.calls == [((1, 2, 3), None)]


def test_a_claim_may_be_for_the_first_rounds_only() -> None:
    sent = Sent(market())
    assert claim_all(sent.chain, 0, [1], through=2) == 2 * 1000
    assert sent.calls == [((1,), 2)]


def test_who_was_faster_has_paid_the_owners() -> None:
    assert claim_all(Sent(market(), "NothingToClaim").chain, 0, [1]) == 0


def test_another_refusal_is_told() -> None:
    with pytest.raises(ContractError):
        claim_all(Sent(market(), "TaskUnknown").chain, 0, [1])
