"""The real coordinator loop and the real provers, with everything going wrong that a seed draws.

A seed that fails is made smaller by `shrunk` and kept below as a test with a name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from commons.chain.depth import BlockHead
from commons.protocol.status import SubmissionState
from commons.settings.values import Depth
from commons.storage.eventlog import Record, SqliteLog
from coordinator import admission
from coordinator.feesettlement import FeeSettlement
from coordinator.reinstating import Reinstating
from coordinator.settlement import Settlement
from provers.finality import Finality
from provers.party import Acceptance
from tests.simulation.playing import play
from tests.simulation.world.invariants import always, in_the_end
from tests.simulation.world.nodes import NodeView
from tests.simulation.world.schedule import DISK, NETWORK, TURN, Lie, Schedule, Strike, drawn, shrunk
from tests.simulation.world.world import CONFIRMATIONS, World
from tests.support.tiers import DEEP, many

FAST, SLOW = range(3), range(3, many(full=20, deep=500))
WRITES = range(0, 123, 1 if DEEP else 7)
"""All that provers and coordinator write in a quiet round."""
QUIET = Schedule(1, 3)


@pytest.mark.parametrize("seed", FAST)
def test_nothing_wrong_comes_out_and_the_round_ends(seed: int) -> None:
    play(drawn(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_nothing_wrong_comes_out_and_the_round_ends_of_more_seeds(seed: int) -> None:
    play(drawn(seed))


@pytest.mark.parametrize("seed", FAST)
def test_private_sums_come_to_their_reader_whatever_goes_wrong(seed: int) -> None:
    play(replace(drawn(seed), private=True))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_private_sums_come_to_their_reader_of_more_seeds(seed: int) -> None:
    play(replace(drawn(seed), private=True))


def test_without_trouble_everybody_is_paid() -> None:
    assert play(QUIET) == ({}, [SubmissionState.ACCEPTED] * 3)


def test_a_schedule_replays() -> None:
    schedule = drawn(3)
    assert schedule == drawn(3)
    assert play(schedule) == play(schedule)


NAMED = {
    "a coordinator restarts in every turn": Schedule(
        1, 3, tuple(Strike(TURN, at, "restart-coordinator") for at in range(14))
    ),
    "a reply is lost at every tenth message": Schedule(
        1, 3, tuple(Strike(NETWORK, at, "lose-reply") for at in range(0, 160, 10))
    ),
    "every message comes twice": Schedule(1, 3, tuple(Strike(NETWORK, at, "twice") for at in range(160))),
    "a prover's disk is full for a while": Schedule(1, 3, (Strike(DISK, 60, "full", 6),)),
    "all clocks jump": Schedule(1, 3, tuple(Strike(TURN, at, "clock", 3600 + at) for at in range(4))),
    "the acceptance is taken back while its sum is asked for": Schedule(
        1, 3, tuple(Strike(TURN, at, "reorganise", 5) for at in range(1, 9))
    ),
    "blocks are lost in every turn, and with them what was in them": Schedule(
        1, 3, tuple(Strike(TURN, at, "lose-blocks", 5) for at in range(1, 14))
    ),
    "the coordinator restarts after its batch is lost": Schedule(
        1, 3, (Strike(TURN, 4, "lose-blocks", 5), Strike(TURN, 5, "restart-coordinator"))
    ),
    "the nodes lag, and blocks are lost": Schedule(
        1, 3, tuple(Strike(TURN, at, ("lag", "lose-blocks")[at % 2], 5) for at in range(14))
    ),
    "a prover misses the end of the keys' setup, and another one the shares": Schedule(
        89, 4, (Strike(DISK, 37, "crash-before"), Strike(NETWORK, 33, "lose-request"))
    ),
    "an owner deals twice": Schedule(1, 3, tuple(Strike(TURN, at, "submit-another", at) for at in range(3))),
    "the coordinator's clock is ahead, a prover's behind": Schedule(
        1, 3, (Strike(TURN, 0, "clock", 1804), Strike(TURN, 1, "clock", -3600))
    ),
    "the coordinator dies in every turn, and a stranger relays": Schedule(
        1, 3, tuple(Strike(TURN, at, ("restart-coordinator", "relay")[at % 2]) for at in range(14))
    ),
    "acceptance is paused while a batch is on its way": Schedule(
        1, 3, (Strike(TURN, 1, "pause"), Strike(TURN, 4, "restart-coordinator"))
    ),
    "a node of the coordinator's lies, for as long as things go wrong": Schedule(
        1, 3, (Strike(TURN, 1, "node-lies", 100_000), Strike(TURN, 5, "restart-coordinator"))
    ),
    "a node lies while another one hangs": Schedule(
        1, 3, (Strike(TURN, 2, "node-lies", 300), Strike(TURN, 4, "node-hangs", 1), Strike(TURN, 6, "lose-blocks", 4))
    ),
    "a liar, and a prover that restarts": Schedule(
        1, 3, (Strike(TURN, 1, "restart-prover", 2),), (Lie(0, "one-residual"),)
    ),
}
"""Schedules with a history, or that are easily thought wrong."""
QUICK = (
    "a node of the coordinator's lies, for as long as things go wrong",
    "the nodes lag, and blocks are lost",
    "the coordinator restarts after its batch is lost",
    "a coordinator restarts in every turn",
    "every message comes twice",
    "a liar, and a prover that restarts",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMED]
)
def test_named_schedules(name: str) -> None:
    schedule = NAMED[name]
    events, _ = play(schedule)
    assert {strike.kind for strike in schedule.strikes} <= events.keys(), "what the name says did not happen"


@pytest.mark.parametrize("kind", ["lose-blocks", "reorganise"])
def test_a_batch_taken_back_deeper_than_is_final_is_handed_in_again_and_nothing_else_comes_out(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its sum is out by then; the coordinator is restarted, so that what it does rests on its log."""
    caplog.set_level("INFO")
    strikes = (Strike(TURN, 15, kind, 40),)
    with World(Schedule(1, 3, strikes)) as world:
        released: list[dict[bytes, bytes]] = []
        taken: list[int] = []

        def check(world: World) -> None:
            if world.chain.batches(0) or not world.events[kind]:  # until it is back, there is a sum without a batch
                always(world)
            sums = {
                owner: selection.digest for prover in world.provers if prover is not None
                for owner, selection in prover.store.ledger.released.items()
            }  # fmt: skip
            released.append(sums)

        def struck(site: str) -> None:
            """At the turn after the strike: the process ends before it has looked."""
            if site == TURN and world.events[kind] and not taken:
                taken.append(len(world.chain.batches(0)))
                world._stop_coordinator()

        world.watch = struck
        world.run(check)
        in_the_end(world)
        before = released[14]
        assert len(before) == 3, "the sum is out before"
        assert released[-1] == before
        assert len(world.chain.batches(0)) == 1
    assert taken == [int(kind == "reorganise")]
    assert ("event=batch-reinstated" in caplog.text) is (kind == "lose-blocks")
    assert caplog.text.count("event=deep-reorganisation") == int(kind == "lose-blocks")


