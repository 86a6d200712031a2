"""Redis in memory, for a log that takes its server from a URL."""

from __future__ import annotations

from typing import Any

import pytest


def redis_server(patch: pytest.MonkeyPatch) -> Any:
    """One server for every connection from now on; returns a client of it.  Skips the test without fakeredis."""
    redis, fake = pytest.importorskip("redis"), pytest.importorskip("fakeredis")
    server = fake.FakeServer()
    patch.setattr(redis.Redis, "from_url", lambda url: fake.FakeStrictRedis(server=server))
    patch.setattr(fake.FakeStrictRedis, "info", lambda *_: {"aof_enabled": 1})
    return fake.FakeStrictRedis(server=server)
