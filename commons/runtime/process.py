"""Starting and stopping of server processes."""

from __future__ import annotations

import ctypes
import logging
import resource
import signal
import sys
import threading
from types import FrameType

_PR_SET_DUMPABLE = 4
_log = logging.getLogger(__name__)


def keep_memory_private() -> None:
    """Have no key of this process end in a core dump, and no other process of its user look into its memory.

    The limit holds for what it starts as well; where there is no prctl(2), there is the limit alone.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def stop_requested() -> threading.Event:
    """An event that SIGINT or SIGTERM sets.  Call it from the main thread, once a process."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        _log.info("event=stopping signal=%s", signal.Signals(number).name)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop
