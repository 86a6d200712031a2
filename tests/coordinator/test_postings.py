"""Submissions that owners post on the chain are taken in, and nothing that is posted is believed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from circuits.errors import ChainError, ContractError, SignatureError
from circuits.statement import SubmissionHeader
from circuits.terms import Pay, Windows
from commons.chain.facts import PostedSubmission
from commons.chain.ignored import PostedOwners, certain_after, postings
from commons.protocol.status import SubmissionState
from coordinator.events import HeaderAccepted, HeaderRefused, OwnerDropped
from coordinator.postings import STRANGERS, Postings
from native import G1
from tests.coordinator.markets import Market, hand_in
from tests.coordinator.test_admission import OWNERS
from tests.coordinator.test_admission import World as Submitting
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.network import InOrder
from tests.simulation.world.nodes import Account
from tests.support.network import Network, network_with

INTERVAL = 30.0
STRANGER = bytes(19) + b"\x77"
PAY = Pay(bonus=1, coordinator_batch=500, coordinator_gradient=50, prover_batch=30, prover_gradient=3)


@dataclass
class Telling(Market):
    """A market whose node invents postings.  ``invented``: these."""

    invented: tuple[PostedSubmission, ...] = ()

    def posted(self, task_id: int, number: int) -> tuple[PostedSubmission, ...]:
        return (*super().posted(task_id, number), *self.invented)

    def posted_since(self, block: int) -> tuple[set[tuple[int, int]], int]:
        found, last = super().posted_since(block)
        return found | ({(self.chain.terms.task_id, 0)} if self.invented else set()), last


class World(Submitting):
    """A coordinator that watches the market."""

    def __init__(self) -> None:
        super().__init__()
        self.market: Telling = Telling(chain_of(self.network))  # type: ignore[assignment]
        self.clock = NodeClock(self.market.chain.clock)
        self.key = (self.network.terms.task_id, 0)
        self.watch_as(self.network.terms.coordinator)

    def watch_as(self, address: bytes) -> None:
        self.postings = Postings(
            self.market, self.journal, self.admission_of(address), address, self.clock, InOrder(), interval=INTERVAL
        )

    def post(self, owner: int) -> SubmissionHeader:
        header = self.headers[owner]
        Account(self.market, header.owner).post_submission(header, self.receipts(header))
        return header

    def invent(self, header: SubmissionHeader, receipts: dict[int, bytes]) -> None:
        """The node shows what no market would take."""
        self.market.invented = (PostedSubmission(self.digest(header), header, receipts),)

    def look(self) -> None:
        self.clock.sleep(INTERVAL + 1)
        self.postings.turn()

    @property
    def entered(self) -> list[bytes]:
        return [event.submission for event in self.log.of(HeaderAccepted)]


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_posted_is_taken_in_once(world: World) -> None:
    header = world.post(1)
    world.look()
    world.look()
    assert world.entered == [world.digest(header)]
    (event,) = world.log.of(HeaderAccepted)
    assert event.header == header
    assert event.receipts == (0, 1, 2)


def test_between_looks_nothing_is_asked(world: World) -> None:
    world.postings.turn()
    world.post(1)
    world.postings.turn()
    assert not world.entered
    world.look()
    assert len(world.entered) == 1


def test_the_last_cohort_does_not_wait_for_the_next_look(world: World) -> None:
    world.postings.turn()
    world.post(0)
    assert world.postings.take(world.key)
    assert not world.postings.take(world.key)
    assert len(world.entered) == 1


def test_a_node_cannot_make_the_coordinator_take_what_no_owner_signed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    one, two, three, four = (world.dealt_again(0, bytes((salt,))) for salt in range(4))
    forged = replace(one, signature=world.headers[1].signature)
    no_point = world.signed(replace(two, commitment=G1(bytes(31) + b"\x05" + bytes(31) + b"\x07")), 0)
    for invented, receipts in (
        (forged, world.receipts(one)), (no_point, world.receipts(no_point)), (three, world.receipts(one)),
        (replace(two, share_digests=()), world.receipts(two)), (four, world.receipts(four, provers=2)),
    ):  # fmt: skip
        world.invent(invented, receipts)
        with caplog.at_level(logging.WARNING):
            world.look()
            world.look()
        assert not world.entered
        assert caplog.text.count("event=posting-refused") == 1
        caplog.clear()


def test_what_is_wrong_for_good_is_not_checked_again_and_what_may_pass_is(world: World) -> None:
    header = world.headers[0]
    world.invent(header, world.receipts(world.headers[1]))
    world.look()
    world.invent(header, world.receipts(header))
    world.look()
    assert not world.entered, "a node that shows other receipts later is not asked"
    assert [event.code for event in world.log.of(HeaderRefused)] == [SignatureError.code]


def test_a_posting_whose_owner_the_node_shows_right_later_is_taken(world: World) -> None:
    """A reorganisation gave its index to it, and what was known of the index was of the blocks before."""
    header = world.headers[1]
    world.invent(replace(header, owner=world.headers[0].owner), world.receipts(header))
    (wrong,) = world.market.invented
    world.market.invented = (replace(wrong, submission=world.digest(header)),)
    world.look()
    assert not world.entered
    world.invent(header, world.receipts(header))
    world.look()
    assert world.entered == [world.digest(header)]


def test_another_submission_of_its_owner_is_taken_once_the_first_was_rejected(world: World) -> None:
    first = world.another(2)
    world.admission.submit(first, world.receipts(first))
    header = world.post(2)
    world.look()
    assert world.entered == [world.digest(first)]
    world.journal.record(OwnerDropped(world.digest(first), "shares: bad", True))
    world.look()
    assert world.entered == [world.digest(first), world.digest(header)]


def test_another_tasks_coordinator_leaves_it_alone_and_a_successor_takes_it(world: World) -> None:
    world.watch_as(STRANGER)
    header = world.post(1)
    world.look()
    assert not world.entered
    world.market.chain.coordinator = STRANGER
    world.look()
    assert world.entered == [world.digest(header)]


def test_a_round_that_is_over_is_not_looked_at_any_more(world: World) -> None:
    world.post(1)
    terms = world.network.terms
    world.market.be_at(world.market.round(*world.key).settle_deadline + 1 + terms.windows.settle)
    world.look()
    assert not world.entered
    assert not world.postings._rounds


def test_a_node_that_is_down_is_asked_again(world: World) -> None:
    world.post(1)
    for patience in range(1, 6):
        world.market.down = patience
        world.look()
    world.market.down = 0
    world.look()
    assert len(world.entered) == 1
    world.market.down = 1
    with pytest.raises(ChainError):
        world.postings.take(world.key)


class Crowd:
    """Strangers' rounds beside a market's, of a task that sorts before any other: what is asked about it, and raised.

    Attributes:
        asked: what is asked about whose task, and which of its rounds.
        trouble: what an answer about a stranger's task is instead.
    """

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, *, rounds: int) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.trouble: dict[str, Exception] = {}
        self._own = world.key[0]
        since, keys = world.market.posted_since, {(1, number) for number in range(rounds)}

        def with_crowd(block: int) -> tuple[set[tuple[int, int]], int]:
            found, last = since(block)
            return found | keys, last

        monkeypatch.setattr(world.market, "posted_since", with_crowd)
        record = world.market.round(*world.key)
        for name, answer in (("coordinator", STRANGER), ("round", record)):
            monkeypatch.setattr(world.market, name, partial(self._answer, name, getattr(world.market, name), answer))

    def _answer(self, name: str, real: Callable[..., Any], answer: Any, task: int, *rest: int) -> Any:
        self.asked.append((name, task, *rest))
        if task == self._own:
            return real(task, *rest)
        if name in self.trouble:
            raise self.trouble[name]
        return answer


@pytest.mark.parametrize("about", ["coordinator", "round"])
@pytest.mark.parametrize("trouble", [ChainError("no answer"), RuntimeError("unforeseen")], ids=["node", "unforeseen"])
def test_trouble_with_a_stranger_s_round_hides_nobody_else_s(
    world: World, monkeypatch: pytest.MonkeyPatch, about: str, trouble: Exception
) -> None:
    crowd = Crowd(world, monkeypatch, rounds=3)
    crowd.trouble = {about: trouble}
    header = world.post(1)
    world.look()
    assert world.entered == [world.digest(header)]


def test_strangers_rounds_come_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd(world, monkeypatch, rounds=50)
    world.post(1)
    world.look()
    rounds = [task for name, task, *_ in crowd.asked if name == "round"]
    assert rounds[0] == world.key[0]
    assert crowd.asked.count(("coordinator", 1)) == 1, "however many rounds a task has"


def numbers(crowd: Crowd) -> list[int]:
    """Strangers' rounds that were looked at since the last call."""
    found = [number for name, task, *rest in crowd.asked if name == "round" and task == 1 for number in rest]
    crowd.asked.clear()
    return found


