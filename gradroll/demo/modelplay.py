"""The stage of the model market's demo: accounts with money, keys, hidden files, and who vouches for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from circuits.accuracy.inference import Int64Array
from commons.artifacts.datasetfiles import Dataset, read_dataset, write_dataset
from commons.chain.modelfacts import Parent
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.patience import Patience
from commons.storage.accounts import SigningKey, create_account, load_account
from commons.storage.parameters import PublicParameters
from gradroll.demo.books import Books
from gradroll.demo.developers import SIZE, Images
from gradroll.demo.settling import mine
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.entrant import Entrant
from gradroll.modelmarket.lineages import Derived
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.shopper import Shopper
from gradroll.setup.keygen import SRS_FILE
from gradroll.setup.local_market import ALLOWANCE, endow
from gradroll.setup.local_models import LocalModels

OWNER, BUYER, MAKER = "the bounty's owner", "a buyer", "who made the start"
GROUPS, SAMPLES = 5, 128
"""Hidden groups, and labelled digits in each."""
FRESH = 1000 + GROUPS * SAMPLES
"""Digits from this one on are in no group, and in no training data."""
_DEPTH = 2
_PATIENCE = Patience(poll=0.05)
_PAUSE = 1.0
"""Seconds: the chain's blocks come when they are asked for."""


@dataclass(frozen=True, eq=False)
class Developer:
    """Who has a model to sell.

    Attributes:
        derived: how it follows from rounds, of one that was trained in the rollup.
        parents: listings whose sellers have a share of each sale.
    """

    name: str
    entrant: Entrant
    weights: Int64Array
    derived: Derived | None = None
    parents: tuple[Parent, ...] = ()


@dataclass(frozen=True, eq=False)
class Play:
    """What everybody has in common, and the bounty's owner with its hidden files.

    Attributes:
        witnesses: the committee's provers, asked over the network.
        alive: raises when a process has ended.
    """

    models: LocalModels
    view: ModelView
    public: PublicParameters
    parameters: ModelParameters
    books: Books
    owner: BountyOwner
    witnesses: CommitteeWitnesses
    files: tuple[Path, ...]
    work: Path
    alive: Callable[[], None]

    @classmethod
    def prepare(cls, models: LocalModels, images: Images, work: Path, alive: Callable[[], None]) -> Play:
        """Write the hidden files, and give the bounty's owner an account."""
        view, keys = models.view(), models.market.plan.parameter_directory
        public = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
        parameters = ModelParameters(public, keys, (SIZE,), allow_insecure=True)
        files = []
        for number in range(GROUPS):
            part = images.part(slice(1000 + number * SAMPLES, 1000 + (number + 1) * SAMPLES))
            files.append(work / "hidden" / f"group-{number}.safetensors")
            write_dataset(files[-1], Dataset(part.features, part.labels))
        places = {"bounties": view.places.bounties, "sales": view.places.sales}
        books, account = Books(view.chain, places), _account(models, work, "bounty-owner")
        books.enter(OWNER, account.address)
        writer = ModelWriter(view, account, _PATIENCE)
        owner = BountyOwner(writer, parameters, ModelState(work / "bounty-owner"), _DEPTH)
        witnesses = CommitteeWitnesses(view, pause=_PAUSE)
        return cls(models, view, public, parameters, books, owner, witnesses, tuple(files), work, alive)

    def trainer(self, name: str) -> Entrant:
        """The account that has a model trained in the rollup, as a seller; in the books from now on."""
        account = load_account(self.models.market.plan.directory / "model-owner.json")
        return self._entrant(name, account, "trainer")

    def seller(self, name: str, directory: str) -> Entrant:
        """A new seller with money; in the books from now on."""
        return self._entrant(name, _account(self.models, self.work, directory), directory)

    def shopper(self) -> Shopper:
        """A new buyer with money, and with a connection of its own; in the books from now on."""
        account = _account(self.models, self.work, "buyer")
        self.books.enter(BUYER, account.address)
        writer = ModelWriter(self.models.view(), account, _PATIENCE)
        return Shopper(writer, self.parameters, ModelState(self.work / "buyer"))

    def _entrant(self, name: str, account: SigningKey, directory: str) -> Entrant:
        self.books.enter(name, account.address)
        state = ModelState(self.work / directory)
        return Entrant(ModelWriter(self.models.view(), account, _PATIENCE), self.parameters, state, _DEPTH)

    def group(self, path: Path) -> DataGroup:
        """A hidden group."""
        data = read_dataset(path)
        digest = hashlib.sha256(data.encode()).digest()
        return DataGroup.of(SIZE, self.parameters.srs, data.features, data.labels, digest)

    def mine(self, blocks: int) -> None:
        """Have a development chain make blocks."""
        mine(self.view.chain, blocks)


def _account(models: LocalModels, work: Path, name: str) -> SigningKey:
    account = create_account(work / f"{name}.key")
    endow(models.market.plan.chain, [account.address], ALLOWANCE // 2)
    return account
