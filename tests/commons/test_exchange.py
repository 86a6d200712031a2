"""However a server draws an answer out, the exchange with it is over when its time is; and none fills the memory."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from requests import Response
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from circuits.errors import ChainError
from commons.chain import transport
from commons.chain.rpc import ErrorTable, Rpc
from commons.runtime import exchange
from tests.support.certificates import self_signed
from tests.support.waiting import wait_for

RIGHT = b'{"jsonrpc": "2.0", "id": 0, "result": "0x7a69"}'
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(RIGHT)
LENGTH, DROPS = 0.5, 40
"""Seconds that an exchange may take, and pieces of an answer."""
PAUSE = LENGTH / 5
"""Seconds after a piece, of an answer that takes eight times as long."""
Write = Callable[[bytes], None]


def slowly(text: bytes, first: bytes = b"") -> Callable[[Write], None]:
    """Write a text in pieces, each of which comes in time, after what comes at once."""

    def write(send: Write) -> None:
        send(first)
        size = -(-len(text) // DROPS)
        for at in range(0, len(text), size):
            send(text[at : at + size])

    return write


class Server:
    """Reads a question, then has ``write`` answer it.

    Attributes:
        pause: seconds after each piece.
        ends: of each answer, whether all of it could be sent.
    """

    def __init__(self, undo: ExitStack, write: Callable[[Write], None], context: ssl.SSLContext | None = None) -> None:
        self._write, self._context, self.pause = write, context, 0.0
        self._server = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self._server.getsockname()[1]
        self.accepted = 0
        self.ends: list[bool] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.accepted += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        whole = False
        with suppress(OSError), connection:
            line = connection if self._context is None else self._context.wrap_socket(connection, server_side=True)
            question = b""
            while not question.endswith(b"}"):
                question += line.recv(1 << 16)

            def send(text: bytes) -> None:
                line.sendall(text)
                time.sleep(self.pause)

            self._write(send)
            whole = True
        self.ends.append(whole)

    def rpc(self, scheme: str = "http", timeout: float = LENGTH) -> Rpc:
        return Rpc(f"{scheme}://localhost:{self.port}", ErrorTable(()), timeout=timeout)


DRAWN_OUT = {
    "all of it": slowly(HEADERS + b"\r\n" + RIGHT),
    "headers": slowly(HEADERS + b"".join(b"X-%d: y\r\n" % n for n in range(DROPS)) + b"\r\n" + RIGHT),
    "continue": slowly(b"HTTP/1.1 100 Continue\r\n\r\n" * DROPS + HEADERS + b"\r\n" + RIGHT),
    "body": slowly(RIGHT, HEADERS + b"\r\n"),
    "chunks": slowly(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in RIGHT) + b"0\r\n\r\n"
    ),
    "trailers": slowly(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(RIGHT) + RIGHT + b"\r\n0\r\n"
        + b"".join(b"X-%d: y\r\n" % n for n in range(DROPS)) + b"\r\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("part", DRAWN_OUT)
def test_an_answer_of_which_each_piece_comes_in_time_is_too_late_all_the_same(part: str, undo: ExitStack) -> None:
    """And nobody waits for its end."""
    server = Server(undo, DRAWN_OUT[part])
    server.pause = PAUSE
    with pytest.raises(ChainError, match=r"did not answer within 0\.5 s"):
        _ = server.rpc().chain_id
    wait_for(lambda: bool(server.ends))
    assert server.ends == [False]


@pytest.mark.parametrize("part", DRAWN_OUT)
def test_the_same_answers_are_taken_from_who_is_given_time(part: str, undo: ExitStack) -> None:
    assert Server(undo, DRAWN_OUT[part]).rpc(timeout=60.0).chain_id == 31337


def test_so_it_is_over_tls(undo: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = Server(undo, DRAWN_OUT["headers"], context)
    assert server.rpc("https", timeout=60.0).chain_id == 31337
    server.pause = PAUSE
    with pytest.raises(ChainError, match="did not answer within"):
        _ = server.rpc("https", timeout=1.5).chain_id
    wait_for(lambda: len(server.ends) == 2)
    assert server.ends == [True, False]


def test_a_server_that_takes_a_question_by_drops_is_left(undo: ExitStack) -> None:
    """What is sent is larger than what the system keeps for a server that reads nothing."""
    server = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
    taken: list[int] = []

    def take() -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                while len(taken) < DROPS:
                    taken.append(len(connection.recv(1 << 14)))
                    time.sleep(PAUSE)

    threading.Thread(target=take, daemon=True).start()
    rpc = Rpc(f"http://127.0.0.1:{server.getsockname()[1]}", ErrorTable(()), timeout=LENGTH)
    with pytest.raises(ChainError, match="did not answer within"):
        rpc.answer(b"\1" * 20, "any(bytes)", [b"\0" * (16 << 20)])


def test_one_that_breaks_off_each_time_at_the_end_of_its_time_is_not_asked_again(undo: ExitStack) -> None:
    def write(send: Write) -> None:
        time.sleep(0.6 * LENGTH)

    server = Server(undo, write)
    with pytest.raises(ChainError):
        _ = server.rpc().chain_id
    assert server.accepted <= 2


def test_all_addresses_of_a_name_share_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who serves the name could name a thousand that nobody answers at."""
    asked: list[float] = []
    place = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"10.0.0.{n}", 80)) for n in range(1, 200)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: place)

    def connect(self: HTTPConnection) -> socket.socket:
        asked.append(float(str(self.timeout)))
        time.sleep(LENGTH / 4)
        raise NewConnectionError(self, "no route")

    monkeypatch.setattr(HTTPConnection, "_new_conn", connect)
    with pytest.raises(ChainError, match="did not answer within"):
        _ = Rpc("http://many.example", ErrorTable(()), timeout=LENGTH).chain_id
    assert asked == sorted(asked, reverse=True)
    assert len(asked) < 40


def test_what_is_packed_is_unpacked_no_further_than_there_is_room(
    undo: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(b" " * (transport.MOST_BYTES + (1 << 20)))
    pieces: list[int] = []

    def write(send: Write) -> None:
        send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    read = transport.Node._body

    def watched(self: transport.Node, response: Response) -> bytes:
        inner = response.raw.read1

        def read1(*args: object, **kwargs: object) -> bytes:
            piece: bytes = inner(*args, **kwargs)
            pieces.append(len(piece))
            return piece

        monkeypatch.setattr(response.raw, "read1", read1)
        return read(self, response)

    monkeypatch.setattr(transport.Node, "_body", watched)
    with pytest.raises(ChainError, match="answers with over 32 MiB"):
        _ = Server(undo, write).rpc(timeout=60.0).chain_id
    assert max(pieces) <= exchange.READ


def test_the_environment_is_gone_through_once_for_each_server(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def looking(url: str, no_proxy: str | None = None) -> object:
        looked.append(url)
        return get_environ_proxies(url, no_proxy=no_proxy)

    monkeypatch.setattr("requests.sessions.get_environ_proxies", looking)
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:1")
    monkeypatch.setenv("no_proxy", "near.invalid")
    session = exchange.PlainSession()
    for server, proxied in {"far.invalid": True, "near.invalid": False, "far.invalid:81": True}.items():
        for path in ("", "/key", "/other"):
            merged = session.merge_environment_settings(f"http://user:hunter2@{server}{path}", {}, True, None, None)
            assert ("http" in merged["proxies"]) is proxied
    assert len(looked) == 3
    assert "hunter2" not in str(vars(session))
