"""A coordinator's transactions under way lie in Redis: who leads next goes on with them, and pays for nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from circuits.errors import StandbyError, StorageError
from commons.chain.outbox import Outbox
from commons.chain.transactions import Sender
from commons.runtime.clock import SystemClock
from commons.storage.redislease import FencedValue, Lease
from commons.storage.redisplace import RedisPlace
from tests.support.poolnode import CONTRACT, Killed, PoolNode, Terminal
from tests.support.redisserver import RedisServer

SPAN = 3600.0


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(PoolNode(), tmp_path / "unused")


@contextmanager
def leading(server: RedisServer, terminal: Terminal) -> Iterator[Sender]:
    """A coordinator on a machine of its own, once the lease of the one before has ended."""
    server.client.delete("gradroll:events:lease")
    place = RedisPlace(server.url)
    lease = Lease(place, SPAN, "", SystemClock())
    assert lease.take() is None
    with Outbox(FencedValue(lease, place.outbox, "the outbox in Redis"), standing=12) as outbox:
        yield terminal.sender(outbox)
    place.close()


def pay(sender: Sender) -> bytes:
    return sender.send(CONTRACT, b"accept", gas=10**6, value=7).transaction


@pytest.mark.parametrize("mines", [True, False])
@pytest.mark.parametrize("at", ["eth_sendRawTransaction", "eth_getTransactionReceipt"])
def test_who_leads_next_goes_on_with_what_a_killed_leader_sent(
    at: str, mines: bool, terminal: Terminal, redis: RedisServer
) -> None:
    terminal.node.mines, terminal.node.kill_at = mines, at
    with pytest.raises(Killed), leading(redis, terminal) as sender:
        pay(sender)
    assert redis.client.get("gradroll:events:outbox"), "what may be sent is remembered before it is"
    terminal.node.mines, terminal.node.kill_at = True, ""
    with leading(redis, terminal) as sender:
        sent = pay(sender)
    assert [found for found, _ in terminal.node.mined] == [sent]
    assert terminal.node.paid == 7


def test_a_leader_that_wakes_too_late_sends_nothing(terminal: Terminal, redis: RedisServer) -> None:
    with leading(redis, terminal) as late:
        with leading(redis, terminal) as sender:
            pay(sender)
        with pytest.raises(StandbyError):
            late.send(CONTRACT, b"another", gas=10**6, value=9)
    assert terminal.node.paid == 7
    assert not terminal.node.pool


def test_a_damaged_outbox_in_redis_is_named(terminal: Terminal, redis: RedisServer) -> None:
    redis.client.set("gradroll:events:outbox", b"{")
    with pytest.raises(StorageError, match="the outbox in Redis is damaged"), leading(redis, terminal):
        pass