def test_owners_of_a_cohort_that_cannot_be_proven_submit_again_in_its_round_and_are_paid() -> None:
    """The coordinator's node is down while shares come in, so that two provers lose them before the cohort is begun."""
    lost = (Strike(TURN, 1, "lose-shares", 0), Strike(TURN, 2, "lose-shares", 1))
    events, states = play(Schedule(1, 3, (Strike(TURN, 0, "node-down", 28), *lost)))
    assert events["renewed"] == 3
    assert states == [SubmissionState.EXPIRED] * 3 + [SubmissionState.ACCEPTED] * 3


def quiet(look: Callable[[World], int]) -> list[int]:
    """What is to be seen before each write of a quiet round."""
    seen: list[int] = []
    with World(QUIET) as world:
        world.watch = lambda site: seen.append(look(world)) if site == DISK else None
        world.run(always)
    return seen


def locks(world: World) -> int:
    return sum(len(prover.store.ledger.locks) for prover in world.provers if prover is not None)


def proven(world: World) -> int:
    if world.coordinator is None:
        return 0
    with world.coordinator.journal.reading() as state:
        return len(state.batches)


def test_the_writes_of_a_quiet_round_are_all_there_is_to_crash_at() -> None:
    assert len(quiet(lambda world: 0)) == WRITES.stop


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crash-before", "crash-after"])
@pytest.mark.parametrize(("look", "who"), [(locks, "prover-crashed"), (proven, "coordinator-crashed")])
def test_a_crash_around_what_binds_costs_nothing_but_time(look: Callable[[World], int], who: str, kind: str) -> None:
    """A lock before a prover signs; a batch that is proven, before it is sent."""
    seen = quiet(look)
    written = next(at for at, (before, after) in enumerate(itertools.pairwise(seen)) if after > before)
    events, _ = play(Schedule(1, 3, (Strike(DISK, written, kind),)))
    assert events[kind] == events[who] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crash-before", "crash-after"])
@pytest.mark.parametrize("write", WRITES)
def test_a_crash_at_a_write_costs_nothing_but_time(write: int, kind: str) -> None:
    events, _ = play(Schedule(1, 3, (Strike(DISK, write, kind),)))
    assert events[kind] == 1


