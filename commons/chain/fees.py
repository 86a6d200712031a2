"""Fees of accepted batches: what was paid of them, and the transactions that settle them."""

from __future__ import annotations

from collections.abc import Sequence

from commons.chain import calldata, decoding
from commons.chain.account import SMALL, ChainAccount
from commons.chain.facts import FeesPaid, HeldFees
from commons.chain.mined import Mined
from commons.chain.view import ChainView
from commons.protocol.receipts import posted_hash

_SIGNATURE, _PAYLOAD_BYTE = 80_000, 60
_POSTED = 256 * 4_600
"""Gas to count who was ignored: two words for each 256 owners, at most 256 times.  What is not used costs nothing."""
Attestations = Sequence[tuple[int, bytes]]
SETTLED_MEANWHILE = frozenset({"FeesUnknown", "ProversPaid"})
"""Refusals of a settlement that somebody else was faster with."""
SETTLING_PASSES = SETTLED_MEANWHILE | {"ChallengeStillPossible"}
"""Refusals of a settlement after which what is held has to be read anew: somebody was faster or asked for the sum, or a
pause has moved the market's clock."""
NOTHING_TO_REFUND = frozenset({"AvailabilityNotOverdue", "FeesUnknown", "RoundStillOpen"})
"""Refusals of a refund that pass: a pause has moved the market's clock; somebody was faster; an owner has posted its
submission meanwhile, so that the payee's part waits until it is certain whom it ignored."""


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
        payload: bytes = b"",
        attestations: Attestations = (),
    ) -> Mined:
        """Credit coordinator and provers; the latter are those that signed both the batch and that its sum is served.

        Args:
            held: as ``ChainView.held_fees`` has it.
            receipts: (member, 65-byte signature over ``receipts.availability_digest``), a quorum of them.
            payload: the encoded sum, if it is put on the chain by this; without, provers serve it.
            attestations: signatures of the batch by a quorum, of members that it was handed in without.
        """
        served = posted_hash(payload), payload, calldata.signed(receipts), calldata.signed(attestations)
        gas = SMALL + _POSTED + _SIGNATURE * (len(receipts) + len(attestations)) + _PAYLOAD_BYTE * len(payload)
        place = task_id, number, batch_index
        return self._market("settleFees", *place, held.words, served, gas=gas, repeatable=True)

    def refund_fees(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        """Return to the task what is left of a batch's fees once they are due, and credit the coordinator."""
        place = task_id, number, batch_index
        return self._market("refundFees", *place, held.words, gas=SMALL + _POSTED, repeatable=True)

    def challenge_availability(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        """Ask the quorum to sign anew that the sum is served, because it is not to be had (model owner)."""
        return self._market("challengeAvailability", task_id, number, batch_index, held.words, repeatable=True)
