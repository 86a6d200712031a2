"""A prover's metrics about what it keeps for others: what is there, what it signed, whom it sent away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from circuits.errors import GradrollError
from commons.telemetry.metrics import Telemetry
from provers.heldfiles import HeldFiles
from provers.heldroom import Wording

F = TypeVar("F", bound=HeldFiles)


class HeldMetrics:
    """Counts what a prover gives and refuses.

    Args:
        wording: how what is kept is called.
        kinds: of what is given.
        beside: what is given beside receipts, in words.
    """

    def __init__(self, telemetry: Telemetry, wording: Wording, kinds: tuple[str, ...], beside: str = "") -> None:
        self._given = telemetry.counter(
            f"{wording.one}_receipts", f"Receipts for {wording.all} that were given{beside}, by kind.", "kind"
        )
        self._refused = telemetry.counter(
            f"{wording.one}_refusals", f"Calls for {wording.all} that were refused, by the code of the error.", "code"
        )
        for kind in kinds:
            self._given.labels(kind)  # from the start, or the first one would be no rise

    def given(self, kind: str) -> None:
        """An answer leaves."""
        self._given.labels(kind).inc()

    def refused(self, error: GradrollError) -> None:
        """A call is refused."""
        self._refused.labels(error.code).inc()


def show_held(telemetry: Telemetry, wording: Wording, named: str, files: F | None, count: Callable[[F], int]) -> None:
    """Have what is kept be read; of a prover that keeps nothing there is nothing to read.

    Args:
        named: what ``count`` counts, in words.
    """

    def gauge(name: str, words: str, read: Callable[[F], float]) -> None:
        telemetry.gauge(name, words, lambda: None if files is None else float(read(files)))

    one, several = wording.one, wording.all
    gauge(f"{several}_kept", f"{several.capitalize()} of which something is kept.", lambda own: len(own.names()))
    gauge(f"{one}_files", f"{named}.", count)
    gauge(f"{one}_used_bytes", f"Bytes that are kept for {several}.", lambda own: own.held)
    gauge(f"{one}_promised_bytes", f"Bytes that {several} have, or have a claim to.", lambda own: own.promised)
    gauge(f"{one}_limit_bytes", f"The setting {wording.setting}.", lambda own: own.most)
