"""Rows of rounds that are closed for good go; what they forbade stays forbidden, and heads stay known."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from circuits.errors import ClosedError, RuleViolationError, StorageError
from circuits.hashing import keccak, words
from commons.protocol.ledgerheads import LedgerHead
from provers.ledgerrows import LedgerRows, RoundName
from provers.party import ledger
from provers.store import Store
from tests.simulation.world.disk import CrashError, SimulatedDisk

TASK = 7


def named(what: str, *numbers: int) -> bytes:
    return keccak(what.encode() + words(*numbers))


def member(number: int, owner: int, dealing: int = 0, task: int = TASK) -> ledger.Member:
    """An owner's submission in a round."""
    place = task, number, owner
    return ledger.Member(
        named("owner", *place), named("commitment", *place, dealing), named("submission", *place, dealing)
    )


def story(number: int, *owners: int, task: int = TASK) -> tuple[ledger.Entry, ...]:
    """What a prover writes down of a round in which one batch was released."""
    members = tuple(member(number, owner, task=task) for owner in owners)
    chosen, proposal = ledger.Selection.plain(members), named("proposal", task, number)
    seen = LedgerHead(number + 1, named("head", task, number), bytes(65)).encode()
    return (
        ledger.CohortJoined(named("cohort", task, number), members),
        ledger.HeadSeen(3, b"\x33" * 20, seen),
        ledger.AttemptStarted(named("round", task, number), 1, proposal),
        ledger.Combined(proposal),
        ledger.Locked(chosen),
        ledger.Released(chosen),
    )


def play(store: Store, number: int, task: int = TASK) -> RoundName:
    for entry in story(number, 0, 1, task=task):
        store.commit([entry], (task, number))
    return task, number


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, max_bytes=1 << 20)


def rows_of(store: Store) -> LedgerRows:
    return store._rows