def test_however_many_rounds_strangers_post_in_few_are_looked_at_at_a_time_and_each_has_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they pay gas for once was asked at every look, for as long as their rounds are open."""
    crowd = Crowd(world, monkeypatch, rounds=2 * STRANGERS + STRANGERS // 2)
    seen: list[int] = []
    for _ in range(3):
        world.look()
        seen += numbers(crowd)
        assert len(seen) % STRANGERS == 0
    assert set(seen) == set(range(2 * STRANGERS + STRANGERS // 2))


def test_a_flood_of_strangers_rounds_hides_no_own_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that is known from the journal, nor one that comes later."""
    Crowd(world, monkeypatch, rounds=10 * STRANGERS)
    world.look()
    header = world.post(1)
    world.look()
    assert world.entered == [world.digest(header)]


def test_a_flood_in_front_of_a_restart_hides_no_round_of_a_task_that_is_in_the_journal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Crowd(world, monkeypatch, rounds=10 * STRANGERS)
    world.admission.submit(world.headers[0], world.receipts(world.headers[0]))
    header = world.post(1)
    world.look()
    assert world.entered == [world.digest(world.headers[0]), world.digest(header)]


def test_a_node_in_trouble_puts_no_own_task_behind_a_flood(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known of whose a task is stays, though nothing of it is in the journal."""
    world.post(1)

    def silent(task: int, *number: int) -> Any:
        raise ChainError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(world.market, "posted", silent)
        world.look()
    crowd = Crowd(world, monkeypatch, rounds=10 * STRANGERS)
    with monkeypatch.context() as patch:
        patch.setattr(world.market, "coordinator", silent)
        world.look()
    assert not world.entered
    world.look()
    assert len(world.entered) == 1
    assert crowd.asked


def test_posted_submissions_are_batched_with_those_that_were_handed_in(world: World) -> None:
    for owner in range(OWNERS):
        if owner == 1:
            world.post(owner)
        else:
            world.admission.submit(world.headers[owner], world.receipts(world.headers[owner]))
    world.look()
    with world.journal.reading() as state:
        assert len(state.pending(world.key)) == OWNERS
        assert {state.submissions[s].status.state for s in world.entered} == {SubmissionState.PENDING}


def paying() -> tuple[Network, Market]:
    network = network_with(OWNERS, pay=PAY, windows=Windows(600, 600))
    return network, Market(chain_of(network))


def batch_of_two(network: Network, market: Market) -> None:
    """The coordinator has the first two owners accepted."""
    everybody = network.headers
    network.headers = everybody[:2]
    hand_in(market, network.run().completed)
    network.headers = everybody


def post(network: Network, market: Market, owner: int) -> None:
    submitting = Submitting()
    submitting.network, submitting.context = network, network.context
    header = network.headers[owner]
    Account(market, header.owner).post_submission(header, submitting.receipts(header))


def refusal(network: Network, market: Market, owner: int) -> str:
    with pytest.raises(ContractError) as refused:
        post(network, market, owner)
    return refused.value.error


def test_who_ignores_an_owner_that_posts_loses_its_part_of_the_fees() -> None:
    network, market = paying()
    key = (network.terms.task_id, 0)
    batch_of_two(network, market)
    post(network, market, 2)
    ignored = frozenset({network.headers[2].owner_index})
    assert postings(market, *key) == PostedOwners(ignored, ignored)
    assert certain_after(market, *key) == market.round(*key).settle_deadline
    market.be_at(market.round(*key).settle_deadline + network.terms.windows.availability)
    held = market.held_fees(*key)[0]
    Account(market).refund_fees(*key, 0, held)
    fee = 500 + 2 * 50
    assert market.chain.fees().owed[network.payee] == fee * 2 // 3
    assert market.chain.fees().burnt == fee - fee * 2 // 3


def test_who_posts_late_twice_or_though_accepted_is_refused() -> None:
    network, market = paying()
    batch_of_two(network, market)
    assert refusal(network, market, 0) == "OwnerAlreadyAccepted"
    post(network, market, 2)
    assert refusal(network, market, 2) == "AlreadyPosted"
    market.be_at(market.round(network.terms.task_id, 0).submit_deadline + 1)
    assert refusal(network, market, 2) == "SubmitWindowOver"


def test_a_round_in_which_nobody_posts_is_certain_at_its_submit_deadline() -> None:
    network, market = paying()
    key = (network.terms.task_id, 0)
    assert postings(market, *key) == PostedOwners()
    assert certain_after(market, *key) == market.round(*key).submit_deadline
    free = Market(chain_of(network_with(OWNERS)))
    assert certain_after(free, *key) == 0
