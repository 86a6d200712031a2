"""Has the fees of accepted batches credited for a prover, when the coordinator does not.

A quorum's word that the sum is served is asked for at the provers.  Those that have released it to nobody yet are asked
for that first, and signatures of the batch are shown of members that it was handed in without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from circuits.errors import ContractError, GradrollError, UnavailableError
from commons.chain.facts import AcceptedBatch, HeldFees
from commons.chain.feereceipts import FeeReceipts
from commons.chain.fees import SETTLING_PASSES
from commons.chain.ignored import certain_after
from commons.chain.writer import ChainWriter
from commons.protocol.certified import Attesters
from gradroll.model_owner.from_provers import ProverReader


class Outcome(StrEnum):
    """What became of a batch's fees."""

    SETTLED = "settled"
    PAID = "paid before"
    WAITS = "relay waits"
    RELAYED = "relay paid"
    EARLY = "too early"
    OVERDUE = "overdue"
    UNATTESTED = "not attested"
    CHANGED = "changed"


_THROUGH = (Outcome.PAID, Outcome.OVERDUE, Outcome.UNATTESTED)
"""Nothing is left for the member itself."""


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """A batch whose fees are held, and what became of them.

    Attributes:
        held: as the market held them before.
        members: who is paid now.
        earliest: market time from which it is possible.
    """

    round: int
    batch: int
    held: HeldFees
    outcome: Outcome
    members: tuple[int, ...] = ()
    earliest: int = 0


class FeeSettler:
    """Settles for one member of a task's committee.

    Args:
        reader: of the provers, on the market that ``chain`` sends to.
        signers: the member's signing addresses, of all the keys that it had.
    """

    def __init__(self, reader: ProverReader, chain: ChainWriter, *signers: bytes) -> None:
        self._reader = reader
        self._chain = chain
        self._view = reader.view
        self._signers = frozenset(signers)

    def settle(self, task_id: int, *rounds: int) -> Iterator[SettledBatch]:
        """Have the fees of rounds' batches credited, where that is possible and pays the member.

        A member that relayed a batch late is its payee too, and has that fee collected when it is time.

        Raises:
            UnavailableError: too few provers say that they serve a sum; the other batches are settled.
            ContractError: the market refuses a batch; the others are settled.
            ChainError: the node is the trouble.
        """
        trouble: GradrollError | None = None
        for batch, held in self._held(task_id, rounds):
            try:
                yield self._one(batch, held)
            except (UnavailableError, ContractError) as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _held(self, task_id: int, rounds: Iterable[int]) -> Iterator[tuple[AcceptedBatch, HeldFees]]:
        """Batches for which the market holds fees, oldest first."""
        for number in rounds:
            held = self._view.held_fees(task_id, number)
            batches = self._view.accepted(task_id, number) if held else ()
            yield from ((each, held[each.record.batch_index]) for each in batches if each.record.batch_index in held)

    def _one(self, batch: AcceptedBatch, held: HeldFees) -> SettledBatch:
        found = self._of_member(batch, held)
        relayed = held.payee == self._chain.address and not held.payee_paid
        return self._of_relay(batch, found) if relayed and found.outcome in _THROUGH else found

    def _of_member(self, batch: AcceptedBatch, held: HeldFees) -> SettledBatch:
        now, window = self._view.now(), self._view.terms(batch.task_id).windows.availability
        found = SettledBatch(batch.round, batch.record.batch_index, held, Outcome.PAID)
        committee = self._view.committee_of_round(batch.task_id, batch.round)
        member = next((at for at, signer in enumerate(committee.members) if signer in self._signers), None)
        if member is None:
            return replace(found, outcome=Outcome.UNATTESTED)
        if held.is_paid(member):
            return found
        possible = held.due - window // 2
        if not (held.challenge or held.paid) and now <= possible:
            return replace(found, outcome=Outcome.EARLY, earliest=possible + 1)
        if now > held.due:
            return replace(found, outcome=Outcome.OVERDUE)
        attestations = self._lacking(batch, held, member)
        attested = replace(held, attesters=held.attesters | sum(1 << signer for signer in attestations))
        if not attested.attested_by(member):
            return replace(found, outcome=Outcome.UNATTESTED)
        return self._settled(batch, found, attested, attestations, member)

    def _of_relay(self, batch: AcceptedBatch, found: SettledBatch) -> SettledBatch:
        """Collect the payee's fee."""
        earliest = max(found.held.due, certain_after(self._view, batch.task_id, found.round)) + 1
        if self._view.now() < earliest:
            return replace(found, outcome=Outcome.WAITS, earliest=earliest)
        try:
            self._chain.refund_fees(batch.task_id, found.round, found.batch, found.held)
        except ContractError as error:
            if error.error != "FeesUnknown":  # somebody was faster
                raise
            return found
        return replace(found, outcome=Outcome.RELAYED)

    def _lacking(self, batch: AcceptedBatch, held: HeldFees, member: int) -> dict[int, bytes]:
        """A quorum's signatures of a batch that was handed in without the member's, none if it was not."""
        if held.attested_by(member):
            return {}
        counting = self._words(batch).counting
        attesters = Attesters(counting.committee, self._view.policy(batch.task_id).verifier_code)
        found: dict[int, bytes] = {}
        for certificate in self._reader.certificates(batch):
            if attesters.digest(certificate) == held.attestation:
                found |= dict(counting.only(attesters.valid(certificate).items()))
            if member in found and len(found) >= counting.committee.quorum:
                return found
        return {}

    def _settled(
        self, batch: AcceptedBatch, found: SettledBatch, held: HeldFees, attestations: dict[int, bytes], member: int
    ) -> SettledBatch:
        """``held``: with those whose attestations are added."""
        words = self._words(batch)
        signed = self._signed(batch, held, words)
        shown, quorum = words.shown(held, signed), words.counting.committee.quorum
        if shown is None or member not in signed:
            raise UnavailableError(
                f"provers {sorted(signed)} say that they serve the sum of batch {found.batch} of round {found.round}; "
                f"it takes {quorum}, prover {member} among them. Those that attested it and do not say "
                f"so: {words.missing(held, signed)}. Try again when they run and have the sum"
            )
        place = batch.task_id, found.round, found.batch
        try:
            self._chain.settle_fees(*place, found.held, shown, attestations=tuple(attestations.items()))
        except ContractError as error:
            if error.error not in SETTLING_PASSES:
                raise
            return replace(found, outcome=Outcome.CHANGED)  # somebody was faster, or asks, or a pause moves the clock
        paid = tuple(member for member, _ in shown if held.pays(member))
        return replace(found, outcome=Outcome.SETTLED, members=paid)

    def _signed(self, batch: AcceptedBatch, held: HeldFees, words: FeeReceipts) -> dict[int, bytes]:
        signed = words.valid(held, self._reader.availability(batch))
        if words.missing(held, signed):
            self._reader.have_released(batch)
            signed.update(words.valid(held, self._reader.availability(batch)))
        return signed

    def _words(self, batch: AcceptedBatch) -> FeeReceipts:
        return FeeReceipts.of(self._view, self._view.committee_of_round(batch.task_id, batch.round))
