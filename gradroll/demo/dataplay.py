"""The stage of the data market's demo: people with money, keys and state of their own; a chain whose time passes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import BundleRecord, CampaignRecord
from commons.chain.dataview import DataView
from commons.chain.patience import Patience
from commons.chain.writer import ChainWriter
from commons.storage.accounts import SigningKey, create_account
from gradroll.datamarket.committeereceipts import CommitteeReceipts
from gradroll.datamarket.dataroles import DataRoles
from gradroll.datamarket.datastate import DataState
from gradroll.demo.books import Books
from gradroll.demo.datamoney import NOBODY
from gradroll.demo.settling import mine, put_forward
from gradroll.modelmarket.modelstate import ModelState
from gradroll.setup.local_data import LocalData
from gradroll.setup.local_market import ALLOWANCE, endow
from gradroll.setup.local_models import LocalModels

BURNT = bytes(18) + b"\xde\xad"
"""Where what is burnt goes (`Forfeit.sol`)."""
DEPTH = 2
PATIENCE = Patience(poll=0.02)
_PAUSE = 0.5
"""Seconds: the chain's blocks come when they are asked for."""


class NamingReceipts(CommitteeReceipts):
    """The committee, asked over the network; keeps who signed.

    Attributes:
        signers: of each bundle, by index of the member.
    """

    signers: dict[int, list[int]]

    def of_bundle(self, campaign: CampaignRecord, bundle: BundleRecord, file: Path) -> list[tuple[int, bytes]]:
        """As of ``CommitteeReceipts``."""
        found = super().of_bundle(campaign, bundle, file)
        self.signers[bundle.number] = [member for member, _ in found]
        return found


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody in the demo: a name in the books, and an account with its own state directory."""

    name: str
    signer: SigningKey
    roles: DataRoles
    state: DataState

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return self.roles.account.address


@dataclass(frozen=True, eq=False)
class DataPlay:
    """What everybody has in common.

    Attributes:
        alive: raises when a process has ended.
    """

    local: LocalData
    local_models: LocalModels
    view: DataView
    work: Path
    books: Books
    witnesses: NamingReceipts
    alive: Callable[[], None]
    people: dict[str, Person] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def prepare(cls, local: LocalData, models: LocalModels, work: Path, alive: Callable[[], None]) -> DataPlay:
        """Begin the books with the provers, who are paid, and with what is burnt."""
        view = local.view()
        contracts = {
            "campaigns": view.place, "the jury": view.jury.place, "pay for improvement": local.beside.improvement
        }  # fmt: skip
        books = Books(view.chain, contracts)
        for number, address in enumerate(view.chain.committee(local.market.committee).members):
            books.enter(prover(number), address)
        books.enter(NOBODY, BURNT)
        witnesses = NamingReceipts(view, pause=_PAUSE)
        witnesses.signers = {}
        return cls(local, models, view, work, books, witnesses, alive)

    def __enter__(self) -> DataPlay:
        return self

    def __exit__(self, *_: object) -> None:
        """Close all state directories."""
        self._open.close()

    def person(self, name: str, directory: str) -> Person:
        """Somebody new with money, and with a connection of its own; in the books from now on."""
        account = create_account(self.work / f"{directory}.key")
        endow(self.local.market.plan.chain, [account.address], ALLOWANCE // 2)
        view, state = self.local.view(), DataState(self.work / directory)
        self._open.callback(state.close)
        roles = DataRoles(DataAccount(ChainWriter(view.chain, account, PATIENCE), view), state, DEPTH)
        self.books.enter(name, account.address)
        self.people[name] = Person(name, account, roles, state)
        return self.people[name]

    @property
    def others(self) -> list[bytes]:
        """Addresses of those in the books that are nobody's on the stage: the provers', and where burnt money goes."""
        return [*self.view.chain.committee(self.local.market.committee).members, BURNT]

    def kept(self, state: ModelState) -> ModelState:
        """A state directory that is closed with the others."""
        self._open.callback(state.close)
        return state

    def mine(self, blocks: int) -> None:
        """Have a development chain make blocks."""
        self.alive()
        mine(self.view.chain, blocks)

    def pass_time(self, seconds: int) -> None:
        """Put the chain's clock forward by more than so many seconds, and have blocks vouch for what came before."""
        self.alive()
        self.books.follow()
        put_forward(self.view.chain, self.view.chain.now() + seconds)
        self.mine(DEPTH)


def prover(number: int) -> str:
    """The name of a prover in the books."""
    return f"prover {number}"
