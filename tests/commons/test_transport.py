"""HTTP to a node: it may ask to be left alone for a while, and each way in which it fails has its own name."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest
import requests

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain import transport
from commons.chain.rpc import ErrorTable, Rpc
from tests.support.localserver import Answer, Asked, LocalServer

SECRETS = ("hunter2", "APIKEY")


@dataclass
class Reply:
    """One answer to a POST; status 200 without a body is a right answer to the question."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Gateway(LocalServer):
    """Gives the replies in order, the last one for ever, and counts the questions."""

    protocol = "HTTP/1.1"

    def __init__(self) -> None:
        self.replies = [Reply()]
        self.asked: list[str] = []
        super().__init__()

    def answered(self, asked: Asked) -> Answer:
        question = json.loads(asked.body)
        self.asked.append(question["method"])
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        right = json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": "0x7a69"}).encode()
        return reply.status, reply.headers, reply.body or (right if reply.status == 200 else b"")

    def rpc(self, timeout: float = 30.0) -> Rpc:
        return Rpc(f"http://user:hunter2@127.0.0.1:{self.port}/v3/APIKEY", ErrorTable(()), timeout=timeout)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, which take no time."""
    slept: list[float] = []
    monkeypatch.setattr(transport, "sleep", slept.append)
    return slept


def trouble(rpc: Rpc) -> str:
    """What a question to the node comes to, after a look for secrets in it."""
    with pytest.raises(ChainError) as caught:
        _ = rpc.chain_id
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in str(error) for secret in SECRETS)
        error = error.__cause__
    return str(caught.value)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_node_that_is_busy_is_asked_again(gateway: Gateway, waits: list[float], status: int) -> None:
    gateway.replies = [Reply(status), Reply(status), Reply(status), Reply()]
    assert gateway.rpc().chain_id == 31337
    assert len(gateway.asked) == 4
    assert waits[0] == 0
    assert 1 <= waits[1] < waits[2] < 3


def test_so_is_one_that_a_transaction_is_sent_to(gateway: Gateway, waits: list[float]) -> None:
    """It did not take it: this is not a connection that broke."""
    sent = keccak(b"\x02")
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x" + sent.hex()}).encode()
    gateway.replies = [Reply(429), Reply(body=body)]
    rpc = gateway.rpc()
    assert rpc.guarded(lambda: bytes(rpc.web3.eth.send_raw_transaction(b"\x02"))) == sent
    assert gateway.asked == ["eth_sendRawTransaction"] * 2


def test_the_node_says_how_long_to_wait_and_the_log_says_so(
    gateway: Gateway, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    gateway.replies = [Reply(429, headers={"Retry-After": "1"}), Reply(429, headers={"Retry-After": "7"}), Reply()]
    with caplog.at_level(logging.WARNING):
        assert gateway.rpc().chain_id == 31337
    assert waits == [1, 7]
    assert [record.getMessage() for record in caplog.records] == ["event=node-asks-to-wait seconds=7.0"]


def test_it_may_say_so_by_a_date(gateway: Gateway, waits: list[float]) -> None:
    gateway.replies = [Reply(503, headers={"Retry-After": formatdate(time.time() + 20, usegmt=True)}), Reply()]
    assert gateway.rpc().chain_id == 31337
    assert 15 < waits[0] <= 20


@pytest.mark.parametrize(
    "asked",
    ["86400", "9" * 5000, formatdate(time.time() + 10**6), "soon", "-5", ""],
    ids=["day", "long", "date", "word", "negative", "empty"],
)
def test_no_node_puts_a_thread_to_sleep_for_an_hour(gateway: Gateway, waits: list[float], asked: str) -> None:
    gateway.replies = [Reply(429, headers={"Retry-After": asked}), Reply()]
    assert gateway.rpc(timeout=3).chain_id == 31337
    assert max(waits) <= 3


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "still asks to be left alone"),
        (503, r"still not ready \(HTTP status 503\)"),
        (401, "refuses the credentials in the node's URL"),
        (403, "refuses the credentials in the node's URL"),
        (404, "no JSON-RPC at this path"),
        (405, "no JSON-RPC at this path"),
        (500, "HTTP status 500"),
        (418, "HTTP status 418"),
    ],
)
def test_a_status_has_a_name(gateway: Gateway, waits: list[float], status: int, said: str) -> None:
    gateway.replies = [Reply(status, b"http://user:hunter2@127.0.0.1/APIKEY is not for you")]
    text = trouble(gateway.rpc())
    assert re.search(said, text)
    assert "is it running" not in text
    assert len(gateway.asked) == (6 if status in (429, 503) else 1)


@pytest.mark.parametrize("there", ["http://elsewhere/v3/APIKEY", "/login?for=APIKEY"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(gateway: Gateway, status: int, there: str) -> None:
    gateway.replies = [Reply(status, headers={"Location": there})]
    host = "elsewhere" if "elsewhere" in there else f"127.0.0.1:{gateway.port}"
    assert f"sends elsewhere (http://{host})" in trouble(gateway.rpc())
    assert len(gateway.asked) == 1


@pytest.mark.parametrize("body", [b"<html>please log in as hunter2</html>", b"\xff\xfe", b"{"])
def test_a_page_is_no_answer(gateway: Gateway, body: bytes) -> None:
    gateway.replies = [Reply(body=body)]
    assert "no JSON-RPC, a login page perhaps" in trouble(gateway.rpc())


def test_a_node_that_takes_its_time_is_not_one_that_does_not_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = trouble(Rpc(f"http://127.0.0.1:{silent.getsockname()[1]}", ErrorTable(()), timeout=0.2))
    assert "did not answer within 0.2 s; raise chain.timeout" in text


def test_a_name_that_nobody_knows_is_told() -> None:
    text = trouble(Rpc("http://user:hunter2@no-such-host.invalid/APIKEY", ErrorTable(())))
    assert "the name no-such-host.invalid is not known" in text


def test_only_a_refused_connection_asks_whether_the_node_runs() -> None:
    assert trouble(Rpc("http://127.0.0.1:9/APIKEY", ErrorTable(()))).endswith("cannot be reached; is it running?")


@pytest.mark.parametrize("url", ["127.0.0.1:8545", "node:8545/APIKEY", "ftp://user:hunter2@node/APIKEY", "http://"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    assert "needs http:// or https:// in front" in trouble(Rpc(url, ErrorTable(())))


def test_a_node_without_tls_is_told(gateway: Gateway) -> None:
    url = f"https://user:hunter2@127.0.0.1:{gateway.port}/APIKEY"
    assert "do not agree on TLS" in trouble(Rpc(url, ErrorTable(())))


def test_where_a_redirect_leads_and_what_is_in_it_is_not_looked_at(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library reads all of it, and what it cannot read as an address is an error of another kind."""
    monkeypatch.setattr(requests.Response, "content", property(lambda _: pytest.fail("the body was read")))
    for where in ("http://elsewhere/", "http://[", "//", ""):
        gateway.replies = [Reply(302, b"x" * 1000, {"Location": where})]
        with pytest.raises(ChainError):
            gateway.rpc().head()
