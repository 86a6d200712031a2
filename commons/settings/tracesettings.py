"""The settings of traces."""

from __future__ import annotations

from commons.settings.section import Section
from commons.settings.values import File, NodeUrl, Switch


class TelemetrySettings(Section):
    """Traces of a prover, a coordinator or `gradroll submit`: what took how long, for a collector of OpenTelemetry."""

    traces: NodeUrl | None = None
    """Base address of the collector's OTLP over HTTP, such as `https://collector:4318`; nothing is traced if it is not
    set.  It is sent times, rounds, batches, provers and counts of bytes.  Needs the extra `traces`."""
    traces_roots: File | None = None
    """PEM certificates to trust instead of the system's, for the collector."""
    traces_in_clear: Switch = False
    """Let `telemetry.traces` be an `http://` address of another machine.  Then whoever is on the line sees when which
    round is worked on."""
