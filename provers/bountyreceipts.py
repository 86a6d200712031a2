"""A member's receipts for bounties: it signs what it has checked and holds, and for what its own nodes show.

Nothing of a request is believed, and no place that one names is looked at: data come with the request.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass
from circuits.accuracy.testdata import chunks, commit_chunk, group_hash
from circuits.errors import (
    InvalidInputError,
    ProofError,
    RuleViolationError,
    WireError,
)
from circuits.hashing import keccak
from circuits.statement import TAIL
from circuits.swap.offerchecks import check_row
from circuits.swap.sealedrows import SealedRow, encoded_length
from circuits.swap.swapbases import swap_bases
from circuits.swap.swapkeys import salted_point
from circuits.swap.swaptranscript import swap_context
from circuits.terms import DAY
from commons.artifacts.datasetfiles import Dataset
from commons.chain.modelfacts import BountyRecord, ListingRecord
from commons.protocol.blindings import request_message, seal_blinding
from commons.protocol.bountydraws import TRAINING
from commons.protocol.bountyheads import MAX_GROUP_BYTES, GroupHead, WinnerHead
from commons.protocol.modelofferings import BountyOffer, DatasetReceipt
from commons.storage.parameters import PublicParameters
from provers.bountychain import BountyChain
from provers.bountyfiles import MOST_OFFERS, BountyFiles
from provers.checkturns import CheckTurns
from provers.knownfaults import FaultsOf, KnownFaults

Read = Callable[[], bytes]
"""Reads what follows a head, once it is let in."""
_FRAME = 1 << 12
"""Bytes at most that safetensors adds to a group's arrays."""
_SMALL = 1 << 14
"""Bytes of a bounty's records beside its files."""
MOST_FALSE_ROWS = 3
"""Of one winner: a row that is sealed as it should be is never false, and each check of one keeps others waiting."""


