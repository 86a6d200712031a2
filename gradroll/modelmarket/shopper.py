"""The SDK of a buyer: ask for an offer, check everything, lock the price, open the model, or take the money back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ClosedError, InvalidInputError, NotReadyError, ProofError, UnknownError
from circuits.terms import MarketId
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from commons.artifacts.transfers import Progress, silent
from commons.chain.modelfacts import ListingQuote, LockedSale, SaleStatus
from commons.chain.modelwriter import ModelWriter
from commons.protocol.blindings import open_blinding
from commons.protocol.modelofferings import sale_id
from commons.protocol.signing import signs
from commons.runtime.amounts import utc
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import BoughtModel, CheckedListing, check_listing, opened_model
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.offerfiles import VERSION, OfferFile, OfferRequest, read_offer
from gradroll.modelmarket.offertransfers import fetch_offer_file, fetch_row
from gradroll.modelmarket.purchases import Purchase
from gradroll.modelmarket.swapping import SwapPlace, checked_row, require_offered

MOST_SECONDS = 30 * 86_400
"""A lock's deadline is no farther away."""


@dataclass(frozen=True, slots=True)
class CheckedOffer:
    """An offer that may be paid for."""

    listing: CheckedListing
    offer: OfferFile
    quote: ListingQuote
    sale: bytes


