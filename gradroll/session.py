"""A user's way in: connections and roles made from settings, when they are first needed, and closed together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from circuits.errors import ConfigError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.localstore import LocalStore
from commons.artifacts.opening import open_store
from commons.chain.dataaccount import DataAccount
from commons.chain.dataview import DataView
from commons.chain.externalsigner import signer_of
from commons.chain.modelfacts import ModelPlaces
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.variants import OnSent
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.settings.accountplaces import AccountPlace, SignerPlace
from commons.settings.artifactsettings import ArtifactSettings
from commons.settings.datasettings import DataMarketSettings
from commons.settings.loading import Settings, load
from commons.settings.modelsettings import ModelMarketSettings
from commons.settings.sections import ChainSettings, KeySettings, ModelOwnerSettings, OwnerSettings, UnlockSettings
from commons.settings.signersettings import SignerSettings
from commons.storage.manifestfiles import read_manifest
from commons.storage.parameters import PublicParameters
from commons.storage.submissions import SubmissionStore
from commons.storage.sumkeys import load_sum_key
from commons.storage.tlsfiles import read_roots
from commons.storage.unlock import Unlock, unlock_by
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.audit.archived import ArchiveAuditor
from gradroll.audit.auditor import Auditor
from gradroll.data_owner.owner import DataOwner
from gradroll.data_owner.participant import Participant
from gradroll.data_owner.posting import Poster
from gradroll.datamarket.committeereceipts import CommitteeReceipts
from gradroll.datamarket.datamodels import DataModels
from gradroll.datamarket.dataroles import DataRoles
from gradroll.datamarket.datastate import DataState
from gradroll.model_owner.buyer import ModelOwner
from gradroll.model_owner.escrow import EscrowOwner
from gradroll.model_owner.roundsums import RoundReader
from gradroll.modelmarket.bountyowner import BountyOwner
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.entrant import Entrant
from gradroll.modelmarket.listingchecks import CheckedListing, check_listing
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.shopper import Shopper


def connect(config: str | os.PathLike[str] | None = None, *, development: bool = False, **values: object) -> Session:
    """Open a session; use it as a context manager, or close it.

    Args:
        config: settings file (TOML); without one the environment's GRADROLL_ variables and ``values`` must do.
        development: allow insecure development setups.
        values: further settings, ``section__key=value`` for section.key; they win over file and environment.

    Raises:
        ConfigError: a file that cannot be read, an unknown key, a value of the wrong kind.
    """
    overrides = {name.replace("__", ".", 1): value for name, value in values.items()}
    path = None if config is None else Path(config)
    return Session(load(path, overrides=overrides, development=development))


@dataclass(frozen=True, slots=True)
class Teller:
    """Who is told of a session's transactions: what each will cost, before it is sent, and its hash, once it is.

    Attributes:
        on_earlier: told the hash of what an earlier run had sent, so that it is not sent again.
    """

    announce: Announce
    on_sent: OnSent
    on_earlier: OnSent


class Session:
    """One user's roles at one market.  Each is made when it is first asked for, from its own section of the settings.

    Every property raises ConfigError for a setting that is missing, KeyFileError for an account that cannot be used,
    ChainError for a node that cannot be reached or is on another chain.

    Args:
        teller: told of transactions.  With one they are also remembered, beside the account's key file, until the
            session ends well: a command that is interrupted and run again goes on with what it has sent, and pays for
            nothing twice.
    """

    def __init__(self, settings: Settings, teller: Teller | None = None) -> None:
        self.settings = settings
        self._teller = teller
        self._open = ExitStack()
        self._outboxes: list[Outbox] = []
        self._writers: dict[AccountPlace, ChainWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            for outbox in self._outboxes if kind is None else ():
                outbox.clear()

    def close(self) -> None:
        """Close all connections."""
        self._open.close()

    @cached_property
    def view(self) -> ChainView:
        """Read access to the market of [chain]."""
        return ChainView.of(self.settings.section(ChainSettings))

    @cached_property
    def parameters(self) -> PublicParameters:
        """The public parameters of [keys]; each file is read and checked when it is first needed."""
        keys = self.settings.section(KeySettings)
        return PublicParameters(keys.srs, keys.directory, allow_insecure=self.settings.development)

    @cached_property
    def data_owner(self) -> DataOwner:
        """The data owner of [owner]."""
        own = self.settings.section(OwnerSettings)
        if isinstance(own.account, SignerPlace):
            raise ConfigError(
                f"owner.account: {own.account} is at an external signer, and a key that signs gradients is in a file; "
                "name one, which this account may register (gradroll owner register --signer)"
            )
        chain, roots = self.writer(own.account), read_roots(own.tls_roots, "owner.tls_roots")
        return DataOwner(
            chain, self.coordinator(own.coordinator, roots, own.stall_timeout), self.parameters, own.state,
            stall=own.stall_timeout, tls_roots=roots, patience=own.patience,
            manifest=read_manifest(own.manifest, "owner.manifest"),
        )  # fmt: skip

    @cached_property
    def participant(self) -> Participant:
        """The key of [owner], for what takes neither a coordinator nor public parameters."""
        return Participant(self.writer(self.settings.section(OwnerSettings, "account").account))

    @cached_property
    def models(self) -> ModelView:
        """Read access to the model market of [models], beside the market of [chain]."""
        own = self.settings.section(ModelMarketSettings, "registry", "sales", "bounties")
        return ModelView(self.view, ModelPlaces(own.registry, own.sales, own.bounties))

    @cached_property
    def model_parameters(self) -> ModelParameters:
        """Keys of size classes, of [keys]; each file is read and checked when it is first needed."""
        keys = self.settings.section(KeySettings)
        return ModelParameters(self.parameters, keys.directory, allow_insecure=self.settings.development)

    @cached_property
    def model_state(self) -> ModelState:
        """What [models] keeps on disk; this process has it until the session ends."""
        own = self.settings.section(ModelMarketSettings, "state")
        made = ModelState(own.state, self._unlock, self._unlock if own.encrypt else None)
        self._open.callback(made.close)
        return made

    @cached_property
    def artifact_store(self) -> BlockStore:
        """Where offers and data of [models] are kept by content: the store of [artifacts], else a directory of
        ``models.state``."""
        own = self.settings.section(ArtifactSettings)
        if own.store is not None:
            return open_store(own.store, own)
        return LocalStore(self.settings.section(ModelMarketSettings, "state").state / "artifacts")

    @cached_property
    def data(self) -> DataView:
        """Read access to the data market of [data], beside the market of [chain]."""
        return DataView(self.view, self.settings.section(DataMarketSettings, "campaigns").campaigns)

    @cached_property
    def data_roles(self) -> DataRoles:
        """What the account of [data] may be: owner, contributor, reviewer, juror; and what it keeps."""
        own = self.settings.section(DataMarketSettings)
        state = DataState(own.state, self._unlock, self._unlock if own.encrypt else None)
        self._open.callback(state.close)
        return DataRoles(DataAccount(self.writer(own.account), self.data), state, own.confirmations)

    @cached_property
    def data_models(self) -> DataModels:
        """What is made of campaigns' data: models in contracts, pay for improvement, versions."""

        def own(name: str) -> DataMarketSettings:
            return self.settings.section(DataMarketSettings, name)

        return DataModels(
            self.settings.section(DataMarketSettings, "models", "improvement", "versions"), self.data,
            lambda: self.writer(own("account").account), lambda: self.models, lambda: self.data_store,
            lambda: self.bundle_witnesses, lambda: own("state").state,
        )  # fmt: skip

    @cached_property
    def bundle_witnesses(self) -> CommitteeReceipts:
        """The members of campaigns' committees, over the network."""
        return CommitteeReceipts(self.data)

    @cached_property
    def data_store(self) -> BlockStore:
        """Where bundles of [data] are kept by content: the store of [artifacts], else a directory of ``data.state``."""
        own = self.settings.section(ArtifactSettings)
        if own.store is not None:
            return open_store(own.store, own)
        return LocalStore(self.settings.section(DataMarketSettings, "state").state / "artifacts")

    @cached_property
    def model_account(self) -> ModelWriter:
        """Transactions of the account of [models]."""
        account = self.settings.section(ModelMarketSettings, "account").account
        writer = self.writer(account)
        if not isinstance(writer, ModelWriter):
            raise ConfigError("models.registry is missing: put the contracts of the model market under [models]")
        return writer

    def look(self, listing: bytes, groups: Mapping[int, DataGroup]) -> CheckedListing:
        """A listing of [models], checked without an account; ``groups``: data by number of the group."""
        return check_listing(self.models, self.model_parameters, listing, groups)

    @property
    def reveal_margin(self) -> int:
        """Seconds before a deadline after which no key leaves for the first time.

        Raises ConfigError where a transaction would be tried for longer.
        """
        margin = self.settings.section(ModelMarketSettings, "reveal_margin").reveal_margin
        tried = self.settings.section(ChainSettings, "give_up").give_up
        if tried >= margin:
            raise ConfigError(
                f"chain.give_up: a reveal would be tried for {tried:g} s, and models.reveal_margin leaves {margin} s "
                "before the deadline; make one shorter, or the other longer"
            )
        return margin

    @cached_property
    def bounty_owner(self) -> BountyOwner:
        """The owner of bounties of [models]."""
        depth = self.settings.section(ModelMarketSettings, "confirmations").confirmations
        return BountyOwner(self.model_account, self.model_parameters, self.model_state, depth)

    @cached_property
    def bounty_witnesses(self) -> CommitteeWitnesses:
        """The members of bounties' committees, over the network."""
        return CommitteeWitnesses(self.models)

    @cached_property
    def seller(self) -> Entrant:
        """The seller of [models], which may enter bounties."""
        depth = self.settings.section(ModelMarketSettings, "confirmations").confirmations
        return Entrant(self.model_account, self.model_parameters, self.model_state, depth)

    @cached_property
    def shopper(self) -> Shopper:
        """The buyer of [models]."""
        return Shopper(self.model_account, self.model_parameters, self.model_state)

    @cached_property
    def submissions(self) -> SubmissionStore:
        """The submissions that [owner] remembers."""
        return SubmissionStore(self.settings.section(OwnerSettings, "state").state, self.view.market_id)

    @cached_property
    def poster(self) -> Poster:
        """The key of [owner], for what it puts on the chain when no coordinator takes it."""
        return Poster(self.writer(self.settings.section(OwnerSettings, "account").account), self.submissions)

    @cached_property
    def model_owner(self) -> ModelOwner:
        """The model owner of [model_owner]."""
        own = self.settings.section(ModelOwnerSettings)
        chain, roots = self.writer(own.account), read_roots(own.tls_roots, "model_owner.tls_roots")
        return ModelOwner(
            self.view, chain, self.coordinator(own.coordinator, roots, own.stall_timeout), self.parameters,
            stall=own.stall_timeout, tls_roots=roots, state=own.state,
            sum_key=None if own.sum_key is None else partial(load_sum_key, own.sum_key, self._unlock),
            manifest=read_manifest(own.manifest, "model_owner.manifest"),
        )  # fmt: skip

    @cached_property
    def escrow(self) -> EscrowOwner:
        """The account of [model_owner], for what takes neither a coordinator nor public parameters."""
        return EscrowOwner(self.view, self.writer(self.settings.section(ModelOwnerSettings, "account").account))

    def auditor(self, coordinator: str, tls_roots: Path | None = None) -> Auditor:
        """An auditor that fetches bundles from a coordinator's endpoint, which it does not believe.

        Args:
            tls_roots: PEM file of certificates to trust instead of the system's.
        """
        roots = read_roots(tls_roots, "tls_roots")
        return Auditor(self.view, self.coordinator(coordinator, roots), self.parameters, roots)

    def round_reader(self, coordinator: str | None, tls_roots: Path | None = None) -> RoundReader:
        """Reads sums without an account: from the chain, from a coordinator if one is named, from the provers.

        Args:
            coordinator: its endpoint; it is not believed.
            tls_roots: PEM file of certificates to trust instead of the system's.
        """
        roots = read_roots(tls_roots, "tls_roots")
        served = None if coordinator is None else self.coordinator(coordinator, roots)
        return RoundReader(self.view, self.parameters, served, roots)

    @cached_property
    def archive_auditor(self) -> ArchiveAuditor:
        """An auditor of rounds that were exported to files; it asks the chain alone."""
        return ArchiveAuditor(self.view, self.parameters)

    def writer(self, account: AccountPlace) -> ChainWriter:
        """Transactions to the market of the account in a key file, or at a signer; the same object each time."""
        if account not in self._writers:
            self._writers[account] = self._new_writer(account)
        return self._writers[account]

    @cached_property
    def _unlock(self) -> Unlock:
        return unlock_by(self.settings.section(UnlockSettings).passphrase)

    def _new_writer(self, account: AccountPlace) -> ChainWriter:
        place = None if self._teller is None else outbox_of(account, self.settings)
        key = signer_of(account, self._unlock, self.settings.section(SignerSettings))
        own = self.settings.section(ChainSettings)
        patience = Patience.of_command(own)
        # One object sends for an account in a process, whichever of its roles asks.
        make = partial(ModelWriter, self.models) if self.settings.get("models.registry") else partial(
            ChainWriter, self.view
        )  # fmt: skip
        if self._teller is None or place is None:
            return make(key, patience)
        outbox = self._open.enter_context(Outbox(place))
        self._outboxes.append(outbox)
        return make(
            key, patience, outbox=outbox, announce=self._teller.announce, on_sent=self._teller.on_sent,
            on_earlier=self._teller.on_earlier,
        )  # fmt: skip

    def coordinator(self, endpoint: str, roots: bytes | None = None, stall: float = 60.0) -> CoordinatorClient:
        """A connection to a coordinator; the arguments are those of ``Client``."""
        return self._open.enter_context(CoordinatorClient(endpoint, stall=stall, tls_roots=roots))


def outbox_of(account: AccountPlace, settings: Settings) -> Path:
    """Where an account's transactions under way are remembered: where settings say, else beside its key file.

    Raises ConfigError for an account at an external signer, which has no file, where they do not say.
    """
    chosen = settings.get("chain.outbox")
    if isinstance(chosen, Path):
        return chosen
    if isinstance(account, SignerPlace):
        raise ConfigError(
            f"chain.outbox is missing: account {account} has no key file beside which to remember what is sent; name a "
            "file for it"
        )
    return account.with_name(f"{account.name}.outbox")
