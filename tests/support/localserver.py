"""A server of HTTP at a port of 127.0.0.1 for tests, over TLS where it is given an identity."""

from __future__ import annotations

import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body; the length of the body need not be said, but may be said wrongly."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks: a GET has no body."""

    path: str
    headers: Message
    body: bytes = b""


class LocalServer(ABC):
    """Answers each connection in a thread of its own, until it is closed.  A context manager.

    Args:
        identity: PEM files of its certificate and key, for TLS.
        clients: PEM file of the certificates that a client must show one of.
    """

    protocol = "HTTP/1.0"
    """With 1.1 connections stay open."""

    def __init__(self, identity: tuple[Path, Path] | None = None, clients: Path | None = None) -> None:
        answer = self.answered

        class Handler(BaseHTTPRequestHandler):
            protocol_version = self.protocol
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self._say(answer(Asked(self.path, self.headers)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._say(answer(Asked(self.path, self.headers, body)))

            def _say(self, said: Answer) -> None:
                status, headers, body = said
                with suppress(OSError):  # who asked may have heard enough
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(body)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if identity is not None:
            self._server.socket = _context(identity, clients).wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "http" if identity is None else "https"
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @abstractmethod
    def answered(self, asked: Asked) -> Answer:
        """What it says to a question."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()


def _context(identity: tuple[Path, Path], clients: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context
