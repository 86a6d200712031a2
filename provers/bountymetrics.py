"""A prover's metrics about bounties: what it keeps for them, what it signed, whom it sent away."""

from __future__ import annotations

from collections.abc import Callable

from circuits.errors import GradrollError
from commons.telemetry.metrics import Telemetry
from provers.bountyfiles import BountyFiles
from provers.bountyreceipts import BountyReceipts

GROUPS, OFFER, BLINDING = "groups", "offer", "blinding"
"""What is given: a receipt for data, one for a winner's offer, and what opens a row to its owner."""


class BountyMetrics:
    """Counts what a prover gives and refuses for bounties."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._given = telemetry.counter(
            "bounty_receipts", "Receipts for bounties that were given, and what opens rows, by kind.", "kind"
        )
        self._refused = telemetry.counter(
            "bounty_refusals", "Calls for bounties that were refused, by the code of the error.", "code"
        )
        for kind in (GROUPS, OFFER, BLINDING):
            self._given.labels(kind)  # from the start, or the first one would be no rise

    def given(self, kind: str) -> None:
        """An answer leaves."""
        self._given.labels(kind).inc()

    def refused(self, error: GradrollError) -> None:
        """A call is refused."""
        self._refused.labels(error.code).inc()


def show(telemetry: Telemetry, receipts: BountyReceipts | None) -> None:
    """Have what is kept for bounties be read; of a prover that gives no receipts there is nothing to read."""

    def gauge(name: str, words: str, read: Callable[[BountyFiles], float]) -> None:
        telemetry.gauge(name, words, lambda: None if receipts is None else float(read(receipts.files)))

    gauge("bounties_kept", "Bounties of which something is kept.", lambda files: len(files.bounties()))
    gauge("bounty_files", "Groups' files and sealed rows of bounties.", lambda files: files.files)
    gauge("bounty_used_bytes", "Bytes that are kept for bounties.", lambda files: files.held)
    gauge("bounty_promised_bytes", "Bytes that bounties have, or have a claim to.", lambda files: files.promised)
    gauge("bounty_limit_bytes", "The setting prover.max_bounty_bytes.", lambda files: files.most)
