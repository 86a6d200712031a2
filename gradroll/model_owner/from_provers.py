"""A batch's sum and its audit bundle from the provers themselves, when the coordinator is gone or will not serve them.

Nobody has to be believed: the certificate carries the identifier that the chain recorded and a quorum's signatures, the
sum opens the commitment on the chain, the bundle is for an audit to check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, UnavailableError
from circuits.statement import Context
from commons.chain.counting import Counting
from commons.chain.facts import AcceptedBatch, CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol import release
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters, combined
from commons.protocol.messages import StepReply
from commons.protocol.receipts import AvailabilityReceipt
from commons.protocol.replies import Failure
from commons.protocol.sealedreplies import SumOpener
from commons.wire.prover_client import ProverClient

V = TypeVar("V")
_MOST_NAMED, _MOST_READ = 1 << 16, 1024
"""Batches of a round that one prover may name, and certificates that are read from it."""


@dataclass(frozen=True, slots=True)
class ProverReader:
    """Reads from the provers of a task's committee, at the endpoints that the registry names.

    Attributes:
        stall: seconds after which an answer on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
    """

    view: ChainView
    stall: float = 60.0
    tls_roots: bytes | None = None

    def aggregate(self, batch: AcceptedBatch, key: CommitmentKey, opens: SumOpener | None = None) -> release.Opened:
        """The aggregate of an accepted batch; it opens the commitment on the chain.

        Args:
            opens: opens the shares of a private sum.

        Raises:
            UnavailableError: no prover has the certificate, or too few release their share (the acceptance may not be
                final for them yet); the message has their reasons.
        """
        refused: list[str] = []
        for certificate in self.certificates(batch):
            try:
                return self._released(batch, certificate, key, opens)
            except UnavailableError as error:
                refused.append(str(error))
        raise UnavailableError("; ".join(refused))

    def _released(
        self,
        batch: AcceptedBatch,
        certificate: Certificate,
        key: CommitmentKey,
        opens: SumOpener | None,
    ) -> release.Opened:
        terms, committee = self.view.terms(batch.task_id), self._committee(batch.task_id, batch.round)
        replies: dict[int, StepReply | Failure] = {}
        answers = self._each(committee, _releasing(certificate, terms.dimension))
        for prover, answer in answers.items():
            failed = isinstance(answer, GradrollError)
            replies[prover] = Failure("refused", answer.code, str(answer)) if failed else answer  # type: ignore[union-attr, assignment]
        present = self.view.committee(committee.committee.committee_id).members
        asked = release.SumAsked.of(certificate)
        return release.opened(committee.committee, key, asked, replies, (present,), opens)

    def certificates(self, batch: AcceptedBatch) -> tuple[Certificate, ...]:
        """Certificates with a quorum's valid attestations, put together from what the provers have.

        There is one unless a prover or the coordinator lies: not every part of a certificate is bound by what was
        attested, and a coordinator can show each prover another proof of the same batch.  So attestations count for
        all variants, and it is for the provers to refuse a false one.

        Raises:
            UnavailableError: fewer attestations than a quorum were to be had.
        """
        committee, batch_id = self._committee(batch.task_id, batch.round), batch.record.batch_id
        found = self._each(committee, lambda client, _: client.certificate(batch_id))
        attesters = self._attesters(batch.task_id, committee)
        complete = combined((answer for answer in found.values() if isinstance(answer, Certificate)), attesters)
        if complete:
            return complete
        raise UnavailableError(
            f"the certificate of batch 0x{batch_id.hex()} needs {committee.committee.quorum} attestations: "
            + _reasons(found)
        )

    def availability(self, batch: AcceptedBatch) -> dict[int, AvailabilityReceipt]:
        """Who says that a batch's sum is to be had there; ``commons.chain.feereceipts`` checks it."""
        committee = self._committee(batch.task_id, batch.round)
        found = self._each(committee, lambda client, _: client.availability(batch.record.batch_id))
        return {prover: given for prover, given in found.items() if isinstance(given, AvailabilityReceipt)}

    def have_released(self, batch: AcceptedBatch) -> None:
        """Ask the provers to release their share of a batch's sum, as for a reader; what they send is not kept.

        Raises UnavailableError as ``certificates``.
        """
        committee, dimension = self._committee(batch.task_id, batch.round), self.view.terms(batch.task_id).dimension
        for certificate in self.certificates(batch):
            self._each(committee, _releasing(certificate, dimension))

    def attested(self, task_id: int, number: int, known: Collection[bytes]) -> tuple[Certificate, ...]:
        """Certificates of a round's batches that the market would accept, whoever put them together, or nobody yet.

        They have the attestations of a quorum whose keys count: one that is refused would hold up the others.

        Args:
            known: batches that are not asked for.

        Raises:
            UnavailableError: there are none; the message has what provers gave instead.
        """
        committee, found = self._committee(task_id, number), self._of_round(task_id, number, known)
        each = [certificate for answer in found.values() if isinstance(answer, list) for certificate in answer]
        counting = Counting.of(self.view, committee.committee)
        whole = combined(each, self._attesters(task_id, committee))
        counted = [certificate.attested_by(counting.only(certificate.attestations)) for certificate in whole]
        complete = tuple(one for one in counted if len(one.attestations) >= committee.committee.quorum)
        if complete:
            return complete
        begun = len({certificate.batch_id for certificate in each})
        raise UnavailableError(
            f"of round {number} the provers have no batch with the {committee.committee.quorum} attestations that it "
            f"needs to be accepted, beside those that are; {begun} have fewer. " + _reasons(found)
        )

    def certificates_of(self, task_id: int, number: int) -> Iterator[Certificate]:
        """All certificates of a round that provers show, with whatever attestations, also of the same batch."""
        for answer in self._of_round(task_id, number, ()).values():
            if not isinstance(answer, GradrollError):
                yield from answer

    def audit_bundles(self, batch: AcceptedBatch) -> Iterator[AuditBundle]:
        """The audit bundle of an accepted batch from one prover after the other, with a quorum's attestations."""
        attestations = self.certificates(batch)[0].attestations
        terms, committee = self.view.terms(batch.task_id), self._committee(batch.task_id, batch.round)
        for endpoint in committee.endpoints:
            try:
                with self._client(endpoint) as client:
                    bundle = client.audit_bundle(batch.record.batch_id, terms.dimension)
            except GradrollError:
                continue
            yield bundle.attested_by(attestations)

    def _of_round(
        self, task_id: int, number: int, known: Collection[bytes]
    ) -> dict[int, list[Certificate] | GradrollError]:
        committee, context = self._committee(task_id, number), self.view.context(task_id, number)
        return self._each(committee, lambda client, _: _of_round(client, context, known))

    def _committee(self, task_id: int, number: int) -> CommitteeRecord:
        """The members whose word counts in a round, where they listen now."""
        members = self.view.committee_of_round(task_id, number)
        return replace(self.view.committee_record(members.committee_id), committee=members)

    def _attesters(self, task_id: int, committee: CommitteeRecord) -> Attesters:
        return Attesters(committee.committee, self.view.policy(task_id).verifier_code)

    def _client(self, endpoint: str) -> ProverClient:
        return ProverClient(endpoint, stall=self.stall, tls_roots=self.tls_roots)

    def _each(self, committee: CommitteeRecord, ask: Callable[[ProverClient, int], V]) -> dict[int, V | GradrollError]:
        """What every prover answers, or why it does not.

        A prover that sends just often enough must not hold up what a quorum gives: once that is here, the others have
        as long again, and at least ``stall`` seconds.
        """
        provers, begun = range(committee.committee.size), time.monotonic()
        # Connections are closed before the pool is: that ends the calls of those that were not waited for.
        with ThreadPoolExecutor(len(provers), "provers") as pool, ExitStack() as connections:
            clients = [self._connected(connections, endpoint) for endpoint in committee.endpoints]
            running = {p: pool.submit(_answer, ask, clients[p], p) for p in provers}
            _wait_for_answers(running.values(), committee.committee.quorum)
            wait(running.values(), max(self.stall, time.monotonic() - begun))
            late = UnavailableError("much slower than the others; not waited for")
            return {p: answer.result() if answer.done() else late for p, answer in running.items()}

    def _connected(self, connections: ExitStack, endpoint: str) -> ProverClient | GradrollError:
        try:
            return connections.enter_context(self._client(endpoint))
        except GradrollError as error:
            return error


