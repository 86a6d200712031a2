"""Transactions about owners that a coordinator leaves out: they post their submission, or a quorum excludes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuits.statement import SubmissionHeader
from commons.chain import calldata
from commons.chain.account import SMALL, ChainAccount
from commons.chain.mined import Mined

_POSTING, _RECEIPT = 121_000, 8_500
"""Gas of `postSubmission` where it costs most, for the first owner of 256: for an owner, and for each receipt of a
quorum, with the part of it for the digests of the members' shares.  Within a tenth above what is measured."""
_SIGNATURE, _DIGEST = 20_000, 2_000


def posting_gas(quorum: int) -> int:
    """What posting a submission takes at most, with the receipts of a quorum of so many."""
    return _POSTING + quorum * _RECEIPT


class ExclusionAccount(ChainAccount):
    """An account of an owner that is left out, or of anybody who has one excluded."""

    def post_submission(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> Mined:
        """Show on the chain that an owner has dealt; from its signer or account only.

        Args:
            receipts: 65-byte signatures over ``receipts.receipt_digest`` by member; a quorum of the round's epoch.
        """
        posting = (
            calldata.owner_entry(header), *calldata.compact(header.dealing_signature), list(header.share_digests),
            calldata.signed(receipts.items()),
        )  # fmt: skip
        gas = SMALL + _SIGNATURE * len(receipts) + _DIGEST * len(header.share_digests)
        return self._market("postSubmission", header.task_id, header.round, header.owner_index, posting, gas=gas)

    def exclude(
        self, task_id: int, number: int, index: int, dealing: bytes, receipts: Sequence[tuple[int, bytes]]
    ) -> Mined:
        """Take the deposit of an owner whose dealing a quorum found bad; any account may.

        What an owner posted in a round that is excluded for another one, this clears: then it counts as ignored in
        neither.

        Args:
            dealing: digest of it; zeros for an owner that is excluded.
            receipts: (member, 65-byte signature over ``receipts.exclusion_digest``), a quorum of the round's epoch;
                none for an owner that is excluded.
        """
        gas = SMALL + _SIGNATURE * len(receipts)
        return self._market(
            "exclude", task_id, number, index, dealing, calldata.signed(receipts), gas=gas, repeatable=True
        )
