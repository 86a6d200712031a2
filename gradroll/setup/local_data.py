"""A data market for development beside a model market: contracts, settings, provers that give receipts for bundles."""

from __future__ import annotations

from dataclasses import dataclass

from commons.chain.datadeploying import LEAST_NOTICE, DataModelPlaces, deploy_data, deploy_data_models
from commons.chain.dataview import DataView
from commons.chain.patience import Patience
from commons.storage.accounts import open_account
from gradroll.setup.local_market import LocalMarket, write_prover_settings
from gradroll.setup.local_models import LocalModels
from gradroll.setup.settingsfiles import data_section, models_section, write_settings

_PATIENCE = Patience(poll=0.05)
_WINDOW = 60
"""Shortest window of a campaign, seconds; a real market has an hour or a day."""


@dataclass(frozen=True, slots=True)
class LocalData:
    """A prepared data market.

    Attributes:
        campaigns: 20-byte address of the contract.
        beside: what is made of campaigns' data.
    """

    models: LocalModels
    campaigns: bytes
    beside: DataModelPlaces

    @property
    def market(self) -> LocalMarket:
        """The market that it is beside."""
        return self.models.market

    def view(self) -> DataView:
        """Read access to the data market, through a connection of its own."""
        return DataView(self.market.view(), self.campaigns)


def add_data(models: LocalModels) -> LocalData:
    """Deploy a data market beside a local model market; writes data.toml, which everybody can use.

    Provers that run already know of it when they are started again.
    """
    market, registry = models.market, models.places.registry
    plan, view = market.plan, market.view()
    operator = open_account(plan.directory / "operator.json")
    campaigns = deploy_data(plan.chain, operator, view.registry, _WINDOW, LEAST_NOTICE, patience=_PATIENCE)
    beside = deploy_data_models(plan.chain, operator, campaigns, registry, patience=_PATIENCE)
    named = data_section(campaigns, beside)
    write_prover_settings(market, {"models": models_section(models.places), "data": named})
    sections = {**market.common_sections, "data": {"confirmations": 1, **named}}
    write_settings(plan.directory / "data.toml", sections, development=True)
    return LocalData(models, campaigns, beside)
