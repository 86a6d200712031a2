"""Who is excluded for one round counts as ignored in no other: the coordinator has the market forget it, once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ChainError, ContractError
from commons.protocol.receipts import exclusion_digest, receipt_digest
from commons.protocol.signing import sign_digest
from coordinator.clearing import Clearing
from coordinator.events import RoundClosed
from coordinator.turns import MARGIN
from tests.coordinator.fleets import state_of
from tests.coordinator.test_exclusionturns import CHEATER, WINDOWS, World, noted
from tests.simulation.test_cheating_owners import another_commitment
from tests.simulation.world.nodes import Account

FEE, OTHER = 900, 3
QUORUM = range(3)


class Overlapping(World):
    """Rounds 0 and 1 are open.  In round 0 nobody signs anything against who posted, and its batch is accepted."""

    def __init__(
        self, directory: Path, *, ignored: Sequence[int] = (CHEATER,), fee: int = FEE, played: bool = True
    ) -> None:
        """Args:
        ignored: owners that post in round 0.
        played: whether its batch is accepted already.
        """
        super().__init__(
            directory, another_commitment, others=[(i, another_commitment) for i in ignored if i != CHEATER], owners=6,
            fee=fee,
        )  # fmt: skip
        chain = self.market.chain
        chain.open_round(self.network.terms.capacity)
        for owner in ignored:
            self.put_on_chain(owner)
        if played:
            self.play()

    def put_on_chain(self, owner: int) -> None:
        """An owner posts in round 0, with a quorum's receipts."""
        digest = receipt_digest(self.network.terms.market, self.network.submission(owner))
        receipts = {p: sign_digest(self.network.prover_keys[p], digest) for p in QUORUM}
        header = self.network.headers[owner]
        Account(self.market, header.owner).post_submission(header, receipts)

    def exclude_elsewhere(self, owner: int = CHEATER) -> None:
        """Somebody has an owner excluded for what it dealt in round 1."""
        header, dealing = self.network.headers[owner], bytes([owner]) * 32
        digest = exclusion_digest(self.market.context(header.task_id, 1), header.owner, dealing)
        receipts = [(p, sign_digest(self.network.prover_keys[p], digest)) for p in QUORUM]
        Account(self.market).exclude(header.task_id, 1, header.owner_index, dealing, receipts)

    def index_of(self, owner: int) -> int:
        return self.network.headers[owner].owner_index

    def ignored(self) -> int:
        return self.market.chain.fees().ignored(0)

    def collect(self) -> int:
        """What the payee of round 0 is credited once everything is over."""
        held = self.market.held_fees(*self.key)[0]
        over = max(held.due, self.market.round(*self.key).settle_deadline) + 1
        self.clock.sleep(over - self.clock.time())
        self.market.chain.mine()
        Account(self.market).refund_fees(*self.key, 0, held)
        return self.market.chain.fees().owed[held.payee]

    def asked(self, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
        """What the chain is asked, and sent, from now on."""
        asked: Counter[str] = Counter()
        for name in ("posted_since", "excluded", "posted", "consumed_among", "owner", "round", "held_fees"):
            monkeypatch.setattr(self.market, name, partial(noted, asked, name, getattr(self.market, name)))
        sender = self.coordinator.exclusions._chain
        monkeypatch.setattr(sender, "exclude", partial(noted, asked, "exclude", sender.exclude))
        return asked

    def look(self) -> None:
        self.clock.sleep(11)
        self.market.chain.mine()
        self.coordinator.exclusions.turn()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Overlapping]]:
    made: list[Overlapping] = []

    def one(**options: Any) -> Overlapping:
        made.append(Overlapping(tmp_path / str(len(made)), **options))
        return made[-1]

    yield one
    for world in made:
        world.coordinator.close()


def test_an_owner_excluded_for_another_round_costs_the_coordinator_nothing(build: Any) -> None:
    attacked, answered = build(), build()
    for world in (attacked, answered):
        assert world.ignored() == 1
        world.exclude_elsewhere()
        assert world.ignored() == 1, "in this round it is not excluded"
    answered.look()
    assert answered.ignored() == 0
    accepted = len(attacked.market.chain.fees().accepted[0])
    assert attacked.collect() == FEE * accepted // (accepted + 1)
    assert answered.collect() == FEE


def test_it_is_cleared_before_a_batch_is_accepted(build: Any) -> None:
    world = build(played=False)
    world.exclude_elsewhere()
    world.look()
    assert world.ignored() == 0
    assert not state_of(world.coordinator.journal).fees_open


def test_it_is_cleared_after_the_round_while_the_payee_waits(build: Any) -> None:
    world = build()
    world.clock.sleep(WINDOWS.settle)
    world.market.chain.mine()
    world.coordinator.journal.record(RoundClosed(world.key[0], 0, ""))
    state = state_of(world.coordinator.journal)
    assert (state.fees_open, state.open_rounds()) == ({world.key}, [])
    world.exclude_elsewhere()
    world.look()
    assert world.ignored() == 0
    assert world.collect() == FEE


