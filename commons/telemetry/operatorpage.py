"""`/metrics` and `/status`, over plain HTTP, for who runs the server.

It gives nothing but what a process says of itself, takes no input but a path, and serves a few at a time, so that
whoever reaches it can do no more than read, and keep others from reading for some seconds.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from circuits.errors import ConfigError
from commons.settings.hosts import is_loopback
from commons.settings.values import split_address

_AT_A_TIME = 8
_TIMEOUT = 5.0
"""Seconds that a caller may stand still."""
_OURS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_log = logging.getLogger(__name__)


class OperatorPage:
    """Serves one process's metrics and state.

    Args:
        listen: host:port; port 0 takes any free one.
        status: the state, for JSON.
    """

    def __init__(self, listen: str, registry: CollectorRegistry, status: Callable[[], Mapping[str, object]]) -> None:
        """Bind.  Raises ConfigError when the address cannot be used."""
        host, port = split_address(listen, "metrics.listen")
        try:
            self._server = _Server(host, port, _pages(registry, status), own_only=is_loopback(host))
        except OSError as error:
            raise ConfigError(
                f"metrics.listen: {listen} cannot be used ({error.strerror}): another process has it, or it is no "
                "address of this machine; choose another"
            ) from error
        self.thread = threading.Thread(
            target=self._server.serve_forever, name="operator-page", daemon=True, kwargs={"poll_interval": 0.2}
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self.thread.start()
        _log.info("event=metrics-served port=%d", self.port)

    def stop(self) -> None:
        """End it."""
        if self.thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


Page = Callable[[str], tuple[str, bytes]]
"""From what a caller accepts to a content type and a body."""


def _pages(registry: CollectorRegistry, status: Callable[[], Mapping[str, object]]) -> dict[str, Page]:
    def metrics(accept: str) -> tuple[str, bytes]:
        encode, kind = choose_encoder(accept)
        return kind, encode(registry)

    def state(_: str) -> tuple[str, bytes]:
        return "application/json", json.dumps(status()).encode()

    return {"/metrics": metrics, "/status": state}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _AT_A_TIME

    def __init__(self, host: str, port: int, pages: Mapping[str, Page], *, own_only: bool) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages, self.own_only = pages, own_only
        self._places = threading.BoundedSemaphore(_AT_A_TIME)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("event=metrics-caller-gone", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT
    server_version, sys_version = "gradroll", ""

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path)
        if not self._is_for_us():
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"ask for localhost, or this machine's loopback address\n")
        elif page is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there are /metrics and /status\n")
        else:
            try:
                kind, body = page(self.headers.get("Accept", ""))
            except Exception:  # what goes wrong in here is for the log, not for who asks
                _log.exception("event=operator-page-error")
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"the log says why\n")
            else:
                self._answer(HTTPStatus.OK, kind, body)

    def _is_for_us(self) -> bool:
        """A browser on this machine can be led here by a page whose name points at the loopback address."""
        host = self.headers.get("Host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return not self.server.own_only or name in _OURS

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Whoever asks is not told of in the log: they ask every few seconds."""
