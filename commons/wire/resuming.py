"""Dealing and sealing one account's gradients, the same again after a restart: a retry sends the very same bytes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from circuits.commitment import CommitmentKey
from circuits.errors import InvalidInputError
from circuits.quantize import Quantized
from circuits.statement import Committee, Context
from circuits.terms import NewTask
from commons.chain.facts import CommitteeRecord
from commons.protocol.sealeduploads import CutPayloads, SealedUpload, Sealer
from commons.runtime import spans
from commons.sharing.dealing import OwnerSeeds, Sharing, share_gradient
from commons.sharing.sealedbodies import KEY_BYTES
from commons.storage.parameters import PublicParameters
from commons.storage.submissions import SavedSubmission

Deal = Callable[[Quantized, int, CommitmentKey, Committee, OwnerSeeds], Sharing]
"""From a quantised gradient, BOUND, key, committee and seeds to the commitment and what each prover gets."""


class Dealt(NamedTuple):
    """A dealing, and the randomness that makes it again."""

    seeds: bytes
    sharing: Sharing


@dataclass(frozen=True, slots=True)
class Dealer:
    """Deals for one account.

    Attributes:
        parameters: only the SRS is needed.
        sign: the account's signature of a digest.
        save: makes a submission durable.
        deal: makes commitment and shares of a gradient, the same again for the same seeds.
    """

    parameters: PublicParameters
    sign: Callable[[bytes], bytes] = field(repr=False)
    save: Callable[[SavedSubmission], None]
    deal: Deal = share_gradient

    def afresh(self, quantized: Quantized, terms: NewTask, committee: Committee) -> Dealt:
        """Deal with fresh randomness."""
        raw = secrets.token_bytes(OwnerSeeds.length(committee))
        return Dealt(raw, self._dealt(quantized, terms, committee, raw))

    def again(self, begun: SavedSubmission, quantized: Quantized, terms: NewTask, committee: Committee) -> Sharing:
        """Deal what was dealt before.

        Raises:
            InvalidInputError: with these files or this release something else comes out.
        """
        sharing = self._dealt(quantized, terms, committee, begun.seeds)
        if (sharing.commitment, sharing.digests) != (begun.header.commitment, begun.header.share_digests):
            raise InvalidInputError(
                "the shares of the submission begun earlier cannot be made again (other SRS or release?); "
                "put the old files back, or wait for the next round"
            )
        return sharing

    def seal(
        self, submission: SavedSubmission, sharing: Sharing, record: CommitteeRecord, context: Context
    ) -> tuple[SavedSubmission, SealedUpload]:
        """Seal the shares, or what was sealed before once more; the submission returned is saved."""
        cut = CutPayloads.of(sharing.payloads, record.committee)
        key = submission.upload_key or secrets.token_bytes(KEY_BYTES)
        sealer = Sealer(submission.header, context, key, self.sign)
        if submission.parts:
            return submission, sealer.again(cut, submission.parts)
        with spans.part("seal"):
            upload = sealer.seal(cut, record.hpke_keys)
        submission = submission.sealed(key, upload.head.parts)
        self.save(submission)  # before anything leaves: a second draw of its masks must not happen
        return submission, upload

    def _dealt(self, quantized: Quantized, terms: NewTask, committee: Committee, seeds: bytes) -> Sharing:
        key = self.parameters.commitment_key(terms.dimension)
        with spans.part("deal"):
            return self.deal(quantized, terms.bound, key, committee, OwnerSeeds.from_bytes(seeds))


def gradient_digest(quantized: Quantized) -> bytes:
    """SHA-256 of a quantised gradient, by which a retry is recognised."""
    return hashlib.sha256(np.ascontiguousarray(quantized.values, dtype="<i8").tobytes()).digest()