def _releasing(certificate: Certificate, dimension: int) -> Callable[[ProverClient, int], StepReply]:
    """Asks a prover for its share of a batch's sum."""
    request = release.request(certificate)
    return lambda client, _: client.run(request, dimension)


def _answer(
    ask: Callable[[ProverClient, int], V], client: ProverClient | GradrollError, prover: int
) -> V | GradrollError:
    if isinstance(client, GradrollError):
        return client
    try:
        return ask(client, prover)
    except GradrollError as error:
        return error


def _wait_for_answers(running: Iterable[Future[V | GradrollError]], enough: int) -> None:
    """Wait until so many have answered, or all have said what they have to say."""
    answered = 0
    for done in as_completed(running):
        answered += not isinstance(done.result(), GradrollError)
        if answered == enough:
            return


def _of_round(client: ProverClient, context: Context, known: Collection[bytes]) -> list[Certificate]:
    """What a prover has of a round; one that lies names ever more batches, and others' certificates."""
    named = islice(client.batches(context.task_id, context.round), _MOST_NAMED)
    wanted = islice((batch_id for batch_id in named if batch_id not in known), _MOST_READ)
    return [c for c in map(client.certificate, wanted) if c.statement.context == context]


def _reasons(found: Mapping[int, object]) -> str:
    failures = (f"prover {p}: {answer}" for p, answer in found.items() if isinstance(answer, GradrollError))
    return "; ".join(failures) or "those that the provers have do not fit"
