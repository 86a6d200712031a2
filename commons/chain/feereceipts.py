"""Which members' receipts settle the fees of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.statement import Committee
from circuits.terms import MarketId
from commons.chain.facts import HeldFees
from commons.chain.ports import MarketReader
from commons.protocol.receipts import AvailabilityReceipt, availability_digest, posted_hash
from commons.protocol.signing import signs


@dataclass(frozen=True, slots=True)
class FeeReceipts:
    """The members of a round whose word counts when its fees are settled.

    The market passes over keys that were revoked, whenever they signed: with such words a quorum is none, and a member
    that revoked its own could keep everybody from being paid.

    Attributes:
        committee: the members of the round's epoch.
        revoked: 20-byte addresses of keys that count no more.
    """

    market: MarketId
    committee: Committee
    revoked: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, view: MarketReader, committee: Committee) -> FeeReceipts:
        """Of a committee as the chain has it now.  Raises ChainError."""
        return cls(view.market_id, committee, view.revoked(committee.committee_id))

    def counts(self, member: int) -> bool:
        """Whether what a member signed counts."""
        return self.committee.members[member] not in self.revoked

    def valid(
        self, held: HeldFees, receipts: Mapping[int, AvailabilityReceipt], payload: bytes = b""
    ) -> dict[int, bytes]:
        """Signatures by member, of those that a member gave for this batch and the challenge that stands.

        Args:
            payload: the encoded aggregate, where it is posted with them.
        """
        digest = availability_digest(self.market, held.batch_id, held.challenge, posted_hash(payload))
        members = self.committee.members
        return {
            member: receipt.signature
            for member, receipt in receipts.items()
            if receipt.challenge == held.challenge and self.counts(member)
            and signs(members[member], digest, receipt.signature)
        }  # fmt: skip

    def missing(self, held: HeldFees, signed: Mapping[int, bytes]) -> list[int]:
        """Members that attested the batch, could be paid, and lack a receipt."""
        attested = (member for member in range(held.attesters.bit_length()) if _is_in(held.attesters, member))
        return [member for member in attested if self.counts(member) and member not in signed]

    def shown(self, held: HeldFees, signed: Mapping[int, bytes]) -> tuple[tuple[int, bytes], ...] | None:
        """Receipts to settle with: of all who are paid for them, of others as far as a quorum needs them; ascending.

        None where there is no quorum, or nobody who would be paid: each signature costs gas.
        """
        payable = [member for member in signed if _is_in(held.attesters & ~held.paid, member)]
        quorum = self.committee.quorum
        if not payable or len(signed) < quorum:
            return None
        others = [member for member in sorted(signed) if member not in payable]
        chosen = payable + others[: max(quorum - len(payable), 0)]
        return tuple((member, signed[member]) for member in sorted(chosen))


def _is_in(members: int, member: int) -> bool:
    return bool(members >> member & 1)