def count(store: Store, table: str) -> int:
    return int(store._database.query(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608


def test_a_closed_rounds_rows_go_and_every_step_about_it_is_refused(store: Store, tmp_path: Path) -> None:
    first, second = play(store, 0), play(store, 1)
    store.close_round(first)
    assert store.forget_closed() == 1
    assert set(store.rounds()) == {second}
    for entry in (*story(0, 0, 1), ledger.Locked(ledger.Selection.plain([member(0, 0)]))):
        with pytest.raises(ClosedError, match="over for good"):
            store.commit([entry], first)
    with pytest.raises(ClosedError):
        store.ledger.require_open(*first)
    store.ledger.require_open(*second)
    store.close()
    again = Store(tmp_path, max_bytes=1 << 20)
    assert again.ledger.closed == {TASK: 0}
    with pytest.raises(ClosedError):
        again.commit(story(0, 0, 1), first)
    again.close()


def test_what_binds_in_other_rounds_stays(store: Store, tmp_path: Path) -> None:
    first = play(store, 0)
    play(store, 1)
    before = store.ledger
    store.close_round(first)
    store.forget_closed()
    store.close()
    again = Store(tmp_path, max_bytes=1 << 20)
    kept = ledger.Selection.plain([member(1, 0), member(1, 1)])
    assert set(again.ledger.locks) == set(again.ledger.released) == set(kept.owners)
    assert again.ledger.attempts == {named("round", TASK, 1): 1}
    assert again.ledger.peers == before.peers
    other = ledger.Selection.plain([member(1, 0)])
    with pytest.raises(RuleViolationError, match="another set"):
        again.commit([ledger.Locked(other)], (TASK, 1))
    again.close()


def test_every_head_that_there_ever_was_is_still_this_ledgers(store: Store, tmp_path: Path) -> None:
    """A peer may show any of them: one that were not known would silence an honest prover."""
    heads = dict(store.ledger.heads)
    for number in range(6):
        name = play(store, number)
        heads.update(store.ledger.heads)
        if number % 2:
            store.close_round(name)
            store.forget_closed()
            heads.update(store.ledger.heads)
    store.commit([ledger.Restored(100, 2)])
    heads.update(store.ledger.heads)
    store.close_round(play(store, 6))
    store.forget_closed()
    heads.update(store.ledger.heads)
    store.close()
    again = Store(tmp_path, max_bytes=1 << 20)
    assert again.ledger.heads == heads
    assert not any(again.ledger.lacks(number, digest) for number, digest in heads.items())
    lost = again.ledger.lost
    assert all(again.ledger.lacks(number, keccak(digest)) for number, digest in heads.items() if number > lost)
    again.close()


def test_rounds_before_a_closed_one_are_closed_with_it_and_other_tasks_are_not(store: Store) -> None:
    for number in (0, 2):
        play(store, number)
    play(store, 0, task=8)
    store.close_round((TASK, 2))
    for number in range(3):
        with pytest.raises(ClosedError):
            store.ledger.require_open(TASK, number)
    store.ledger.require_open(TASK, 3)
    store.ledger.require_open(8, 0)
    assert store.forget_closed() == 2
    assert set(store.rounds()) == {(8, 0)}


def test_no_round_is_dropped_that_is_not_closed(store: Store) -> None:
    name = play(store, 0)
    with pytest.raises(ValueError, match="not closed"):
        rows_of(store).drop([name])
    assert store.ledger.locks


def test_a_round_is_closed_once(store: Store) -> None:
    play(store, 1)
    store.close_round((TASK, 1))
    written = count(store, "ledger")
    store.close_round((TASK, 1))
    store.close_round((TASK, 0))
    assert count(store, "ledger") == written
    with pytest.raises(RuleViolationError, match="closed already"):
        store.commit([ledger.RoundsClosed(TASK, 1)])


def test_what_later_words_have_replaced_goes_too(store: Store) -> None:
    for number in range(5):
        store.close_round(play(store, number))
        store.forget_closed()
    assert count(store, "ledger") == 2, "the last head of a peer, and the last end of a task"
    assert count(store, "ledger_rounds") == 0
    assert count(store, "ledger_heads") == store.ledger.count - 2


def test_a_step_that_looked_before_its_round_was_closed_commits_nothing(store: Store) -> None:
    """Between its look at the ledger and its entry the tidying may have dropped what forbids it."""
    name = play(store, 0)
    other = ledger.Selection.plain([member(0, 0, 1), member(0, 1, 1)])
    seen = store.ledger
    store.close_round(name)
    store.forget_closed()
    assert seen is not store.ledger
    with pytest.raises(ClosedError):
        store.commit([ledger.CohortJoined(bytes(32), (member(0, 0, 1),)), ledger.Locked(other)], name)


def test_rows_without_a_round_stay_for_good(store: Store) -> None:
    """Those of a release that wrote no round beside them."""
    for entry in story(0, 0, 1):
        store.commit([entry])
    store.close_round((TASK, 0))
    assert store.forget_closed() == 0
    assert len(store.ledger.locks) == 2


WRITES = 3
"""An end, a sum, the rows."""


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "full"])
@pytest.mark.parametrize("write", range(WRITES))
def test_closing_and_dropping_stand_a_crash_and_a_full_disk_at_every_write(
    tmp_path: Path, kind: str, write: int
) -> None:
    first = Store(tmp_path, max_bytes=1 << 20)
    name = play(first, 0)
    play(first, 1)
    heads = dict(first.ledger.heads)
    (tmp_path / "sums" / next(iter(rows_of(first).sets_of(name))).hex()).write_bytes(bytes(64))
    first.close()
    quiet = [None] * WRITES
    strikes: list[tuple[str, int] | None] = [*quiet[:write], (kind, 0), *quiet]
    struck = Store(tmp_path, max_bytes=1 << 20, disk=SimulatedDisk(lambda: strikes.pop(0)))
    with pytest.raises((CrashError, StorageError)):
        struck.close_round(name)
        struck.forget_closed()
    struck.close()
    for again in range(WRITES):  # and once more, wherever the second process gets to
        strikes = [*quiet[:again], ("crash-after", 0), *quiet]
        second = Store(tmp_path, max_bytes=1 << 20, disk=SimulatedDisk(partial(strikes.pop, 0)))
        with suppress(CrashError):
            second.close_round(name)
            second.forget_closed()
        second.close()
    last = Store(tmp_path, max_bytes=1 << 20)
    last.close_round(name)
    last.forget_closed()
    assert set(last.rounds()) == {(TASK, 1)}
    assert not any((tmp_path / "sums").iterdir())
    assert {number: last.ledger.heads[number] for number in heads} == heads
    last.close()


def test_the_writes_of_a_round_that_is_forgotten_are_all_there_is_to_crash_at(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    name = play(store, 0)
    (tmp_path / "sums" / next(iter(rows_of(store).sets_of(name))).hex()).write_bytes(bytes(64))
    store.close()
    seen: list[None] = []
    again = Store(tmp_path, max_bytes=1 << 20, disk=SimulatedDisk(lambda: seen.append(None)))
    again.close_round(name)
    again.forget_closed()
    again.close()
    assert len(seen) == WRITES
