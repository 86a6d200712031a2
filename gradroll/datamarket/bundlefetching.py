"""Bundles of a campaign as reviewers fetch them, from the chain, a store or the committee, held against the chain."""

from __future__ import annotations

from pathlib import Path

from circuits.errors import (
    GradrollError,
    InvalidInputError,
    NotReadyError,
    ProofError,
    UnavailableError,
    UnknownError,
)
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.bundlefiles import load_bundle, save_bundle
from commons.artifacts.cids import RAW, Cid
from commons.artifacts.transfers import Progress, get_kept, silent
from commons.chain.datafacts import BundleRecord, CampaignRecord
from commons.chain.dataview import DataView
from commons.samples.samplebundles import SampleBundle, largest_bundle
from commons.samples.sampleschemas import MAX_SAMPLE
from gradroll.datamarket.contributionbook import OWN_BUNDLES
from gradroll.datamarket.datawitnesses import BundleHolders


def require_bundle(record: BundleRecord, campaign: CampaignRecord, bundle: SampleBundle) -> None:
    """Raise ProofError unless a bundle is the one that was opened."""
    digest = bundle.content_digest
    same = (
        bundle.schema_digest == campaign.terms.schema_hash
        and len(bundle.samples) == record.count
        and (digest == record.content_digest or not any(record.content_digest))
        and bundle.tree().root == record.root
    )
    if not same:
        raise ProofError(
            f"these are not the samples of bundle {record.number}: digest, count, schema or root differ from the "
            "chain's; fetch it from somebody else"
        )


class BundleLibrary:
    """The bundles of campaigns that somebody has, each the one that the chain has the root of.

    A file that the disk has damaged counts as not here: a proof from it would be refused, and cost a stake.

    Args:
        directory: where they are kept, own ones too (``ContributionBook``).
    """

    def __init__(self, data: DataView, directory: Path) -> None:
        self._data, self._directory, self._own = data, directory / "reviewed", directory / OWN_BUNDLES

    def add(self, number: int, bundle: SampleBundle) -> None:
        """Keep a bundle that came from somewhere.  Raises ProofError for another one than was opened."""
        record = self._opened(number)
        require_bundle(record, self._data.campaign(record.campaign), bundle)
        if self._whole(record.root, record.content_digest) is None:
            save_bundle(self._place(record.root), bundle, replace=True)

    def add_initial(self, campaign: bytes, bundle: SampleBundle) -> None:
        """Keep a campaign's initial data.  Raises ProofError for others than its terms name."""
        terms = self._data.terms(campaign)
        found = (len(bundle.samples), bundle.tree().root, bundle.content_digest, bundle.schema_digest)
        if found != (terms.initial_count, terms.initial_root, terms.initial_digest, terms.schema_hash):
            raise ProofError("these are not the initial data of the campaign; fetch them from somebody else")
        if self._whole(terms.initial_root, terms.initial_digest) is None:
            save_bundle(self._place(terms.initial_root), bundle, replace=True)

    def fetch(
        self,
        number: int,
        store: BlockStore,
        root: Cid | None = None,
        progress: Progress = silent,
        holders: BundleHolders | None = None,
    ) -> SampleBundle:
        """A bundle, from the chain where its samples stand there, else from a store or its committee: none is believed.

        Args:
            root: content identifier; None serves for a file of one block, whose identifier the chain has.
            holders: the committee, which is asked for what the store does not have.

        Raises:
            NotReadyError: it was not opened yet.
            ProofError: what came is another bundle.
            UnknownError, UnavailableError, StorageError: of the store, and of the committee.
        """
        kept = self.find(number)
        if kept is not None:
            return kept
        record = self._opened(number)
        if not any(record.content_digest):
            self.add(number, self.at_hand(number))
        else:
            try:
                self.add(number, self._from_store(record, store, root or Cid(RAW, record.content_digest), progress))
            except (InvalidInputError, ProofError, UnknownError, UnavailableError) as error:
                if holders is None:
                    raise
                self.add(number, self._from_members(record, holders, error))
        return self.get(number)

    def find(self, number: int) -> SampleBundle | None:
        """A bundle, if it is here."""
        record = self._opened(number)
        return self._whole(record.root, record.content_digest)

    def has(self, record: BundleRecord) -> bool:
        """Whether ``at_hand`` gives an opened bundle, unless its file is damaged."""
        return not any(record.content_digest) or any(path.exists() for path in self._places(record.root))

    def at_hand(self, number: int) -> SampleBundle:
        """A bundle that is here, or whose samples stand in the chain.  Raises UnknownError."""
        record = self._opened(number)
        if any(record.content_digest):
            return self.get(number)
        return SampleBundle(self._data.campaign(record.campaign).terms.schema_hash, self._data.inline_samples(number))

    def get(self, number: int) -> SampleBundle:
        """A bundle that is here.  Raises UnknownError."""
        found = self.find(number)
        if found is None:
            raise UnknownError(f"bundle {number} is not here; fetch it first (gradroll data fetch)")
        return found

    def initial(self, campaign: bytes) -> SampleBundle | None:
        """The initial data of a campaign, if they are here."""
        terms = self._data.terms(campaign)
        return self._whole(terms.initial_root, terms.initial_digest)

    def _from_store(self, record: BundleRecord, store: BlockStore, root: Cid, progress: Progress) -> SampleBundle:
        path = self._directory / f"{record.root.hex()}.part"
        get_kept(store, root, path, most=largest_bundle(record.count, MAX_SAMPLE), progress=progress)
        try:
            return load_bundle(path)
        except InvalidInputError as error:
            raise ProofError(f"what the store has is not bundle {record.number}: {error}") from error
        finally:
            path.unlink(missing_ok=True)

    def _from_members(self, record: BundleRecord, holders: BundleHolders, before: GradrollError) -> SampleBundle:
        """A bundle of the committee, whose members hold none that does not fit the schema."""
        campaign = self._data.campaign(record.campaign)
        most = largest_bundle(record.count, self._data.schema(record.campaign).longest)
        try:
            return SampleBundle.decode(holders.file_of(campaign, record, most))
        except InvalidInputError as error:
            raise ProofError(f"what was opened as bundle {record.number} is none: {error}") from error
        except UnavailableError as error:
            raise UnavailableError(f"{error}; and the store: {before}") from error

    def _opened(self, number: int) -> BundleRecord:
        record = self._data.bundle(number)
        if not record.opened:
            raise NotReadyError(f"bundle {number} was not opened, so nobody knows what is in it; come back later")
        return record

    def _whole(self, root: bytes, content_digest: bytes) -> SampleBundle | None:
        """The bundle of a root, from the first of its files that is as it was.

        Args:
            content_digest: zeros where the samples stand in the chain, and the root alone tells.
        """
        for path in self._places(root):
            try:
                found = load_bundle(path)
            except (InvalidInputError, UnknownError):
                continue
            same = found.content_digest == content_digest if any(content_digest) else found.tree().root == root
            if same:
                return found
        return None

    def _places(self, root: bytes) -> tuple[Path, Path]:
        return self._place(root), self._own / f"{root.hex()}.bundle"

    def _place(self, root: bytes) -> Path:
        return self._directory / f"{root.hex()}.bundle"
