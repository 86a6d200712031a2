"""Receipts of a committee: who asks its members for them.

A member signs what it has checked itself, and nothing else: that data are what their hashes and a bounty's terms say,
or that a sealed row opens to a committed model under the key that the chain gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from circuits.errors import InvalidInputError
from commons.chain.modelfacts import BountyRecord
from commons.protocol.bountydraws import HiddenGroup
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.listingchecks import CheckedListing
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


def require_as_shown(index: int, hidden: HiddenGroup, data: DataGroup, bound: int) -> None:
    """Raise InvalidInputError unless data are those that were committed to, within a bounty's bound."""
    shown = (hidden.samples, hidden.group_hash, hidden.file_digest)
    if shown != (data.samples, data.hash, data.file_digest):
        raise InvalidInputError(
            f"the data of group {index} are not those that were committed to; name the file as it was then"
        )
    data.require_bound(bound)
