"""Who leads of two coordinators that share a log in Redis, looked at again and again, as a load balancer does.

Callers know one address, and are passed on to the coordinator that says it leads; when another one does, connections
to the one before are ended.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from circuits.errors import UnavailableError
from commons.storage.redisplace import NAME
from commons.wire.coordinator_client import SERVICE
from commons.wire.health import is_serving
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import COORDINATOR, LEASE
from tests.chaos.invariants_of_campaigns import Violation

LOOK = 1.0
"""Seconds between two looks at least."""
MOST_LOOKS = round(LEASE / LOOK) + 40
"""At which a coordinator may say that it works and does not lead, while nobody does and nothing hinders it: those of a
lease, and a margin.  They are counted by its answers, so that a slow machine has as many."""
_PATIENCE = 3.0


def states_of(endpoints: Mapping[str, str]) -> dict[str, bool | None]:
    """Whether each coordinator leads; None for one that does not answer, or is about to stop."""
    return {name: _state(endpoint) for name, endpoint in endpoints.items()}


def _state(endpoint: str) -> bool | None:
    try:
        if is_serving(endpoint, timeout=_PATIENCE, service=SERVICE):
            return True
        return False if is_serving(endpoint, timeout=_PATIENCE) else None
    except UnavailableError:
        return None


@dataclass
class Idle:
    """Counts for how long nobody leads although somebody could.

    Attributes:
        most: looks after which that is a violation.
    """

    most: int = MOST_LOOKS
    looks: Counter[str] = field(default_factory=Counter)

    def see(self, states: Mapping[str, bool | None], hindered: Callable[[str], bool]) -> list[Violation]:
        """One look; what is wrong."""
        if any(states.values()):
            self.looks.clear()
            return []
        found = []
        for name, leads in states.items():
            if hindered(name):
                self.looks[name] = 0
            elif leads is not None:
                self.looks[name] += 1
                if self.looks[name] == self.most:
                    found.append(Violation("no-leader", f"nobody led for {self.most} answers of {name}, which works"))
        return found


@dataclass
class LogBook:
    """What was in the log in Redis: a list that only grows, but for when events are dropped."""

    head: bytes = b""
    length: int = 0
    last: bytes = b""

    def see(self, head: bytes | None, length: int, at_last: bytes | None, last: bytes | None) -> list[Violation]:
        """The list now.

        Args:
            head: its first row, which counts how often events were dropped.
            at_last: the row that is where the last one was.
            last: the last row now.
        """
        found = []
        if self.length and head == self.head and (length < self.length or at_last != self.last):
            found.append(Violation("lost-log", f"the log in Redis had {self.length} rows, now others or fewer"))
        if self.length and head is None:
            found.append(Violation("lost-log", f"the log in Redis had {self.length} rows, and is gone"))
        self.head, self.length, self.last = head or b"", length, last or b""
        return found


class Leadership:
    """Looks in a thread of its own.

    Args:
        endpoints: of each coordinator itself, by name.
        url: of Redis.
        hindered: whether something is done to a coordinator that may keep it from leading.
        passed_on: told the name of one that leads no more, so that connections to it are ended.
        accused: told of each violation.
    """

    def __init__(
        self,
        endpoints: Mapping[str, str],
        url: str,
        hindered: Callable[[str], bool],
        passed_on: Callable[[str], object],
        chronicle: Chronicle,
        accused: Callable[[Violation], object],
    ) -> None:
        self._endpoints, self._hindered, self._passed_on = endpoints, hindered, passed_on
        self._chronicle, self._accused = chronicle, accused
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
        self._idle, self._book = Idle(), LogBook()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)
        self._leader = COORDINATOR
        self.states: Mapping[str, bool | None] = {}

    @property
    def leader(self) -> str:
        """Who leads, or led last."""
        return self._leader

    @property
    def standby(self) -> str:
        """The other one."""
        return next(name for name in self._endpoints if name != self._leader)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(60)
        self._redis.close()

    def missing(self) -> list[str]:
        """What a pair that suffers nothing has, and this one has not: one that leads, and one that stands by."""
        states = dict(self.states)
        if sorted(str(state) for state in states.values()) == ["False", "True"]:
            return []
        return [f"{name} {_SHOWN[state]}" for name, state in states.items()] or ["nobody was asked"]

    def _run(self) -> None:
        while not self._over.wait(LOOK):
            try:
                self._look()
            except Exception as error:  # a thread that dies would see nothing any more
                self._accused(Violation("crash", f"who looks at the pair ran into {type(error).__name__}: {error}"))

    def _look(self) -> None:
        before = self._led_so_far()
        self.states = states = states_of(self._endpoints)
        leading = [name for name, leads in states.items() if leads]
        if len(leading) > 1:
            self._require_one(leading, before)
        for violation in (*self._idle.see(states, self._hindered), *self._see_log()):
            self._accused(violation)
        if len(leading) == 1 and leading[0] != self._leader:
            former, self._leader = self._leader, leading[0]
            self._chronicle.tell("failover", self._leader, f"{former} led before")
            self._passed_on(former)

    def _require_one(self, leading: Sequence[str], before: int | None) -> None:
        """They were asked one after the other: the first one again, and nobody may have begun to lead meanwhile."""
        again = states_of({name: self._endpoints[name] for name in leading})
        if all(again.values()) and before is not None and before == self._led_so_far():
            self._accused(Violation("two-leaders", f"{' and '.join(leading)} say that they lead, at once"))

    def _led_so_far(self) -> int | None:
        """How often somebody began to lead; None where Redis does not answer."""
        try:
            return int(self._redis.get(f"{NAME}:fence") or 0)
        except redis.exceptions.RedisError:
            return None

    def _see_log(self) -> list[Violation]:
        try:
            with self._redis.pipeline(transaction=True) as asked:
                asked.lindex(NAME, 0).llen(NAME).lindex(NAME, max(self._book.length - 1, 0)).lindex(NAME, -1)
                return self._book.see(*asked.execute())
        except redis.exceptions.RedisError:
            return []


_SHOWN = {True: "leads", False: "stands by", None: "does not answer"}
