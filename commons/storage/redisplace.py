"""One coordinator's corner of a Redis server: its connection, its keys, and scripts that each happen as a whole.

A script may be run again when its answer was lost: each of ours does nothing more the second time.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from circuits.errors import ConfigError, StorageError
from commons.runtime.extras import require
from commons.runtime.scrubbing import hide
from commons.runtime.urls import without_secrets

_log = logging.getLogger(__name__)
NAME = "gradroll:events"
"""Of the list of events; the keys beside it begin with it."""
_PATIENCE = 120.0
"""Seconds that Redis has for each answer while a whole log is replaced."""
_STAGED = 600_000
"""Milliseconds after its last page until Redis deletes what a process that is gone had laid beside the log."""
_STAGE = """
for i = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
_SWAP = """
if redis.call('HGET', KEYS[2], 'mark') ~= ARGV[1] then return 'lost' end
if (redis.call('LINDEX', KEYS[1], 0) or '') ~= ARGV[2] then return 'changed' end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[3]) then return 'changed' end
if redis.call('LLEN', KEYS[3]) ~= tonumber(ARGV[4]) then return 'gone' end
redis.call('PERSIST', KEYS[3])
redis.call('RENAME', KEYS[3], KEYS[1])
return 'done'
"""
_DELETE = "return redis.call('DEL', KEYS[1])"


class UnansweredError(StorageError):
    """Redis gave no answer, so nobody knows whether it did what it was asked."""


class RedisPlace:
    """The keys of one log.

    Args:
        timeout: seconds for a connection, and for an answer.

    Attributes:
        log: key of the list of events.
        lease, fence: who leads, and how many have led.
        last: what the last append was.
        outbox: transactions under way.
        files: which folder of files the log belongs with.
    """

    def __init__(self, url: str, name: str = NAME, timeout: float = 5.0) -> None:
        """Connect.

        Raises:
            ConfigError: this is no URL of a Redis server, or the package for one is missing.
            StorageError: Redis cannot be reached.
        """
        redis = _redis()
        hide(url)
        self.shown = without_secrets(url)
        self.log = name
        self.lease, self.fence, self.last, self.outbox, self.files = (
            f"{name}:{part}" for part in ("lease", "fence", "last", "outbox", "files")
        )
        self._failed = redis.exceptions.RedisError
        self._silent = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
        once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)  # who asks decides for how long it tries
        try:
            self._client, self._patient = (
                redis.Redis.from_url(url, socket_timeout=longest, socket_connect_timeout=timeout, retry=once)
                for longest in (timeout, max(timeout, _PATIENCE))
            )
        except ValueError:
            raise ConfigError(
                "log: this is no redis://host:port/db; write / ? # @ of a password as %2F %3F %23 %40"
            ) from None
        self._scripts: dict[str, Any] = {}
        self._greet()

    def _greet(self) -> None:
        try:
            if self._client.info("persistence").get("aof_enabled") == 0:
                _log.warning("event=redis-without-aof advice='set appendonly yes and appendfsync always'")
        except self._failed as error:
            raise StorageError(
                f"Redis at {self.shown} cannot be used: {error}; is it running, and is the password right?"
            ) from error

    def run(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """Run a Lua script.

        Raises:
            UnansweredError: it may have happened, or happen later.
            StorageError: Redis refused, and nothing was changed.
        """
        return self._ask(self._client, script, keys, *arguments)

    def _ask(self, client: Any, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        prepared = self._scripts.setdefault(script, self._client.register_script(script))
        try:
            return prepared(keys=list(keys), args=list(arguments), client=client)
        except self._silent as error:
            raise UnansweredError(f"Redis at {self.shown} does not answer: {error}; is it running?") from error
        except self._failed as error:
            raise StorageError(f"Redis at {self.shown} refused: {error}; nothing was changed") from error

    def replace_list(self, rows: Sequence[str | bytes], holder: str, head: str | bytes, before: int, page: int) -> bool:
        """Replace the list of events by other rows, as a whole; False where the lease is another's.

        They are laid beside the list page by page, then take its place at once: the lease may be renewed meanwhile.

        Args:
            holder: mark of the lease that must be held then.
            head: the first row that the list must have, empty if there must be none.
            before: rows that the list must have.

        Raises:
            UnansweredError: it may have happened.
            StorageError: somebody else writes, or Redis failed before; nothing was changed.
        """
        staged = f"{self.log}:next:{holder}:{secrets.token_hex(8)}"  # of one try: a late page is of no other
        try:
            self._stage(staged, rows, page)
            keys = (self.log, self.lease, staged)
            told = self._ask(self._patient, _SWAP, keys, holder, head, before, len(rows))
        except BaseException:
            self._forget(staged)
            raise
        if told == b"done":
            return True
        self._forget(staged)
        if told == b"gone":
            raise StorageError(f"Redis at {self.shown} lost rows of a new log before it was whole; nothing was changed")
        if told == b"changed":
            raise StorageError(f"another coordinator writes to the log {self.log}; stop one of them")
        return False

    def _stage(self, staged: str, rows: Sequence[str | bytes], page: int) -> None:
        try:
            for at in range(0, len(rows), page):
                self._ask(self._patient, _STAGE, (staged,), _STAGED, *rows[at : at + page])
        except UnansweredError as error:
            raise StorageError(f"{error}; nothing was changed") from error

    def _forget(self, staged: str) -> None:
        with suppress(StorageError):  # Redis deletes it by itself
            self.run(_DELETE, (staged,))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._patient.close()


def is_redis(url: str) -> bool:
    """Whether a log's URL names a Redis server."""
    return url.startswith(("redis://", "rediss://"))


def _redis() -> Any:
    require("log: a redis:// log", "redis", "redis")
    import redis  # noqa: PLC0415 - an extra
    import redis.backoff  # noqa: PLC0415
    import redis.retry  # noqa: PLC0415

    return redis
