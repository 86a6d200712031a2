"""Starting and stopping of server processes."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType

_PR_SET_DUMPABLE = 4
_PARENT = "GRADROLL_PARENT"
_LOOK, _GRACE = 0.5, 15.0
"""Seconds between looks at the parent, and for which a process without one may take to end by itself."""
_ORPHANED = 143
"""Exit status of a process that did not end by itself: that of one which SIGTERM ended."""
_log = logging.getLogger(__name__)


def keep_memory_private() -> None:
    """Have no key of this process end in a core dump, and no other process of its user look into its memory.

    The limit holds for what it starts as well; where there is no prctl(2), there is the limit alone.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def stop_requested() -> threading.Event:
    """An event that SIGINT, SIGTERM or SIGHUP sets.  Call it from the main thread, once a process."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        _log.info("event=stopping signal=%s", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGINT, *ending_signals()):
        signal.signal(number, handle)
    return stop


def ending_signals() -> tuple[signal.Signals, ...]:
    """What asks a process to end: SIGTERM, and SIGHUP unless it is ignored, as nohup(1) has it."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGHUP) if hangs_up else (signal.SIGTERM,)


def as_child(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that is to end when this one does; that one calls ``end_with_parent``."""
    return {**environment, _PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """End this process when the one that started it ``as_child`` has ended, in whatever way.  Call it once, early.

    SIGKILL leaves nobody a moment to stop what it started.  So a thread looks whose child this process is: that works
    on every POSIX system, and, unlike ``PR_SET_PDEATHSIG``, does not depend on which thread of the parent started it.
    """
    parent = os.environ.pop(_PARENT, "")  # not handed on to what this process starts
    if parent:
        threading.Thread(target=_await_orphaned, args=(parent,), name="parent", daemon=True).start()


def _await_orphaned(parent: str) -> None:
    while str(os.getppid()) == parent:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(_ORPHANED)
