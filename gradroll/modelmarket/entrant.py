"""The SDK of who enters a bounty: enter a listed model, offer it when it wins, reveal its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from circuits.accuracy.inference import Int64Array, largest_before
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import ClosedError, NotReadyError, RuleViolationError, StorageError
from circuits.terms import MarketId
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import Progress, silent
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import BountyEntry, BountyRecord, BountyStage, LockedOffer
from commons.protocol.blindings import seal_blinding
from commons.protocol.modelofferings import BountyOffer
from commons.runtime.amounts import checksum, utc
from commons.storage.files import write_durably
from gradroll.modelmarket.anchors import bounty_of_most, close_and_pin, is_over
from gradroll.modelmarket.datafetching import fetch_shown
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import CheckedListing, check_listing
from gradroll.modelmarket.offerfiles import VERSION, BountyOfferFile, OfferRequest
from gradroll.modelmarket.offertransfers import row_name
from gradroll.modelmarket.prospects import require_likely, require_winnable
from gradroll.modelmarket.revealing import REVEAL_MARGIN, let_leave, require_time_to_reveal
from gradroll.modelmarket.seller import Seller
from gradroll.modelmarket.swapping import SwapPlace, row_bytes
from gradroll.modelmarket.witnesses import StandingOffer, Witnesses


class Entrant(Seller):
    """A seller that enters bounties; the arguments are those of ``Seller``."""

    def enter(
        self, bounty: bytes, listing: bytes, margin: int = REVEAL_MARGIN, *, unprovable: bool = False,
        measured_on: Sequence[DataGroup] = (),
    ) -> int:  # fmt: skip
        """Enter a listing of this account, unless it is; stakes the bond.  Returns the entry's number.

        Args:
            margin: as of ``reveal``.
            unprovable: enter also where tests within the bounty's bound could make the model impossible to prove.
            measured_on: groups such as those that were shown for training; a model that would be below the threshold
                on tests like these is not entered.

        Raises:
            ClosedError: the bounty takes no entries now.
            RuleViolationError: the listing is another's, or on another set, a bounty's terms would cost its winner the
                bond, nobody can reach its threshold, or the model would not.
        """
        found = self._entry_of(bounty, listing)
        if found is not None:
            return found
        record = bounty_of_most(self._models, bounty)
        own = self._own(listing)
        if own.terms.set_id != record.set_id or own.terms.verifier != record.terms.verifier:
            raise RuleViolationError(
                "the listing is on another set, or under another verifier, than the bounty; list the model on the set "
                f"0x{record.set_id.hex()} under {checksum(record.terms.verifier)}"
            )
        if record.stage is not BountyStage.ENTERING or is_over(self._models, record):
            raise ClosedError("the bounty takes no entries now; see gradroll bounty show")
        require_time_to_reveal(record.terms.key_window, margin, "the bounty")
        size = self._class_of(own.terms.verifier)
        require_winnable(size, record.terms)
        weights = self._row(own.model).weights
        if not unprovable:
            _require_provable(size, weights, record.terms.feature_bound)
        require_likely(size, weights, record.terms, measured_on)
        self._chain.enter(bounty, listing)
        entered = self._entry_of(bounty, listing)
        if entered is None:
            raise NotReadyError("the node does not show the entry yet; run the command again, it pays once")
        return entered

    def pin(self, bounty: bytes) -> BountyRecord:
        """End a bounty's entries when their window is over, and pin the hash for its draw; returns the bounty.

        Entrants do it in time, so that the owner, who alone can draw, draws with this hash or pays for its silence.
        Raises NotReadyError before there is anything to be done.
        """
        return close_and_pin(self._chain, bounty)

    def fetch_data(
        self, store: BlockStore, bounty: bytes, directory: Path, root: Cid | None = None, progress: Progress = silent
    ) -> dict[int, Path]:
        """The data that a bounty's owner showed, from a store, into a directory; see ``fetch_shown``."""
        return fetch_shown(self._models, self._parameters, store, bounty, directory, root, progress)

    def offer_to_owner(self, bounty: bytes, request: OfferRequest, row_file: Path) -> BountyOfferFile:
        """Seal a model that wins to the bounty's owner, and sign the offer; writes the sealed row to a file.

        Args:
            request: the owner's, signed, for this listing at the contract of bounties.

        Raises:
            NotReadyError: this account's entry does not win at present.
            InvalidInputError, SignatureError: the request is not the owner's.
        """
        market = self._bounties_market
        request.require_sound(market)
        record, entry = self._winning(bounty)
        if request.buyer != record.owner or request.listing != entry.listing:
            raise RuleViolationError(
                f"the request is not the one of the bounty's owner {checksum(record.owner)} for the listing that won"
            )
        place = SwapPlace(market.deployment, entry.listing, record.owner)
        model = self._models.listing(entry.listing).model
        made, size = self._seal(place, model, row_file)
        sealed = seal_blinding(request.key, made.blinding, market.domain, entry.listing, made.public)
        unsigned = BountyOfferFile(
            VERSION, market.chain_id, market.address, bounty, entry.listing, made.public, made.offer,
            row_name(row_file), size, sealed, b"",
        )  # fmt: skip
        return replace(unsigned, signature=self._chain.sign_message(unsigned.message(market)))

    def stand_in(self, bounty: bytes, witnesses: Witnesses, row_file: Path) -> None:
        """Have a quorum check this account's winning offer in the place of an owner that locks none, and lock it.

        Members are told x with it, and hand it on to the owner.  The model is sealed once, and kept: members that are
        asked again get the same bytes, and keep one row.  Raises as ``offer_to_owner``; UnavailableError.

        Args:
            row_file: that the sealed row is written to, unless it is there.
        """
        record, entry = self._winning(bounty)
        winner = check_listing(self._models, self._parameters, entry.listing, {})
        offer = self._standing(record, winner)
        encoded = row_bytes(offer.row, winner.size.weights)
        if not (row_file.exists() and row_bytes(row_file, winner.size.weights) == encoded):
            write_durably(row_file, encoded, replace=False)
        self._chain.lock_by_receipts(bounty, offer.public, offer.digest, witnesses.of_offer(record, winner, offer))

    def _standing(self, record: BountyRecord, winner: CheckedListing) -> StandingOffer:
        """The offer that members are shown: the one that was made before, or a new one, which is kept."""
        listing, model = winner.record.listing, winner.record.model
        kept = self._state.standing(record.bounty, listing)
        place = SwapPlace(self._models.bounties_deployment, listing, record.owner)
        try:
            made, _ = self._seal(place, model, kept)
        except StorageError:
            if not kept.exists():
                raise
            row_bytes(kept, winner.size.weights)  # raises where it cannot be read now: it may be whole
            kept.unlink()  # damaged, or its key is lost: nobody can be sold what is in it
            made, _ = self._seal(place, model, kept)
        said = BountyOffer(record.bounty, listing, coordinates(made.public), made.offer)
        signature = self._chain.sign_message(said.message(self._bounties_market.domain))
        return StandingOffer(listing, made.public, made.offer, made.blinding, signature, kept)

    def reveal_won(self, bounty: bytes, margin: int = REVEAL_MARGIN) -> None:
        """Reveal the key of an offer that was locked, once the lock is final and while there is time.

        Raises as ``Seller.reveal``.
        """
        locked = self._final_lock(bounty)
        record, entry = self._models.bounty(bounty), self._models.entry(bounty, locked.entry)
        made = self._state.book.find(locked.public)
        same = (made.listing, made.buyer, made.offer) == (entry.listing, record.owner, locked.offer)
        if not same or entry.seller != self.address:
            raise RuleViolationError(
                "what was locked under this key is not what was offered under it: the key is not revealed; look at the "
                "offers, and at who else signs for this account"
            )
        let_leave(self._state.book, self._models.chain, made, locked.deadline, margin)
        self._chain.reveal_won_key(bounty, made.revealed)

    def step_down(self, bounty: bytes, listing: bytes) -> None:
        """Leave with the bond of an entry that does not win at present."""
        entry = self._entry_of(bounty, listing)
        if entry is None:
            raise RuleViolationError("the listing is not entered in this bounty; name the one that is")
        self._chain.step_down(bounty, entry)

    def _final_lock(self, bounty: bytes) -> LockedOffer:
        def ask() -> LockedOffer | None:
            locked = self._models.offer_locked(bounty, self._depth)
            record = self._models.bounty(bounty)
            now = record.stage is BountyStage.LOCKED and locked is not None and record.public == locked.public
            return locked if now else None

        found = self._models.chain.most(ask)
        if found is None:
            raise NotReadyError(
                f"no lock of an offer in this bounty is vouched for by {self._depth} blocks now; come back when some "
                "more have passed (models.confirmations), or see gradroll bounty show"
            )
        return found

    def _winning(self, bounty: bytes) -> tuple[BountyRecord, BountyEntry]:
        record = self._models.bounty(bounty)
        if record.stage is BountyStage.SELLING:
            entry = self._models.entry(bounty, record.winner)
            if entry.seller == self.address and self._models.chain.now() <= record.deadline:
                return record, entry
        raise NotReadyError(
            f"no entry of this account wins at present; the stage is {record.stage.name.lower()}, until "
            f"{utc(record.deadline)}"
        )

    def _entry_of(self, bounty: bytes, listing: bytes) -> int | None:
        entries = self._models.entries(bounty)
        return next((at for at, entry in enumerate(entries) if entry.listing == listing), None)

    @property
    def _bounties_market(self) -> MarketId:
        return self._models.bounties_market


def _require_provable(size: SizeClass, weights: Int64Array, bound: int) -> None:
    """Raise RuleViolationError where an owner could choose tests on which the model cannot be proven."""
    largest = largest_before(size, weights, bound)
    if largest >= size.hidden_limit:
        raise RuleViolationError(
            f"the bounty's tests may have features of {bound}, and with such ones hidden values of the model reach "
            f"{largest}, of which those from {size.hidden_limit} cannot be proven: it would lose the bond; "
            "quantise it with a smaller scale of the first layer, or take the risk (--unprovable)"
        )
