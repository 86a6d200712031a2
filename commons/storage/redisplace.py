"""One coordinator's corner of a Redis server: its connection, its keys, and scripts that each happen as a whole.

A script may be run again when its answer was lost: each of ours does nothing more the second time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from circuits.errors import ConfigError, StorageError
from commons.runtime.extras import require
from commons.runtime.urls import without_secrets

_log = logging.getLogger(__name__)
NAME = "gradroll:events"
"""Of the list of events; the keys beside it begin with it."""
_PATIENCE = 120.0
"""Seconds that Redis has to replace a whole log."""


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
        self.shown = without_secrets(url)
        self.log = name
        self.lease, self.fence, self.last, self.outbox, self.files = (
            f"{name}:{part}" for part in ("lease", "fence", "last", "outbox", "files")
        )
        self._failed = redis.exceptions.RedisError
        self._silent = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
        self._raced = redis.exceptions.WatchError
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
        prepared = self._scripts.setdefault(script, self._client.register_script(script))
        try:
            return prepared(keys=list(keys), args=list(arguments))
        except self._silent as error:
            raise UnansweredError(f"Redis at {self.shown} does not answer: {error}; is it running?") from error
        except self._failed as error:
            raise StorageError(f"Redis at {self.shown} refused: {error}; nothing was changed") from error

    def replace_list(self, rows: Sequence[str | bytes], holder: str, before: int, page: int) -> None:
        """Replace the list of events by other rows, in one transaction.

        Args:
            holder: mark of the lease that must be held meanwhile.
            before: rows that the list must have.

        Raises:
            UnansweredError: it may have happened.
            StorageError: somebody else writes, and nothing was changed.
        """
        try:
            with self._patient.pipeline() as pipe:
                pipe.watch(self.log, self.lease)
                if pipe.hget(self.lease, "mark") != holder.encode() or pipe.llen(self.log) != before:
                    raise StorageError(f"another coordinator writes to the log {self.log}; stop one of them")
                pipe.multi()
                pipe.delete(self.log)
                for at in range(0, len(rows), page):
                    pipe.rpush(self.log, *rows[at : at + page])
                pipe.execute()
        except self._raced:
            raise StorageError(f"another coordinator writes to the log {self.log}; stop one of them") from None
        except self._silent as error:
            raise UnansweredError(f"Redis at {self.shown} does not answer: {error}; is it running?") from error
        except self._failed as error:
            raise StorageError(f"Redis at {self.shown} refused: {error}; nothing was changed") from error

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
