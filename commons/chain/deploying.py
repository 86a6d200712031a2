"""Deploying the registry and the market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commons.chain.calldata import MARKET, REGISTRY, contract_errors, deployment
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.rpc import Rpc
from commons.chain.transactions import OnSent, Sender
from commons.storage.accounts import SigningKey

_DEPLOY = 6_000_000


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are.  ``block`` is the first in which they have events."""

    chain_id: int
    registry: bytes
    market: bytes
    block: int


def deploy_contracts(
    url: str,
    key: SigningKey,
    *,
    expected_chain_id: int | None = None,
    patience: Patience | None = None,
    outbox: Outbox | None = None,
    announce: Announce | None = None,
    on_sent: OnSent | None = None,
    on_earlier: OnSent | None = None,
    mined: Callable[[str, bytes], None] = lambda name, address: None,
) -> Deployment:
    """Deploy the registry and the market; ``outbox``, ``announce`` and what follows them are those of ``Sender``.

    Args:
        mined: told the name and the address of each contract as soon as it is on the chain.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    rpc = Rpc(url, contract_errors())
    if expected_chain_id is not None:
        rpc.require_chain(expected_chain_id)
    sender = Sender(rpc, key, patience, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier)
    registry = sender.send(None, deployment(REGISTRY), gas=_DEPLOY)
    mined("registry", registry.created)
    market = sender.send(None, deployment(MARKET, registry.created), gas=_DEPLOY)
    mined("market", market.created)
    return Deployment(rpc.chain_id, registry.created, market.created, registry.block)
