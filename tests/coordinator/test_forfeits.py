"""Owners that are rejected are excluded on the chain: once, when it is worth it, whatever restarts and reorganises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ClosedError
from circuits.terms import DAY, Pay, Windows
from commons.chain.ignored import Postings, postings
from commons.protocol.messages import Step
from commons.protocol.receipts import receipt_digest
from commons.protocol.signing import sign_digest
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from coordinator.coordinator import Coordinator
from coordinator.events import BatchSettled, ExclusionEnded, ExclusionSigned, HeaderAccepted
from coordinator.feeturns import SETTLED
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import Market, MemoryLog, PartyLine
from tests.simulation.test_cheating_owners import another_commitment, network_of, off, too_long
from tests.simulation.world.chain import chain_of
from tests.simulation.world.clock import NodeClock
from tests.simulation.world.network import InOrder
from tests.simulation.world.nodes import Account
from tests.support.faults import silent
from tests.support.parameters import DevelopmentParameters
from tests.support.plain_batch import seed_of

CHEATER, OWNERS, LEAST = 1, 4, 10**15
EVERYBODY = range(4)
WINDOWS = Windows(60, 600, exit=20 * DAY)
OFF = off(0, 0)


class World:
    """A round in which one owner cheats."""

    def __init__(self, directory: Path, cheat: Any = OFF, *, deposit: int = LEAST, fee: int = 900) -> None:
        self.directory = directory
        pay = Pay(bonus=1, coordinator_batch=fee, deposit=deposit)
        self.network = network_of([(CHEATER, cheat)], pay=pay, windows=WINDOWS)
        self.market = Market(chain_of(self.network))
        self.clock = NodeClock(self.market.chain.clock)
        self.lines = [PartyLine(self.network, self.market, p) for p in EVERYBODY]
        self.log = MemoryLog()
        self.key = (self.network.terms.task_id, 0)
        self.index = self.network.headers[CHEATER].owner_index
        self.start()
        digests = self.network.cohort.digests
        self.coordinator.journal.record(
            *(HeaderAccepted(d, h, tuple(EVERYBODY)) for d, h in zip(digests, self.network.headers, strict=True))
        )

    def start(self) -> None:
        """The process begins, with what is in its log."""
        settings = CoordinatorSettings(
            listen="h:1", log="sqlite:///unused", account=self.directory, state=self.directory, poll_interval=1.0,
            step_timeout=1.0, clock_skew=0, round_age=0.0, posting_interval=10.0, exclude_from=LEAST,
        )  # fmt: skip
        self.coordinator = Coordinator(
            settings, SigningKey.from_secret(self.network.coordinator_key), Account(self.market), self.log,
            self.directory, DevelopmentParameters(self.network.setup), self._connect, self.clock, InOrder(), InOrder(),
            threading.Event(),
        )  # fmt: skip

    def _connect(self, endpoint: str) -> PartyLine:
        return self.lines[int(endpoint.removeprefix("prover-").partition(":")[0])]

    def turn(self, after: float = 11.0) -> None:
        self.clock.sleep(after)
        self.market.chain.mine()
        self.coordinator.turn()

    def post(self) -> None:
        """The cheater posts its submission, for which it has receipts."""
        header = self.network.headers[CHEATER]
        digest = receipt_digest(self.network.terms.market, self.network.submission(CHEATER))
        receipts = {p: sign_digest(self.network.prover_keys[p], digest) for p in range(3)}
        Account(self.market, header.owner).post_submission(header, receipts)

    def play(self) -> None:
        """The submit window ends, and the others' batch is accepted."""
        self.turn(61)
        self.turn()
        assert [event.accepted for event in self.log.of(BatchSettled)] == [True]

    @property
    def excluded(self) -> list[int]:
        return [each.index for each in self.market.chain.exclusions(0)]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Any]:
    made: list[World] = []

    def one(*arguments: Any, **options: Any) -> World:
        made.append(World(tmp_path / str(len(made)), *arguments, **options))
        return made[-1]

    yield one
    for world in made:
        world.coordinator.close()


