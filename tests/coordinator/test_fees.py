"""Fees of accepted batches: settled in time, whatever provers, model owners, nodes and restarts do in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from circuits.terms import DAY, Pay, Windows
from commons.chain.facts import HeldFees
from commons.chain.mined import Mined
from commons.protocol.messages import Step
from commons.protocol.receipts import AvailabilityReceipt
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from coordinator import feesettlement
from coordinator.coordinator import Coordinator, Equipment
from coordinator.events import BatchProven, BatchSettled, FeesEnded, HeaderAccepted, SumOpened, SumPublished
from coordinator.journal import Journal
from coordinator.turns import SETTLED
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import Market, MemoryLog, PartyLine, hand_in
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.fees import FeeCall
from tests.simulation.world.network import InOrder
from tests.simulation.world.nodes import Account
from tests.support.network import network_with
from tests.support.parameters import DevelopmentParameters

OWNERS, INTERVAL = 3, 60
PAY = Pay(bonus=1, coordinator_batch=500, coordinator_gradient=50, prover_batch=30, prover_gradient=3)
OF_COORDINATOR, OF_PROVER = 500 + 50 * OWNERS, 30 + 3 * OWNERS
EVERYBODY = range(4)


@dataclass
class Publisher(Account):
    """The coordinator's account.  ``published``: sums that it put on the chain by themselves."""

    published: list[bytes] = field(default_factory=list)

    def publish_aggregate(
        self,
        task_id: int,
        number: int,
        batch_index: int,
        payload: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        self.published.append(payload)
        return Mined(bytes(32), 1, 1, None, ())


class World:
    """A coordinator whose batch was accepted, and the provers that attested it."""

    def __init__(self, directory: Path, pay: Pay = PAY, rounds: Executor | None = None, **options: Any) -> None:
        """``rounds``: where rounds are worked on, at once if it is not said."""
        self.directory = directory
        self.rounds = InOrder() if rounds is None else rounds
        self.published: list[bytes] = []
        self.network = network_with(OWNERS, pay=pay, **options)
        self.done = self.network.run().completed
        self.market = Market(chain_of(self.network))
        self.clock = NodeClock(self.market.chain.clock)
        self.lines = [PartyLine(self.network, self.market, p) for p in EVERYBODY]
        for line in self.lines:
            line.kept[self.done.batch_id] = self.done.bundle
        self.log = MemoryLog()
        self.key = (self.network.terms.task_id, 0)
        self.start()
        digests = self.network.cohort.digests
        self.coordinator.journal.record(
            *(HeaderAccepted(d, h, tuple(EVERYBODY)) for d, h in zip(digests, self.network.headers, strict=True)),
            BatchProven(
                *self.key,
                self.done.batch_id,
                digests,
                self.coordinator.results.put(self.done.bundle.encode(), self.key[0]),
            ),
        )
        hand_in(self.market, self.done)
        self.network.accept(self.done)
        self.coordinator.journal.record(BatchSettled(self.done.batch_id, True, ""))

    def start(self) -> None:
        """The process begins, with what is in its log."""
        settings = CoordinatorSettings(
            listen="h:1", log="sqlite:///unused", account=self.directory, state=self.directory, confirmations=1,
            poll_interval=1.0, step_timeout=1.0, clock_skew=0, fee_interval=float(INTERVAL), round_age=0.0,
        )  # fmt: skip
        equipment = Equipment(
            settings, SigningKey.from_secret(self.network.coordinator_key),
            Publisher(self.market, published=self.published), Journal(self.log), self.directory,
            DevelopmentParameters(self.network.setup), self._connect, self.clock, self.rounds, InOrder(),
            InOrder(), InOrder(), InOrder(), threading.Event(),
        )  # fmt: skip
        self.coordinator = Coordinator(equipment)

    def _connect(self, endpoint: str) -> PartyLine:
        return self.lines[int(endpoint.removeprefix("prover-").partition(":")[0])]

    def turn(self, after: float = 0.0) -> None:
        self.clock.sleep(after)
        self.market.chain.mine()
        self.coordinator.turn()

    @property
    def window(self) -> int:
        return self.network.terms.windows.availability

    @property
    def held(self) -> HeldFees:
        return self.market.chain.fees().held[0, 0]

    def earned(self) -> list[int]:
        """What the payee and each member were credited."""
        owed = self.market.chain.fees().owed
        return [owed[self.network.payee], *(owed[member] for member in self.network.committee.members)]

    def challenge(self) -> None:
        """The model owner asks for the sum."""
        Account(self.market, self.market.chain.model_owner).challenge_availability(*self.key, 0, self.held)

    def asked(self, prover: int) -> int:
        """How often a prover was asked to release."""
        return self.lines[prover].steps.count(Step.RELEASE)


class Busy(Executor):
    """All its threads are at work, and what it is given waits."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


def counted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> list[tuple[Any, ...]]:
    """What a function is asked from now on."""
    asked, real = [], getattr(where, name)

    def noted(*arguments: Any) -> Any:
        asked.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(where, name, noted)
    return asked


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.coordinator.close()


def test_fees_are_settled_once_the_model_owner_cannot_ask_any_more(world: World) -> None:
    world.turn()
    assert world.log.of(SumOpened)
    world.turn(world.window // 4)
    assert world.earned() == [0] * 5
    world.turn(world.window // 4)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert not world.market.chain.fees().held


def test_a_round_whose_fees_are_settled_is_left_alone_after_a_while(world: World) -> None:
    """Until then a reorganisation may take the settlement back."""
    world.turn()
    world.turn(world.window // 2)
    assert world.earned()[0] == OF_COORDINATOR
    assert state_of(world.coordinator.journal).fees_open == {world.key}
    world.turn(SETTLED)
    assert world.log.of(FeesEnded) == [FeesEnded(*world.key)]
    assert not state_of(world.coordinator.journal).fees_open


def test_what_a_reorganisation_takes_back_is_settled_again(world: World) -> None:
    world.turn()
    world.turn(world.window // 2)
    assert world.earned()[0] == OF_COORDINATOR
    chain = world.market.chain
    chain.reorganise(1)
    chain.waiting.clear()
    chain.blocks = [replace(block, calls=()) for block in chain.blocks]
    assert world.earned()[0] == 0
    world.turn(SETTLED)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_after_a_restart_the_chain_says_what_is_left_to_do(world: World) -> None:
    world.turn()
    world.coordinator.close()
    world.start()
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_node_that_said_it_was_decades_later_keeps_no_fees_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = world.coordinator.fee_turns._view
    now = view.now
    with monkeypatch.context() as lying:
        lying.setattr(view, "now", lambda: now() + 10**9)
        world.turn()
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_challenge_is_answered_at_once(world: World) -> None:
    world.turn()
    world.challenge()
    assert world.held.challenge
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_challenge_is_not_answered_with_what_was_signed_before_it(world: World) -> None:
    """A prover that signs for the sum as it was has to be asked again."""
    world.turn()
    old = world.lines[1].availability(world.done.batch_id)
    world.challenge()
    for line in world.lines[1:]:
        line.says = old
    world.turn(world.window // 2)
    assert world.earned() == [0] * 5
    for line in world.lines[1:]:
        line.says = None
    world.turn(INTERVAL)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_prover_that_does_not_answer_is_waited_for_and_in_the_end_left_out(world: World) -> None:
    world.turn()
    world.lines[2].down = True
    world.turn(world.window // 2)
    world.turn(INTERVAL)
    assert world.earned() == [0] * 5, "it may come back"
    world.turn(world.window // 4)
    assert world.earned() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, 0, OF_PROVER]
    assert world.held.paid == 0b1011


def test_who_has_signed_is_not_asked_again_and_the_last_quarter_is_not_spent_on_who_hangs(world: World) -> None:
    asked = [0] * 4
    for line in world.lines:
        said = line.availability

        def counted(*arguments: Any, line: PartyLine = line, said: Any = said) -> AvailabilityReceipt:
            asked[line.prover] += 1
            return cast(AvailabilityReceipt, said(*arguments))

        line.availability = counted  # type: ignore[assignment, method-assign]
    world.turn()
    world.lines[2].down = True
    world.turn(world.window // 2)
    world.turn(INTERVAL)
    assert asked[:2] + asked[3:] == [1, 1, 1]
    before = asked[2]
    assert before >= 2, "it may come back"
    world.turn(world.window // 4)
    assert asked[2] == before
    assert world.earned() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, 0, OF_PROVER]


def test_a_prover_that_comes_back_is_paid_with_the_others(world: World) -> None:
    world.turn()
    world.lines[2].down = True
    world.turn(world.window // 2)
    world.lines[2].down = False
    world.turn(INTERVAL)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_prover_that_was_not_ready_when_the_sum_was_opened_is_asked_to_release_it_then(world: World) -> None:
    late = world.network.memories[3]
    accepted = dict(late.acceptances)
    late.acceptances.clear()
    world.turn()
    assert world.log.of(SumOpened)
    late.acceptances = accepted
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert [world.asked(prover) for prover in EVERYBODY] == [1, 1, 1, 2]


def test_a_prover_that_releases_and_does_not_sign_is_not_made_to_send_its_share_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share is as long as the model."""
    world.turn()
    world.lines[3].says = AvailabilityReceipt(0, bytes(65))
    for _ in range(5):
        world.turn(world.window // 8)
    looks = world.lines[0].looks
    read: list[bytes] = []
    monkeypatch.setattr(feesettlement, "certificate_of", lambda _, digest: read.append(digest))
    for _ in range(2):
        world.turn(world.window // 8)
    assert world.asked(3) == 2
    assert (world.lines[0].looks, read) == (looks, []), "while nobody is left to ask, neither provers nor disk are"
    assert world.earned() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, OF_PROVER, 0]


def test_where_no_quorum_serves_the_coordinator_has_its_own_part_and_the_task_the_rest(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.turn()
    for line in world.lines[:2]:
        line.down = True
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            world.turn(world.window // 4)
    assert world.earned() == [OF_COORDINATOR, 0, 0, 0, 0]
    assert world.market.chain.fees().refunded == 4 * OF_PROVER
    assert "event=fees-refunded" in caplog.text
    world.turn(SETTLED)
    world.turn(SETTLED)
    assert world.log.of(FeesEnded)


def test_a_task_that_pays_its_coordinator_nothing_has_its_overdue_fees_back_by_itself(tmp_path: Path) -> None:
    """Nobody pays gas for it here; `gradroll task fees --refund` does it."""
    world = World(tmp_path, replace(PAY, coordinator_batch=0, coordinator_gradient=0))
    world.turn()
    for line in world.lines:
        line.down = True
    for _ in range(8):
        world.turn(world.window // 4)
    assert world.market.chain.fees().refunded == 0
    assert world.held.due < world.market.now()
    assert world.log.of(FeesEnded)
    world.coordinator.close()


def test_a_task_without_fees_is_not_looked_at_again(tmp_path: Path) -> None:
    world = World(tmp_path, Pay(bonus=1))
    world.turn()
    world.turn(200)
    world.turn(SETTLED)
    assert world.log.of(FeesEnded)
    assert world.held.paid == 0
    world.coordinator.close()


def test_what_a_prover_settled_for_itself_does_no_harm(world: World) -> None:
    world.turn()
    world.clock.sleep(world.window // 2)
    world.market.chain.mine()
    receipts = [(p, world.lines[p].availability(world.done.batch_id).signature) for p in (0, 1, 2)]
    Account(world.market, world.network.committee.members[0]).settle_fees(*world.key, 0, world.held, receipts)
    world.turn()
    world.turn(INTERVAL)
    assert world.earned() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, OF_PROVER, 0]


def test_while_the_market_is_paused_its_deadlines_are_not_over(world: World) -> None:
    """Its clock stands still; what is too early or too late it says itself."""
    world.turn()
    world.market.chain.pause()
    world.turn(world.window // 2)
    assert world.earned() == [0] * 5
    world.turn(world.window // 4)
    world.market.chain.resume()
    world.turn(INTERVAL)
    assert world.earned() == [0] * 5
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_a_node_that_is_down_is_asked_again(world: World) -> None:
    world.turn()
    world.clock.sleep(world.window // 2)
    world.market.chain.mine()
    for patience in range(1, 8):
        world.market.down = patience
        world.coordinator.fee_turns.turn()
        world.clock.sleep(INTERVAL)
    world.market.down = 0
    world.turn(INTERVAL)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


@pytest.fixture
def posting(tmp_path: Path) -> Iterator[World]:
    """A task that has its sums on the chain."""
    made = World(tmp_path, inline=True)
    yield made
    made.coordinator.close()


def test_a_sum_that_is_published_carries_the_fees_of_its_batch(posting: World) -> None:
    """One transaction, at once: what is on the chain nobody has to ask for.  The coordinator's own part waits."""
    posting.turn()
    posting.turn()
    assert posting.earned() == [0, *[OF_PROVER] * 4]
    (opened,) = posting.log.of(SumOpened)
    (call,) = [call for block in posting.market.chain.blocks for call in block.calls]
    assert isinstance(call, FeeCall)
    assert call.payload == posting.coordinator.results.get(opened.payload_digest)
    assert len(posting.log.of(SumPublished)) == 1
    assert not posting.published
    posting.turn(SETTLED)
    assert posting.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert not posting.market.chain.fees().held
    assert len([call for block in posting.market.chain.blocks for call in block.calls]) == 2


def test_a_sum_is_published_alone_once_its_fees_are_overdue(tmp_path: Path) -> None:
    """The coordinator was away for the whole window, and gets nothing by having the fees refunded."""
    world = World(tmp_path, replace(PAY, coordinator_batch=0, coordinator_gradient=0), inline=True)
    world.clock.sleep(world.window + 60)
    world.market.chain.mine()
    world.turn()
    world.turn(INTERVAL)
    assert len(world.log.of(SumPublished)) == 1
    assert world.published
    world.coordinator.close()


def test_a_sum_waits_a_little_for_all_who_attested_its_batch(posting: World) -> None:
    posting.lines[3].says = AvailabilityReceipt(0, bytes(65))
    posting.turn()
    posting.turn(5)
    assert posting.log.of(SumOpened)
    assert not posting.log.of(SumPublished)
    posting.lines[3].says = None
    posting.turn(120)
    assert posting.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert not posting.published


def test_a_sum_is_published_alone_when_somebody_does_not_sign_and_fees_are_settled_in_time(posting: World) -> None:
    """A prover that is silent keeps no sum from the chain, and no other prover from its fee."""
    posting.lines[3].says = AvailabilityReceipt(0, bytes(65))
    posting.turn()
    posting.turn(1200)
    posting.turn(60)
    assert len(posting.published) == 1
    assert posting.earned() == [0] * 5
    posting.turn(posting.window // 2)
    posting.turn(posting.window // 4)
    posting.turn(INTERVAL)
    assert posting.earned() == [OF_COORDINATOR, OF_PROVER, OF_PROVER, OF_PROVER, 0]


def test_provers_whose_fees_end_before_it_is_certain_whom_the_coordinator_ignored_do_not_wait_for_it(
    tmp_path: Path,
) -> None:
    """The coordinator's own part is collected later, by one more transaction."""
    world = World(tmp_path, windows=Windows(70 * DAY, 70 * DAY))
    world.turn()
    world.turn(world.window * 3 // 4)
    world.turn(INTERVAL)
    assert world.earned() == [0, *[OF_PROVER] * 4]
    assert (world.held.due, world.held.payee_paid) == (0, False)
    world.turn(9 * world.window)
    assert world.earned() == [0, *[OF_PROVER] * 4]
    world.turn(world.window)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert not world.market.chain.fees().held
    world.coordinator.close()


def test_a_batch_that_was_looked_at_before_its_sum_was_posted_is_looked_at_when_its_payee_can_be_paid(
    posting: World,
) -> None:
    """Otherwise the coordinator waited for half of the availability window, for nothing."""
    posting.coordinator.fee_turns.turn()
    posting.turn()
    posting.turn()
    assert posting.earned() == [0, *[OF_PROVER] * 4]
    posting.turn(120)
    assert posting.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]


def test_before_its_time_nothing_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for the time: a coordinator turns every second, for weeks."""
    world.turn()
    world.turn()
    asked = counted(monkeypatch, world.market, "now")
    for _ in range(20):
        world.coordinator.fee_turns.turn()
    assert not asked
    world.clock.sleep(INTERVAL)
    world.coordinator.fee_turns.turn()
    world.coordinator.fee_turns.turn()
    assert len(asked) == 1, "the chain's clock may have been put forward"


def test_a_round_that_is_new_is_looked_at_at_once(world: World) -> None:
    world.turn()
    world.turn()
    number = len(world.market.chain.opened)
    world.coordinator.journal.record(
        BatchProven(world.key[0], number, b"\x01" * 32, (), bytes(32)), BatchSettled(b"\x01" * 32, True, "")
    )
    world.coordinator.fee_turns.turn()
    assert world.coordinator.fee_turns._next[world.key[0], number] > 0


def test_what_a_round_s_batches_have_in_common_is_asked_once_a_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round may have hundreds."""
    batches = {number: replace(world.held, batch_id=bytes((number,)) * 32) for number in range(50)}
    monkeypatch.setattr(world.market, "held_fees", lambda *_: batches)
    certain = counted(monkeypatch, feesettlement, "certain_after")
    revoked = counted(monkeypatch, world.market, "revoked")
    for line in world.lines:
        line.down = True
    world.coordinator.fee_turns.turn()
    assert (len(certain), len(revoked)) == (1, 0)
    world.clock.sleep(world.window // 2 + INTERVAL)
    world.market.chain.mine()
    world.coordinator.fee_turns.turn()
    assert (len(certain), len(revoked)) == (2, 1)


def test_fees_do_not_wait_for_rounds_that_take_long(tmp_path: Path) -> None:
    """Anybody can have a round that does, and fees that are late are lost."""
    world = World(tmp_path, rounds=Busy())
    world.turn()
    world.turn(world.window // 2)
    assert world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    world.coordinator.close()
