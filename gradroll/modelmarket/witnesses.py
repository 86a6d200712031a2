"""Receipts of a committee: who asks its members for them, and how members of this process give theirs.

A member signs what it has checked itself, and nothing else: that data are what their hashes and a bounty's terms say,
or that a sealed row opens to a committed model under the key that the chain gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

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
from native import G1

Receipts = list[tuple[int, bytes]]
"""Members by index, with their 65-byte signatures."""


@dataclass(frozen=True, slots=True)
class StandingOffer:
    """A winner's offer, as a committee is shown it in the place of a bounty's owner.

    Attributes:
        public: K'.
        digest: of the sealed row.
        blinding: x, which members hand on to the owner.
        signature: the winner's over its ``BountyOffer``: 65 bytes, or what a contract takes (ERC-1271).
        row: file of the sealed row.
    """

    listing: bytes
    public: G1
    digest: bytes
    blinding: int = field(repr=False)
    signature: bytes
    row: Path


class Witnesses(Protocol):
    """A bounty's committee, asked for receipts."""

    def of_data(
        self,
        bounty: BountyRecord,
        stage: int,
        leaves: Sequence[bytes],
        groups: Mapping[int, tuple[HiddenGroup, DataGroup]],
    ) -> Receipts:
        """A quorum's receipts that its members hold data.  Raises UnavailableError where too few give one."""

    def of_offer(self, bounty: BountyRecord, winner: CheckedListing, offer: StandingOffer) -> Receipts:
        """A quorum's receipts that its members checked an offer.  Raises UnavailableError."""


class OwnWitnesses:
    """Members whose keys are in this process: in a demo, or in a test.

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


def require_as_shown(index: int, hidden: HiddenGroup, data: DataGroup, bound: int) -> None:
    """Raise InvalidInputError unless data are those that were committed to, within a bounty's bound."""
    shown = (hidden.samples, hidden.group_hash, hidden.file_digest)
    if shown != (data.samples, data.hash, data.file_digest):
        raise InvalidInputError(
            f"the data of group {index} are not those that were committed to; name the file as it was then"
        )
    data.require_bound(bound)
