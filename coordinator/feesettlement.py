"""Has the fees of accepted batches credited: collects from provers that a sum is served, and shows it to the market."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from circuits.errors import ContractError, NotReadyError
from circuits.terms import TaskTerms
from commons.chain.facts import HeldFees
from commons.chain.feereceipts import FeeReceipts
from commons.chain.fees import NOTHING_TO_REFUND, SETTLED_MEANWHILE, SETTLING_PASSES
from commons.chain.ignored import certain_after
from commons.chain.mined import Mined
from commons.chain.ports import BatchSender
from commons.protocol import release
from commons.protocol.bundle import Certificate
from commons.protocol.messages import StepReply
from commons.protocol.receipts import posted_hash
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.roundstate import RoundKey

_log = logging.getLogger(__name__)
_SETTLED_OTHERWISE = SETTLED_MEANWHILE | {"AvailabilityOverdue"}
"""Refusals after which a sum has no fees to be published with."""
_POSTING_PATIENCE = 600
"""Most seconds after its acceptance in which a sum that is to be published waits for all who attested its batch."""


_Asked = tuple[bytes, int, bytes]
"""What a receipt is for: batch, challenge, hash of what is posted."""


@dataclass(frozen=True, slots=True)
class FeeLook:
    """A look at a round whose fees are held: what is asked once for all its batches.

    Attributes:
        now: chain time.
        certain: chain time after which payees can be paid, as it looks now; 0 where they get nothing.
    """

    key: RoundKey
    terms: TaskTerms
    now: int
    certain: int

    @property
    def window(self) -> int:
        """Seconds for which sums have to be served."""
        return self.terms.windows.availability

    def is_due(self, held: HeldFees) -> bool:
        """Whether there is something to do for a batch."""
        return self.now > self._earliest(held)

    def next(self, held: HeldFees) -> int:
        """Chain time of the next look at a batch that is not due.

        Who posts the sum meanwhile has provers paid, and the payee can be sooner.
        """
        earliest = self._earliest(held)
        return (self.certain if self.now <= self.certain < earliest else earliest) + 1

    def _earliest(self, held: HeldFees) -> int:
        """Chain time after which there is something to do for a batch, as it looks now.

        Provers' fees are settled once the model owner cannot ask for the sum any more.  Where the payee's are paid by
        the same transaction a little later, that is waited for.  The market's clock is not ahead of the chain's.
        """
        if held.provers_through:
            return max(held.due, self.certain)
        if held.challenge:
            return 0
        return min(max(held.due - self.window // 2, self.certain), held.due - self.window // 4)

    def is_patient(self, held: HeldFees) -> bool:
        """Whether members that do not answer are still waited for."""
        return self.now <= held.due - self.window // 4


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is asked that a round's sums are served, and whose word counts."""

    fleet: Fleet
    words: FeeReceipts


