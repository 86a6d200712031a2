"""The main thread of a server: it waits to be told to stop, and looks meanwhile whether the others still move."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from commons.runtime.sdnotify import Supervisor
from commons.runtime.watchdog import Condition, Watchdog

STUCK_STATUS = 8
"""Exit status of a process that its watchdog has ended: a restart may heal it."""
_EVERY = 1.0
"""Seconds between looks."""
_log = logging.getLogger(__name__)


def supervise(
    stop: threading.Event,
    watchdog: Watchdog,
    works: Callable[[bool], None],
    *,
    end: Callable[[int], None] = os._exit,
    supervisor: Supervisor | None = None,
    every: float = _EVERY,
) -> None:
    """Return when the process is to stop; end it where a thread has died, or nothing moves any more.

    Args:
        works: told whether the process does its work, for its health service.
        end: ends the process at once: threads that are stuck would not let it end by itself.
        supervisor: by default whatever started this process.
    """
    told = supervisor or Supervisor()
    told.ready()
    while not stop.wait(every):
        condition = watchdog.look()
        works(condition is Condition.WORKING)
        if condition is Condition.HOPELESS:
            _log.critical("event=ended-by-watchdog status=%d", STUCK_STATUS)
            logging.shutdown()
            end(STUCK_STATUS)
            return
        told.alive()
    told.stopping()