class BountyReceipts:
    """What one member says of the bounties of its committee.  Thread-safe.

    Args:
        parameters: with whose reference string commitments are recomputed.
        bases: directory that keeps the points that rows are sealed with.
        sign: with the member's present key.
        kept: seconds for which all is kept after a bounty is over.
    """

    def __init__(
        self,
        chain: BountyChain,
        files: BountyFiles,
        parameters: PublicParameters,
        bases: Path,
        sign: Callable[[bytes], bytes],
        kept: int,
    ) -> None:
        self._chain, self._files, self._parameters = chain, files, parameters
        self._bases, self._sign, self._kept = bases, sign, kept
        self._turns = CheckTurns()
        """One check at a time: each takes all cores, and many times the memory of what is checked."""
        self._faults, self._false_rows = KnownFaults(), FaultsOf(MOST_FALSE_ROWS)

    def hold_group(self, head: GroupHead, read: Read) -> None:
        """Take in the data of a group that was drawn, if they are what the bounty committed to.

        Raises:
            NotReadyError, UnknownError, ChainError: as ``BountyChain.drawn``.
            RuleViolationError: it was not drawn, or the bounty did not commit to it.
            ProofError, InvalidInputError: the data are others, or not as the terms have them.
            StorageError: there is no room.
        """
        record = self._chain.drawn(head.bounty, head.stage, shown=True)
        if head.index not in _groups(record, head.stage):
            raise RuleViolationError(f"group {head.index} was not drawn in stage {head.stage}; send those that were")
        head.require_committed(record.terms.commitment)
        if self._files.holds_group(head.bounty, head.index, head.group):
            return  # sent again: its answer was lost, or others send it too
        self._faults.require_none(_content(head))
        size = self._chain.size_of(record.terms.verifier)
        if head.length > largest_group(size):
            raise WireError(f"a group of class {size.name} has {largest_group(size)} bytes at most, not {head.length}")
        self._begin(record, size)
        with self._files.room(head.bounty, head.length):
            file = read()
            if sha256(file).digest() != head.group.file_digest:
                raise ProofError(f"the file is not the one of group {head.index}; send the file that was committed to")
            with self._turns.turn(), self._faults.noted(_content(head)):
                if not self._files.holds_group(head.bounty, head.index, head.group):  # of several that came at once
                    self._require_true(head, file, size, record.terms.feature_bound)
                    self._files.put_group(head.bounty, head.index, head.group, file)

    def attest_groups(self, bounty: bytes, stage: int) -> bytes:
        """The receipt for all groups of a draw, 65 bytes.

        Raises:
            NotReadyError, UnknownError, ChainError: as ``BountyChain.drawn``; UnknownError also for missing data.
        """
        record = self._chain.drawn(bounty, stage)
        held = {index: self._files.group(bounty, index) for index in _groups(record, stage)}
        return self._sign(DatasetReceipt(bounty, stage, held).digest(self._chain.market.domain))

    def attest_offer(self, head: WinnerHead, read: Read) -> bytes:
        """The receipt for a winner's offer, 65 bytes, once it was checked in the owner's place and is on disk.

        Raises:
            NotReadyError, UnknownError, ChainError: as ``BountyChain.winner``.
            RuleViolationError: another listing wins.
            SignatureError: the winner did not sign the offer.
            ProofError, WireError: the row does not open to the model, or not with what is to be revealed.
            RuleViolationError: so many of this winner's rows were false that no further one is looked at.
            BusyError: another row of this winner is looked at.
            FullError: as many of its offers are kept as may be.
            StorageError: there is no room.
        """
        record, entry, listing = self._chain.winner(head.bounty)
        if head.listing != entry.listing:
            raise RuleViolationError(
                f"listing 0x{entry.listing.hex()} wins the bounty at present, and not the offered one"
            )
        key = int.from_bytes(head.public[:32], "big"), int.from_bytes(head.public[32:], "big")
        said, domain = BountyOffer(head.bounty, head.listing, key, head.offer), self._chain.market.domain
        self._chain.require_signed(entry.seller, said.digest(domain), head.signature, "the winner's offer")
        if self._files.holds_offer(head.bounty, head.listing, head.offer, head.public, head.blinding):
            return self._sign(said.receipt_digest(domain))  # sent again: it was checked then
        winner = head.bounty + head.listing
        self._faults.require_none(winner + head.offer)
        self._false_rows.require_few(winner)
        size = self._chain.size_of(listing.terms.verifier)
        if head.length != encoded_length(size.weights):
            raise WireError(
                f"a sealed row of class {size.name} has {encoded_length(size.weights)} bytes, not {head.length}"
            )
        self._begin(record, size)
        with self._files.room(head.bounty, head.length):
            row = read()
            sealed = _signed_row(head, row, size)
            with self._turns.only_turn(winner):
                self._files.require_place(head.bounty, head.listing, head.offer, head.public)
                with self._faults.noted(winner + head.offer), self._false_rows.counted(winner):
                    self._check_row(head, sealed, record, listing, size)
                self._files.put_offer(head.bounty, head.listing, head.offer, head.public, row, head.blinding)
        return self._sign(said.receipt_digest(domain))

    def held(self, bounty: bytes, digest: bytes) -> bytes:
        """A group's file or a sealed row that is kept; anybody may have them.  Raises UnknownError."""
        return self._files.file(bounty, digest)

    def blinding(self, bounty: bytes, key: bytes, signature: bytes) -> bytes:
        """x of the offer that is locked, sealed to a key that the bounty's owner signed.

        Raises:
            NotReadyError, ChainError: as ``BountyChain.locked``.
            UnknownError: the offer was not shown here.
            SignatureError: somebody else asks; of an owner that is a contract, it does not take the signature.
        """
        record, listing = self._chain.locked(bounty)
        domain = self._chain.market.domain
        asked = keccak(request_message(domain, listing, record.owner, key))
        self._chain.require_signed(record.owner, asked, signature, "the request")
        blinding = self._files.blinding(bounty, listing, record.offer, record.public)
        return seal_blinding(key, blinding, domain, listing, record.public)

    def tidy(self, now: int) -> None:
        """Delete what belongs to bounties that are over for long enough; as ``HeldFiles.tidy``."""
        self._files.tidy(now, self._kept_after)

    @property
    def files(self) -> BountyFiles:
        """What is kept."""
        return self._files

    def _kept_after(self, bounty: bytes) -> int | None:
        """Seconds for which what is over is kept; None for a bounty that is not."""
        if not self._chain.is_over(bounty):
            return None
        return min(self._kept, DAY) if self._chain.is_cancelled(bounty) else self._kept

    def _begin(self, record: BountyRecord, size: SizeClass) -> None:
        """Keep room for all of a bounty: what is accepted in one stage finds room in the next.  Raises FullError."""
        groups, rows = record.terms.training_groups + record.terms.test_groups, record.terms.max_entrants * MOST_OFFERS
        room = groups * largest_group(size) + rows * encoded_length(size.weights) + _SMALL
        self._files.begin(record.bounty, record.owner, room)

    def _require_true(self, head: GroupHead, file: bytes, size: SizeClass, bound: int) -> None:
        """Of a file with the SHA-256 that was committed to.  Raises ProofError, InvalidInputError."""
        group, data = head.group, Dataset.decode(file)
        if int(np.abs(data.features.astype(np.int32)).max()) > bound:
            raise InvalidInputError(f"a feature of group {head.index} is beyond the {bound} that the terms allow")
        srs = self._parameters.srs
        made = [commit_chunk(srs, size, chunk) for chunk in chunks(size, data.features, data.labels)]
        if (data.samples, group_hash(data.samples, made)) != (group.samples, group.group_hash):
            raise ProofError(
                f"the data of group {head.index} do not give the commitments that the bounty's owner committed to: "
                "proofs on them would be impossible, so no receipt is signed"
            )

    def _check_row(
        self, head: WinnerHead, sealed: SealedRow, record: BountyRecord, listing: ListingRecord, size: SizeClass
    ) -> None:
        context = swap_context(self._chain.deployment, head.listing, record.owner)
        key = self._parameters.commitment_key(size.weights)
        bases = swap_bases(size.weights + TAIL, cache=self._bases)
        check_row(key, self._parameters.srs, bases, context, listing.model, sealed)


def _signed_row(head: WinnerHead, row: bytes, size: SizeClass) -> SealedRow:
    """The row that a winner signed: what is false in it from here on is its doing, and no stranger's that sends others.

    Raises:
        ProofError: another row, or not with what is to be revealed.
        WireError: it is no row.
    """
    sealed = SealedRow.decode(row, size.weights)
    if sealed.digest != head.offer:
        raise ProofError("the sealed row is not the one that the offer names")
    if salted_point(sealed.key_point, head.blinding) != head.public:
        raise ProofError("what would be revealed does not open the sealed row: K' is not K - xG")
    return sealed


def _content(head: GroupHead) -> bytes:
    """Stands for a file that a bounty committed to."""
    return head.bounty + head.group.leaf


def _groups(record: BountyRecord, stage: int) -> tuple[int, ...]:
    return record.training if stage == TRAINING else record.tests


def largest_group(size: SizeClass) -> int:
    """Bytes of the largest file of a group of a class: 16-bit features, a byte for each label, and what frames them."""
    return min(MAX_CHUNKS * size.samples * (2 * size.inputs + 1) + _FRAME, MAX_GROUP_BYTES)
