"""The SDK of a contributor: commit to a bundle, open it once that is final, have it attested, concede what is bad."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path

from circuits.errors import ClosedError, InvalidInputError, NotReadyError, RuleViolationError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import Progress, put_file, silent
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import BundleRecord, BundleStage
from commons.chain.juryview import pool_of
from commons.runtime.amounts import utc
from commons.samples.bundlechecks import require_fitting
from commons.samples.nearcopies import near_copies
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from commons.settings.values import Depth
from gradroll.datamarket.bundlefetching import BundleLibrary
from gradroll.datamarket.contributionbook import KeptBundle
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.datawitnesses import BundleWitnesses
from gradroll.datamarket.mostnodes import told
from gradroll.datamarket.secretbook import Broken

MOST_INLINE = 1024
"""Bytes of samples that the chain takes in."""


class Contributor:
    """An account that contributes.  Every method raises ChainError when contract or node refuse.

    Args:
        account: sends this account's transactions.
        state: what it keeps; nobody else can open what it committed to.
        depth: blocks that must vouch for a commitment before its content is shown.
    """

    def __init__(self, account: DataAccount, state: DataState, depth: Depth) -> None:
        self._account, self._data, self._state, self._depth = account, account.data, state, depth
        self._library = BundleLibrary(account.data, state.directory)

    @property
    def address(self) -> bytes:
        """The contributor's 20-byte address."""
        return self._account.address

    def cost(self, campaign: bytes, count: int) -> int:
        """What a commitment to so many samples takes, in the campaign's token."""
        return self._data.terms(campaign).cost(count)

    def check(self, campaign: bytes, bundle: SampleBundle, *, inline: bool = False) -> None:
        """Require that a bundle has nothing by which it could be proven bad, as far as it and the initial data show.

        Raises:
            InvalidInputError: it is of another schema, a sample does not fit or is a copy, or it is too large.
        """
        schema, terms = self._data.schema(campaign), self._data.terms(campaign)
        if bundle.schema_digest != schema.digest:
            raise InvalidInputError("the bundle is of another schema than the campaign's; make it with that one")
        if len(bundle.samples) > terms.max_bundle:
            raise InvalidInputError(f"the campaign takes bundles of at most {terms.max_bundle} samples; make several")
        if inline and sum(map(len, bundle.samples)) > MOST_INLINE:
            raise InvalidInputError(f"samples that are opened in the chain have at most {MOST_INLINE} bytes together")
        require_fitting(schema, bundle.samples)
        initial = self._library.initial(campaign)
        before = () if initial is None else initial.samples
        copies = near_copies(schema, [*before, *bundle.samples], len(before))
        if copies:
            index, original = copies[0].index - len(before), copies[0].original - len(before)
            of = f"sample {original}" if original >= 0 else f"sample {copies[0].original} of the initial data"
            raise InvalidInputError(
                f"sample {index} is a copy of {of}, at distance {copies[0].distance}, which costs its deposit; take it "
                "out"
            )

    def doubts(self, campaign: bytes) -> list[str]:
        """What may cost a contributor its deposits however good its samples are, in words; empty where all is well."""
        terms, found = self._data.terms(campaign), list[str]()
        if terms.initial_count and self._library.initial(campaign) is None:
            found.append(
                "the initial data are not here, and against data that nobody has seen every sample can be proven a "
                "copy; get them, and keep them (gradroll data initial)"
            )
        if terms.jurors:
            slots, wanted = self._data.jury.pool(pool_of(terms)).size, 3 * terms.jurors + 1
            if slots < wanted:
                found.append(
                    f"the pool of jurors has {slots} slots to be drawn, and a jury with an appeal takes {wanted}: "
                    "a wrong verdict may stand, or none be given"
                )
        return found

    def commit(self, campaign: bytes, bundle: SampleBundle, *, inline: bool = False, turn: int = 0) -> int:
        """Commit to a bundle with its deposits; returns its number.

        Salt and samples are kept before anything is sent, so that the same call after an interruption goes on with the
        same commitment, and pays once.

        Args:
            inline: whether its samples will be opened in the chain, without a committee.
            turn: another number commits to the same samples anew, as after a bundle that went void.
        """
        self.check(campaign, bundle, inline=inline)
        root, digest = bundle.tree().root, bytes(32) if inline else bundle.content_digest
        salt = secrets.token_bytes(32)
        wanted = KeptBundle(campaign, root, digest, len(bundle.samples), self.address, salt, turn)
        kept = self._state.contributions.again(wanted) or wanted
        self._state.contributions.add(kept, bundle)
        there = self._data.committed_bundles(campaign, self.address, kept.commitment)
        return there[0] if there else self._account.commit_bundle(campaign, kept.count, kept.commitment)

    def pending(self, broken: Broken | None = None, stage: BundleStage = BundleStage.COMMITTED) -> list[int]:
        """Bundles of this account that are to be opened, or are at another stage.

        Args:
            broken: is told of a file that cannot be read; without it, that raises KeyFileError.
        """
        kept = [each for each in self._state.contributions.all(broken) if each.contributor == self.address]
        ask = self._data.committed_bundles
        there = [told(self._data, partial(ask, each.campaign, self.address, each.commitment)) for each in kept]
        numbers = sorted(number for each in there for number in each)
        return [at for at in numbers if self._data.bundle(at).stage is stage]

    def open(self, number: int) -> BundleRecord:
        """Open a bundle of this account, unless it is; returns what the chain has of it.

        Raises:
            NotReadyError: its commitment is not final yet.
            ClosedError: it was not opened in time.
        """
        record = self._own(number)
        if record.stage is not BundleStage.COMMITTED:
            return record
        kept = self._state.contributions.find(record.root)
        self._require_time_to_open(record, kept)
        if kept.inline:
            samples, schema = self._state.contributions.content(kept).samples, self._data.schema(record.campaign)
            self._account.open_inline(number, samples, kept.salt, schema)
        else:
            self._account.open_bundle(number, kept.root, kept.content_digest, kept.salt)
        return self._data.bundle(number)

    def publish(self, number: int, store: BlockStore, progress: Progress = silent) -> Cid:
        """Put a bundle that was opened into a store, for reviewers; returns its content identifier.

        Raises:
            NotReadyError: most nodes do not show that it was opened: before that, others could copy it.
            UnavailableError, StorageError: of the store.
        """
        return put_file(store, self.file_of(self._opened(number)), progress).root

    def attest(self, number: int, witnesses: BundleWitnesses) -> BundleRecord:
        """Have the committee sign that it holds a bundle, and hand that in, unless it was; review begins.

        Raises:
            NotReadyError: as of ``publish``.
            UnavailableError: too few members give a receipt.
        """
        record = self._opened(number)
        if record.stage is BundleStage.OPENED:
            campaign = self._data.campaign(record.campaign)
            self._account.attest_bundle(number, witnesses.of_bundle(campaign, record, self.file_of(record)))
        return self._data.bundle(number)

    def concede(self, number: int, index: int) -> None:
        """Concede that a sample is bad, which saves the fee of a case."""
        self._own(number)
        self._account.concede(number, index)

    def file_of(self, record: BundleRecord) -> Path:
        """The file of an opened bundle of this account, as it is kept here."""
        found = self._state.contributions.file_by_root(record.root)
        if not found.exists():
            raise InvalidInputError(
                f"the samples of bundle {record.number} are not in {found.parent}; name the state directory with which "
                "it was committed to (data.state)"
            )
        return found

    def schema(self, number: int) -> SampleSchema:
        """What the samples of a bundle's campaign are."""
        return self._data.schema(self._data.bundle(number).campaign)

    def _require_time_to_open(self, record: BundleRecord, kept: KeptBundle) -> None:
        """Raise NotReadyError while a commitment could still be undone: shown then, its content could be copied."""
        terms = self._data.campaign(record.campaign).terms
        if self._data.chain.now() > record.since + terms.open_window:
            raise ClosedError(
                f"the bundle had to be opened by {utc(record.since + terms.open_window)}, so its deposits are burnt"
            )

        def final() -> bool | None:
            there = self._data.committed_bundles(record.campaign, self.address, kept.commitment, self._depth)
            return True if record.number in there else None

        if self._data.chain.rpc.head().number + 1 < record.block + terms.open_delay or not self._data.chain.most(final):
            raise NotReadyError(
                f"the commitment is not final: it takes {terms.open_delay} blocks, and {self._depth} that vouch for it "
                f"(data.confirmations); come back before {utc(record.since + terms.open_window)}"
            )

    def _opened(self, number: int) -> BundleRecord:
        """A bundle of this account that may be shown: one node alone could say so of one that others can still copy."""
        record = self._own(number)
        if not record.opened or not self._data.chain.most(lambda: True if self._data.bundle(number).opened else None):
            raise NotReadyError(
                "most nodes do not show that the bundle is opened, and whoever sees it could copy it; open it first, "
                "or come back later"
            )
        return record

    def _own(self, number: int) -> BundleRecord:
        record = self._data.bundle(number)
        if record.contributor != self.address:
            raise RuleViolationError(f"bundle {number} is another account's; use its key file")
        return record
