"""The SDK of a bounty's owner: commit to hidden data, open, show what is drawn, take the winner's model."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from circuits.errors import ClosedError, InvalidInputError, NotReadyError, ProofError, UnknownError
from circuits.terms import MarketId
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import Artifact, Progress, silent
from commons.chain.modelfacts import BountyRecord, BountyStage, BountyTerms
from commons.chain.modelwriter import ModelWriter
from commons.protocol.blindings import open_blinding
from commons.protocol.bountydraws import TESTS, TRAINING, HiddenGroup, stage_seed
from commons.protocol.modelofferings import BountyOffer
from commons.protocol.signing import require_signer
from commons.runtime.amounts import checksum, utc
from commons.settings.values import Depth
from commons.storage.files import write_durably
from gradroll.modelmarket.anchors import bounty_of_most, close_and_pin, is_over
from gradroll.modelmarket.bountybook import KeptGroup
from gradroll.modelmarket.committeewitnesses import CommitteeWitnesses
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.datatransfers import ReadGroup, kept_files, put_groups
from gradroll.modelmarket.listingchecks import BoughtModel, check_listing, opened_model
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.offerfiles import VERSION, BountyOfferFile, OfferRequest, read_bounty_offer
from gradroll.modelmarket.offertransfers import fetch_offer_file, fetch_row
from gradroll.modelmarket.purchases import Purchase
from gradroll.modelmarket.swapping import SwapPlace, checked_row, require_offered
from gradroll.modelmarket.witnesses import Witnesses, require_as_shown


class BountyOwner:
    """The account of a bounty's owner.  Every method raises ChainError when market or node refuse.

    Args:
        chain: sends this account's transactions.
        parameters: keys, the reference string.
        state: what this owner keeps; it holds secrets.
        depth: blocks that must vouch for a hash before the seed of its draw is shown, and for a draw before what was
            drawn is.
    """

    def __init__(self, chain: ModelWriter, parameters: ModelParameters, state: ModelState, depth: Depth) -> None:
        self._chain, self._models = chain, chain.models
        self._parameters, self._state, self._depth = parameters, state, depth

    @property
    def address(self) -> bytes:
        """The owner's 20-byte address."""
        return self._chain.address

    @property
    def account(self) -> ModelWriter:
        """What sends this account's transactions."""
        return self._chain

    def commit(self, groups: Sequence[tuple[Path, DataGroup]]) -> bytes:
        """Commit to hidden groups under fresh salts, and keep both; returns the commitment for the terms, 32 bytes.

        The same files again have the commitment that they have: under another one, whoever runs the command again
        after an interruption would open, and pay for, a second bounty.

        Raises:
            InvalidInputError: there are not 2 to 64.
            StorageError: nothing can be kept.
        """
        kept = tuple(
            KeptGroup(HiddenGroup(secrets.token_bytes(32), data.hash, data.file_digest, data.samples), file.absolute())
            for file, data in groups
        )
        try:
            return self._state.bounties.again(kept) or self._state.bounties.add(kept)
        except ValueError as error:
            raise InvalidInputError(str(error)) from error

    def commit_seeds(self, commitment: bytes, nonce: int = 0) -> bytes:
        """Commit to the seeds of the draws of a bounty on committed groups; returns the terms' ``seed_commitment``.

        The same groups and nonce again have the seeds that they have.  Another nonce has others, and so has another
        deployment, a rehearsal on a test network say: what one bounty showed is no secret in the next.

        Raises:
            StorageError: nothing can be kept.
        """
        return self._state.bounties.seed_for(commitment, self._models.bounties_deployment + self.address, nonce)

    def open(self, terms: BountyTerms, nonce: int = 0) -> bytes:
        """Open a bounty on groups that were committed to here; escrows prize and compensations.  Returns its name.

        Raises:
            UnknownError: groups or seeds are not here: nobody could show them.
            InvalidInputError: the terms name another number of groups, or more right answers than tests may have.
        """
        kept = self._state.bounties.find(terms.commitment)
        self._state.bounties.find_seed(terms.commitment, terms.seed_commitment)
        if len(kept) != terms.total_groups:
            raise InvalidInputError(f"the terms name {terms.total_groups} groups, and {len(kept)} were committed to")
        fewest = sum(sorted(group.hidden.samples for group in kept)[: terms.test_groups])
        if terms.threshold > fewest:
            raise InvalidInputError(
                f"chance may draw tests of {fewest} samples, of which nobody answers {terms.threshold} right; choose a "
                "lower threshold, or larger groups"
            )
        return self._chain.open_bounty(terms, nonce)

    def draw(self, bounty: bytes) -> BountyRecord:
        """Do the draw that is due; end the entries' window and pin the block's hash before.  Returns the bounty.

        The seed is shown only when the hash that was pinned is deep enough: a builder that knew it, and could still
        change the block, would choose the draw.  So it is called again, until the groups are drawn.

        Raises:
            NotReadyError: entries are taken still, the block is not there yet, or its hash is not final.
            ClosedError: the window for the draw is over; see ``settle``.
            UnknownError: the seeds are not here.
        """
        record = close_and_pin(self._chain, bounty)
        if record.stage in (BountyStage.OPENED, BountyStage.CLOSED):
            if is_over(self._models, record):
                raise ClosedError(f"the window for the draw ended {utc(record.deadline)}; see gradroll bounty settle")
            final = self._final_pin(bounty)
            secret = self._state.bounties.find_seed(final.terms.commitment, final.terms.seed_commitment)
            if final.stage is BountyStage.OPENED:
                self._chain.draw_training(bounty, stage_seed(secret, TRAINING))
            else:
                self._chain.draw_tests(bounty, stage_seed(secret, TESTS))
        return self._models.bounty(bounty)

    def _final_pin(self, bounty: bytes) -> BountyRecord:
        """A bounty whose pinned hash most nodes show alike, deep enough."""

        def ask() -> BountyRecord | None:
            record = self._models.bounty(bounty)
            if record.stage not in (BountyStage.OPENED, BountyStage.CLOSED) or not any(record.anchor_hash):
                return None
            told = self._models.pinned_at_depth(bounty, record.stage, self._depth)
            return record if told == record.anchor_hash else None

        found = self._models.chain.most(ask)
        if found is None:
            raise NotReadyError(
                f"no hash for the draw is vouched for by {self._depth} blocks yet, and the seed is shown only then; "
                "come back later (models.confirmations)"
            )
        return found

    def show(self, bounty: bytes, read: ReadGroup, witnesses: Witnesses) -> dict[int, HiddenGroup]:
        """Show the groups that were drawn, once the draw is final, with a quorum's receipts.

        Args:
            read: the data of a file, as they were when they were committed to.

        Returns:
            the groups, by their index in the commitment.

        Raises:
            NotReadyError: nothing is drawn, or the draw is not deep enough yet.
            InvalidInputError: a file holds other data now.
            UnavailableError: too few members give receipts.
        """
        record = self._drawn(bounty)
        stage, indices = (
            (TRAINING, record.training) if record.stage is BountyStage.TRAINING_DRAWN else (TESTS, record.tests)
        )
        kept = self._state.bounties.find(record.terms.commitment)
        groups = {}
        for index in indices:
            data = read(kept[index].file)
            require_as_shown(index, kept[index].hidden, data, record.terms.feature_bound)
            groups[index] = kept[index].hidden, data
        leaves = [group.hidden.leaf for group in kept]
        receipts = witnesses.of_data(record, stage, leaves, groups)
        shown = {index: hidden for index, (hidden, _) in groups.items()}
        act = self._chain.show_training if stage == TRAINING else self._chain.show_tests
        act(bounty, leaves, shown, receipts)
        return shown

    def _drawn(self, bounty: bytes) -> BountyRecord:
        """A bounty whose draw most nodes show alike; a draw that a branch takes back is another one."""

        def ask() -> BountyRecord | None:
            record = self._models.bounty(bounty)
            drawn = record.stage in (BountyStage.TRAINING_DRAWN, BountyStage.TESTS_DRAWN)
            return record if drawn and self._models.drawn_at_depth(bounty, record.stage, self._depth) else None

        found = self._models.chain.most(ask)
        if found is None:
            raise NotReadyError(
                f"no draw whose groups are to be shown is vouched for by {self._depth} blocks yet; come back later "
                "(models.confirmations), or see gradroll bounty show"
            )
        return found

    def settle(self, bounty: bytes) -> BountyRecord:
        """Count the entries and name the winner, or the next one where the first did not do its part in time.

        Raises:
            NotReadyError: a window is open still.
        """
        record = bounty_of_most(self._models, bounty)
        act = {
            BountyStage.PROVING: self._chain.settle_bounty, BountyStage.SELLING: self._chain.pass_over,
            BountyStage.LOCKED: self._chain.pass_over, BountyStage.TESTS_DRAWN: self._chain.report_withheld,
            BountyStage.CLOSED: self._chain.report_withheld,
            BountyStage.OPENED: self._chain.cancel_bounty, BountyStage.TRAINING_DRAWN: self._chain.cancel_bounty,
        }.get(record.stage)  # fmt: skip
        if act is None:
            raise NotReadyError(f"nothing is to be settled: the bounty's stage is {record.stage.name.lower()}")
        if not is_over(self._models, record):
            raise NotReadyError(f"the window is open until {utc(record.deadline)}; come back after that")
        act(bounty)
        return self._models.bounty(bounty)

    def request(self, bounty: bytes) -> OfferRequest:
        """A signed request to the winner for its offer.  Raises NotReadyError where nobody wins at present."""
        record = self._models.bounty(bounty)
        if record.stage is not BountyStage.SELLING:
            raise NotReadyError(f"nobody wins at present: the bounty's stage is {record.stage.name.lower()}")
        return self._request(self._models.entry(bounty, record.winner).listing)

    def _request(self, listing: bytes) -> OfferRequest:
        market, key = self._market, self._state.purchases.public_key()
        unsigned = OfferRequest(VERSION, market.chain_id, market.address, listing, self.address, key, b"")
        return replace(unsigned, signature=self._chain.sign_message(unsigned.message(market)))

    def publish(self, store: BlockStore, bounty: bytes, progress: Progress = silent) -> Artifact:
        """Put the files of the groups that the chain shows, and a list of them, into a store; returns the list.

        Raises:
            NotReadyError: no group is shown yet.
            InvalidInputError: a file holds other data now, or the node shows other groups.
            UnavailableError, StorageError: of the store.
        """
        shown = self._models.all_shown_groups(bounty)
        if not shown:
            raise NotReadyError("no group of the bounty is shown yet; draw and show them first")
        kept = self._state.bounties.find(self._models.bounty(bounty).terms.commitment)
        return put_groups(store, kept_files(kept, shown), progress)

    def fetch(
        self, store: BlockStore, bounty: bytes, root: Cid, progress: Progress = silent
    ) -> tuple[BountyOfferFile, Path]:
        """The winner's offer and its sealed row from a store that is not believed, as ``take`` wants them.

        Raises:
            InvalidInputError: it is no offer, one at another market, or not of the bounty's class.
            UnknownError, ProofError, UnavailableError, StorageError: of the store.
        """
        offer = read_bounty_offer(fetch_offer_file(store, root, self._state.directory))
        offer.require_sound(self._market)
        size = self._parameters.class_of(self._models.verifier(self._models.bounty(bounty).terms.verifier))
        return offer, fetch_row(store, offer.row, size, self._state.directory, progress)

    def take(self, bounty: bytes, offer: BountyOfferFile, row: Path) -> None:
        """Check the winner's offer, and lock it: the prize is the winner's once it reveals the key.

        Raises:
            ProofError, SignatureError, WireError: the offer does not hold; do not lock it.
            NotReadyError: it is not the one of the entry that wins.
        """
        market, record = self._market, self._models.bounty(bounty)
        offer.require_sound(market)
        if record.stage is not BountyStage.SELLING or offer.bounty != bounty:
            raise NotReadyError(f"no offer is taken: the bounty's stage is {record.stage.name.lower()}")
        entry = self._models.entry(bounty, record.winner)
        if entry.listing != offer.listing:
            raise NotReadyError(f"the offer is not the one of {checksum(entry.seller)}, whose entry wins at present")
        seen = check_listing(self._models, self._parameters, offer.listing, {})
        key = int.from_bytes(offer.public[:32], "big"), int.from_bytes(offer.public[32:], "big")
        digest = BountyOffer(bounty, offer.listing, key, offer.offer).digest(market.domain)
        if not self._models.chain.rpc.code(entry.seller):
            require_signer(digest, offer.signature, entry.seller, "the winner's offer")
        blinding = open_blinding(
            self._state.purchases.key(), offer.blinding, market.domain, offer.listing, offer.public
        )
        checked = checked_row(self._parameters, self._place(offer.listing), seen.record.model, seen.size, row)
        require_offered(checked, offer.offer, offer.public, blinding)
        self._state.purchases.add(Purchase(offer.listing, offer.offer, offer.public, blinding, row.absolute()))
        self._chain.lock_offer(bounty, offer.public, offer.offer, offer.signature)

    def receive(self, bounty: bytes, witnesses: CommitteeWitnesses, row: Path) -> None:
        """Get the row and x that a committee checked in this owner's place, so that the model can be opened.

        Args:
            row: file that the sealed row is written to.

        Raises:
            NotReadyError: no offer is locked.
            UnavailableError: no member hands on what opens it.
        """
        record = self._models.bounty(bounty)
        if record.stage not in (BountyStage.LOCKED, BountyStage.SOLD):
            raise NotReadyError(f"no offer is locked: the bounty's stage is {record.stage.name.lower()}")
        listing = self._models.entry(bounty, record.winner).listing
        seen, request = check_listing(self._models, self._parameters, listing, {}), self._request(listing)
        part = row.with_name(f"{row.name}.part")
        for sealed_row, sealed in witnesses.handed_on(record, request.key, request.signature):
            try:
                blinding = open_blinding(
                    self._state.purchases.key(), sealed, self._market.domain, listing, record.public
                )
                write_durably(part, sealed_row)
                checked = checked_row(self._parameters, self._place(listing), seen.record.model, seen.size, part)
                require_offered(checked, record.offer, record.public, blinding)
            except (InvalidInputError, ProofError):  # this member lies; another one may not
                part.unlink(missing_ok=True)
                continue
            # The file last: while it is not there the same command goes on.
            self._state.purchases.add(Purchase(listing, record.offer, record.public, blinding, row.absolute()))
            write_durably(row, sealed_row, replace=False)
            part.unlink(missing_ok=True)
            return

    def open_model(self, bounty: bytes, groups: Mapping[int, DataGroup] | None = None) -> BoughtModel:
        """The model that was won, once its key was revealed: decrypted, and held against the listing.

        Args:
            groups: data by number of the group in the bounty's set, on which the weights are tried.

        Raises:
            NotReadyError: the key is not revealed.
            ProofError: the row does not open to what was proven.
        """
        record = self._models.bounty(bounty)
        revealed = self._models.won_key(bounty)
        if record.stage is not BountyStage.SOLD or revealed is None:
            raise NotReadyError(f"no key was revealed: the bounty's stage is {record.stage.name.lower()}")
        purchase = self._state.purchases.find(record.offer)
        if purchase.public != record.public:
            raise UnknownError("another offer was locked than was taken here; see who else signs for this account")
        seen = check_listing(self._models, self._parameters, purchase.listing, groups or {})
        place = self._place(purchase.listing)
        return opened_model(self._parameters, seen, place, purchase, revealed, groups or {})

    def _place(self, listing: bytes) -> SwapPlace:
        return SwapPlace(self._models.bounties_deployment, listing, self.address)

    @property
    def _market(self) -> MarketId:
        return self._models.bounties_market
