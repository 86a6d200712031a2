"""A data market for development beside a local market: contracts, settings, and accounts for all who take part.

Its provers are told of it, so that they give receipts for the bundles of their committee's campaigns.
"""

from __future__ import annotations

from dataclasses import dataclass

from commons.chain.datadeploying import LEAST_NOTICE, DataModelPlaces, deploy_data, deploy_data_models
from commons.chain.dataview import DataView
from commons.chain.patience import Patience
from commons.storage.accounts import open_account
from gradroll.setup.local_market import ALLOWANCE, LocalMarket, endow
from gradroll.setup.local_models import LocalModels
from gradroll.setup.settingsfiles import Value, add_section, data_section, models_section, write_settings

ROLES = ("campaign-owner", "contributor-0", "contributor-1", "reviewer", "juror-0", "juror-1", "juror-2")
"""Who gets an account with money, and a settings file of that name."""
_PATIENCE = Patience(poll=0.05)
_WINDOW = 60
"""Shortest window of a campaign, seconds; a real market has a day."""


@dataclass(frozen=True, slots=True)
class LocalData:
    """A prepared data market.

    Attributes:
        campaigns: 20-byte address of the contract of campaigns.
        beside: what is made of the data.
    """

    market: LocalMarket
    campaigns: bytes
    beside: DataModelPlaces

    def view(self) -> DataView:
        """Read access to the data market."""
        return DataView(self.market.view(), self.campaigns)


def add_data(market: LocalMarket, models: LocalModels | None = None) -> LocalData:
    """Deploy a data market beside a local market; writes data.toml, which everybody can use, and a file for each role.

    Provers that run already know of it when they are started again.

    Args:
        models: the model market beside it; without one there are no versions of models.
    """
    plan, view = market.plan, market.view()
    operator = open_account(plan.directory / "operator.json")
    accounts = [open_account(plan.directory / f"{role}.json") for role in ROLES]
    endow(plan.chain, [account.address for account in accounts], ALLOWANCE)
    place = deploy_data(plan.chain, operator, view.registry, _WINDOW, LEAST_NOTICE, patience=_PATIENCE)
    registry = models.places.registry if models else None
    made = LocalData(market, place, deploy_data_models(plan.chain, operator, place, registry, patience=_PATIENCE))
    _write(made, models)
    return made


def _write(made: LocalData, models: LocalModels | None) -> None:
    """Write data.toml, with [data] at its end: who is none of the roles adds an account and a directory of its own."""
    market, directory = made.market, made.market.plan.directory
    places = data_section(made.campaigns, made.beside)
    named: dict[str, Value] = {"confirmations": 1, **places}
    before = market.common_sections | ({"models": models_section(models.places)} if models else {})
    for prover in range(len(market.plan.provers)):
        add_section(market.prover_settings(prover), "data", places)
    for role in ROLES:
        own = {**named, "account": f"{role}.json", "state": role}
        write_settings(directory / f"{role}.toml", {**before, "data": own}, development=True)
    write_settings(directory / "data.toml", {**before, "data": named}, development=True)
