"""What is seen of a pair of coordinators: that one leads while one can, never two, and a log that only grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from commons.storage.redisplace import NAME
from tests.chaos import leadership
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import COORDINATOR, SECOND
from tests.chaos.invariants_of_campaigns import Violation, led_at_once
from tests.chaos.leadership import Idle, Leadership, LogBook
from tests.support.redisserver import RedisServer
from tests.support.waiting import wait_for

ONE_LEADS: Mapping[str, bool | None] = {COORDINATOR: True, SECOND: False}
NOBODY_LEADS: Mapping[str, bool | None] = {COORDINATOR: None, SECOND: False}


def kinds(found: list[Violation]) -> list[str]:
    return [violation.kind for violation in found]


def test_nobody_leads_for_too_long_only_by_the_answers_of_one_that_could() -> None:
    idle = Idle(most=3)
    seen: list[list[Violation]] = []

    def look(states: Mapping[str, bool | None], *hindered: str) -> None:
        seen.append(idle.see(states, lambda name: name in hindered))

    for states, hindered in (
        (NOBODY_LEADS, ""), (NOBODY_LEADS, ""), (ONE_LEADS, ""),  # somebody led again in time
        (NOBODY_LEADS, ""), (NOBODY_LEADS, ""), (NOBODY_LEADS, SECOND),  # it was hindered: its time begins anew
        (NOBODY_LEADS, ""), (NOBODY_LEADS, ""), ({COORDINATOR: None, SECOND: None}, ""),  # who does not answer is none
    ):  # fmt: skip
        look(states, hindered)
    assert not any(seen)
    look(NOBODY_LEADS)
    assert kinds(seen[-1]) == ["no-leader"]
    look(NOBODY_LEADS)
    assert not seen[-1], "told once"


@pytest.mark.parametrize(
    ("then", "found"),
    [
        pytest.param((b"h", 4, b"c", b"d"), [], id="longer"),
        pytest.param((b"h", 3, b"c", b"c"), [], id="the same"),
        pytest.param((b"h2", 2, b"y", b"y"), [], id="events were dropped on purpose"),
        pytest.param((b"h", 2, None, b"b"), ["lost-log"], id="shorter"),
        pytest.param((b"h", 4, b"x", b"d"), ["lost-log"], id="another row"),
        pytest.param((None, 0, None, None), ["lost-log"], id="gone"),
    ],
)
def test_a_log_that_loses_rows_is_noticed(
    then: tuple[bytes | None, int, bytes | None, bytes | None], found: list[str]
) -> None:
    book = LogBook()
    assert not book.see(None, 0, None, None)
    assert not book.see(b"h", 3, b"h", b"c")
    assert kinds(book.see(*then)) == found


def test_a_token_is_one_leaders_and_a_log_that_lost_events_is_told_of() -> None:
    first, second = (
        "x event=leading token=1 events=0\ny event=leading token=3 events=9",
        "event=leading token=2 events=4",
    )
    assert not list(led_at_once({COORDINATOR: first, SECOND: second}))
    assert kinds(list(led_at_once({COORDINATOR: first, SECOND: second.replace("2", "3")}))) == ["two-leaders"]
    assert kinds(list(led_at_once({COORDINATOR: first, SECOND: "event=log-lost-events reason='x'"}))) == ["lost-log"]


class Pair:
    """Two coordinators that say what a test wants, and a real Redis."""

    def __init__(self, server: RedisServer, home: Path) -> None:
        self.server = server
        self.says = dict(ONE_LEADS)
        self.accused: list[Violation] = []
        self.passed_on: list[str] = []
        self.chronicle = Chronicle(home / "events.jsonl")
        self.seen = Leadership(
            {name: name for name in self.says}, server.url, lambda _: False, self.passed_on.append, self.chronicle,
            self.accused.append,
        )  # fmt: skip

    def state(self, name: str) -> bool | None:
        return self.says[name]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), password="secret") as running:
        yield running


@pytest.fixture
def pair(server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    server.client.flushall()
    made = Pair(server, tmp_path)
    monkeypatch.setattr(leadership, "LOOK", 0.01)
    monkeypatch.setattr(leadership, "_state", made.state)
    made.seen.start()
    yield made
    made.seen.stop()
    made.chronicle.close()


def test_callers_are_passed_on_to_who_leads(pair: Pair) -> None:
    wait_for(lambda: not pair.seen.missing())
    assert (pair.seen.leader, pair.seen.standby) == (COORDINATOR, SECOND)
    pair.says = {COORDINATOR: None, SECOND: False}
    wait_for(lambda: pair.seen.missing() == [f"{COORDINATOR} does not answer", f"{SECOND} stands by"])
    assert pair.seen.leader == COORDINATOR, "while nobody leads, as before"
    pair.says = {COORDINATOR: None, SECOND: True}
    wait_for(lambda: pair.passed_on == [COORDINATOR])
    assert (pair.seen.leader, pair.seen.standby) == (SECOND, COORDINATOR)
    assert pair.chronicle.counts["failover"] == 1
    assert pair.accused == []


def test_two_that_say_they_lead_at_once_are_told_of(pair: Pair) -> None:
    pair.says = {COORDINATOR: True, SECOND: True}
    wait_for(lambda: kinds(pair.accused[:1]) == ["two-leaders"])
    assert pair.passed_on == []


def test_a_log_that_is_emptied_is_told_of(pair: Pair) -> None:
    pair.server.client.rpush(NAME, "head", "row")
    wait_for(lambda: pair.seen._book.length == 2)
    pair.server.client.delete(NAME)
    wait_for(lambda: kinds(pair.accused[:1]) == ["lost-log"])
