"""Transactions of the contract of sales: bonds, locks, reveals, refunds, and what it owes."""

from __future__ import annotations

from commons.chain import calldata
from commons.chain.account import SMALL
from commons.chain.calldata import SALES
from commons.chain.mined import Mined
from commons.chain.modelaccount import ModelAccount
from commons.chain.modelfacts import LockedSale, offer_words
from commons.protocol.modelofferings import SaleOffer

_REVEAL = 300_000
"""Gas limit of a reveal, which no node estimates: of one with four royalties."""


class SalesAccount(ModelAccount):
    """An account that sells listed models, or buys them."""

    def deposit_bond(self, listing: bytes, amount: int) -> Mined:
        """Add to the bond of a listing; it becomes the seller's."""
        value = self.value_of(self.models.listing(listing).terms.token, amount, self.models.places.sales)
        return self._sales("depositBond", listing, amount, value=value)

    def withdraw_listing_bond(self, listing: bytes, amount: int, to: bytes | None = None) -> Mined:
        """Take back what no open sale needs, to this account if no other is named."""
        return self._sales("withdrawBond", listing, amount, to or self.address)

    def lock(self, offer: SaleOffer, token: bytes, signature: bytes) -> Mined:
        """Lock the price under an offer's key.

        Args:
            token: of the price.
            signature: the seller's, 65 bytes, or what its contract takes.
        """
        value = self.value_of(token, offer.price, self.models.places.sales)
        return self._sales("lock", offer_words(offer), signature, value=value)

    def reveal_key(self, sale: LockedSale, key: int) -> Mined:
        """Reveal k': the price is the seller's, and the sealed row the buyer's."""
        return self._sales("reveal", sale.words, key, gas=_REVEAL, secret=True)

    def refund(self, sale: LockedSale) -> Mined:
        """Have price and bond credited to the buyer after the deadline; any account may."""
        return self._sales("refund", sale.words)

    def collect_from(self, place: bytes, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit paid out by ``places.sales`` or ``places.bounties``; returns the amount.

        Nothing is sent where nothing is owed.
        """
        amount = self.models.owed(place, token, self.address)
        if amount:
            data = calldata.call(SALES, "collect", token, self.address, to or self.address)
            self._sender.send(place, data, gas=SMALL, repeatable=True)
        return amount

    def _sales(self, name: str, *arguments: object, gas: int = SMALL, value: int = 0, secret: bool = False) -> Mined:
        data = calldata.call(SALES, name, *arguments)
        return self._sender.send(self.models.places.sales, data, gas=gas, value=value, secret=secret)
