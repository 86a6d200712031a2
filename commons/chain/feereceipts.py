"""Which members' receipts settle the fees of a batch."""

from __future__ import annotations

from collections.abc import Mapping

from circuits.statement import Committee
from circuits.terms import MarketId
from commons.chain.facts import HeldFees
from commons.protocol.receipts import AvailabilityReceipt, availability_digest, posted_hash
from commons.protocol.signing import signs


def valid_receipts(
    market: MarketId,
    committee: Committee,
    held: HeldFees,
    receipts: Mapping[int, AvailabilityReceipt],
    payload: bytes = b"",
) -> dict[int, bytes]:
    """Signatures by member, of those that a member gave for this batch and the challenge that stands.

    Args:
        committee: the members whose word counts in the batch's round.
        payload: the encoded aggregate, where it is posted with them.
    """
    digest = availability_digest(market, held.batch_id, held.challenge, posted_hash(payload))
    return {
        member: receipt.signature
        for member, receipt in receipts.items()
        if receipt.challenge == held.challenge and signs(committee.members[member], digest, receipt.signature)
    }


def missing(held: HeldFees, signed: Mapping[int, bytes]) -> list[int]:
    """Members that attested the batch and lack a receipt."""
    members = range(held.attesters.bit_length())
    return [member for member in members if _is_in(held.attesters, member) and member not in signed]


def shown_receipts(
    committee: Committee, held: HeldFees, signed: Mapping[int, bytes]
) -> tuple[tuple[int, bytes], ...] | None:
    """Receipts to settle with: of all who are paid for them, of others as far as a quorum needs them; ascending.

    None where there is no quorum, or nobody who would be paid: each signature costs gas.
    """
    payable = [member for member in signed if _is_in(held.attesters & ~held.paid, member)]
    if not payable or len(signed) < committee.quorum:
        return None
    others = [member for member in sorted(signed) if member not in payable]
    chosen = payable + others[: max(committee.quorum - len(payable), 0)]
    return tuple((member, signed[member]) for member in sorted(chosen))


def _is_in(members: int, member: int) -> bool:
    return bool(members >> member & 1)
