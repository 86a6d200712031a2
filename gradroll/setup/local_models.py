"""A model market for development beside a local market: keys of a size class, contracts, verifiers, settings."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.accuracy.sizeclasses import SizeClass
from commons.chain.modeldeploying import Neighbours, deploy_models
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.patience import Patience
from commons.storage.accounts import Signer, open_account
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import LocalMarket
from gradroll.setup.modelkeygen import cached_development_model_keys
from gradroll.setup.settingsfiles import Value, models_section, write_settings
from provers.joining.keystore import Keystore

_PATIENCE = Patience(poll=0.05)
_WINDOW = 60
"""Shortest window of a bounty, seconds; a real market has an hour or a day."""


@dataclass(frozen=True, slots=True)
class LocalModels:
    """A prepared model market.

    Attributes:
        accuracy, rounding: verifiers of the class.
        members: accounts of the committee's provers, by index.
    """

    market: LocalMarket
    size: SizeClass
    places: ModelPlaces
    accuracy: bytes
    rounding: bytes
    members: dict[int, Signer]

    def view(self) -> ModelView:
        """Read access to the model market."""
        return ModelView(self.market.view(), self.places)


def add_models(market: LocalMarket, size: SizeClass) -> LocalModels:
    """Deploy a model market for a size class beside a local market; writes models.toml, which everybody can use.

    The keys come from a seed that everybody knows: whoever wants to can prove any accuracy under them.
    """
    plan, view = market.plan, market.view()
    operator = open_account(plan.directory / "operator.json")
    keys = cached_development_model_keys(plan.parameter_directory, size)
    beside = Neighbours(view.market, view.registry)
    places = deploy_models(plan.chain, operator, beside, _WINDOW, patience=_PATIENCE)
    writer = ModelWriter(ModelView(view, places), operator, _PATIENCE)
    accuracy, rounding = (writer.deploy_model_verifier(key) for key in keys)
    members: dict[int, Signer] = {
        index: Keystore.open(plan.directory / f"prover-{index}" / "keys").account for index in range(len(plan.provers))
    }
    made = LocalModels(market, size, places, accuracy, rounding, members)
    _write(made)
    return made


def _write(made: LocalModels) -> None:
    market, parameters = made.market, made.market.plan.parameter_directory.resolve()
    chain: dict[str, Value] = {
        "url": market.plan.chain, "chain_id": market.chain_id, "market": "0x" + market.market.hex(),
        "from_block": market.from_block,
    }  # fmt: skip
    keys: dict[str, Value] = {"srs": parameters / SRS_FILE, "directory": parameters}
    models: dict[str, Value] = dict(models_section(made.places))
    comments = [f"verifier of {made.size.policy}: 0x{made.accuracy.hex()}", f"of its rounding: 0x{made.rounding.hex()}"]
    write_settings(
        market.plan.directory / "models.toml",
        {"chain": chain, "keys": keys, "models": models | {"confirmations": 1}},
        development=True, comments=comments,
    )  # fmt: skip
