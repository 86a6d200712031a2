"""Talking to a node: what is asked again when a connection breaks, and what never is."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import encode

from circuits.errors import ChainError, ContractError
from commons.chain.rpc import ErrorTable, Rpc
from commons.runtime.urls import SecretUrl, without_secrets
from tests.support.httpnode import HttpNode

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FlakyNode:
    """Resets the first connections, then answers every question with the same result."""

    def __init__(self, resets: int) -> None:
        self.resets = resets
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                asked = b""
                while b"}" not in asked:  # head and body come in two pieces
                    asked += connection.recv(1 << 16)
                if self.connections <= self.resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    continue
                question = json.loads(asked[asked.index(b"{") :])
                body = json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": "0x7a69"}).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


@pytest.fixture
def flaky(request: pytest.FixtureRequest) -> Iterator[FlakyNode]:
    node = FlakyNode(request.param)
    yield node
    node.close()


@pytest.mark.parametrize("flaky", [2], indirect=True)
def test_a_question_is_asked_again_when_the_connection_is_reset(flaky: FlakyNode) -> None:
    assert Rpc(flaky.url, ErrorTable(())).chain_id == 31337
    assert flaky.connections == 3


@pytest.mark.parametrize("flaky", [100], indirect=True)
def test_a_node_that_resets_every_connection_is_an_error_in_the_end(flaky: FlakyNode) -> None:
    with pytest.raises(ChainError, match="cannot be reached"):
        _ = Rpc(flaky.url, ErrorTable(())).chain_id
    assert flaky.connections == 4


@pytest.mark.parametrize("flaky", [1], indirect=True)
def test_a_transaction_is_sent_once(flaky: FlakyNode) -> None:
    rpc = Rpc(flaky.url, ErrorTable(()))
    with pytest.raises(ChainError, match="cannot be reached"):
        rpc.guarded(lambda: rpc.web3.eth.send_raw_transaction(b"\x02"))
    assert flaky.connections == 1


SECRETS = ("hunter2", "APIKEY")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:hunter2@node:8545/v3/APIKEY?x=APIKEY", "http://node:8545"),
        ("https://node/APIKEY", "https://node"),
        ("redis://:hunter2@[::1]:6379/0?password=hunter2", "redis://[::1]:6379"),
        ("redis://:hunt/er2@h", "the configured address"),
        ("http://user:pass@h:port/", "the configured address"),
        ("sqlite:///APIKEY", "sqlite://..."),
        ("http://[broken", "the configured address"),
    ],
)
def test_what_of_a_url_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


class LyingNode(HttpNode):
    """Answers each method with what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        super().__init__(lambda method, _: self.answers.get(method, {"result": "0x1"}))
        self.rpc = Rpc(self.secret_url, ErrorTable(()))


@pytest.fixture
def lying() -> Iterator[LyingNode]:
    node = LyingNode()
    yield node
    node.close()


def check_says_nothing(error: BaseException) -> None:
    """Servers send messages on, and logs show causes."""
    while error is not None:
        assert not any(secret in str(error) for secret in SECRETS)
        error = error.__cause__  # type: ignore[assignment]


def test_a_node_that_is_down_is_told_without_its_password_and_key() -> None:
    rpc = Rpc("http://user:hunter2@127.0.0.1:9/v3/APIKEY", ErrorTable(()))
    with pytest.raises(ChainError, match=r"http://127.0.0.1:9 cannot be reached") as caught:
        rpc.head()
    check_says_nothing(caught.value)


def test_so_is_one_of_another_chain_and_one_that_repeats_its_address(lying: LyingNode) -> None:
    with pytest.raises(ChainError, match="on chain 1, the configuration says 5") as caught:
        Rpc(lying.secret_url, ErrorTable(()), chain=5).head()
    check_says_nothing(caught.value)
    port = lying.port
    told = {"code": -32000, "message": f"forbidden: http://user:hunter2@127.0.0.1:{port}/v3/APIKEY" + "x" * 10_000}
    lying.answers["eth_getBlockByNumber"] = {"error": told}
    with pytest.raises(ChainError, match="answered: ") as caught:
        lying.rpc.head()
    check_says_nothing(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "answer",
    [{"result": {}}, {"result": None}, {"result": []}, {"result": {"number": "0x1"}}, {"error": "boo"}, {}],
    ids=str,
)
def test_a_block_that_is_none_is_the_nodes_trouble(lying: LyingNode, answer: dict[str, Any]) -> None:
    lying.answers["eth_getBlockByNumber"] = answer
    with pytest.raises(ChainError):
        lying.rpc.head()


@pytest.mark.parametrize(
    "answer",
    [{"result": None}, {"result": {}}, {"result": 5}, {"result": "zz"}, {"result": "0x" + "ff" * 96}],
    ids=lambda answer: str(answer)[:20],
)
def test_so_is_a_call_that_returns_what_is_none(lying: LyingNode, answer: dict[str, Any]) -> None:
    lying.answers["eth_call"] = answer
    with pytest.raises(ChainError):
        lying.rpc.call(b"\1" * 20, "registry()", [], ["string"])


@pytest.mark.parametrize(
    "data",
    ["0xzz", "0x08c379a0" + "20".rjust(64, "0") + "2".rjust(64, "0") + "fffe".ljust(64, "0")],
    ids=["hex", "text"],
)
def test_a_revert_that_cannot_be_read_is_a_refusal(lying: LyingNode, data: str) -> None:
    """A task's verifier is its model owner's contract: it reverts with what it likes."""
    lying.answers["eth_call"] = {"error": {"code": 3, "message": "execution reverted", "data": data}}
    with pytest.raises(ContractError):
        lying.rpc.call(b"\1" * 20, "registry()", [], ["address"])


def test_of_a_revert_little_is_shown() -> None:
    text = ErrorTable(()).explain(bytes.fromhex("08c379a0") + encode(["string"], ["x" * 100_000]))
    assert len(str(text)) < 500


@pytest.mark.parametrize("said", ["bad key APIKEY", "user:hunter2 is unknown", "see /v3/APIKEY?x=1"])
def test_a_node_that_repeats_parts_of_its_address_tells_none(said: str) -> None:
    url = SecretUrl("http://user:hunter2@node/v3/APIKEY?token=TOKENTOKEN")
    assert not any(secret in url.hidden_in(f"{said} TOKENTOKEN") for secret in (*SECRETS, "TOKENTOKEN"))
