"""Owners that are rejected are excluded on the chain: once, when it is worth it, whatever restarts and reorganises."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import ClosedError, ContractError, UnavailableError
from circuits.terms import DAY, Pay, Windows
from commons.chain.ignored import PostedOwners, postings
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.receipts import receipt_digest
from commons.protocol.signing import sign_digest
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from coordinator.coordinator import Coordinator, Equipment
from coordinator.events import BatchProven, BatchSettled, Event, ExclusionEnded, ExclusionSigned, HeaderAccepted
from coordinator.journal import Journal
from coordinator.turns import SETTLED
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
TIMEOUT = 1.0
EVERYBODY = range(4)
WINDOWS = Windows(60, 600, exit=20 * DAY)
OFF = off(0, 0)


class World:
    """A round in which one owner cheats."""

    def __init__(
        self,
        directory: Path,
        cheat: Any = OFF,
        *,
        deposit: int = LEAST,
        fee: int = 900,
        others: Sequence[tuple[int, Any]] = (),
        owners: int = OWNERS,
        accusing: Executor | None = None,
    ) -> None:
        """Args:
        others: more owners that cheat.
        accusing: where provers are asked for exclusions, at once if none is given.
        """
        self.directory = directory
        self.accusing = InOrder() if accusing is None else accusing
        pay = Pay(bonus=1, coordinator_batch=fee, deposit=deposit)
        self.network = network_of([(CHEATER, cheat), *others], owners=owners, capacity=16, pay=pay, windows=WINDOWS)
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
        self.stopping = threading.Event()
        settings = CoordinatorSettings(
            listen="h:1", log="sqlite:///unused", account=self.directory, state=self.directory, confirmations=1,
            poll_interval=1.0, step_timeout=TIMEOUT, clock_skew=0, round_age=0.0, posting_interval=10.0,
            exclude_from=LEAST,
        )  # fmt: skip
        equipment = Equipment(
            settings, SigningKey.from_secret(self.network.coordinator_key), Account(self.market), Journal(self.log),
            self.directory, DevelopmentParameters(self.network.setup), self._connect, self.clock, InOrder(), InOrder(),
            self.accusing, InOrder(), InOrder(), self.stopping,
        )  # fmt: skip
        self.coordinator = Coordinator(equipment)

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


class Later(Executor):
    """Does nothing before it is told to: as if somebody did not answer."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.waiting.append(partial(fn, *args, **kwargs))
        return Future()

    def catch_up(self) -> None:
        """Do it all, and what comes of it."""
        while self.waiting:
            self.waiting.pop(0)()


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
    first, last = world.log.of(ExclusionSigned)
    for signed in (first, last):
        assert (signed.place, signed.submission) == ((*world.key, world.index), world.network.submission(CHEATER))
    assert len(first.provers) == world.network.committee.quorum, "kept as soon as there is a quorum"
    assert len(last.provers) == world.network.committee.size, "and what comes later beside it"
    world.turn()
    world.turn()
    assert world.excluded == [world.index]


