"""When a model owner copies its roster into code, and that it does so before the round opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from circuits.errors import ContractError, NotReadyError
from circuits.hashing import keccak
from commons.chain.writer import ChainWriter
from commons.storage.accounts import SigningKey
from commons.storage.modelfiles import encode_model
from gradroll.model_owner import roster
from gradroll.model_owner.buyer import ModelOwner
from tests.gradroll.fakes import DIMENSION, NOW, FakeChain, FakeCoordinator, FakeParameters
from tests.support.plain_batch import seed_of

KEYS = tuple(SigningKey.from_secret(seed_of("prover", p)) for p in range(4))


@dataclass
class Sent:
    """Records the transactions of a model owner; copying is refused with an error if a test says so."""

    calls: list[str] = field(default_factory=list)
    refusal: str = ""

    @property
    def chain(self) -> ChainWriter:
        return cast(ChainWriter, self)

    def compact_roster(self, task_id: int, chunk: int) -> None:
        self.calls.append(f"compact {task_id} {chunk}")
        if self.refusal:
            raise ContractError("refused", self.refusal)

    def open_round(self, task_id: int, model_digest: bytes, seats: int) -> int:
        self.calls.append(f"open {seats}")
        return 0


def market(owners: int, *copied: int, opened: int = 0) -> FakeChain:
    """A task of nine rounds with four owners a round."""
    registered = {seed_of("owner", i)[:20]: i for i in range(owners)}
    return FakeChain(KEYS, registered, opened=opened, copies=dict(enumerate(copied)))


def buyer(chain: FakeChain, sent: Sent) -> ModelOwner:
    return ModelOwner(chain.view, sent.chain, FakeCoordinator().client, FakeParameters().parameters)


@pytest.mark.parametrize(
    ("registered", "copied", "rounds", "owners", "expected"),
    [
        (64, 0, 3, 64, True),
        (64, 0, 2, 64, False),  # two rounds do not earn the copy back
        (64, 64, 100, 64, False),  # nobody is new
        (64, 63, 100, 64, False),  # one new owner cannot pay for sixty-four
        (64, 62, 100, 64, True),
        (1000, 0, 3, 64, False),  # most of them are in no batch
        (1000, 0, 47, 64, True),
        (0, 0, 100, 64, False),
    ],
)
def test_a_copy_is_made_when_it_earns_its_cost(
    registered: int, copied: int, rounds: int, owners: int, expected: bool
) -> None:
    assert roster.pays(registered, copied, rounds, owners) == expected


@pytest.mark.parametrize(
    ("chain", "chunks"),
    [
        (market(4), (0,)),
        (market(4, 4), ()),
        (market(4, opened=6), (0,)),
        (market(4, opened=7), ()),
        (market(0), ()),
        (market(1024 + 3, 1024), (1,)),
        (market(1024 + 3, 1024, 3), ()),
    ],
)
def test_only_chunks_with_new_owners_are_copied(chain: FakeChain, chunks: tuple[int, ...]) -> None:
    assert roster.chunks_to_compact(chain.view, 0, 4) == chunks


def test_opening_a_round_copies_the_roster_first() -> None:
    sent = Sent()
    buyer(market(4), sent).open_round(0, np.zeros(DIMENSION))
    assert sent.calls == ["compact 0 0", "open 4"]


def test_a_round_of_fewer_seats_is_opened_when_that_is_asked_for() -> None:
    sent = Sent()
    buyer(market(2), sent).open_round(0, np.zeros(DIMENSION), seats=0)
    assert sent.calls == ["compact 0 0", "open 0"], "the owners that are registered have seats in any case"


def test_copying_can_be_switched_off() -> None:
    sent = Sent()
    buyer(market(4), sent).open_round(0, np.zeros(DIMENSION), compact=False)
    assert sent.calls == ["open 4"]


def test_a_copy_that_somebody_else_made_meanwhile_does_not_hinder() -> None:
    sent = Sent(refusal="RosterCompact")
    buyer(market(4), sent).open_round(0, np.zeros(DIMENSION))
    assert sent.calls == ["compact 0 0", "open 4"]


def test_another_refusal_is_told_before_the_round_opens() -> None:
    sent = Sent(refusal="CompactionFailed")
    with pytest.raises(ContractError):
        buyer(market(4), sent).open_round(0, np.zeros(DIMENSION))
    assert sent.calls == ["compact 0 0"]


def test_a_round_that_an_interrupted_run_opened_is_not_opened_again() -> None:
    model, sent, told = np.ones(DIMENSION), Sent(), list[str]()
    chain = FakeChain(KEYS, {}, opened=1, model_digest=keccak(encode_model(model)))
    assert buyer(chain, sent).open_round(0, model, warn=told.append) == 0
    assert "is running on this model already" in told[0]
    with pytest.raises(NotReadyError, match="has no accepted batch yet"):
        buyer(chain, sent).open_round(0, 2 * model)
    chain.deadline = NOW - 100
    with pytest.raises(NotReadyError, match="end it first"):
        buyer(chain, sent).open_round(0, model)
    assert sent.calls == []
