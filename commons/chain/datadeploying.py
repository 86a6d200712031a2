"""Deploying the data market beside a gradient market: the campaigns, which make their jury, and their libraries."""

from __future__ import annotations

from typing import Unpack

from commons.chain.calldata import CAMPAIGNS
from commons.chain.deploying import Deployer, Sending
from commons.storage.accounts import Signer

LEAST_NOTICE = 7_200
"""Seconds; jurors that leave are there for at least so long."""


def deploy_data(
    url: str,
    key: Signer,
    committees: bytes,
    minimum_window: int,
    notice: int,
    **sending: Unpack[Sending],
) -> bytes:
    """Deploy everything; returns the address of the campaigns.  ``sending`` is as of ``Sending``.

    Args:
        committees: 20-byte address of the registry whose committees vouch for bundles.
        minimum_window: shortest window of a campaign and of a case, seconds.
        notice: seconds that jurors who leave are still there, 2 hours to 30 days.

    Raises:
        ChainError: the node refuses, or is on another chain.
        ContractError: a number is out of range.
    """
    return Deployer.of(url, key, **sending).linked("campaigns", CAMPAIGNS, committees, minimum_window, notice).created
