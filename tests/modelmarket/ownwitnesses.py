"""A committee whose members' keys are all here: for tests of what is done with receipts, not of who gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuits.errors import InvalidInputError
from circuits.terms import MarketId
from commons.chain.modeldecoding import coordinates
from commons.chain.modelfacts import BountyRecord
from commons.protocol.bountydraws import HiddenGroup
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt
from commons.storage.accounts import Signer
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import CheckedListing
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.swapping import SwapPlace, checked_row, require_offered
from gradroll.modelmarket.witnesses import Receipts, StandingOffer, require_as_shown


class OwnWitnesses:
    """Members whose keys are in this process, and who ask no server.

    Args:
        market: the contract of bounties.
        members: their keys, by index.
        parameters: what they check with.
    """

    def __init__(self, market: MarketId, members: Mapping[int, Signer], parameters: ModelParameters) -> None:
        self._market, self._members, self._parameters = market, members, parameters

    def of_data(
        self,
        bounty: BountyRecord,
        stage: int,
        leaves: Sequence[bytes],
        groups: Mapping[int, tuple[HiddenGroup, DataGroup]],
    ) -> Receipts:
        """Receipts of all members; see ``Witnesses``.  Raises InvalidInputError for other data."""
        for index, (hidden, data) in groups.items():
            if leaves[index] != hidden.leaf:
                raise InvalidInputError(f"group {index} is none that was committed to; name the right groups")
            require_as_shown(index, hidden, data, bounty.terms.feature_bound)
        receipt = DatasetReceipt(bounty.bounty, stage, {index: hidden for index, (hidden, _) in groups.items()})
        return self._signed(receipt.digest(self._market.domain))

    def of_offer(self, bounty: BountyRecord, winner: CheckedListing, offer: StandingOffer) -> Receipts:
        """Receipts of all members; see ``Witnesses``.  Raises ProofError for an offer that does not hold."""
        place = SwapPlace(self._market.deployment, offer.listing, bounty.owner)
        checked = checked_row(self._parameters, place, winner.record.model, winner.size, offer.row)
        require_offered(checked, offer.digest, offer.public, offer.blinding)
        key = coordinates(offer.public)
        said = BountyOffer(bounty.bounty, offer.listing, key, offer.digest)
        return self._signed(said.receipt_digest(self._market.domain))

    def _signed(self, digest: bytes) -> Receipts:
        return [(index, key.sign(digest)) for index, key in sorted(self._members.items())]
