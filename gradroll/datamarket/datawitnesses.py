"""Receipts of a campaign's committee: who asks its members for them.

A member signs what it holds and has checked itself: that a bundle is the one that was opened, and fits the schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from commons.chain.datafacts import BundleRecord, CampaignRecord

Receipts = list[tuple[int, bytes]]
"""Members by index, with their 65-byte signatures."""


class BundleWitnesses(Protocol):
    """A campaign's committee, asked for receipts."""

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> Receipts:
        """A quorum's receipts that its members hold a bundle, whose file is sent to those that do not.

        Raises UnavailableError where too few give one.
        """
