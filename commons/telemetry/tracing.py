"""Whether a process keeps traces: the libraries for them are imported only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from circuits.errors import ConfigError
from commons.runtime import spans
from commons.runtime.extras import missing
from commons.runtime.urls import without_secrets
from commons.settings.hosts import is_loopback
from commons.settings.loading import Settings
from commons.settings.tracesettings import TelemetrySettings


@contextmanager
def traced(settings: Settings, role: str) -> Iterator[None]:
    """Have what the block does traced, if settings name a collector; it may be away.

    Args:
        role: "prover", "coordinator" or "owner".

    Raises:
        ConfigError: the packages for it are not installed, or the collector is another machine's and in the clear.
    """
    own = settings.section(TelemetrySettings)
    if own.traces is None:
        yield
        return
    _require_line(own.traces, own)
    try:
        from commons.telemetry.traces import Collected  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing("telemetry.traces", "traces") from None
    tracer = Collected(role, own.traces, own.traces_roots)
    spans.use(tracer)
    try:
        yield
    finally:
        spans.use(None)
        tracer.close()


def _require_line(url: str, own: TelemetrySettings) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or own.traces_in_clear or _is_here(parts.hostname or ""):
        return
    raise ConfigError(
        f"telemetry.traces: {without_secrets(url)} is another machine, and what goes there can be read on the way; "
        "write https://, have a collector on this machine, or set telemetry.traces_in_clear if nobody else is on the "
        "line"
    )


def _is_here(host: str) -> bool:
    try:
        return is_loopback(host)
    except ValueError:  # what only looks like an address
        return False
