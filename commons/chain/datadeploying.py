"""Deploying the data market beside a gradient market: the campaigns, which make their jury, and their libraries."""

from __future__ import annotations

from collections.abc import Callable

from commons.chain.calldata import CAMPAIGNS, contract_errors
from commons.chain.deploying import Deployer
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.rpc import Rpc
from commons.chain.transactions import Sender
from commons.chain.variants import OnSent
from commons.storage.accounts import Signer

LEAST_NOTICE = 7_200
"""Seconds; jurors that leave are there for at least so long."""


def deploy_data(
    url: str,
    key: Signer,
    committees: bytes,
    minimum_window: int,
    notice: int,
    *,
    expected_chain_id: int | None = None,
    patience: Patience | None = None,
    outbox: Outbox | None = None,
    announce: Announce | None = None,
    on_sent: OnSent | None = None,
    on_earlier: OnSent | None = None,
    mined: Callable[[str, bytes], None] = lambda name, address: None,
) -> bytes:
    """Deploy everything; returns the address of the campaigns.  What follows ``notice`` is as of ``deploy_contracts``.

    Args:
        committees: 20-byte address of the registry whose committees vouch for bundles.
        minimum_window: shortest window of a campaign and of a case, seconds.
        notice: seconds that jurors who leave are still there, 2 hours to 30 days.

    Raises:
        ChainError: the node refuses, or is on another chain.
        ContractError: a number is out of range.
    """
    rpc = Rpc(url, contract_errors(), chain=expected_chain_id)
    sender = Sender(rpc, key, patience, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier)
    return Deployer(sender, mined).linked("campaigns", CAMPAIGNS, committees, minimum_window, notice).created