@pytest.mark.parametrize("cheat", [off(0, 0), too_long], ids=["dealing", "validity"])
def test_who_is_rejected_is_excluded_once(build: Any, cheat: Any) -> None:
    world = build(cheat)
    world.play()
    (signed,) = world.log.of(ExclusionSigned)
    assert (signed.place, signed.submission) == ((*world.key, world.index), world.network.submission(CHEATER))
    assert len(signed.provers) == world.network.committee.quorum
    world.turn()
    world.turn()
    assert world.excluded == [world.index]


def test_a_deposit_that_is_not_worth_the_gas_is_left_alone_until_the_owner_posts(build: Any) -> None:
    world = build(deposit=LEAST - 1)
    world.turn(1)
    world.post()
    posting = build(deposit=LEAST - 1)
    for one in (world, posting):
        one.play()
        one.turn()
    assert posting.excluded == []
    assert world.excluded == [world.index]
    posted = frozenset({world.index})
    assert postings(world.market, *world.key) == Postings(posted, frozenset())


def test_after_a_restart_it_is_excluded_with_what_was_signed(build: Any) -> None:
    world = build()
    world.turn(61)
    world.coordinator.close()
    for prover in EVERYBODY:
        world.network.restart(prover)
    assert world.log.of(ExclusionSigned)
    world.start()
    world.turn()
    assert world.excluded == [world.index]


def test_what_a_reorganisation_takes_back_is_sent_again_and_in_the_end_left_alone(build: Any) -> None:
    world = build()
    world.play()
    world.turn()
    assert world.excluded == [world.index]
    chain = world.market.chain
    chain.reorganise(3)
    chain.waiting.clear()
    chain.blocks = [replace(block, calls=()) for block in chain.blocks]
    assert world.excluded == []
    world.turn()
    assert world.excluded == [world.index]
    world.turn()
    world.turn(SETTLED)
    assert world.log.of(ExclusionEnded) == [ExclusionEnded(world.key[0], 0, world.index)]
    assert not state_of(world.coordinator.journal).exclusions


def test_once_its_deposit_may_be_gone_it_is_left_alone(build: Any) -> None:
    world = build(deposit=LEAST - 1)
    world.play()
    world.turn(WINDOWS.exit)
    world.turn(WINDOWS.settle)
    assert world.excluded == []
    assert world.log.of(ExclusionEnded)


def test_too_few_signatures_exclude_nobody_and_no_batch_waits_for_them(build: Any) -> None:
    world = build()
    for line in world.lines[:2]:
        line.faults = {line.prover: [silent(Step.EXCLUDE)]}
    world.play()
    world.turn()
    assert not world.log.of(ExclusionSigned)
    assert world.excluded == []


def test_where_no_messages_of_a_step_show_the_fault_nobody_is_asked(build: Any) -> None:
    world = build(another_commitment)
    world.play()
    assert not world.log.of(ExclusionSigned)
    assert all(Step.EXCLUDE not in line.steps for line in world.lines)


def test_a_task_without_deposit_and_fees_asks_for_no_exclusions(build: Any) -> None:
    world = build(deposit=0, fee=0)
    world.play()
    assert Step.EXCLUDE not in {step for line in world.lines for step in line.steps}


def test_an_owner_that_was_excluded_hands_nothing_in_any_more(build: Any) -> None:
    world = build()
    world.play()
    world.turn()
    header = world.network.headers[CHEATER]
    digests = tuple(bytes(32) for _ in EVERYBODY)
    key = partial(sign_digest, seed_of("owner", CHEATER))
    fresh = replace(header, share_digests=digests).signed(world.network.context, key)
    with pytest.raises(ClosedError, match="lost its deposit"):
        world.coordinator.admission.submit(fresh, {})
