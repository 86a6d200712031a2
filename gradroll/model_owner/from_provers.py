"""A batch's sum and its audit bundle from the provers themselves, when the coordinator is gone or will not serve them.

Nobody has to be believed: the certificate carries the identifier that the chain recorded and a quorum's signatures, the
sum opens the commitment on the chain, the bundle is for an audit to check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, UnavailableError, WireError
from circuits.statement import Attested, TaskTerms
from circuits.verify import sum_of_commitments
from commons.chain.facts import AcceptedBatch, CommitteeRecord
from commons.chain.view import ChainView
from commons.protocol import release
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import StepReply
from commons.protocol.replies import Failure
from commons.protocol.signing import signs
from commons.wire.prover_client import ProverClient

V = TypeVar("V")


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

    def aggregate(self, batch: AcceptedBatch, key: CommitmentKey) -> bytes:
        """The encoded aggregate of an accepted batch; it opens the commitment on the chain.

        Raises:
            UnavailableError: no prover has the certificate, or too few release their share (the acceptance may not be
                final for them yet); the message has their reasons.
        """
        refused: list[str] = []
        for certificate in self.certificates(batch):
            try:
                return self._released(batch, certificate, key)
            except UnavailableError as error:
                refused.append(str(error))
        raise UnavailableError("; ".join(refused))

    def _released(self, batch: AcceptedBatch, certificate: Certificate, key: CommitmentKey) -> bytes:
        terms, committee = self._committee(batch)
        requests = release.requests(certificate, range(committee.committee.size))
        replies: dict[int, StepReply | Failure] = {}
        answers = self._each(committee, lambda client, p: client.run(requests[p], terms.dimension))
        for prover, answer in answers.items():
            failed = isinstance(answer, GradrollError)
            replies[prover] = Failure("refused", answer.code, str(answer)) if failed else answer  # type: ignore[union-attr, assignment]
        return release.opened(committee.committee, key, certificate, replies).payload

    def certificates(self, batch: AcceptedBatch) -> tuple[Certificate, ...]:
        """Certificates with a quorum's valid attestations, put together from what the provers have.

        There is one unless a prover or the coordinator lies: not every part of a certificate is bound by what was
        attested, and a coordinator can show each prover another proof of the same batch.  So attestations count for
        all variants, and it is for the provers to refuse a false one.

        Raises:
            UnavailableError: fewer attestations than a quorum were to be had.
        """
        terms, committee = self._committee(batch)
        batch_id = batch.record.batch_id
        found = self._each(committee, lambda client, _: client.certificate(batch_id))
        variants: dict[bytes, Certificate] = {}
        signed: dict[int, dict[int, bytes]] = {}  # by T, which attestations bind beside the identifier
        for answer in found.values():
            if isinstance(answer, Certificate):
                bare = answer.attested_by(())
                try:
                    bare.require_dealings()
                except WireError:
                    continue
                variants[bare.encode()] = bare
                attested = signed.setdefault(bare.proof.square_norm, {})
                attested.update(_valid(answer, self._digest(bare, terms), committee))
        enough = committee.committee.quorum
        words = ((bare, signed[bare.proof.square_norm]) for bare in variants.values())
        complete = tuple(bare.attested_by(given.items()) for bare, given in words if len(given) >= enough)
        if complete:
            return complete
        raise UnavailableError(
            f"the certificate of batch 0x{batch_id.hex()} needs {enough} attestations: " + _reasons(found)
        )

    def audit_bundles(self, batch: AcceptedBatch) -> Iterator[AuditBundle]:
        """The audit bundle of an accepted batch from one prover after the other, with a quorum's attestations."""
        attestations = self.certificates(batch)[0].attestations
        terms, committee = self._committee(batch)
        for endpoint in committee.endpoints:
            try:
                with self._client(endpoint) as client:
                    bundle = client.audit_bundle(batch.record.batch_id, terms.dimension)
            except GradrollError:
                continue
            yield bundle.attested_by(attestations)

    def _committee(self, batch: AcceptedBatch) -> tuple[TaskTerms, CommitteeRecord]:
        terms = self.view.terms(batch.task_id)
        return terms, self.view.committee_record(terms.committee_id)

    def _digest(self, certificate: Certificate, terms: TaskTerms) -> bytes:
        attested = Attested(
            certificate.batch_id, self.view.policy(terms.task_id).verifier_code, terms.committee_id,
            certificate.statement.size, sum_of_commitments(certificate.statement), certificate.proof.square_norm,
        )  # fmt: skip
        return attested.digest(certificate.statement.context)

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


def _valid(certificate: Certificate, digest: bytes, committee: CommitteeRecord) -> Iterator[tuple[int, bytes]]:
    members = committee.committee.members
    return ((p, s) for p, s in certificate.attestations if p < len(members) and signs(members[p], digest, s))


def _reasons(found: Mapping[int, object]) -> str:
    failures = (f"prover {p}: {answer}" for p, answer in found.items() if isinstance(answer, GradrollError))
    return "; ".join(failures) or "those that the provers have do not fit"
