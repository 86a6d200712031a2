"""Models of campaigns on the embedded chain: contracts beside the campaigns, and bundles that are settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commons.chain.datadeploying import DataModelPlaces, deploy_data_models
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import PerceptronModel, PerceptronView
from commons.chain.dataversionaccount import VersionAccount
from commons.chain.dataversionview import VersionView
from commons.chain.modeldeploying import Neighbours, deploy_models
from commons.chain.modelfacts import ModelPlaces
from commons.samples.samplebundles import SampleBundle
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.decidedsamples import kept_bundles
from gradroll.datamarket.modeltrainer import ModelTrainer
from tests.datamarket.datastage import CONTRIBUTOR, HOUR, OTHER, OWNER, PATIENCE, DataStage, data_stage


@dataclass
class ModelStage:
    """A data market with what is made of its data."""

    stage: DataStage
    places: DataModelPlaces
    models: ModelPlaces

    def account(self, number: int = OTHER) -> PerceptronAccount:
        """Transactions of an account at models."""
        account = self.stage.account(number)
        return PerceptronAccount(account.chain, PerceptronView(account.data, self.places.models))

    def version_account(self, number: int = OTHER) -> VersionAccount:
        """Transactions of an account at versions."""
        account, place = self.stage.account(number), self.places.versions
        assert place is not None
        return VersionAccount(account.chain, VersionView(account.data, self.models.registry, place))

    def settled(self, campaign: bytes, bundle: SampleBundle) -> int:
        """A bundle of the contributor's that nobody challenged, decided."""
        who = self.stage.account(CONTRIBUTOR)
        number = self.stage.reviewed(who, campaign, bundle)
        self.stage.pass_time(2 * HOUR + 1)
        who.settle_bundle(number)
        return number

    def library(self, directory: Path, bundles: dict[int, SampleBundle]) -> BundleLibrary:
        """A library with these bundles."""
        made = BundleLibrary(self.stage.view(), directory)
        for number, bundle in bundles.items():
            made.add(number, bundle)
        return made

    def trainer(self, model: PerceptronModel, library: BundleLibrary, number: int = OTHER) -> ModelTrainer:
        """An account that trains."""
        return ModelTrainer(self.account(number), model, kept_bundles(library, model.campaign))

    def close(self, campaign: bytes) -> None:
        """Close a campaign."""
        self.stage.account(OWNER).close_campaign(campaign)


@contextmanager
def model_stage(directory: Path) -> Iterator[ModelStage]:
    """Deploy everything on a chain of this process."""
    with data_stage(directory) as stage:
        chain, operator = stage.data.chain, stage.accounts[0]
        beside = Neighbours(chain.market, chain.registry)
        models = deploy_models(stage.url, operator, beside, 60, patience=PATIENCE)
        places = deploy_data_models(stage.url, operator, stage.data.place, models.registry, patience=PATIENCE)
        yield ModelStage(stage, places, models)


def samples_of(count: int, *, first: int = 0, shift: int = 0) -> Sequence[bytes]:
    """Samples of the stage's schema, far from each other: their label is which third of 0 to 100 the sum lies in."""
    made = []
    for at in range(first, first + count):
        a, b, c = (37 * at + shift) % 101, (53 * at + 11) % 101, (71 * at + 5) % 101
        made.append((min(2, (a + b + c) // 101)).to_bytes(2, "big") + bytes((a, b, c)))
    return made
