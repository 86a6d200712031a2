"""What all tests share: where the repository is, where development keys are kept, a live anvil node."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from commons.runtime.seldom import Seldom
from tests.support.anvil import Anvil, binary_in
from tests.support.redisserver import RedisServer

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def development_keys(repository: Path) -> Path:
    """Where seeded development keys are kept between runs; made on first use."""
    return repository / "build" / "development-keys"


@pytest.fixture(autouse=True)
def every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the whole process says seldom is said in each test, whichever ran before it."""
    monkeypatch.setattr("commons.wire.rpcstatus._seldom", Seldom(logging.getLogger("commons.wire.rpcstatus")))


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(_redis: RedisServer) -> RedisServer:
    """An empty Redis server that other tests use later."""
    _redis.client.flushall()
    return _redis


@pytest.fixture
def anvil(repository: Path, tmp_path: Path) -> Iterator[Anvil]:
    """A live anvil node.  Fails, not skips, where the binary is missing: `make setup` installs it."""
    binary = binary_in(repository / "contracts")
    if binary is None:
        pytest.fail("anvil is not installed; run `make setup`, or leave these tests out with -m 'not anvil'")
    with Anvil(binary, tmp_path / "anvil.log") as node:
        yield node
