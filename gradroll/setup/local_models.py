"""A model market for development beside a local market: keys of a size class, contracts, verifiers, settings.

Its provers are told of it, so that they give receipts for the bounties of their committee.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.accuracy.sizeclasses import SizeClass
from commons.chain.modeldeploying import Neighbours, deploy_models
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.patience import Patience
from commons.storage.accounts import open_account
from gradroll.setup.local_market import LocalMarket
from gradroll.setup.modelkeygen import cached_development_model_keys
from gradroll.setup.settingsfiles import add_section, models_section, write_settings

_PATIENCE = Patience(poll=0.05)
_WINDOW = 60
"""Shortest window of a bounty, seconds; a real market has an hour or a day."""


@dataclass(frozen=True, slots=True)
class LocalModels:
    """A prepared model market.

    Attributes:
        accuracy, rounding: verifiers of the class.
    """

    market: LocalMarket
    size: SizeClass
    places: ModelPlaces
    accuracy: bytes
    rounding: bytes

    def view(self) -> ModelView:
        """Read access to the model market."""
        return ModelView(self.market.view(), self.places)


def add_models(market: LocalMarket, size: SizeClass) -> LocalModels:
    """Deploy a model market for a size class beside a local market; writes models.toml, which everybody can use.

    Provers that run already know of it when they are started again.  The keys come from a seed that everybody knows:
    whoever wants to can prove any accuracy under them.
    """
    plan, view = market.plan, market.view()
    operator = open_account(plan.directory / "operator.json")
    keys = cached_development_model_keys(plan.parameter_directory, size)
    beside = Neighbours(view.market, view.registry)
    places = deploy_models(plan.chain, operator, beside, _WINDOW, patience=_PATIENCE)
    writer = ModelWriter(ModelView(view, places), operator, _PATIENCE)
    accuracy, rounding = (writer.deploy_model_verifier(key) for key in keys)
    made = LocalModels(market, size, places, accuracy, rounding)
    _write(made)
    return made


def _write(made: LocalModels) -> None:
    """Write models.toml, with [models] at its end: who uses it adds an account and a directory of its own."""
    market, named = made.market, models_section(made.places)
    for prover in range(len(market.plan.provers)):
        add_section(market.prover_settings(prover), "models", named)
    comments = [f"verifier of {made.size.policy}: 0x{made.accuracy.hex()}", f"of its rounding: 0x{made.rounding.hex()}"]
    write_settings(
        market.plan.directory / "models.toml", {**market.common_sections, "models": {"confirmations": 1, **named}},
        development=True, comments=comments,
    )  # fmt: skip
