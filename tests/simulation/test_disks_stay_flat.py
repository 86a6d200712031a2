"""A prover's and a coordinator's disks hold what comes in the time of retention, however many rounds there were.

On the level of stores and logs: what a round leaves there is real, the proofs are not made anew.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commons.storage.database import Database
from commons.storage.eventlog import SqliteLog
from coordinator.events import HeaderRefused
from coordinator.journal import VERSIONS
from tests.coordinator.markets import Market
from tests.coordinator.test_driver import World as CoordinatorWorld
from tests.coordinator.test_keeping import done
from tests.provers.test_ledgerrows import play
from tests.provers.test_prover import DAY, RETENTION
from tests.provers.test_prover import World as ProverWorld
from tests.provers.test_store import signed_by
from tests.simulation.world.network import InOrder
from tests.support.tiers import many

HEAD = 80
"""Most bytes that stay of a ledger's record: its head, with its place in sqlite."""
ROW = 300
"""Most bytes that a coordinator's log keeps of a task."""
KEPT = 18
"""Days for which something of a round is kept: two and a half availability windows of a week."""
PAGES = 1 << 14
"""Bytes by which a database may be larger at one time than at another, with as much in it."""
FEW = pytest.param(80, id="80 rounds")
MANY = pytest.param(many(full=240, deep=1000), id="many rounds", marks=pytest.mark.slow)


@dataclass(frozen=True)
class Held:
    """What there is at one time."""

    size: int
    files: int
    rows: int
    descriptors: int
    remembered: int


def held(directory: Path, database: Database, rows: int, remembered: int) -> Held:
    database.query("PRAGMA wal_checkpoint(TRUNCATE)")  # sqlite does it by itself after a thousand pages
    files = [path for path in directory.rglob("*") if path.is_file()]
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    return Held(sum(path.stat().st_size for path in files), len(files), rows, open_now, remembered)


def most(seen: list[Held]) -> Held:
    """The most of each, over some rounds."""
    return Held(*(max(values) for values in zip(*(vars_of(one) for one in seen), strict=True)))


def vars_of(one: Held) -> tuple[int, ...]:
    return one.size, one.files, one.rows, one.descriptors, one.remembered


def lived(rounds: int, one: Callable[[int], Held]) -> tuple[Held, Held]:
    """Live through rounds; the most of what there was in the second quarter, and in the last."""
    gc.collect()  # or what other tests left open is closed meanwhile
    seen = [one(number) for number in range(rounds)]
    return most(seen[rounds // 4 : rounds // 2]), most(seen[-rounds // 4 :])


def a_day(world: ProverWorld | CoordinatorWorld, mine: Callable[[], object]) -> None:
    world.clock.sleep(DAY)
    for _ in range(13):
        mine()


@pytest.mark.parametrize("rounds", [FEW, MANY])
def test_a_provers_disk_grows_by_nothing_but_heads(tmp_path: Path, rounds: int) -> None:
    world = ProverWorld(tmp_path)
    store, chain, task = world.store, world.chain, world.chain.terms.task_id

    def one(number: int) -> Held:
        if number:
            chain.open_round(chain.terms.capacity)
        world.keep(expires=chain.opened[number].settle + 30)
        play(store, number, task)
        bundle = signed_by(2)
        context = replace(bundle.statement.context, task_id=task, round=number)
        statement = replace(bundle.statement, context=context)
        store.put_batch(replace(bundle, certificate=replace(bundle.certificate, statement=statement)))
        a_day(world, chain.mine)
        world.prover.tidy()
        rows = sum(count for (count,) in store._database.query("SELECT COUNT(*) FROM ledger UNION ALL SELECT "
                   "COUNT(*) FROM ledger_rounds UNION ALL SELECT COUNT(*) FROM shares"))  # fmt: skip
        state = store.ledger
        kept = len(state.cohorts) + len(state.live) + len(state.attempts) + len(state.combined)
        kept += len(state.locks) + len(state.released)
        return held(tmp_path / "state", store._database, rows, kept)

    early, late = lived(rounds, one)
    assert early.files > RETENTION, "or nothing would be kept"
    assert late.size <= early.size + HEAD * store.ledger.count + PAGES
    assert vars_of(late)[1:] == vars_of(early)[1:]
    assert store.ledger.closed[task] >= rounds - KEPT - 3
    world.prover.close()


@pytest.mark.parametrize("rounds", [FEW, MANY])
def test_a_coordinators_disk_does_not_grow(tmp_path: Path, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SqliteLog(tmp_path / "events.sqlite", VERSIONS)
    world = CoordinatorWorld(tmp_path, InOrder(), log=log)
    keeping, chain = world.coordinator.keeping, world.market.chain
    monkeypatch.setattr(
        keeping, "_settings", keeping._settings.model_copy(update={"retention_days": RETENTION, "release_patience": 0})
    )
    chain.opened.pop()

    def one(number: int) -> Held:
        chain.open_round(world.network.terms.capacity)
        done(world, number)
        a_day(world, chain.mine)
        keeping.turn()
        (rows,) = log._database.query("SELECT COUNT(*) FROM events")
        with world.journal.reading() as state:
            kept = len(state.rounds) + len(state.batches) + len(state.ended) + len(state.submissions)
            assert state.rejections[world.task] == {"validity": number + 1}
        return held(tmp_path, log._database, rows[0], kept)

    early, late = lived(rounds, one)
    assert early.files > RETENTION
    assert late.size <= early.size + PAGES
    assert vars_of(late)[1:] == vars_of(early)[1:]
    world.coordinator.close()


@pytest.mark.parametrize("tasks", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_a_coordinators_disk_grows_by_a_row_a_task(tmp_path: Path, tasks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has one round, and headers that were refused: what a stranger makes takes nothing from others for good."""
    log = SqliteLog(tmp_path / "events.sqlite", VERSIONS)
    world = CoordinatorWorld(tmp_path, InOrder(), log=log)
    keeping, chain, admission = world.coordinator.keeping, world.market.chain, world.coordinator.admission
    monkeypatch.setattr(Market, "terms", lambda market, task_id: market.chain.terms)
    monkeypatch.setattr(
        keeping, "_settings", keeping._settings.model_copy(update={"retention_days": RETENTION, "release_patience": 0})
    )
    chain.opened.pop()

    def one(number: int) -> Held:
        chain.open_round(world.network.terms.capacity)
        task = world.task + number
        done(world, number, task=task)
        world.journal.record(*(HeaderRefused(task, "closed", bytes([n]) * 32, number) for n in range(3)))
        a_day(world, chain.mine)
        keeping.turn()
        (rows,) = log._database.query("SELECT COUNT(*) FROM events WHERE record NOT LIKE '%rounds-forgotten%'")
        with world.journal.reading() as state:
            kept = len(state.rounds) + len(state.batches) + len(state.ended) + len(state.submissions)
            kept += len(state.refused) + len(state.refusals) + admission._quota._held.total()
            assert state.rejections[world.task] == {"validity": 1, "closed": 3}
        return held(tmp_path, log._database, rows[0], kept)

    early, late = lived(tasks, one)
    assert early.files > RETENTION
    assert late.size <= early.size + ROW * tasks + PAGES
    assert vars_of(late)[1:] == vars_of(early)[1:]
    world.coordinator.close()
