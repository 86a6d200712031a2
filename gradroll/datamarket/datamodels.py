"""What is made of campaigns' data, at the contracts that settings name: models, pay for improvement, versions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from circuits.errors import ConfigError
from commons.artifacts.blockstores import BlockStore
from commons.chain.dataimprovementaccount import ImprovementAccount
from commons.chain.dataimprovementview import ImprovementView
from commons.chain.dataperceptronaccount import PerceptronAccount
from commons.chain.dataperceptronview import PerceptronView
from commons.chain.dataversionaccount import VersionAccount
from commons.chain.dataversionview import VersionView
from commons.chain.dataview import DataView
from commons.chain.modelview import ModelView
from commons.chain.writer import ChainWriter
from commons.samples.samplebundles import SampleBundle
from commons.settings.datasettings import DataMarketSettings
from commons.settings.values import Depth
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.datawitnesses import BundleHolders
from gradroll.datamarket.decidedsamples import SamplesOf, kept_bundles


class DataModels:
    """Each is made when it is first asked for.

    Every property raises ConfigError where its contract is not named, ContractError where another one is there,
    ChainError for a node that is the trouble.

    Args:
        settings: of the data market.
        account: the account that sends.
        registry: the model market.
        store: where bundles are.
        holders: the committees that hold them.
        directory: where this account keeps them; who only looks at the chain has none.
    """

    def __init__(
        self,
        settings: DataMarketSettings,
        data: DataView,
        account: Callable[[], ChainWriter],
        registry: Callable[[], ModelView],
        store: Callable[[], BlockStore],
        holders: Callable[[], BundleHolders],
        directory: Callable[[], Path],
    ) -> None:
        self._settings, self._data, self._account = settings, data, account
        self._registry, self._store, self._holders, self._directory = registry, store, holders, directory

    @cached_property
    def perceptrons(self) -> PerceptronView:
        """Models that train in their contracts."""
        return PerceptronView(self._data, self._place("models"))

    @cached_property
    def perceptron_account(self) -> PerceptronAccount:
        """Transactions at these models."""
        return PerceptronAccount(self._account(), self.perceptrons)

    @cached_property
    def improvement(self) -> ImprovementView:
        """Pay for improvement."""
        return ImprovementView(self._data, self._place("improvement"))

    @cached_property
    def improvement_account(self) -> ImprovementAccount:
        """Transactions at pay for improvement."""
        return ImprovementAccount(self._account(), self.improvement)

    @cached_property
    def versions(self) -> VersionView:
        """Versions of models."""
        return VersionView(self._data, self._registry().places.registry, self._place("versions"))

    @cached_property
    def version_account(self) -> VersionAccount:
        """Transactions at versions of models."""
        return VersionAccount(self._account(), self.versions)

    @property
    def model_market(self) -> ModelView:
        """The registry that versions' listings are in."""
        return self._registry()

    @property
    def depth(self) -> Depth:
        """Blocks that must vouch for what rests on the chain (``data.confirmations``)."""
        return self._settings.confirmations

    @property
    def library(self) -> BundleLibrary:
        """The bundles that ``data.state`` has."""
        return BundleLibrary(self._data, self._directory())

    def samples_of(self, campaign: bytes) -> SamplesOf:
        """The bundles of a campaign: what is kept, else as ``gradroll data fetch`` gets them."""

        def fetch(number: int) -> SampleBundle:
            return self.library.fetch(number, self._store(), holders=self._holders())

        return kept_bundles(self.library, campaign, fetch)

    def _place(self, name: str) -> bytes:
        place = getattr(self._settings, name)
        if place is None:
            raise ConfigError(
                f"data.{name} is missing: put the contract's address under [data], as gradroll chain deploy-data "
                "writes it"
            )
        return bytes(place)
