"""A data market for development beside a local market: contracts, settings, provers that give receipts for bundles."""

from __future__ import annotations

from dataclasses import dataclass

from commons.chain.datadeploying import LEAST_NOTICE, deploy_data
from commons.chain.dataview import DataView
from commons.chain.patience import Patience
from commons.storage.accounts import open_account
from gradroll.setup.local_market import LocalMarket, write_prover_settings
from gradroll.setup.settingsfiles import write_settings

_PATIENCE = Patience(poll=0.05)
_WINDOW = 60
"""Shortest window of a campaign, seconds; a real market has an hour or a day."""


@dataclass(frozen=True, slots=True)
class LocalData:
    """A prepared data market.

    Attributes:
        campaigns: 20-byte address of the contract.
    """

    market: LocalMarket
    campaigns: bytes

    def view(self) -> DataView:
        """Read access to the data market, through a connection of its own."""
        return DataView(self.market.view(), self.campaigns)


def add_data(market: LocalMarket) -> LocalData:
    """Deploy a data market beside a local market; writes data.toml, which everybody can use.

    Provers that run already know of it when they are started again.
    """
    plan, view = market.plan, market.view()
    operator = open_account(plan.directory / "operator.json")
    campaigns = deploy_data(plan.chain, operator, view.registry, _WINDOW, LEAST_NOTICE, patience=_PATIENCE)
    named = {"campaigns": "0x" + campaigns.hex()}
    write_prover_settings(market, {"data": named})
    sections = {**market.common_sections, "data": {"confirmations": 1, **named}}
    write_settings(plan.directory / "data.toml", sections, development=True)
    return LocalData(market, campaigns)
