"""Hands batches to the market that provers have attested and nobody handed in: their coordinator vanished, or waits.

After provers have locked a set its owners are paid for it or not at all in this round.  So anybody may do it, and after
half of the settle window whoever does earns the coordinator's fee.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from circuits.errors import ClosedError, ContractError
from commons.chain.ports import BatchSender, MarketReader
from commons.protocol.bundle import Certificate
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from gradroll.model_owner.from_provers import ProverReader

_OF_ONE = ("ProofInvalid", "PointInvalid", "ScalarNotCanonical", "OpeningPointInDomain", "SubmissionInvalid")
"""Refusals of one form of a batch: one prover served a false one, or its coordinator did."""


@dataclass(frozen=True, slots=True)
class Relayable:
    """A batch that could be accepted now.

    Attributes:
        forms: its certificates; one, unless somebody lies about what attestations do not bind.
        fee: the coordinator's, for whoever gets it.
        late: whether that is who relays it, and not the payee that was attested.
    """

    forms: tuple[Certificate, ...]
    fee: int
    late: bool

    @property
    def owners(self) -> int:
        """How many are paid."""
        return self.forms[0].statement.size

    @property
    def payee(self) -> bytes:
        """Who was attested to get the fee."""
        return self.forms[0].payee


def relayable(view: MarketReader, reader: ProverReader, task_id: int, number: int) -> tuple[Relayable, ...]:
    """Batches of a round that a quorum attested and the market has not, one a set of owners.

    Raises:
        ClosedError: the round takes no batches any more.
        UnavailableError: provers have none.
    """
    record, terms, now = view.round(task_id, number), view.terms(task_id), view.now()
    if record.finalized or now > record.settle_deadline:
        raise ClosedError(
            f"round {number} of task {shown(task_id)} took batches until {utc(record.settle_deadline)}; what is not "
            "accepted by then never is"
        )
    known = {batch.record.batch_id for batch in view.accepted(task_id, number)}
    sets: dict[tuple[int, ...], list[Certificate]] = {}
    for certificate in reader.attested(task_id, number, known):
        sets.setdefault(tuple(header.owner_index for header in certificate.statement.owners), []).append(certificate)
    late = now > record.settle_deadline - terms.windows.settle // 2
    return tuple(
        Relayable(tuple(forms), terms.pay.of_coordinator(len(indices)), late)
        for indices, forms in sets.items()
        if not view.consumed_among(task_id, number, indices)
    )


def relay(sender: BatchSender, batches: tuple[Relayable, ...]) -> Iterator[tuple[Relayable, bytes]]:
    """Have each accepted; gives the identifier under which it was.

    Raises:
        ContractError: the market refuses one, in every form.
    """
    for batch in batches:
        yield batch, _accepted(sender, batch)


def _accepted(sender: BatchSender, batch: Relayable) -> bytes:
    *others, last = batch.forms
    for form in others:
        try:
            return _sent(sender, form)
        except ContractError as error:
            if error.error not in _OF_ONE:
                raise
    return _sent(sender, last)


def _sent(sender: BatchSender, form: Certificate) -> bytes:
    sender.accept_batch(form.statement, form.proof, form.attestations, form.payee)
    return form.batch_id
