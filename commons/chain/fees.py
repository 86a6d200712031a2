"""Fees of accepted batches: what was paid of them, and the transactions that settle them."""

from __future__ import annotations

from collections.abc import Sequence

from commons.chain import calldata, decoding
from commons.chain.account import SMALL, ChainAccount
from commons.chain.facts import FeesPaid, HeldFees
from commons.chain.mined import Mined
from commons.chain.view import ChainView

_SIGNATURE, _PAYLOAD_BYTE = 80_000, 60
Attestations = Sequence[tuple[int, bytes]]


def fees_paid(view: ChainView, task_id: int, number: int) -> tuple[FeesPaid, ...]:
    """What was paid of the fees of a round's batches, and what went back to the task, from the market's events.

    Raises ChainError when the node is the trouble.
    """
    paid = view.events.read(decoding.fees_paid, decoding.FEES_PAID, task_id, number)
    back = view.events.read(decoding.fees_refunded, decoding.FEES_REFUNDED, task_id, number)
    return (*paid, *back)


class FeesAccount(ChainAccount):
    """An account that settles the fees of batches; any may, but for the challenge."""

    def settle_fees(
        self,
        task_id: int,
        number: int,
        batch_index: int,
        held: HeldFees,
        receipts: Attestations,
        *,
        posted: bytes = bytes(32),
        payload: bytes = b"",
        attestations: Attestations = (),
    ) -> Mined:
        """Credit coordinator and provers; the latter are those that signed both the batch and that its sum is served.

        Args:
            held: as ``ChainView.held_fees`` has it.
            receipts: (member, 65-byte signature over ``receipts.availability_digest``), a quorum of them.
            posted: hash of what holds the encoded sum on the chain, zeros where provers serve it.
            payload: the sum itself, if it is put on the chain by this.
            attestations: signatures of the batch by a quorum, of members that it was handed in without.
        """
        served = posted, payload, calldata.signed(receipts), calldata.signed(attestations)
        gas = SMALL + _SIGNATURE * (len(receipts) + len(attestations)) + _PAYLOAD_BYTE * len(payload)
        place = task_id, number, batch_index
        return self._market("settleFees", *place, held.words, served, gas=gas, repeatable=True)

    def refund_fees(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        """Return to the task what is left of a batch's fees once they are due, and credit the coordinator."""
        return self._market("refundFees", task_id, number, batch_index, held.words, repeatable=True)

    def challenge_availability(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        """Ask the quorum to sign anew that the sum is served, because it is not to be had (model owner)."""
        return self._market("challengeAvailability", task_id, number, batch_index, held.words, repeatable=True)
