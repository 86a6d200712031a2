"""What calls to a server are counted by: the method, and the code of the error that ended them."""

from __future__ import annotations

from circuits.errors import GradrollError, catalogue
from commons.telemetry.metrics import Telemetry

DONE, CUT = "ok", "cut"
"""Outcomes beside the codes of errors: it was answered; the caller went away or was too slow."""


def known_code(code: str) -> str:
    """The code of an error class of ours; whatever else it may be is the one for the unforeseen."""
    return code if code in catalogue() else GradrollError.code


class CallMetrics:
    """Counts calls."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._calls = telemetry.counter(
            "calls", "Calls that have ended, by method and outcome: ok, cut, or an error's code.", "method", "outcome"
        )
        self._received = telemetry.counter("received_bytes", "Bytes of messages taken from callers.", "method")
        self._sent = telemetry.counter("sent_bytes", "Bytes of messages given to callers.", "method")

    def ended(self, method: str, outcome: str, received: int, sent: int) -> None:
        """A call is over.

        Args:
            method: of the table of methods, by its last name.
            outcome: ``DONE``, ``CUT`` or an error's code.
        """
        shown = outcome if outcome in (DONE, CUT) else known_code(outcome)
        self._calls.labels(method, shown).inc()
        self._received.labels(method).inc(received)
        self._sent.labels(method).inc(sent)
