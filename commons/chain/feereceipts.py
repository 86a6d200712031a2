"""Which members' receipts settle the fees of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.statement import Committee
from circuits.terms import MarketId
from commons.chain.counting import Counting
from commons.chain.facts import HeldFees
from commons.chain.ports import MarketReader
from commons.protocol.receipts import AvailabilityReceipt, availability_digest, posted_hash
from commons.protocol.signing import signs


@dataclass(frozen=True, slots=True)
class FeeReceipts:
    """The receipts that count when fees of a round are settled.

    Without those of keys that were revoked: with such words a quorum is none, and a member that revoked its own could
    keep everybody from being paid.

    Attributes:
        counting: the members of the round's epoch.
    """

    market: MarketId
    counting: Counting

    @classmethod
    def of(cls, view: MarketReader, committee: Committee) -> FeeReceipts:
        """Of a committee as the chain has it now.  Raises ChainError."""
        return cls(view.market_id, Counting.of(view, committee))

    def valid(
        self, held: HeldFees, receipts: Mapping[int, AvailabilityReceipt], payload: bytes = b""
    ) -> dict[int, bytes]:
        """Signatures by member, of those that a member gave for this batch and the challenge that stands.

        Args:
            payload: the encoded aggregate, where it is posted with them.
        """
        digest = availability_digest(self.market, held.batch_id, held.challenge, posted_hash(payload))
        members = self.counting.committee.members
        return {
            member: receipt.signature
            for member, receipt in receipts.items()
            if receipt.challenge == held.challenge and self.counting.counts(member)
            and signs(members[member], digest, receipt.signature)
        }  # fmt: skip

    def missing(self, held: HeldFees, signed: Mapping[int, bytes]) -> list[int]:
        """Members that attested the batch, could be paid, and lack a receipt."""
        members = range(self.counting.committee.size)
        able = (member for member in members if held.attested_by(member) and self.counting.counts(member))
        return [member for member in able if member not in signed]

    def shown(self, held: HeldFees, signed: Mapping[int, bytes]) -> tuple[tuple[int, bytes], ...] | None:
        """Receipts to settle with: of all who are paid for them, of others as far as a quorum needs them; ascending.

        None where there is no quorum, or nobody who would be paid: each signature costs gas.
        """
        payable = [member for member in signed if held.pays(member)]
        quorum = self.counting.committee.quorum
        if not payable or len(signed) < quorum:
            return None
        others = [member for member in sorted(signed) if member not in payable]
        chosen = payable + others[: max(quorum - len(payable), 0)]
        return tuple((member, signed[member]) for member in sorted(chosen))
