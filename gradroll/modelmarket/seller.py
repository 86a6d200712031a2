"""The SDK of a seller: commit to a model, list it, prove what it does, offer it to a buyer, reveal the key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.accuracy.accuracyproof import AccuracyStatement, prove_accuracy, verify_accuracy
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.accuracy.roundingproof import RoundingStatement, error_row, prove_rounding, verify_rounding
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import (
    ChainError,
    ClosedError,
    InvalidInputError,
    KeyMismatchError,
    NotReadyError,
    RuleViolationError,
)
from circuits.hashing import keccak
from circuits.terms import ETHER, MarketId
from commons.chain.modelfacts import MOST_REVEAL_WINDOW, ListingRecord, ListingTerms, LockedSale, SaleStatus
from commons.chain.modelwriter import ModelWriter
from commons.protocol.blindings import seal_blinding
from commons.runtime.amounts import checksum, utc
from commons.settings.values import Depth
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.lineages import Derived
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.modelstate import ModelState
from gradroll.modelmarket.modelvault import KeptModel
from gradroll.modelmarket.offerbook import MadeOffer
from gradroll.modelmarket.offerfiles import VERSION, OfferFile, OfferRequest
from gradroll.modelmarket.offersealing import sealed_offer
from gradroll.modelmarket.offertransfers import row_name
from gradroll.modelmarket.openingledger import Opening
from gradroll.modelmarket.revealing import REVEAL_MARGIN, let_leave, require_time_to_reveal
from gradroll.modelmarket.swapping import SwapPlace
from native import G1, R


@dataclass(frozen=True, slots=True)
class ProvenGroup:
    """What came of a proof.

    Attributes:
        correct: right answers that were proven.
        left: openings of the commitment that are left.
        sent: whether it was sent now; false where the registry had it.
    """

    group: int
    correct: int
    samples: int
    left: int
    sent: bool


class Seller:
    """A seller's account at one model market.  Every method raises ChainError when market or node refuse.

    Args:
        chain: sends this account's transactions.
        parameters: keys, the reference string.
        state: what this seller keeps; it holds secrets.
        depth: blocks that must vouch for a lock before its key is revealed.
    """

    def __init__(self, chain: ModelWriter, parameters: ModelParameters, state: ModelState, depth: Depth) -> None:
        self._chain, self._models = chain, chain.models
        self._parameters, self._state, self._depth = parameters, state, depth

    @property
    def address(self) -> bytes:
        """The seller's 20-byte address."""
        return self._chain.address

    @property
    def account(self) -> ModelWriter:
        """What sends this account's transactions."""
        return self._chain

    def commit(self, weights: npt.NDArray[np.int64], size: SizeClass) -> G1:
        """Commit to a model; see ``commit_model``."""
        return commit_model(self._parameters, self._state, weights, size)

    def list_model(self, model: G1, terms: ListingTerms, nonce: int = 0) -> bytes:
        """List a model that was committed to here; returns the listing's identifier.

        Raises:
            UnknownError: the model is not here.
            KeyMismatchError: it is of another class than the verifier proves, or the verifier is not the operator's.
            InvalidInputError: nobody could buy it: what is to be paid in is no token, or the reveal window is too long.
        """
        self._require_sellable(terms)
        kept, size = self._state.vault.load(model), self._class_of(terms.verifier)
        if len(kept.weights) != size.weights:
            raise KeyMismatchError(
                f"the model has {len(kept.weights)} weights, and the verifier {checksum(terms.verifier)} is for class "
                f"{size.name} with {size.weights}; name the verifier of the model's class"
            )
        return self._chain.list_model(terms, model, nonce)

    def _require_sellable(self, terms: ListingTerms) -> None:
        if terms.token != ETHER and not self._models.chain.tokens.is_token(terms.token):
            raise InvalidInputError(f"there is no token at {checksum(terms.token)} on this chain; correct --token")
        if not 0 < terms.reveal_window <= MOST_REVEAL_WINDOW:
            raise InvalidInputError(
                f"a reveal window is 1 to {MOST_REVEAL_WINDOW} seconds, not {terms.reveal_window}: a lock's deadline "
                "lies 30 days ahead at the most, and the buyer needs time to lock; correct --reveal-window"
            )

    def prove(self, listing: bytes, groups: Mapping[int, DataGroup]) -> list[ProvenGroup]:
        """Prove what a listed model of this seller does on groups of its set, and have it counted.

        A proof is kept before it is sent and counted before it leaves: the same call goes on after an interruption, and
        opens nothing twice.

        Args:
            groups: data by number of the group.

        Raises:
            InvalidInputError: the data are not the group's, or cannot be proven; the message names the sample.
            RuleViolationError: the commitment was opened as often as its tail hides.
        """
        record = self._own(listing)
        return [self._prove(record, number, data) for number, data in sorted(groups.items())]

    def _prove(self, record: ListingRecord, number: int, data: DataGroup) -> ProvenGroup:
        hashes = self._models.set_of(record.terms.set_id).hashes
        if not 0 <= number < len(hashes) or hashes[number] != data.hash:
            raise InvalidInputError(
                f"the data are not group {number} of the listing's set, whose hash is another; name the right file"
            )
        opened = self._opened(record.model)
        if number in self._models.score(record.listing).proven:
            left = self._left(record.model, opened)
            return ProvenGroup(number, -1, data.samples, left, sent=False)
        proof = self._proof(record, number, data, opened)
        digest = keccak(proof.encode())
        opening = Opening(self._models.deployment, record.listing, f"group {number}", digest)
        left = self._state.ledger.enter(record.model, opening, opened, self._landed)
        self._chain.prove(record.listing, number, data.samples, data.commitments, proof)
        return ProvenGroup(number, proof.correct, data.samples, left, sent=True)

    def _proof(self, record: ListingRecord, number: int, data: DataGroup, opened: int) -> AccuracyProof:
        """The proof of a group: the one that was made before, or a new one, which is kept."""
        verifier = self._models.verifier(record.terms.verifier)
        size = self._class_of(record.terms.verifier)
        statement = AccuracyStatement(record.listing, record.model, data.commitments)
        name = f"{record.listing.hex()}-{number}"
        kept = self._state.proof(name)
        if kept is not None:
            proof = AccuracyProof.decode(kept)
        else:
            self._require_openable(record.model, opened)
            row = self._row(record.model)
            key = self._parameters.accuracy_key(size)
            proof = prove_accuracy(key, self._parameters.srs, statement, row, data.chunks(size), _draw)
        verify_accuracy(verifier.key, statement, proof)  # what the contract would refuse never leaves
        if kept is None:
            self._state.keep_proof(name, proof.encode())
        return proof

    def prove_lineage(self, listing: bytes, verifier: bytes, derived: Derived) -> int:
        """Show that a listed model of this seller is a row that follows from rounds, rounded; returns what is left.

        It opens C_M once, as each proof does: kept before it is sent, and counted before it leaves.

        Args:
            verifier: rounding verifier for models of so many weights.

        Raises:
            InvalidInputError: the model is not the one that the row is rounded to.
            RuleViolationError: the commitment was opened as often as its tail hides.
        """
        record, own = self._own(listing), self._models.verifier(verifier)
        row = self._row(record.model)
        self._parameters.require_rounding(own, len(row.weights))
        opened = self._opened(record.model)
        if self._models.lineage(listing) is not None:
            return self._left(record.model, opened)
        error = error_row(derived.row, row)
        lineage = derived.statement.digest(self._models.chain.market)
        difference = self._models.difference(listing, derived.statement)
        if error.commit(self._parameters.commitment_key(len(row.weights))) != difference:
            raise InvalidInputError("the row is not the one that follows from the chain's rounds; derive it again")
        statement = RoundingStatement(listing, lineage, difference)
        name = f"{listing.hex()}-lineage-{keccak(lineage + difference).hex()[:32]}"  # another one is another proof
        kept = self._state.proof(name)
        if kept is not None:
            proof = RoundingProof.decode(kept)
        else:
            self._require_openable(record.model, opened)
            key = self._parameters.rounding_key(len(row.weights))
            proof = prove_rounding(key, self._parameters.srs, statement, error, _draw)
        verify_rounding(own.key, statement, proof)  # what the contract would refuse never leaves
        if kept is None:
            self._state.keep_proof(name, proof.encode())
        opening = Opening(self._models.deployment, listing, "lineage", keccak(proof.encode()))
        left = self._state.ledger.enter(record.model, opening, opened, self._landed)
        self._chain.prove_lineage(listing, verifier, derived.statement, proof)
        return left

    def left(self, model: G1) -> int:
        """How many openings of a commitment are left, as far as this ledger and the chain know."""
        return self._left(model, self._opened(model))

    def _opened(self, model: G1) -> int:
        """Openings of a commitment that the registry counted in this seller's listings, by most nodes.

        What a ledger that was restored from an old backup lacks is in no other place, so it is no single node's word.
        """
        opened = self._models.chain.most(lambda: self._models.openings(self.address, model))
        if opened is None:
            raise ChainError("most nodes do not tell how often this model was opened; wait for them")
        return opened

    def _left(self, model: G1, opened: int) -> int:
        return self._state.ledger.left(model, self._models.deployment, opened, self._landed)

    def _require_openable(self, model: G1, opened: int) -> None:
        """Raise RuleViolationError where no proof may be made: one that is not made is in no file and no backup."""
        self._state.ledger.require_left(model, self._models.deployment, opened, self._landed)

    def _landed(self, opening: Opening) -> bool:
        """Whether the registry counted a proof of this ledger."""
        if opening.subject == "lineage":
            return self._models.lineage(opening.listing) is not None
        group = int(opening.subject.removeprefix("group "))
        return group in self._models.score(opening.listing).proven

    def deposit_bond(self, listing: bytes, amount: int) -> None:
        """Add to the bond of a listing of this seller, of which each open sale stakes a part."""
        self._own(listing)
        self._chain.deposit_bond(listing, amount)

    def offer(self, request: OfferRequest, deadline: int, row_file: Path, margin: int = REVEAL_MARGIN) -> OfferFile:
        """Seal a listed model to a buyer under a fresh key, and sign the offer; writes the sealed row to a file.

        With the file of an offer that was interrupted before it was signed, the same call goes on: the row and its key
        stay what they are.

        Args:
            request: the buyer's, signed.
            deadline: last second of the chain's time for this seller to reveal.
            margin: as of ``reveal``.

        Raises:
            RuleViolationError: a buyer could lock so late that no key would be revealed.
            InvalidInputError, SignatureError: the request is for somebody else, or not the buyer's.
            NotReadyError: the deadline is nearer than the listing's window, or the bond is staked elsewhere.
            StorageError: the file is there and is another one, or cannot be written.
        """
        market = self._market
        request.require_sound(market)
        record = self._own(request.listing)
        quote = self._models.quote(request.listing)
        require_time_to_reveal(quote.reveal_window, margin, "the listing")
        self._require_bond(request.listing, quote.bond)
        if deadline < self._models.chain.now() + quote.reveal_window:
            raise InvalidInputError(
                f"the deadline {utc(deadline)} is nearer than the {quote.reveal_window} seconds that the listing "
                "leaves its seller; name a later one"
            )
        place = SwapPlace(self._models.sales_deployment, request.listing, request.buyer)
        made, size = self._seal(place, record.model, row_file)
        unsigned = OfferFile(
            VERSION, market.chain_id, market.address, request.listing, request.buyer, made.public, made.offer,
            quote.price, deadline, row_name(row_file), size,
            seal_blinding(request.key, made.blinding, market.domain, request.listing, made.public), b"",
        )  # fmt: skip
        return replace(unsigned, signature=self._chain.sign_message(unsigned.message(market)))

    def _seal(self, place: SwapPlace, model: G1, row_file: Path) -> tuple[MadeOffer, int]:
        """Seal a row into a file, or go on with one that is there (``sealed_offer``); the offer, and its size."""
        return sealed_offer(self._parameters, self._state.book, place, model, self._row(model), row_file)

    def _require_bond(self, listing: bytes, needed: int) -> None:
        free, _ = self._models.bond_of(listing)
        if free < needed:
            raise NotReadyError(
                f"each open sale of this listing stakes {needed}, and {free} of its bond are free: nobody could lock; "
                "deposit more (gradroll model bond), or wait until other sales are over"
            )

    def reveal(self, sale: bytes, margin: int = REVEAL_MARGIN) -> LockedSale:
        """Reveal the key of a sale, once its lock is final and while there is time; credits the price.

        A key that is revealed in a branch that does not stay, or too late, has told the buyer everything for nothing.
        That it leaves is written down before.  From then on a node may have it that does not pass it on, so the same
        call goes on until the deadline itself.

        Args:
            margin: seconds before the deadline after which no key leaves for the first time.

        Raises:
            UnknownError: the offer was not made here.
            NotReadyError: the lock is not deep enough yet.
            ClosedError: it is too late, or the sale is over.
            RuleViolationError: what was locked is not what was offered here.
        """
        locked = self._final(sale)
        made = self._state.book.find(locked.public)
        same = (made.listing, made.buyer, made.offer) == (
            locked.offer.listing, locked.offer.buyer, locked.offer.offer
        )  # fmt: skip
        if not same or locked.seller != self.address:
            raise RuleViolationError(
                "what was locked under this key is not what was offered under it: the key is not revealed; look at the "
                "offers, and at who else signs for this account"
            )
        let_leave(self._state.book, self._models.chain, made, locked.offer.deadline, margin)
        self._chain.reveal_key(locked, made.revealed)
        return locked

    def locked_sales(self) -> list[LockedSale]:
        """Sales of this account whose key is to be revealed, oldest first.

        Others may lock what they sell under a key that was offered here: a sale is of its seller and the key.
        """
        mine = [sale for sale in self._models.sales_of() if sale.seller == self.address]
        return [sale for sale in mine if self._models.sale_status(sale.sale) is SaleStatus.OPEN]

    def _final(self, sale: bytes) -> LockedSale:
        """A sale that most nodes show as locked, deep enough and open."""

        def ask() -> LockedSale | None:
            locked = self._models.locked(sale, self._depth)
            open_ = self._models.sale_status(sale) is SaleStatus.OPEN
            return locked if locked is not None and locked.sale == sale and open_ else None

        found = self._models.chain.most(ask)
        if found is not None:
            return found
        if self._models.sale_status(sale) is SaleStatus.OVER:
            raise ClosedError("the sale is over: the key was revealed, or the buyer has its money back")
        raise NotReadyError(
            f"no lock of this sale is vouched for by {self._depth} blocks yet; come back when some more have passed "
            "(models.confirmations)"
        )

    def _own(self, listing: bytes) -> ListingRecord:
        record = self._models.listing(listing)
        if record.seller != self.address:
            raise RuleViolationError(
                f"the listing is of {checksum(record.seller)}, not of this account, {checksum(self.address)}; use the "
                "account that listed it"
            )
        return record

    def _class_of(self, verifier: bytes) -> SizeClass:
        return self._parameters.class_of(self._models.verifier(verifier))

    def _row(self, model: G1) -> ModelRow:
        """The row behind a commitment.  Raises KeyMismatchError where the kept one is another's."""
        kept = self._state.vault.load(model)
        row = ModelRow(kept.weights, kept.tail)
        if row.commit(self._parameters.commitment_key(len(kept.weights))) != model:
            raise KeyMismatchError(
                "the kept model does not open the commitment that it is named by: it is damaged, or the reference "
                "string is another; put a copy of it back, or correct keys.srs"
            )
        return row

    @property
    def _market(self) -> MarketId:
        return MarketId(self._models.chain.chain_id, self._models.places.sales, self._models.sales_deployment)


def commit_model(parameters: ModelParameters, state: ModelState, weights: npt.NDArray[np.int64], size: SizeClass) -> G1:
    """Commit to a model under a fresh tail, and keep both; returns C_M.

    Args:
        weights: int64[d] of the class.

    Raises:
        InvalidInputError: another number of weights, or one out of range.
        StorageError: nothing can be kept.
    """
    if weights.shape != (size.weights,):
        raise InvalidInputError(f"a model of class {size.name} has {size.weights} weights, not {weights.shape}")
    row = ModelRow.fresh(np.ascontiguousarray(weights, dtype=np.int64), _draw)
    row.require_range(size.half)
    commitment = row.commit(parameters.commitment_key(size.weights))
    state.vault.add(KeptModel(commitment, size.name, row.weights, row.tail))
    return commitment


def _draw() -> int:
    return secrets.randbelow(R)