def test_a_member_that_revokes_its_key_stops_no_exclusion(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The market passes over what it signed: of four members the other three are a quorum."""
    world = build()
    sender, revoked = world.coordinator.exclusions._chain, world.market.chain.revoked
    exclude, shown = sender.exclude, []

    def in_front_of_which_it_revokes(*place: Any) -> Any:
        shown.append([member for member, _ in place[-1]])
        if revoked:
            return exclude(*place)
        revoked.add(world.network.committee.members[0])
        raise ContractError("too few", "TooFewAttestations")

    monkeypatch.setattr(sender, "exclude", in_front_of_which_it_revokes)
    world.play()
    world.turn()
    assert shown == [[0, 1, 2], [1, 2, 3]]
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
    assert postings(world.market, *world.key) == PostedOwners(posted, frozenset())


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


def test_a_proven_batch_is_handed_in_before_anybody_has_signed_an_exclusion(build: Any) -> None:
    world = build(accusing=Later())
    world.play()
    assert not world.log.of(ExclusionSigned)
    world.accusing.catch_up()
    assert world.log.of(ExclusionSigned)
    world.turn()
    assert world.excluded == [world.index]


def test_a_prover_that_does_not_answer_is_waited_for_once_for_all_owners(build: Any) -> None:
    """It is asked about the first; what it could say about the others comes too late, and the others say enough."""
    world = build(others=[(i, OFF) for i in (3, 4, 5)], owners=8, accusing=Later())
    line, given = world.lines[2], []
    run: Callable[..., StepReply] = line.run

    def hangs(request: StepRequest, dimension: int, timeout: float) -> StepReply:
        if request.step is not Step.EXCLUDE:
            return run(request, dimension, timeout)
        given.append(timeout)
        world.clock.sleep(timeout)
        raise UnavailableError("it has not answered in time")

    line.run = hangs
    world.play()
    world.accusing.catch_up()
    assert given == [TIMEOUT]
    signed = {event.index: event.provers for event in world.log.of(ExclusionSigned)}
    assert signed == {world.network.headers[i].owner_index: (0, 1, 3) for i in (CHEATER, 3, 4, 5)}


def test_provers_are_asked_as_soon_as_an_owner_is_rejected(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The coordinator ends in the middle of the cohort, and then provers have forgotten what they saw."""
    world = build()
    record, stopping = world.coordinator.journal.record, world.stopping

    def noting(*events: Event) -> None:
        record(*events)
        if any(isinstance(event, ExclusionSigned) and len(event.provers) == len(EVERYBODY) for event in events):
            stopping.set()

    monkeypatch.setattr(world.coordinator.journal, "record", noting)
    world.turn(61)
    world.coordinator.close()
    assert not world.log.of(BatchProven)
    for prover in EVERYBODY:
        world.network.restart(prover)
    world.start()
    world.play()
    world.turn()
    assert world.excluded == [world.index]


@pytest.mark.parametrize("more", [(2, 5, 7), (0, 2, 5, 7)])
def test_attempts_that_follow_make_no_prover_forget_what_it_signs(build: Any, more: tuple[int, ...]) -> None:
    """Owners whose commitments do not open cost probes, after which provers know nothing of the first attempt."""
    world = build(too_long, others=[(i, another_commitment) for i in more], owners=10)
    world.turn(61)
    assert {event.index for event in world.log.of(ExclusionSigned)} == {world.index}


def test_once_it_stops_nobody_is_asked_and_nothing_is_recorded(build: Any) -> None:
    world = build(accusing=Later())
    world.play()
    world.stopping.set()
    world.accusing.catch_up()
    assert not world.log.of(ExclusionSigned)
    assert all(Step.EXCLUDE not in line.steps for line in world.lines)


def test_a_full_disk_ends_no_queue(build: Any) -> None:
    """What is signed about an owner is kept as soon as there is room for it."""
    world = build(others=[(3, OFF)], owners=6, accusing=Later())
    world.play()
    first = world.accusing.waiting[:3]
    del world.accusing.waiting[:3]
    world.log.full = True
    for work in first:
        work()
    world.log.full = False
    world.accusing.catch_up()
    assert {event.index for event in world.log.of(ExclusionSigned)} == {
        world.network.headers[i].owner_index for i in (CHEATER, 3)
    }


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


def rejecting_four(build: Any) -> World:
    world: World = build(others=[(i, OFF) for i in (3, 4, 5)], owners=8)
    world.play()
    assert len({event.index for event in world.log.of(ExclusionSigned)}) == 4
    return world


def test_what_a_round_s_owners_have_in_common_is_asked_once_a_look(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a round's owners may cheat, and each answer is as long as there are that cheat."""
    world = rejecting_four(build)
    world.turn()
    assert len(world.excluded) == 4
    asked: Counter[str] = Counter()
    for name in ("now", "round", "excluded", "posted", "owner", "revoked"):
        monkeypatch.setattr(world.market, name, partial(noted, asked, name, getattr(world.market, name)))
    world.clock.sleep(11)
    world.coordinator.exclusions.turn()
    assert asked == {"now": 1, "round": 1, "excluded": 1}


def noted(asked: Counter[str], name: str, real: Callable[..., Any], *arguments: Any) -> Any:
    asked[name] += 1
    return real(*arguments)


@pytest.mark.parametrize("trouble", [ContractError("no", "DepositGone"), RuntimeError("unforeseen")])
def test_trouble_with_one_owner_holds_up_no_other(
    build: Any, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    world = build(others=[(i, OFF) for i in (3, 4, 5)], owners=8)
    sender = world.coordinator.exclusions._chain
    exclude = sender.exclude

    def refusing(task: int, number: int, index: int, *shown: Any) -> Any:
        if index == world.index:
            raise trouble
        return exclude(task, number, index, *shown)

    monkeypatch.setattr(sender, "exclude", refusing)
    world.play()
    world.turn()
    assert set(world.excluded) == {world.network.headers[i].owner_index for i in (3, 4, 5)}
