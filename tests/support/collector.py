"""A collector of traces over real HTTP: it decodes what OTLP brings, hangs, refuses or sends elsewhere as told."""

from __future__ import annotations

import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class Seen:
    """A span as the collector has it."""

    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def error(self) -> str:
        """What is said of how it failed; empty where it did not."""
        status = self.span.status
        return status.message if status.code == Status.STATUS_CODE_ERROR else ""

    @property
    def told(self) -> dict[str, str | int]:
        """Its attributes."""
        return {
            each.key.removeprefix("gradroll."): getattr(each.value, each.value.WhichOneof("value") or "string_value")
            for each in self.span.attributes
        }


class Collector:
    """A context manager.

    Args:
        status: of every answer.
        identity: files of a certificate and its key, to answer over TLS.
    """

    def __init__(self, status: int = 200, identity: tuple[Path, Path] | None = None) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.users: list[str] = []
        self.tokens: list[str | None] = []
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.asked.set()
                collector.answers.wait()
                collector.paths.append(self.path)
                collector.users.append(b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode())
                collector.tokens.append(self.headers.get("X-Token"))
                collector.bodies.append(body)
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", f"{collector.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{'http' if identity is None else 'https'}://{self.place}"
        if identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*identity)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()

    def hang(self) -> None:
        """Take what comes, and answer nothing until it ends."""
        self.answers.clear()

    @property
    def spans(self) -> list[Seen]:
        """All that came."""
        return list(self._read())

    def named(self, name: str) -> list[Seen]:
        """Those of one name."""
        return [seen for seen in self.spans if seen.name == name]

    def _read(self) -> Iterator[Seen]:
        for body in tuple(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    yield from (Seen(names["service.name"], span) for span in scope.spans)
