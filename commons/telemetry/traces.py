"""Spans, delivered to a collector by OTLP over HTTP.  Imported only where an operator names one: it needs an extra.

What is in a span leaves this machine, so nothing gets into one by being there: an attribute has one of the names below,
and is a number or an identifier.  Of an error there is its code, never its words, which may hold a path.  A collector
that is away or hangs costs spans and nothing else: they wait in a queue that is bounded, and a thread of its own hands
them over.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from circuits.errors import GradrollError
from commons import VERSION
from commons.runtime.exchange import PlainSession, over_within
from commons.runtime.logcontext import current_context
from commons.runtime.meters import Meter, Sized
from commons.runtime.scrubbing import hide
from commons.runtime.seldom import Seldom
from commons.runtime.spans import Value
from commons.runtime.urls import without_secrets

M = TypeVar("M", bound=Sized)
_log = logging.getLogger(__name__)
NUMBERS = frozenset({"attempt", "block", "gas", "node", "owners", "prover", "provers", "received", "round", "sent"})
"""Attributes that are counts and indices; ``received`` and ``sent`` are bytes."""
NAMES = frozenset({"batch", "method", "session", "step", "submission", "task", "transaction"})
"""Attributes that are identifiers, or names that stand in the program."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_LARGEST = 2**63 - 1
QUEUE, _AT_ONCE = 4096, 512
"""Spans that wait for the collector, a few hundred bytes each, and how many it is given at a time."""
_EVERY_MS = 2000
_TIMEOUT = 10.0
"""Seconds that the collector has for what it is given, tries and waits together."""
_CLOSING = 3.0
"""Seconds in which a process that ends hands over what is left."""
_PATH = "/v1/traces"
_HEADERS = {"User-Agent": "gradroll"}
_TRACEPARENT = "traceparent"
_propagator = TraceContextTextMapPropagator()


class Collected:
    """A tracer whose spans go to a collector.  Implements ``commons.runtime.spans.Tracer``.

    Args:
        role: which of our programs this is.
        url: base address of the collector; it may hold a password.
        roots: PEM certificates to trust instead of the system's.
    """

    def __init__(self, role: str, url: str, roots: Path | None = None) -> None:
        hide(url)
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what there is to say, ``_Told`` says seldom
        trusted = None if roots is None else str(roots)
        exporter = OTLPSpanExporter(
            endpoint_of(url), certificate_file=trusted, timeout=_TIMEOUT, session=_Session(), headers=_HEADERS
        )
        self._exporter = _Told(exporter, without_secrets(url))
        # No detectors and no sampler of the environment's: they know the command line, and what callers wish.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": f"gradroll-{role}", "service.version": VERSION}),
            span_limits=SpanLimits(max_span_attributes=32, max_events=0, max_links=0),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter, max_queue_size=QUEUE, max_export_batch_size=_AT_ONCE, schedule_delay_millis=_EVERY_MS
            )
        )
        self._tracer = self._provider.get_tracer("gradroll", VERSION)

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Value], *, parent: str | None = None, calls: bool = False
    ) -> Iterator[Open]:
        """See ``Tracer``.  Whether a span is kept is never the caller's word."""
        within = None if parent is None else _propagator.extract({_TRACEPARENT: parent}, Context())
        kind = SpanKind.CLIENT if calls else SpanKind.INTERNAL if parent is None else SpanKind.SERVER
        with self._tracer.start_as_current_span(
            name, within, kind, _allowed({**current_context(), **attributes}),
            record_exception=False, set_status_on_exception=False,
        ) as begun:  # fmt: skip
            under_way = Open(begun)
            try:
                yield under_way
            except Exception as error:
                code = error.code if isinstance(error, GradrollError) else type(error).__name__
                begun.set_status(Status(StatusCode.ERROR, code))
                raise
            finally:
                under_way.end()

    def is_inside(self) -> bool:
        """See ``Tracer``."""
        return trace.get_current_span().get_span_context().is_valid

    def carried(self) -> str:
        """See ``Tracer``."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(_TRACEPARENT, "")

    def close(self) -> None:
        """Hand over what is left, for some seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        closing.start()
        closing.join(_CLOSING)
        self._exporter.shutdown()


class Open:
    """A span under way.  Implements ``commons.runtime.spans.Span``."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._meter = Meter()

    def set(self, **attributes: Value) -> None:
        """See ``Span``."""
        self._span.set_attributes(_allowed(attributes))

    def incoming(self, messages: Iterable[M]) -> Iterable[M]:
        """See ``Span``."""
        return self._meter.incoming(messages)

    def outgoing(self, messages: Iterable[M]) -> Iterable[M]:
        """See ``Span``."""
        return self._meter.outgoing(messages)

    def end(self) -> None:
        """Say what was counted."""
        counted = {"received": self._meter.received, "sent": self._meter.sent}
        self._span.set_attributes(_allowed({name: count for name, count in counted.items() if count}))


class _Session(PlainSession):
    """Has one deadline for the whole of an exchange, and takes a redirect for the failure that it is."""

    def request(self, *arguments: Any, **named: Any) -> requests.Response:
        """As the library's."""
        if self.verify is not True:  # else REQUESTS_CA_BUNDLE would win over what the settings name
            named["verify"] = self.verify
        with over_within(named["timeout"]):
            response = super().request(*arguments, **named)
        if response.is_redirect:
            raise requests.HTTPError("the collector sends elsewhere, which is not followed")
        return response


class _Told(SpanExporter):
    """An exporter whose failures are told now and then.  ``shown``: the collector without what may be secret."""

    def __init__(self, exporter: SpanExporter, shown: str) -> None:
        self._exporter, self._shown = exporter, shown
        self._seldom = Seldom(_log)
        self._ended = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """As the exporter; what it raises counts as a failure."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # whatever it is, traces are for being looked at alone
            result = SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            line = "event=traces-not-delivered collector=%s spans=%d"
            self._seldom.say(logging.WARNING, "lost", line, self._shown, len(spans))
        return result

    def shutdown(self) -> None:
        """Have no further try made; once."""
        if self._ended.acquire(blocking=False):
            self._exporter.shutdown()


def endpoint_of(url: str) -> str:
    """Where spans go: behind the collector's base URL, as the protocol has it."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(_PATH)
    return parts._replace(path=path + _PATH).geturl()


def _allowed(attributes: Mapping[str, object]) -> dict[str, Value]:
    """What may leave this machine; the rest is left out."""
    return {
        f"gradroll.{name}": found for name, value in attributes.items() if (found := _told(name, value)) is not None
    }


def _told(name: str, value: object) -> Value | None:
    if type(value) is int:
        return value if name in NUMBERS and 0 <= value <= _LARGEST else None
    return value if isinstance(value, str) and name in NAMES and _NAME.fullmatch(value) else None
