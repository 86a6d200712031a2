"""Starting and stopping of server processes."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

_log = logging.getLogger(__name__)


def stop_requested() -> threading.Event:
    """An event that SIGINT or SIGTERM sets.  Call it from the main thread, once a process."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        _log.info("event=stopping signal=%s", signal.Signals(number).name)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop
