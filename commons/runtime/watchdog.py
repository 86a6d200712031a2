"""Notices that nothing moves: a thread that has died, or that has work and makes no progress.

Whatever looks at a process from outside sees a port that answers; it does not see that the thread behind it has ended,
or waits for a lock that nobody gives back.  A process that ends is started again by what supervises it, and a restart
loses nothing: what matters is durable before it takes effect.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from commons.runtime.pieces import Pieces

_log = logging.getLogger(__name__)
_MOST_FRAMES = 40
"""Innermost frames of a thread that the log has."""


class Condition(Enum):
    """What a process is found to be in."""

    WORKING = auto()
    STUCK = auto()
    HOPELESS = auto()


@dataclass(frozen=True, slots=True)
class _Watched:
    """Attributes:
    limit: seconds without progress that are too many.
    slowest: the clock's time of the last progress while there is work, None while there is none.
    thread: that must live; None for pools, which start threads as they need them.
    """

    limit: float
    slowest: Callable[[], float | None]
    thread: threading.Thread | None = None


class Watchdog:
    """Looks after the long-lived threads of one process, when it is asked to.  Thread-safe.

    Args:
        stuck_after: seconds without progress after which a thread that has work is stuck.
        end_after: seconds after that until there is no hope.
        monotonic: seconds, from a clock that never goes back.
    """

    def __init__(self, stuck_after: float, end_after: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stuck_after, self._end_after, self._monotonic = stuck_after, end_after, monotonic
        self._lock = threading.Lock()  # of those who change what is watched
        self._watched: dict[str, _Watched] = {}  # never changed, only replaced: others look meanwhile
        self._told: frozenset[str] = frozenset()

    def living(self, thread: threading.Thread) -> None:
        """Look whether a thread still lives that waits for others most of the time."""
        self._add(thread.name, _Watched(self._stuck_after, lambda: None, thread))

    def thread(self, thread: threading.Thread, *, pause: float = 0.0) -> Callable[[], None]:
        """Look after a thread that works in turns for as long as the process lives.  Call it before it starts.

        Args:
            pause: seconds that it waits between its turns.

        Returns:
            What the thread calls in each turn.
        """
        last = [self._monotonic()]

        def beat() -> None:
            last[0] = self._monotonic()

        self._add(thread.name, _Watched(self._stuck_after + pause, lambda: last[0], thread))
        return beat

    def pieces(self, name: str, pieces: Pieces, *, allowed: float = 0.0) -> None:
        """Look after pieces of work.

        Args:
            allowed: seconds that a piece may wait for others without progress, by settings of its own.
        """
        self._add(name, _Watched(max(self._stuck_after, allowed), pieces.slowest))

    def leave(self, *names: str) -> None:
        """Look no more after threads and work that are about to end."""
        with self._lock:
            self._watched = {name: one for name, one in self._watched.items() if name not in names}

    @property
    def names(self) -> tuple[str, ...]:
        """What is looked after."""
        return tuple(self._watched)

    def stuck(self) -> frozenset[str]:
        """Threads and kinds of work that do not go on."""
        return frozenset(name for name, one in self._watched.items() if self._over(one) > 0)

    def idle_for(self, name: str) -> float:
        """Seconds without progress; 0 while there is nothing to do, and for what is not looked after any more."""
        one = self._watched.get(name)
        last = None if one is None else one.slowest()
        return 0.0 if last is None else max(self._monotonic() - last, 0.0)

    def look(self) -> Condition:
        """What the process is in.  What changes is logged, with the stacks of all threads if it is for the worse."""
        watched = self._watched  # one and the same for all of this look: somebody may leave meanwhile
        dead = [name for name, one in watched.items() if _has_died(one.thread) and self._watched.get(name) is one]
        if dead:
            _log.critical("event=thread-died threads=%s advice='its last words are above'", ",".join(dead))
            return Condition.HOPELESS
        over = {name: beyond for name, one in watched.items() if (beyond := self._over(one)) > 0}
        stuck = frozenset(over)
        for name in sorted(stuck - self._told):
            _log.error("event=stuck thread=%s seconds=%.0f", name, watched[name].limit + over[name])
        for name in sorted(self._told - stuck):
            _log.warning("event=moves-again thread=%s", name)
        if stuck - self._told:
            tell_stacks()
        self._told = stuck
        if any(beyond > self._end_after for beyond in over.values()):
            _log.critical("event=no-hope threads=%s", ",".join(sorted(stuck)))
            return Condition.HOPELESS
        return Condition.STUCK if stuck else Condition.WORKING

    def _add(self, name: str, one: _Watched) -> None:
        with self._lock:
            self._watched = {**self._watched, name: one}

    def _over(self, one: _Watched) -> float:
        """Seconds beyond the limit."""
        last = one.slowest()
        return 0.0 if last is None else self._monotonic() - last - one.limit


def _has_died(thread: threading.Thread | None) -> bool:
    if thread is None or thread.ident is None:  # one that has not started has no number yet
        return False
    return not thread.is_alive()


def tell_stacks() -> None:
    """Log what each thread is doing: modules, functions and lines.  Values are left out, they may be shares."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        walked = list(traceback.walk_stack(frame))[:_MOST_FRAMES]
        places = (f"{f.f_globals.get('__name__', '?')}.{f.f_code.co_name}:{line}" for f, line in walked)
        _log.error("event=stack thread=%s calls=%s", names.get(ident, ident), "<".join(places))
