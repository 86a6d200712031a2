"""JSON-RPC against a node that answers badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from circuits.errors import ChainError, ContractError
from provers import jsonrpc
from provers.jsonrpc import JsonRpc, RefusedError, UnreachableError
from provers.rpc import ErrorTable, Rpc, call_data

Answer = tuple[int, bytes]


@contextmanager
def node(*answers: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A node that gives these answers in turn, the last one for ever; its URL and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, body = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def result(value: object) -> Answer:
    return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


def error(content: object, status: int = 200) -> Answer:
    return status, json.dumps({"jsonrpc": "2.0", "id": 1, "error": content}).encode()


def test_a_question_and_its_answer() -> None:
    with node(result("0x7b")) as (url, asked):
        assert jsonrpc.quantity(JsonRpc(url, 5.0).ask("eth_chainId")) == 123
        assert Rpc(url, ErrorTable(())).chain_id == 123
    assert (asked[0]["method"], asked[0]["params"]) == ("eth_chainId", [])


def test_a_busy_node_is_asked_again() -> None:
    with node((503, b"busy"), (429, b""), result("0x1")) as (url, asked):
        assert JsonRpc(url, 5.0).ask("eth_call", {}, "latest") == "0x1"
    assert len(asked) == 3


@pytest.mark.parametrize("method", ["eth_sendTransaction", "evm_mine"])
def test_what_does_harm_twice_is_asked_once(method: str) -> None:
    with node((503, b"busy"), result("0x1")) as (url, asked), pytest.raises(ChainError, match="HTTP status 503"):
        JsonRpc(url, 5.0).ask(method)
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [(404, b"no"), (200, b"{}"), (200, b"[]"), (200, b"\xff")])
def test_an_answer_that_is_no_json_rpc(answer: Answer) -> None:
    with node(answer) as (url, _), pytest.raises(ChainError, match="answered no JSON-RPC"):
        JsonRpc(url, 5.0).ask("eth_chainId")


def test_a_node_that_is_not_there() -> None:
    with node(result("0x1")) as (url, _):
        pass
    with pytest.raises(UnreachableError, match="is it running"):
        JsonRpc(url, 5.0).ask("eth_chainId")
    with pytest.raises(ChainError, match="cannot be reached"):
        JsonRpc("nonsense", 5.0).ask("eth_chainId")


def test_errors_of_the_node_keep_their_words() -> None:
    with (
        node(error({"code": -32000, "message": "nonce too low"}, 400)) as (url, _),
        pytest.raises(RefusedError, match="nonce too low") as caught,
    ):
        JsonRpc(url, 5.0).ask("eth_sendRawTransaction", "0x")
    assert not caught.value.reverted
    with node(error("broken")) as (url, _), pytest.raises(RefusedError, match="broken"):
        JsonRpc(url, 5.0).ask("eth_chainId")


REVERT = call_data("TaskUnknown(uint256)", [7])


@pytest.mark.parametrize(
    "content",
    [
        {"code": 3, "message": "execution reverted", "data": "0x" + REVERT.hex()},
        {"code": -32000, "message": "VM Exception: revert", "data": {"data": "0x" + REVERT.hex()}},
        {"code": -32015, "message": "VM execution error.", "data": "Reverted 0x" + REVERT.hex()},
    ],
)
def test_reverts_of_every_node_are_named(content: object) -> None:
    rpc = ErrorTable(["TaskUnknown(uint256)"])
    with node(error(content)) as (url, _), pytest.raises(ContractError, match=r"TaskUnknown\(7\)") as caught:
        Rpc(url, rpc).call(bytes(20), "task(uint256)", [7], ["uint256"])
    assert caught.value.error == "TaskUnknown"


def test_a_revert_without_data() -> None:
    with (
        node(error({"code": 3, "message": "execution reverted", "data": "0xzz"})) as (url, _),
        pytest.raises(ContractError, match="without a reason"),
    ):
        Rpc(url, ErrorTable(())).ask("eth_call", {}, "latest")


def test_values_of_another_form_are_refused() -> None:
    assert jsonrpc.quantity(5) == 5
    assert jsonrpc.data("0x") == b""
    for value in (None, "", "0xzz", {}):
        with pytest.raises(ChainError):
            jsonrpc.quantity(value)
        with pytest.raises(ChainError):
            jsonrpc.data(value)
    with node(result([])) as (url, _), pytest.raises(ChainError, match="where an object belongs"):
        Rpc(url, ErrorTable(())).head()
