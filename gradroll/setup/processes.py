"""The demo's processes: started in parallel, watched, stopped one by one by their own handle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from circuits.atomicfile import storing
from circuits.errors import GradrollError, UnavailableError
from commons.runtime.process import as_child
from commons.runtime.stages import stage

_GRACE = 10.0
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Running:
    """A started process and the file that it logs to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Raise UnavailableError, with the end of the log, when the process has ended."""
        status = self.process.poll()
        if status is not None:
            tail = self.log.read_text(errors="replace").strip().splitlines()[-5:]
            raise UnavailableError(
                f"{self.name} ended with status {status}; its log {self.log} ends: {' | '.join(tail)}"
            )


class Processes:
    """Processes of `python -m gradroll`; all are stopped when the block is left, and end when this process is killed.

    Attributes:
        logs: directory of what they print.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: list[Running] = []
        self._files = ExitStack()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str]) -> Running:
        """Start `gradroll` with arguments in development mode, logging to a file of that name.

        Raises:
            StorageError: the file cannot be written.
        """
        path = self.logs / f"{name}.log"
        with storing(f"cannot write {path}"):
            self.logs.mkdir(parents=True, exist_ok=True)
            log: IO[bytes] = self._files.enter_context(path.open("wb"))
        environment = as_child(os.environ | {"GRADROLL_DEVELOPMENT": "1"})
        with _put_off():
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, "-m", "gradroll", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True,
            )  # fmt: skip
            running = Running(name, process, path)
            self._running.append(running)
        return running

    def require_alive(self) -> None:
        """Raise UnavailableError when any process has ended."""
        for running in self._running:
            running.require_alive()

    def stop_one(self, running: Running) -> None:
        """Stop one process; it is not missed afterwards."""
        self._running.remove(running)
        running.process.terminate()
        _end(running.process, _GRACE)

    def stop(self) -> None:
        """Ask every process to end, wait, and end those that do not.

        A terminal sends Ctrl-C to make and to us, and make passes it on: a second one must not leave processes behind.
        """
        with _deaf():
            for running in self._running:
                running.process.terminate()
            deadline = time.monotonic() + _GRACE
            for running in self._running:
                _end(running.process, max(0.1, deadline - time.monotonic()))
            self._running.clear()
            self._files.close()


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore what asks this process to end meanwhile; only the main thread can, and only it gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _put_off() -> Iterator[None]:
    """Take what asks this process to end afterwards: before, it would leave a process that nobody knows of."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda it, _: came.append(it)) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(what: str, ready: Callable[[], bool], fleet: Processes, timeout: float, every: float = 0.1) -> None:
    """Wait until `ready` says so; errors of the catalogue count as not yet.

    Raises:
        UnavailableError: a process of the fleet ended, or the time is over.
    """
    deadline, last = time.monotonic() + timeout, ""
    with stage(what):
        while time.monotonic() < deadline:
            fleet.require_alive()
            try:
                if ready():
                    return
            except GradrollError as error:
                last = str(error)
            time.sleep(every)
    raise UnavailableError(f"{what} took longer than {timeout:.0f} s{f': {last}' if last else ''}")