def test_it_is_cleared_once(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build()
    world.exclude_elsewhere()
    asked = world.asked(monkeypatch)
    for _ in range(3):
        world.look()
    assert asked["exclude"] == 1
    assert world.excluded == [world.index]


def test_what_a_reorganisation_takes_back_is_cleared_again(build: Any) -> None:
    world = build()
    world.exclude_elsewhere()
    world.look()
    chain = world.market.chain
    last = chain.head
    assert last.calls
    chain.blocks[-1] = replace(last, calls=())
    assert world.ignored() == 1
    world.look()
    assert world.ignored() == 0


def test_after_a_restart_it_is_cleared(build: Any) -> None:
    world = build()
    world.exclude_elsewhere()
    world.coordinator.close()
    world.start()
    world.look()
    assert world.ignored() == 0


def test_who_is_not_excluded_is_left_alone_and_hardly_anything_is_asked(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build()
    asked = world.asked(monkeypatch)
    world.look()
    assert asked == {"posted_since": 1, "excluded": 1}
    assert world.ignored() == 1


def test_of_several_only_those_that_are_excluded_are_asked_about(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build(ignored=(CHEATER, OTHER))
    world.exclude_elsewhere()
    asked = world.asked(monkeypatch)
    world.look()
    assert (asked["consumed_among"], asked["exclude"]) == (1, 1)
    assert world.ignored() == 1


def test_rounds_without_postings_cost_one_question_for_all(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build(ignored=())
    world.exclude_elsewhere()
    asked = world.asked(monkeypatch)
    world.look()
    assert asked == {"posted_since": 1}


def test_tasks_that_pay_no_coordinator_are_not_asked_about(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build(fee=0)
    world.exclude_elsewhere()
    asked = world.asked(monkeypatch)
    world.look()
    assert not asked


def test_once_the_payee_is_paid_nothing_is_sent(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build()
    assert world.collect() < FEE
    world.exclude_elsewhere()
    asked = world.asked(monkeypatch)
    world.look()
    assert asked["consumed_among"] == 1
    assert asked["exclude"] == 0


def test_who_has_the_index_of_an_excluded_owner_now_is_left_alone(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that has given out all indices gives those of owners that left out again."""
    world = build()
    world.exclude_elsewhere()
    owner = world.market.owner
    monkeypatch.setattr(world.market, "owner", lambda *place: replace(owner(*place), excluded=False))
    asked = world.asked(monkeypatch)
    world.look()
    assert asked["owner"] == 1
    assert asked["exclude"] == 0


def test_somebody_who_is_faster_is_no_trouble(
    build: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = build(ignored=(CHEATER, OTHER))
    sender = world.coordinator.exclusions._chain
    exclude = sender.exclude

    def beaten(*place: Any) -> Any:
        Account(world.market, bytes(20)).exclude(*place)
        return exclude(*place)

    monkeypatch.setattr(sender, "exclude", beaten)
    for owner in (CHEATER, OTHER):
        world.exclude_elsewhere(owner)
    caplog.clear()
    world.look()
    assert world.ignored() == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("trouble", [ContractError("no", "NotInRound"), RuntimeError("unforeseen")])
def test_trouble_with_one_holds_up_no_other(
    build: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    world = build(ignored=(CHEATER, OTHER))
    sender = world.coordinator.exclusions._chain
    exclude = sender.exclude

    def refusing(task: int, number: int, index: int, *shown: Any) -> Any:
        if index == world.index:
            raise trouble
        return exclude(task, number, index, *shown)

    monkeypatch.setattr(sender, "exclude", refusing)
    for owner in (CHEATER, OTHER):
        world.exclude_elsewhere(owner)
    world.look()
    assert world.excluded == [world.index_of(OTHER)]
    assert f"round=0 owner={world.index}" in caplog.text


def test_a_node_that_does_not_answer_is_asked_again(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build()
    world.exclude_elsewhere()
    for name in ("terms", "posted_since", "posted"):
        with monkeypatch.context() as patch:
            patch.setattr(world.market, name, unanswered)
            world.look()
        assert world.ignored() == 1
    world.look()
    assert world.ignored() == 0


def unanswered(*_: Any) -> Any:
    raise ChainError("the node cannot be reached")


def test_postings_are_looked_for_from_the_beginning_where_a_task_is_new(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build()
    task, since, asked = world.key[0], world.market.posted_since, []
    terms = world.market.terms(task)
    monkeypatch.setattr(world.market, "terms", lambda task_id: terms)

    def noting(block: int) -> Any:
        asked.append(block)
        return since(block)

    monkeypatch.setattr(world.market, "posted_since", noting)
    for _ in range(2 * MARGIN):
        world.market.chain.mine()
    clearing = Clearing(world.coordinator.exclusions._chain)
    for keys in ([world.key], [world.key], [world.key, (task + 1, 0)], [world.key]):
        clearing.look(keys)
    again = world.market.chain.head.number - MARGIN
    assert asked == [0, again, 0, again]
