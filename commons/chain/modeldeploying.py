"""Deploying the model market beside a gradient market: factory of verifiers, registry, sales, bounties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from commons.chain.calldata import BOUNTIES, FACTORY, MODELS, SALES, deployment
from commons.chain.deploying import Deployer, Sending
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelverifiers import model_codes
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
    **sending: Unpack[Sending],
) -> ModelPlaces:
    """Deploy everything; ``sending`` is as of ``Sending``.

    Args:
        minimum_window: shortest window of a bounty, seconds.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    deployer = Deployer.of(url, key, **sending)
    factory = deployer.deploy("factory of the models' verifiers", deployment(FACTORY, model_codes())).created
    registry = deployer.linked("registry of models", MODELS, factory, beside.market).created
    sales = deployer.linked("sales of models", SALES, registry).created
    bounties = deployer.linked("bounties", BOUNTIES, registry, beside.committees, minimum_window).created
    return ModelPlaces(registry, sales, bounties)
