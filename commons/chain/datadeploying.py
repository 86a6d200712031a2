"""Deploying the data market beside a gradient market: the campaigns, which make their jury, and their libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from commons.chain.calldata import CAMPAIGNS, IMPROVEMENT, PERCEPTRONS, VERSIONS
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


@dataclass(frozen=True, slots=True)
class DataModelPlaces:
    """Contracts that stand beside campaigns and only ask them: 20-byte addresses.

    Attributes:
        models: the factory of models that train in their contracts.
        improvement: pay for what bundles improve.
        versions: versions of models; None without a registry of models, which it asks.
    """

    models: bytes
    improvement: bytes
    versions: bytes | None


def deploy_data_models(
    url: str, key: Signer, campaigns: bytes, registry: bytes | None, **sending: Unpack[Sending]
) -> DataModelPlaces:
    """Deploy what is made of a campaign's data; ``sending`` is as of ``Sending``.

    Args:
        campaigns: 20-byte address of the contract of campaigns.
        registry: of the registry of models, if there is one.

    Raises:
        ChainError: the node refuses, or is on another chain.
    """
    deployer = Deployer.of(url, key, **sending)
    models = deployer.linked("factory of models that train in their contracts", PERCEPTRONS, campaigns).created
    improvement = deployer.linked("pay for improvement", IMPROVEMENT, campaigns).created
    if registry is None:
        return DataModelPlaces(models, improvement, None)
    versions = deployer.linked("versions of models", VERSIONS, campaigns, registry).created
    return DataModelPlaces(models, improvement, versions)