class Shopper:
    """A buyer's account at one model market.  Every method raises ChainError when market or node refuse.

    Args:
        chain: sends this account's transactions.
        parameters: keys, the reference string.
        state: what this buyer keeps; it holds secrets.
    """

    def __init__(self, chain: ModelWriter, parameters: ModelParameters, state: ModelState) -> None:
        self._chain, self._models = chain, chain.models
        self._parameters, self._state = parameters, state

    @property
    def address(self) -> bytes:
        """The buyer's 20-byte address."""
        return self._chain.address

    def request(self, listing: bytes) -> OfferRequest:
        """A signed request for an offer of a listing.  Raises UnknownError for a listing that is not there."""
        self._models.listing(listing)
        market, key = self.market, self._state.purchases.public_key()
        unsigned = OfferRequest(VERSION, market.chain_id, market.address, listing, self.address, key, b"")
        signature = self._chain.sign_message(unsigned.message(market))
        return OfferRequest(VERSION, market.chain_id, market.address, listing, self.address, key, signature)

    def look(self, listing: bytes, groups: Mapping[int, DataGroup] | None = None) -> CheckedListing:
        """A listing, checked as ``check_listing`` does; ``groups``: data by number of the group."""
        return check_listing(self._models, self._parameters, listing, groups or {})

    def fetch(self, store: BlockStore, root: Cid) -> OfferFile:
        """An offer from a store that is not believed; ``root`` is what its seller calls it.

        Raises:
            InvalidInputError: it is no offer, or one at another market.
            UnknownError, ProofError, UnavailableError, StorageError: of the store.
        """
        offer = read_offer(fetch_offer_file(store, root, self._state.directory))
        offer.require_sound(self.market)
        return offer

    def fetch_row(self, store: BlockStore, offer: OfferFile, progress: Progress = silent) -> Path:
        """The sealed row of an offer, below the state directory; the same call goes on where a break stopped it.

        Raises:
            InvalidInputError: it is not of the listing's class.
            UnknownError, ProofError, UnavailableError, StorageError: of the store.
        """
        record = self._models.listing(offer.listing)
        size = self._parameters.class_of(self._models.verifier(record.terms.verifier))
        return fetch_row(store, offer.row, size, self._state.directory, progress)

    def check(
        self, offer: OfferFile, row: Path, groups: Mapping[int, DataGroup], *, unseen: frozenset[int] = frozenset()
    ) -> CheckedOffer:
        """Check all of an offer, before any money moves.

        Args:
            row: file of the sealed row.
            groups: data of the listing's set, by number of the group.
            unseen: numbers of groups whose data this buyer takes on the word of whoever registered them.

        Raises:
            InvalidInputError: the offer is for somebody else, or data are missing or others.
            NotReadyError: not all groups are proven.
            ClosedError: price or deadline do not fit any more, or the offer was used.
            ProofError, SignatureError, WireError: the offer does not hold; do not pay.
        """
        market = self.market
        offer.require_sound(market)
        if offer.buyer != self.address:
            raise InvalidInputError("the offer is for another account; use the one that asked for it, or ask again")
        seen = self.look(offer.listing, groups)
        missing = set(range(len(seen.set_record.hashes))) - seen.recomputed - unseen
        if missing:
            raise InvalidInputError(
                f"the data of group {min(missing)} of the set are not at hand, so nobody here knows what the model was "
                "tested on; name their files, or say that you take them unseen"
            )
        if seen.price is None:
            raise NotReadyError("the listing is not proven on all groups of its set yet; wait for its seller's proofs")
        quote = self._models.quote(offer.listing)
        self._check_terms(offer, seen, quote)
        blinding = open_blinding(
            self._state.purchases.key(), offer.blinding, market.domain, offer.listing, offer.public
        )
        checked = checked_row(self._parameters, self._place(offer), seen.record.model, seen.size, row)
        require_offered(checked, offer.offer, offer.public, blinding)
        self._state.purchases.add(Purchase(offer.listing, offer.offer, offer.public, blinding, row.absolute()))
        return CheckedOffer(seen, offer, quote, sale_id(seen.record.seller, offer.key))

    def _check_terms(self, offer: OfferFile, seen: CheckedListing, quote: ListingQuote) -> None:
        """What the contract would refuse, before gas is paid for it, and what it would not."""
        record = seen.record
        bound = record.seller, record.terms.token, record.terms.bond, record.terms.reveal_window
        if (quote.seller, quote.token, quote.bond, quote.reveal_window) != bound:
            raise ProofError("the node quotes other terms than the listing's identifier binds; use another node")
        if not offer.price == quote.price == seen.price:
            raise ClosedError(
                f"the offer is for {offer.price}, and the listing's price is {quote.price} by its contract and "
                f"{seen.price} by its score; ask the seller for another offer"
            )
        now = self._models.chain.now()
        if not now + quote.reveal_window <= offer.deadline <= now + MOST_SECONDS:
            raise ClosedError(
                f"the offer's deadline, {utc(offer.deadline)}, is too near or too far for a lock now; ask the seller "
                "for another offer"
            )
        plain = not self._models.chain.rpc.code(quote.seller)
        if plain and not signs(quote.seller, offer.terms.digest(self.market.domain), offer.signature):
            raise ProofError("the listing's seller did not sign this offer: pay nothing, whoever sent it lies")

    def buy(self, checked: CheckedOffer) -> bytes:
        """Lock the price of an offer that was checked; returns the sale.  An offer that is locked is not paid twice."""
        if self._models.sale_status(checked.sale) is SaleStatus.UNKNOWN:
            self._chain.lock(checked.offer.terms, checked.quote.token, checked.offer.signature)
        locked = self._locked(checked.sale)
        if locked.offer.buyer != self.address or locked.offer.offer != checked.offer.offer:
            raise ClosedError("this key was locked for another offer; nothing was paid, ask the seller for another one")
        return checked.sale

    def open(self, sale: bytes, groups: Mapping[int, DataGroup] | None = None) -> BoughtModel:
        """The model of a sale, once its key was revealed: decrypted, and held against the listing.

        Args:
            groups: data by number of the group, on which the weights are tried.

        Raises:
            NotReadyError: the key is not revealed yet.
            ProofError: the row does not open to what was proven.
        """
        locked = self._locked(sale)
        purchase = self._state.purchases.find(locked.offer.offer)
        revealed = self._models.revealed_key(sale)
        if revealed is None:
            raise NotReadyError(
                f"the seller has not revealed the key; it has until {utc(locked.offer.deadline)}, and afterwards the "
                "money comes back (gradroll model refund)"
            )
        seen = self.look(locked.offer.listing, groups)
        return opened_model(
            self._parameters, seen, SwapPlace(self._models.sales_deployment, seen.record.listing, self.address),
            purchase, revealed, groups or {},
        )  # fmt: skip

    def refund(self, sale: bytes) -> LockedSale:
        """Have price and bond of a sale credited to its buyer, after the deadline.

        Raises:
            NotReadyError: the seller may still reveal.
            ClosedError: the sale is over.
        """
        locked = self._locked(sale)
        if self._models.sale_status(sale) is not SaleStatus.OPEN:
            raise ClosedError("the sale is over: the key was revealed, or the money was given back")
        if self._models.chain.now() <= locked.offer.deadline:
            raise NotReadyError(f"the seller may reveal until {utc(locked.offer.deadline)}; come back after that")
        self._chain.refund(locked)
        return locked

    def listing_of(self, sale: bytes) -> bytes:
        """The listing that a sale is of.  Raises UnknownError."""
        return self._locked(sale).offer.listing

    def _locked(self, sale: bytes) -> LockedSale:
        locked = self._models.locked(sale)
        if locked is None or locked.sale != sale:
            raise UnknownError(f"no sale 0x{sale.hex()} was locked; check its identifier, and the market")
        return locked

    def _place(self, offer: OfferFile) -> SwapPlace:
        return SwapPlace(self._models.sales_deployment, offer.listing, offer.buyer)

    @property
    def market(self) -> MarketId:
        """The contract of sales, under which requests and offers are signed."""
        return MarketId(self._models.chain.chain_id, self._models.places.sales, self._models.sales_deployment)
