"""Two nodes that each process asks for the chain, which a campaign has answer badly: both are one, behind this server.

The path says who asks and which node is meant, /NAME/NODE/KEY, so that trouble befalls one process and not another.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast

NODES = ("first", "second")
_MOST_BYTES = 1 << 24
_AT_BLOCK = {"eth_call": 1, "eth_getBalance": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_getStorageAt": 2}
"""Questions about a block, and which parameter names it."""
_OF_TRANSACTION = ("eth_getTransactionReceipt", "eth_getTransactionByHash")
_EACH = ("lag", "short-logs", "error")
"""Moods that spoil an answer and leave JSON-RPC what it is."""
_LONGEST_HANG = 30.0


@dataclass(frozen=True, slots=True)
class Mood:
    """How a node answers.

    Attributes:
        kind: one of ``faultplan.NODE_MOODS``.
        size: blocks that it lags behind, or of which it shows the logs at once.
    """

    kind: str
    size: int = 0


class NodeProxy:
    """A context manager.

    Args:
        port: of the real node, on 127.0.0.1.
        user, password, key: without which nothing is answered; they stand in the URLs, and must be in no log.
    """

    def __init__(self, port: int, user: str, password: str, key: str) -> None:
        self._onward, self._secret = port, (user, password, key)
        self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._moods: dict[tuple[str, str], Mood] = {}
        self._healed = threading.Event()
        self.questions: Counter[str] = Counter()
        self.spoilt: Counter[str] = Counter()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="node-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._healed.set()
        self._server.shutdown()
        self._server.server_close()

    def urls(self, name: str) -> str:
        """What goes into chain.url of a process."""
        user, password, key = self._secret
        where = f"http://{user}:{password}@127.0.0.1:{self._server.server_address[1]}"
        return ",".join(f"{where}/{name}/{node}/{key}" for node in NODES)

    def befall(self, name: str, mood: Mood, nodes: int) -> None:
        """Have the first ``nodes`` nodes of a process answer so."""
        self._healed.clear()
        for node in NODES[:nodes]:
            self._moods[name, node] = mood

    def heal(self, name: str) -> None:
        """Have a process's nodes answer well again."""
        for node in NODES:
            self._moods.pop((name, node), None)
        if not self._moods:
            self._healed.set()

    def mood(self, path: str, authorization: str | None) -> Mood | None:
        """Of the node at a path.  Raises LookupError for whoever does not know the secrets."""
        _, name, node, key = path.split("/") if path.count("/") == 3 else ("", "", "", "")
        if key != self._secret[2] or authorization != self._basic or node not in NODES:
            raise LookupError(path)
        self.questions[name] += 1
        return self._moods.get((name, node))

    def answer(self, mood: Mood | None, question: Any) -> bytes | int | None:
        """A body, a status without one, or None to hang up; to several questions as to each, or as to the first."""
        if not isinstance(question, list):
            return self._answer(mood, question)
        if mood is None or mood.kind in _EACH:
            return b"[" + b",".join(cast(bytes, self._answer(mood, one)) for one in question) + b"]"
        return self._answer(mood, question[0])

    def _answer(self, mood: Mood | None, question: dict[str, Any]) -> bytes | int | None:
        if mood is None:
            return _told(question, asked(self._onward, question))
        self.spoilt[mood.kind] += 1
        told: bytes | int | None = None
        match mood.kind:
            case "lag" | "short-logs":
                told = _told(question, self._limited(mood, question))
            case "error":
                told = _told(question, {"error": {"code": -32603, "message": "internal error"}})
            case "busy":
                told = 429
            case "garbage":
                told = b"<html><body>Please log in</body></html>"
            case "cut-off":
                body = _told(question, asked(self._onward, question))
                told = body[: len(body) // 2]
            case "hang":
                self._healed.wait(_LONGEST_HANG)
        return told

    def _limited(self, mood: Mood, question: dict[str, Any]) -> dict[str, Any]:
        """What a node answers that lags behind, or shows the logs of a few blocks only."""
        head = int(asked(self._onward, {"method": "eth_blockNumber", "params": []})["result"], 16)
        shown = max(0, head - mood.size) if mood.kind == "lag" else head
        method, params = question["method"], list(question["params"])
        if method == "eth_blockNumber":
            return {"result": hex(shown)}
        if method == "eth_getBlockByNumber":
            number = _number(params[0], shown)
            if number > shown:
                return {"result": None}
            params[0] = hex(number)
        if method in _AT_BLOCK and params[_AT_BLOCK[method]] == "latest":
            params[_AT_BLOCK[method]] = hex(shown)
        if method == "eth_getLogs":
            wanted = dict(params[0])
            first, last = _number(wanted["fromBlock"], shown), min(shown, _number(wanted["toBlock"], shown))
            if mood.kind == "short-logs" and last - first + 1 > mood.size:
                return {"error": {"code": -32005, "message": f"query exceeds max block range {mood.size}"}}
            params = [wanted | {"toBlock": hex(max(last, first))}]
            if last < first:
                return {"result": []}
        answer = asked(self._onward, question | {"params": params})
        if method in _OF_TRANSACTION and _number((answer.get("result") or {}).get("blockNumber") or "0x0", 0) > shown:
            return {"result": None}
        return answer


def asked(port: int, question: dict[str, Any]) -> dict[str, Any]:
    """Result or error that the node at a port of 127.0.0.1 gives to a question.  Raises OSError, HTTPException."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, **question})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return {key: value for key, value in answer.items() if key in ("result", "error")}


class RefusedError(Exception):
    """The node itself has answered with an error."""


def asker(port: int) -> Callable[..., Any]:
    """Questions to the node itself, method and parameters, also those that only a development node knows.

    They raise RefusedError where it answers with an error.
    """

    def ask(method: str, *params: object) -> Any:
        answer = asked(port, {"method": method, "params": params})
        if "error" in answer:
            raise RefusedError(f"{method}: {answer['error']}")
        return answer["result"]

    return ask


def _number(block: str, head: int) -> int:
    return head if block in ("latest", "pending") else int(block, 16)


def _told(question: dict[str, Any], answer: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": question["id"], **answer}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: who asked was killed, or has gone."""


def _handler(proxy: NodeProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers["Content-Length"]), _MOST_BYTES))
            try:
                mood = proxy.mood(self.path, self.headers["Authorization"])
            except LookupError:
                self._say(401, b"")
                return
            try:
                answer = proxy.answer(mood, json.loads(body))
            except (OSError, HTTPException):  # the real node is down
                answer = None
            if answer is None:
                self.close_connection = True
            elif isinstance(answer, int):
                self._say(answer, b"")
            else:
                self._say(200, answer)

        def _say(self, status: int, body: bytes) -> None:
            with suppress(OSError):  # who asked may have gone
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    return Handler
