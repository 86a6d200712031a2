"""Processes of a campaign: started again when they end, killed and paused on purpose, and measured."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_GRACE = 20.0
_AGAIN = 1.0
"""Seconds after which a process that ended by itself is started again, as systemd does."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process held at a time: seconds on the monotonic clock, bytes of memory, descriptors."""

    at: float
    memory: int
    descriptors: int


@dataclass(eq=False)
class Supervised:
    """One name; one process at a time.

    Attributes:
        lives: samples of each process that there was, oldest first.
        ended: told the exit status of a process that ended by itself.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ended: Callable[[str, int], object]
    lives: list[list[Sample]] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _wanted: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _again: float = 0.0

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def status(self) -> int | None:
        """Exit status of the last process; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it, and have it started again whenever it ends."""
        with self._lock:
            self._wanted = True
            self._spawn()

    def change(self, variables: Mapping[str, str]) -> None:
        """Start it with other variables from now on; what runs keeps those it has."""
        with self._lock:
            self.environment = {**self.environment, **variables}

    def _spawn(self) -> None:
        if self.pid is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments], cwd=ROOT, env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.lives.append([])

    def watch(self) -> None:
        """Measure it; start it again when it has ended.  Status 0 is an end in good order, and final."""
        with self._lock:
            if self._process is None or not self._wanted:
                return
            status = self._process.poll()
            if status is None:
                self._measure(self._process.pid)
            elif status == 0:
                self._wanted = False
                self.ended(self.name, 0)
            elif not self._again:
                self._again = time.monotonic() + _AGAIN
                self.ended(self.name, status)
            elif time.monotonic() > self._again:
                self._again = 0.0
                self._spawn()

    def _measure(self, pid: int) -> None:
        with suppress(OSError, ValueError, IndexError):  # it ends at this moment
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            self.lives[-1].append(Sample(time.monotonic(), pages * resource.getpagesize(), descriptors))

    def kill(self) -> None:
        """End it without warning; it stays down until ``start``."""
        with self._lock:
            self._wanted, self._again = False, 0.0
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal; whether it runs."""
        with self._lock:
            pid = self.pid
            if pid is not None:
                os.kill(pid, number)
            return pid is not None

    def limit_files(self, size: int) -> bool:
        """Let no file of it grow beyond ``size`` bytes, -1 for as long as they like; whether it runs."""
        with self._lock:
            pid = self.pid
            if pid is not None:
                with suppress(ProcessLookupError):
                    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size < 0 else size, hard))
            return pid is not None

    def ask_to_stop(self) -> None:
        """Tell it to end, once: servers take a second time for an order to end at once."""
        with self._lock:
            self._wanted = False
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def stop(self) -> int | None:
        """Wait for the end of what was asked to, and end it by force if it does not; its exit status."""
        with self._lock:
            if self._process is None:
                return None
            self.signal(signal.SIGCONT)  # it may have been paused since it was asked
            try:
                return self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                return self._process.wait()
