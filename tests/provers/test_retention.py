"""What a prover deletes once nobody may ask for it, by its own clock and most nodes' chain, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from circuits.errors import ClosedError, FullError
from commons.settings.sections import ProverSettings
from provers.party import ledger
from provers.retention import Retention
from provers.store import Store
from tests.provers.test_ledgerrows import play
from tests.provers.test_prover import DAY, RETENTION, Node, World
from tests.provers.test_store import signed_by
from tests.simulation.world.chain import BLOCK_SECONDS
from tests.simulation.world.clock import START


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prover.close()


def windows(world: World) -> int:
    """From a round's opening to the time from which nothing of it is served."""
    terms = world.chain.terms
    return world.due - START + max(RETENTION * DAY, 5 * terms.windows.availability // 2)


def pass_time(world: World, seconds: int) -> None:
    """On the machine and on the chain, with as many blocks behind as make it final."""
    world.clock.sleep(max(seconds - 11 * BLOCK_SECONDS, 1))
    for _ in range(12):
        world.chain.mine()


def worked_on(world: World) -> tuple[int, int]:
    return play(world.store, 0, world.chain.terms.task_id)


def test_a_round_is_closed_when_its_sums_may_not_be_asked_for_any_more_and_not_before(world: World) -> None:
    name = worked_on(world)
    sums = world.directory / "state" / "sums"
    digest = next(iter(world.store._rows.sets_of(name)))
    (sums / digest.hex()).write_bytes(bytes(64))
    pass_time(world, windows(world))
    world.prover.tidy()
    assert list(sums.iterdir()), "whatever its age is"
    assert not world.store.ledger.closed
    pass_time(world, 1000)
    world.prover.tidy()
    assert world.store.ledger.closed == {name[0]: 0}
    assert not list(sums.iterdir())
    assert not world.store.rounds()


def test_what_was_worked_on_lately_is_kept_whatever_nodes_say(world: World) -> None:
    """A node that tells of a far end in the past would have sums deleted that owners were paid for."""
    pass_time(world, windows(world) + 1000)
    name = worked_on(world)
    pass_time(world, RETENTION * DAY)
    world.prover.tidy()
    assert name in world.store.rounds()
    pass_time(world, 1)
    world.prover.tidy()
    assert name not in world.store.rounds()


def test_a_clock_far_ahead_closes_nothing(world: World) -> None:
    worked_on(world)
    world.clock.skew = 10 * 365 * DAY
    world.prover.tidy()
    assert not world.store.ledger.closed


def test_a_node_whose_time_is_far_ahead_closes_nothing(world: World) -> None:
    worked_on(world)
    for _ in range(13):
        world.chain.mine()
    world.chain.blocks[:] = [replace(block, time=block.time + 10 * 365 * DAY) for block in world.chain.blocks]
    world.prover.tidy()
    assert not world.store.ledger.closed


def test_one_of_two_nodes_that_lags_or_is_silent_keeps_the_round(world: World) -> None:
    worked_on(world)
    pass_time(world, windows(world) + 1000)
    now, settings, second = int(world.clock.time()), world.prover._settings, Node(world.chain, down=1_000)
    retention = Retention([world.node, second], world.store, settings)
    retention.turn(now)
    assert not world.store.ledger.closed
    second.down = 0
    retention.turn(now)
    assert world.store.ledger.closed


@pytest.mark.parametrize("second", [False, True])
def test_a_lying_node_of_three_closes_no_round(world: World, second: bool) -> None:
    """Its time and its deadline are as it likes; this machine's clock is wrong as well."""
    worked_on(world)
    for _ in range(13):
        world.chain.mine()
    node = Node(world.chain, count=3, lying=1000)
    readers = [world.node, node] if second else [node]
    retention = Retention(readers, world.store, world.prover._settings)
    retention.turn(int(world.clock.time()) + 10 * 365 * DAY)
    assert not world.store.ledger.closed
    pass_time(world, windows(world) + 1000)
    retention.turn(int(world.clock.time()))
    assert world.store.ledger.closed


def test_a_round_whose_end_is_not_deep_enough_is_kept(world: World) -> None:
    worked_on(world)
    world.clock.sleep(windows(world) + 1000)
    for _ in range(3):
        world.chain.mine()
    world.prover.tidy()
    assert not world.store.ledger.closed


def test_fees_that_take_longer_than_the_retention_keep_the_round(world: World) -> None:
    """Whoever sets few days must not lose its own fees for that, nor the committee's."""
    worked_on(world)
    terms = world.chain.terms
    world.chain.terms = replace(terms, windows=replace(terms.windows, availability=40 * DAY))
    pass_time(world, world.due - START + 100 * DAY)
    world.prover.tidy()
    assert not world.store.ledger.closed
    pass_time(world, DAY)
    world.prover.tidy()
    assert world.store.ledger.closed


def test_batches_of_a_closed_round_go_and_are_asked_for_in_vain(world: World) -> None:
    bundle = signed_by(2)
    context, batch_id = bundle.statement.context, bundle.certificate.batch_id
    world.store.put_batch(bundle)
    world.store.close_round((context.task_id, context.round))
    world.store.forget_closed()
    assert not list((world.directory / "state" / "batches").iterdir())
    assert world.store.batches_of(context.task_id, context.round) == []
    with pytest.raises(ClosedError, match="retention_days"):
        world.store.commit([ledger.Combined(batch_id)], (context.task_id, context.round))


def test_a_task_holds_at_most_four_times_what_it_leaves_free_and_another_finds_room(tmp_path: Path) -> None:
    world = World(tmp_path)
    store, size = world.store, (1 << 24) // 100
    taken = {task: filled(store, task, size) for task in (1, 2)}
    assert taken == {1: 72, 2: 14}, "nine tenths are for shares"
    store._room.add_shares(1, -40 * size)
    with store.reserved(2, 0, bytes(20), 20 * size):
        pass
    with pytest.raises(FullError, match="one task may have"), store.reserved(2, 0, bytes(20), 40 * size):
        pass
    world.prover.close()


def filled(store: Store, task: int, size: int) -> int:
    """How many shares of a size a task's owners get in."""
    for count in range(10_000):
        try:
            with store.reserved(task, 0, bytes(20), size):
                store._room.add_shares(task, size)
        except FullError as error:
            assert "prover.max_store_bytes" in str(error)
            return count
    raise AssertionError("the store does not fill")


@pytest.mark.parametrize("others", [0, 1, 3, 20])
def test_a_batch_finds_room_however_many_shares_there_are(tmp_path: Path, others: int) -> None:
    """A round whose provers have no room for its batch is lost, whoever took it."""
    world = World(tmp_path)
    store, size, own = world.store, (1 << 24) // 10_000, 1
    store._room.add_shares(own, 3000 * size)
    for task in range(10, 10 + others):
        filled(store, task, size)
    filled(store, own, size)
    store.require_room_for_batch(own, 100 * size, 1000)
    world.prover.close()


def test_no_task_takes_all_room_for_batches(tmp_path: Path) -> None:
    """A coordinator may have its own owners' set attested again and again."""
    world = World(tmp_path)
    store, size = world.store, (1 << 24) // 1000
    for task in range(10, 13):
        filled(store, task, size // 10)
    count = 0
    with pytest.raises(FullError, match="one task may have"):
        while True:
            store.require_room_for_batch(10, size, 1)
            store._room.add_results(10, size)
            count += 1
    assert 80 < count < 90, "four fifths of what shares leave"
    store.require_room_for_batch(1, 10 * size, 1)
    world.prover.close()


def test_batches_and_sums_count_as_what_a_task_has(world: World) -> None:
    """Any coordinator may have its own owners' set attested again and again."""
    bundle = signed_by(2)
    task = bundle.statement.context.task_id
    world.store.put_batch(bundle)
    held = sum(path.stat().st_size for path in (world.directory / "state" / "batches").iterdir())
    assert world.store._room.held(task) == (0, held, 0)
    world.store.put_batch(bundle)
    assert world.store._room.held(task) == (0, held, 0)
    name = worked_on(world)
    (world.directory / "state" / "sums" / next(iter(world.store._rows.sets_of(name))).hex()).write_bytes(bytes(999))
    world.store.discard_results(0)
    assert world.store._room._results == {task: held + 999 * (task == name[0])} | {
        name[0]: 999 + held * (task == name[0])
    }


def test_settings_of_a_prover_are_the_ones_that_rule(world: World) -> None:
    settings = ProverSettings(**{**world.prover._settings.model_dump(), "retention_days": 400})
    worked_on(world)
    pass_time(world, windows(world) + 1000)
    Retention([world.node], world.store, settings).turn(int(world.clock.time()))
    assert not world.store.ledger.closed
