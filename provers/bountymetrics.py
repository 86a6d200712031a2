"""A prover's metrics about bounties: what it keeps for them, what it signed, whom it sent away."""

from __future__ import annotations

from commons.telemetry.metrics import Telemetry
from provers.bountyfiles import BountyFiles
from provers.bountyreceipts import BountyReceipts
from provers.heldmetrics import HeldMetrics, show_held

GROUPS, OFFER, BLINDING = "groups", "offer", "blinding"
"""What is given: a receipt for data, one for a winner's offer, and what opens a row to its owner."""


def bounty_metrics(telemetry: Telemetry) -> HeldMetrics:
    """Count what is given and refused for bounties."""
    return HeldMetrics(telemetry, BountyFiles.wording, (GROUPS, OFFER, BLINDING), ", and what opens rows")


def show(telemetry: Telemetry, receipts: BountyReceipts | None) -> None:
    """Have what is kept for bounties be read."""
    own = None if receipts is None else receipts.files
    named = "Groups' files and sealed rows of bounties"
    show_held(telemetry, BountyFiles.wording, named, own, lambda files: files.files)