LOOK = Settlement._look


def believes_at_once(self: Settlement, batch_id: bytes) -> object:
    """A receipt is an acceptance."""
    self._depth = 1
    return LOOK(self, batch_id)


def believes_nothing(self: Finality, context: object, batch_id: bytes) -> Acceptance | None:
    return None


BLOCK = NodeView.block
AGAIN = Strike(TURN, 6, "restart-coordinator")


def counts_no_blocks(self: NodeView, depth: Depth) -> BlockHead:
    return BLOCK(self, 1)


def settles_nothing(self: FeeSettlement, *_: object) -> bool:
    return True


def lets_in(state: object, header: object) -> None:
    return None


def forgets(self: SqliteLog, records: Sequence[Record]) -> None:
    self._length += len(records)


@pytest.mark.parametrize(
    ("place", "name", "fault", "strike", "complaint"),
    [
        pytest.param(
            Settlement,
            "_look",
            believes_at_once,
            Strike(TURN, 4, "lose-blocks", 5),
            "stays closed|has not",
            marks=pytest.mark.slow,
        ),
        pytest.param(Finality, "accepted", believes_nothing, AGAIN, "deep enough to be final", marks=pytest.mark.slow),
        (NodeView, "block", counts_no_blocks, AGAIN, "it may be taken back"),
        pytest.param(FeeSettlement, "settle", settles_nothing, AGAIN, "nobody was paid", marks=pytest.mark.slow),
        (admission, "_only_one", lets_in, Strike(TURN, 0, "submit-another"), "twice"),
        (SqliteLog, "append", forgets, Strike(TURN, 1, "restart-coordinator"), "forgotten"),  # later the chain has it
    ],
)
def test_the_simulation_finds_planted_faults(
    place: object,
    name: str,
    fault: Callable[..., object],
    strike: Strike,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A simulation that cannot fail would prove nothing."""
    monkeypatch.setattr(place, name, fault)
    monkeypatch.setattr(Reinstating, "turn", lambda _: None)  # it heals what is believed too early
    with pytest.raises(AssertionError, match=complaint):
        play(Schedule(1, 3, (strike,)))


def test_a_failing_schedule_is_made_smaller() -> None:
    needed = Strike(NETWORK, 7, "twice")
    schedule = Schedule(5, 4, (*(Strike(TURN, at, "node-down", 1) for at in range(6)), needed), (Lie(1, "coin"),))
    assert shrunk(schedule, lambda tried: needed in tried.strikes) == Schedule(5, 2, (needed,))


def forgotten(world: World) -> bool:
    """Whether nothing is left."""
    assert world.coordinator is not None
    with world.coordinator.journal.reading() as state:
        nothing = not state.rounds
    return nothing and all(prover is not None and not prover.store.rounds() for prover in world.provers)


def tidied(world: World, strike: tuple[int, str] | None = None) -> int:
    """Let everybody delete what is over, a crash at one of the writes included; how many writes there were."""
    writes = 0

    def struck(site: str) -> tuple[str, int] | None:
        nonlocal writes
        writes += site == DISK
        return (strike[1], 0) if strike and (site, writes - 1) == (DISK, strike[0]) else None

    world._strike = struck  # type: ignore[method-assign]
    for disk in (*world.disks, world.own_disk):
        disk.healthy, disk._strike = False, lambda: struck(DISK)
    for _ in range(3):
        for prover in [prover for prover in world.provers if prover is not None]:
            world._tidy(prover)
        world.clock.advance(86_400)
        for _ in range(CONFIRMATIONS):
            world._turn()
    return writes


@pytest.fixture(scope="module")
def long_over() -> Iterator[Callable[[], World]]:
    """A world of two rounds that were over long ago, as often as it is asked for."""
    with ExitStack() as stack:

        def made() -> World:
            world = stack.enter_context(World(Schedule(1, 3, rounds=2)))
            world.run(always)
            in_the_end(world)
            world.clock.advance(400 * 86_400)
            for _ in range(CONFIRMATIONS):
                world.chain.mine()
            return world

        yield made


def test_what_is_over_is_forgotten_by_everybody(long_over: Callable[[], World]) -> None:
    world = long_over()
    assert tidied(world) > 0
    assert forgotten(world)
    always(world)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "full"])
def test_a_crash_at_a_write_of_forgetting_costs_nothing_but_time(long_over: Callable[[], World], kind: str) -> None:
    writes = tidied(long_over())
    for write in range(0, writes, 1 if DEEP else 7):
        world = long_over()
        tidied(world, (write, kind))
        assert forgotten(world), write
        always(world)
