"""A gateway, and every way in which one can be bad."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from circuits.errors import InvalidInputError, ProofError, UnavailableError, UnknownError
from commons.artifacts import webstores
from commons.artifacts.cids import Cid
from commons.artifacts.gatewaystore import GatewayStore
from commons.artifacts.transfers import get_file, put_file
from commons.artifacts.unixfs import LEAF, MAX_BLOCK
from commons.artifacts.webstores import Access
from tests.artifacts.blockservers import Server, gateway_over
from tests.artifacts.memorystore import MemoryStore
from tests.artifacts.vectors import counted
from tests.support.localserver import Answer

BLOCK = b"a block"
CID = Cid.of(BLOCK)
PLAIN = Access(5)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webstores, "_PAUSES", (0.0, 0.0))


def against(answer: Answer, access: Access = PLAIN) -> tuple[Server, GatewayStore]:
    server = Server(lambda _: answer)
    return server, GatewayStore(server.url, access)


def test_a_file_comes_from_a_gateway(tmp_path: Path) -> None:
    held = MemoryStore()
    (tmp_path / "file").write_bytes(counted(2 * LEAF + 1))
    root = put_file(held, tmp_path / "file").root
    with Server(gateway_over(held)) as server:
        store = GatewayStore(server.url, Access(5))
        get_file(store, root, tmp_path / "copy", most=1 << 30)
        assert store.has(root)
        assert not store.has(CID)
        with pytest.raises(UnknownError):
            store.get(CID)
    assert (tmp_path / "copy").read_bytes() == counted(2 * LEAF + 1)
    assert server.asked[0].path == f"/ipfs/{root}?format=raw"
    assert server.asked[0].headers["Accept"] == "application/vnd.ipld.raw"


def test_nothing_is_put_into_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    server, store = against((404, {}, b""))
    with server, pytest.raises(InvalidInputError, match="only serves"):
        put_file(store, tmp_path / "file")


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"another block"), (200, {}, b""), (200, {}, BLOCK[:-1]), (200, {}, bytes(MAX_BLOCK + 5)),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(64 << 20))),  # 64 kB that unpack to 64 MB
    ],
)  # fmt: skip
def test_other_bytes_are_caught(answer: Answer) -> None:
    server, store = against(answer)
    with server, pytest.raises(ProofError):
        store.get(CID)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((301, {"Location": "http://127.0.0.1:1/"}, b""), "sends elsewhere"),
        ((403, {}, b""), "refuses the credentials"),
        ((500, {}, b""), "HTTP status 500"),
        ((200, {"Content-Length": "99"}, BLOCK), "cannot be reached"),
    ],
)
def test_other_answers_are_told(answer: Answer, said: str) -> None:
    server, store = against(answer)
    with server, pytest.raises(UnavailableError, match=said):
        store.get(CID)


def test_a_busy_gateway_is_asked_again() -> None:
    answers: Iterator[Answer] = iter([(503, {}, b""), (429, {}, b""), (200, {}, BLOCK)])
    with Server(lambda _: next(answers)) as server:
        assert GatewayStore(server.url, Access(5)).get(CID) == BLOCK
    server, store = against((503, {}, b""))
    with server, pytest.raises(UnavailableError):
        store.get(CID)
    assert len(server.asked) == 3


def test_a_gateway_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnavailableError, match="Connection refused"):
        GatewayStore(f"http://127.0.0.1:{port}", Access(5)).get(CID)


def test_a_gateway_that_drips_is_left() -> None:
    """A byte each tenth of a second keeps within any wait on a socket; the exchange as a whole ends all the same."""
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not over.wait(0.1):
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        store = GatewayStore(f"http://127.0.0.1:{listening.getsockname()[1]}", Access(0.5))
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.5 s"):
            store.get(CID)
        assert thread.is_alive(), "it would have gone on"
        over.set()
        thread.join()


def test_a_token_is_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    access = Access(5, "hunter2hunter2")
    server, store = against((401, {}, b""), access)
    with server, pytest.raises(UnavailableError) as refused:
        store.get(CID)
    assert server.asked[0].headers["Authorization"] == "Bearer hunter2hunter2"
    assert "hunter2" not in f"{refused.value}{caplog.text}{access!r}"


def test_a_token_is_not_replaced_by_what_is_in_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server, store = against((200, {}, BLOCK), Access(5, "token"))
    with server:
        assert store.get(CID) == BLOCK
    assert server.asked[0].headers["Authorization"] == "Bearer token"
