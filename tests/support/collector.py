"""A collector of traces over real HTTP: it decodes what OTLP brings, hangs, refuses or sends elsewhere as told."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.localserver import Answer, Asked, LocalServer


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


class Collector(LocalServer):
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
        self._status = status
        super().__init__(identity)
        self.place = f"127.0.0.1:{self.port}"
        self.url = f"{self.scheme}://{self.place}"

    def answered(self, asked: Asked) -> Answer:
        """Take spans."""
        self.asked.set()
        self.answers.wait()
        self.paths.append(asked.path)
        self.users.append(b64decode(asked.headers.get("Authorization", "").partition(" ")[2]).decode())
        self.tokens.append(asked.headers.get("X-Token"))
        self.bodies.append(asked.body)
        return self._status, {"Location": f"{self.url}/elsewhere"} if self._status == 307 else {}, b""

    def close(self) -> None:
        """Also where it hangs."""
        self.answers.set()
        super().close()

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