class FeeSettlement:
    """Settles what the market holds for one batch at a time; what is held, the chain says."""

    def __init__(self, chain: BatchSender, journal: Journal, blobs: Blobs, *, timeout: float) -> None:
        """``timeout``: seconds that a prover has to release a share, or to sign."""
        self._chain = chain
        self._journal = journal
        self._blobs = blobs
        self._timeout = timeout
        self._released: dict[bytes, set[int]] = {}  # a large vector travels with each: asked for once
        self._signed: dict[_Asked, dict[int, bytes]] = {}  # who has signed is not asked again

    def look(self, key: RoundKey, now: int) -> FeeLook:
        """Begin a look at a round.  Raises ChainError."""
        view = self._chain.view
        return FeeLook(key, view.terms(key[0]), now, certain_after(view, *key))

    def parties(self, fleet: Fleet) -> Parties:
        """A fleet, and whose word counts by now.  Raises ChainError."""
        return Parties(fleet, FeeReceipts.of(self._chain.view, fleet.committee))

    def settle(self, look: FeeLook, index: int, held: HeldFees, parties: Parties) -> bool:
        """Have the fees of a batch that is due credited; False while that must be tried again later.

        Whoever attested the batch and signs is paid by one transaction.  Members that do not answer are waited for
        until a quarter of the availability window is left; after that they settle for themselves.  What the payee
        is not paid by it, since it was not certain whom the coordinator ignored, is collected later.

        Raises:
            ChainError: the node is the trouble; call again later.
        """
        if held.provers_through:
            return self._refund(look, index, held)
        words, patient = parties.words, look.is_patient(held)
        signed = self._kept(held, words, b"")
        if patient or words.shown(held, signed) is None:
            signed = self._collected(held, parties, b"")
        shown, behind = words.shown(held, signed), words.missing(held, signed)
        if shown is None or (behind and patient):
            _log.info("event=fees-wait batch=0x%s signed=%d missing=%s", held.batch_id.hex(), len(signed), behind)
            return look.now > max(held.due, look.certain) and self._refund(look, index, held)
        try:
            mined = self._chain.settle_fees(*look.key, index, held, shown)
        except ContractError as error:
            return self._refused(look, index, held, error)
        self._told(held, mined, len(shown), behind)
        return True

    def post(self, key: RoundKey, index: int, payload: bytes, fleet: Fleet) -> bytes | None:
        """Publish an encoded sum and have the batch's fees credited for it, by one transaction, whose hash it returns.

        None where it is to be published alone: no fees are held, they are overdue or settled by somebody, or not all
        who attested the batch sign in time.

        Raises:
            NotReadyError: some have not signed yet; call again later.
            ChainError: the node is the trouble.
        """
        held = self._chain.view.held_fees(*key, index).get(index)
        if held is None or held.paid or self._chain.view.now() > held.due:
            return None
        parties = self.parties(fleet)
        signed = self._collected(held, parties, payload)
        shown, behind = parties.words.shown(held, signed), parties.words.missing(held, signed)
        if shown is None or behind:
            window = self._chain.view.terms(key[0]).windows.availability
            if self._chain.view.now() <= held.due - window + min(window // 4, _POSTING_PATIENCE):
                raise NotReadyError(f"provers {behind} that attested the batch do not say yet that they serve its sum")
            return None
        try:
            mined = self._chain.settle_fees(*key, index, held, shown, payload=payload)
        except ContractError as error:
            if error.error not in _SETTLED_OTHERWISE:
                raise
            return None
        self._told(held, mined, len(shown), behind)
        return mined.transaction

    def _told(self, held: HeldFees, mined: Mined, receipts: int, behind: list[int]) -> None:
        self._end(held)
        _log.info(
            "event=fees-settled batch=0x%s transaction=0x%s receipts=%d missing=%s",
            held.batch_id.hex(), mined.transaction.hex(), receipts, behind,
        )  # fmt: skip

    def _collected(self, held: HeldFees, parties: Parties, payload: bytes) -> dict[int, bytes]:
        """Valid receipts, by member; who has not released the sum yet is asked for that first."""
        fleet, words = parties.fleet, parties.words
        signed = self._kept(held, words, payload)
        asked = {member for member in range(fleet.committee.size) if words.counting.counts(member)} - signed.keys()
        receipts = fleet.availability(held.batch_id, payload, self._timeout, asked)
        signed.update(words.valid(held, receipts, payload))
        behind = words.missing(held, signed)
        if behind and self._have_released(held.batch_id, behind, fleet):
            receipts = fleet.availability(held.batch_id, payload, self._timeout, behind)
            signed.update(words.valid(held, receipts, payload))
        self._signed[_asked(held, payload)] = signed
        return signed

    def _kept(self, held: HeldFees, words: FeeReceipts, payload: bytes) -> dict[int, bytes]:
        """Receipts of earlier tries, of members whose word counts still."""
        signed = self._signed.get(_asked(held, payload), {})
        return {member: signature for member, signature in signed.items() if words.counting.counts(member)}

    def _end(self, held: HeldFees) -> None:
        """Forget what was collected for a batch."""
        self._released.pop(held.batch_id, None)
        for asked in [asked for asked in self._signed if asked[0] == held.batch_id]:
            del self._signed[asked]

    def _have_released(self, batch_id: bytes, behind: list[int], fleet: Fleet) -> bool:
        """Ask members to release their share of a sum; whether any did."""
        done = self._released.setdefault(batch_id, set())
        left = set(behind) - done
        if not left:
            return False
        asked = fleet.reachable() & left
        certificate = self._certificate(batch_id) if asked else None
        if certificate is None:
            return False
        requests, dimension = release.requests(certificate, asked), certificate.statement.context.dimension
        replies = fleet.ask(requests, dimension, self._timeout)
        found = {member for member, reply in replies.items() if isinstance(reply, StepReply)}
        done |= found
        return bool(found)

    def _certificate(self, batch_id: bytes) -> Certificate | None:
        with self._journal.reading() as state:
            batch = state.batches.get(batch_id)
            digest = None if batch is None else batch.bundle_digest
        return None if digest is None else certificate_of(self._blobs, digest)

    def _refused(self, look: FeeLook, index: int, held: HeldFees, error: ContractError) -> bool:
        if error.error == "AvailabilityOverdue":
            return self._refund(look, index, held)
        if error.error not in SETTLING_PASSES:
            raise error
        return False

    def _refund(self, look: FeeLook, index: int, held: HeldFees) -> bool:
        """Have the payee credited, once provers' fees are overdue; where it gets nothing, that is not worth the gas.

        Those that no prover was paid go back to the task.
        """
        if not look.terms.pay.pays_coordinator:
            return True
        try:
            self._chain.refund_fees(*look.key, index, held)
        except ContractError as error:
            if error.error not in NOTHING_TO_REFUND:
                raise
            return False
        self._end(held)
        if held.provers_through:
            _log.info("event=payee-paid batch=0x%s", held.batch_id.hex())
        else:
            _log.warning(
                "event=fees-refunded batch=0x%s advice='too few provers said in time that they serve the sum'",
                held.batch_id.hex(),
            )  # fmt: skip
        return True


def _asked(held: HeldFees, payload: bytes) -> _Asked:
    return held.batch_id, held.challenge, posted_hash(payload)
