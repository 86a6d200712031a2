"""A prover's metrics about bundles: what it keeps, what it signed, whom it sent away."""

from __future__ import annotations

from commons.telemetry.metrics import Telemetry
from provers.bundlereceipts import BundleReceipts
from provers.heldbundles import BundleFiles
from provers.heldmetrics import HeldMetrics, show_held

HELD, ATTESTED = "held", "attested"
"""What is given: the word that a bundle is here, and a receipt for it."""


def bundle_metrics(telemetry: Telemetry) -> HeldMetrics:
    """Count what is given and refused for bundles."""
    return HeldMetrics(telemetry, BundleFiles.wording, (HELD, ATTESTED), ", and bundles that were taken in")


def show(telemetry: Telemetry, receipts: BundleReceipts | None) -> None:
    """Have what is kept of bundles be read."""
    own = None if receipts is None else receipts.files
    show_held(telemetry, BundleFiles.wording, "Bundles whose files are here", own, lambda files: files.files)
