"""Deploying the model market beside a gradient market: factory of verifiers, registry, sales, bounties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commons.chain.calldata import BOUNTIES, FACTORY, MODELS, SALES, contract_errors, deployment
from commons.chain.deploying import Deployer
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelverifiers import model_codes
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.rpc import Rpc
from commons.chain.transactions import Sender
from commons.chain.variants import OnSent
from commons.storage.accounts import Signer


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The gradient market that a model market belongs to: 20-byte addresses of the market and its committees."""

    market: bytes
    committees: bytes


def deploy_models(
    url: str,
    key: Signer,
    beside: Neighbours,
    minimum_window: int,
    *,
    expected_chain_id: int | None = None,
    patience: Patience | None = None,
    outbox: Outbox | None = None,
    announce: Announce | None = None,
    on_sent: OnSent | None = None,
    on_earlier: OnSent | None = None,
    mined: Callable[[str, bytes], None] = lambda name, address: None,
) -> ModelPlaces:
    """Deploy everything; what follows ``expected_chain_id`` is as of ``deploy_contracts``.

    Args:
        minimum_window: shortest window of a bounty, seconds.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    rpc = Rpc(url, contract_errors(), chain=expected_chain_id)
    sender = Sender(rpc, key, patience, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier)
    deployer = Deployer(sender, mined)
    factory = deployer.deploy("factory of the models' verifiers", deployment(FACTORY, model_codes())).created
    registry = deployer.linked("registry of models", MODELS, factory, beside.market).created
    sales = deployer.linked("sales of models", SALES, registry).created
    bounties = deployer.linked("bounties", BOUNTIES, registry, beside.committees, minimum_window).created
    return ModelPlaces(registry, sales, bounties)
