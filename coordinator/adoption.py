"""Takes over batches that somebody else handed in: a relay, after this coordinator was away, or another coordinator, or
this one itself before its log was restored from a backup.  Without it their owners would wait here for a batch that is
on the chain already.

They are as this coordinator's own from then on: a quorum has attested them, so no other batch can have their owners,
and if a reorganisation takes one back, it is handed in again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator

from circuits.errors import FullError, ProofError, UnavailableError
from circuits.verify import sum_of_commitments
from commons.chain.depth import HEAD
from commons.chain.facts import RecordedBatch
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.ports import MarketReader
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters, combined
from commons.protocol.rules import require_row
from commons.protocol.status import SubmissionState
from commons.runtime.clock import Clock
from commons.runtime.pieces import progressed
from commons.storage.blobs import Blobs
from commons.storage.evidencefiles import Watch
from commons.storage.parameters import PublicParameters
from coordinator.certificates import certificate_of
from coordinator.events import BatchGraded, BatchProven, HeaderAccepted, OwnerDropped
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.resultroom import room_for
from coordinator.roundstate import RoundKey

_log = logging.getLogger(__name__)
_ELSEWHERE = "chain: another submission of its owner is in a signed batch of this round"
_AT_A_TIME = 4
"""Provers that are asked for a bundle together, once the first one has not given it: each may send a large one."""
_MOST_REMEMBERED = 1 << 12
"""Batches of which it is remembered how often they were asked for in vain."""


class Adoption:
    """Reads such batches from the provers that attested them."""

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        blobs: Blobs,
        parameters: PublicParameters,
        watch: Watch,
        clock: Clock,
        stopping: threading.Event,
        *,
        timeout: float,
    ) -> None:
        """Args:
        watch: notices what provers attested beside what they attested here.
        stopping: once set, nobody is asked any more.
        timeout: seconds that all provers have together to send a batch, and before that their certificates.
        """
        self._clock, self._stopping = clock, stopping
        self._watch = watch
        self._view = view
        self._parameters = parameters
        self._journal = journal
        self._blobs = blobs
        self._timeout = timeout
        self._in_vain: dict[bytes, int] = {}  # how often batches were asked for that provers did not give

    def adopt(self, key: RoundKey, fleet: Fleet) -> None:
        """Take over what the chain has of a round and the journal has not.

        Anybody makes a task that names this coordinator, with provers that hang.  So the round is left at the first
        batch that they do not give, which comes last the next time, and no batch is begun later than ``timeout``: after
        three times that it is over in any case.

        Raises:
            NoAgreementError: too few nodes show the same batches: one that hides some would have them forgotten.
            UnavailableError: the provers do not give a batch, or time is up, or the coordinator stops.
            FullError: there is no room for a batch and its sum; nobody is asked for it, and others are taken over.
        """
        full: FullError | None = None
        until = self._clock.monotonic() + self._timeout
        for batch_id in self._lacking(key):
            self._require_going_on(until)
            try:
                record = self._recorded(key, batch_id)
                self._take(key, record, self._fetch(key, record, fleet))
                self._in_vain.pop(batch_id, None)
            except (NoAgreementError, UnavailableError):
                self._note_in_vain(batch_id)
                raise
            except FullError as error:
                full = error
            progressed()
        if full is not None:
            raise full

    def _lacking(self, key: RoundKey) -> list[bytes]:
        """Batches that most nodes show and the journal has not: what was asked for in vain comes behind the others."""
        shown = self._view.most(lambda: self._view.accepted_ids(*key)) or frozenset()
        with self._journal.reading() as state:
            lacking = [batch_id for batch_id in shown if batch_id not in state.batches]
        return sorted(lacking, key=lambda batch_id: (self._in_vain.get(batch_id, 0), batch_id))

    def _recorded(self, key: RoundKey, batch_id: bytes) -> RecordedBatch:
        """What most nodes say of a batch.  Raises NoAgreementError."""
        found = self._view.most(lambda: self._view.recorded(*key, batch_id, HEAD))
        if found is None:
            raise NoAgreementError(
                f"batch 0x{batch_id.hex()} is gone from the chain of most nodes, or some lag; it is looked for again"
            )
        return found

    def _require_going_on(self, until: float) -> None:
        if self._stopping.is_set():
            raise UnavailableError("the coordinator stops; what others handed in is taken over once it is back")
        if self._clock.monotonic() >= until:
            raise UnavailableError("provers are slow; the rest of what others handed in is taken over later")

    def _fetch(self, key: RoundKey, record: RecordedBatch, fleet: Fleet) -> AuditBundle:
        """The batch's audit bundle with a quorum's attestations, once there is room for it and for its sum."""
        code, terms = self._view.policy(key[0]).verifier_code, self._view.terms(key[0])
        dimension, rows = terms.dimension, len(record.indices) + (terms.grading is not None)
        sealed = fleet.committee.size if terms.sums_private else 0
        self._blobs.require(key[0], room_for(dimension, rows, sealed))  # first: its sum is kept in any case
        found, attesters = fleet.certificates(record.batch_id, self._timeout), Attesters(fleet.committee, code)
        self._watch.certificates((*self._meeting(key, record), *found.values()), attesters, terms)
        complete = {_bare(c): c for c in combined(found.values(), attesters)}
        whole = {p: complete[bare] for p, one in found.items() if (bare := _bare(one)) in complete}
        for prover, bundle in self._bundles(sorted(whole), record.batch_id, dimension, fleet):
            if self._is_recorded(bundle, whole[prover], record):
                return bundle.attested_by(whole[prover].attestations)
        raise UnavailableError(
            f"the chain has batch 0x{record.batch_id.hex()}, which somebody else handed in, and too few provers give it"
        )

    def _bundles(
        self, provers: list[int], batch_id: bytes, dimension: int, fleet: Fleet
    ) -> Iterator[tuple[int, AuditBundle]]:
        """What provers give in the time that they have together.  One alone has half of it, another one at each try;
        what is left is shared by the others, so that one behind many that hang has its turn, too.
        """
        first = self._in_vain.get(batch_id, 0) % max(len(provers), 1)
        order = provers[first:] + provers[:first]
        groups = [order[:1], *(order[nth : nth + _AT_A_TIME] for nth in range(1, len(order), _AT_A_TIME))]
        until = self._clock.monotonic() + self._timeout
        for nth, group in enumerate(groups):
            self._require_going_on(until)
            shares = min(2, len(groups)) if nth == 0 else len(groups) - nth
            given = (until - self._clock.monotonic()) / shares
            yield from fleet.audit_bundles(group, batch_id, dimension, given).items()

    def _note_in_vain(self, batch_id: bytes) -> None:
        self._in_vain[batch_id] = self._in_vain.pop(batch_id, 0) + 1
        while len(self._in_vain) > _MOST_REMEMBERED:
            self._in_vain.pop(next(iter(self._in_vain)), None)

    def _meeting(self, key: RoundKey, record: RecordedBatch) -> Iterator[Certificate]:
        """Batches that were attested here, with an owner of the one that the chain has."""
        with self._journal.reading() as state:
            if key not in state.rounds:
                return iter(())
            known = {s: state.submissions[s].header.owner_index for s in state.rounds[key].submissions}
            digests = [
                batch.bundle_digest
                for batch in state.batches_of(key)
                if any(known.get(submission) in record.indices for submission in batch.submissions)
            ]
        return (certificate_of(self._blobs, digest) for digest in digests)

    def _is_recorded(self, bundle: AuditBundle, certificate: Certificate, record: RecordedBatch) -> bool:
        """Whether a bundle is that of the batch that the chain recorded and a quorum attested, to the last value."""
        statement = certificate.statement
        same = (
            _bare(bundle.certificate) == _bare(certificate)
            and certificate.batch_id == record.batch_id
            and tuple(header.owner_index for header in statement.owners) == record.indices
            and sum_of_commitments(statement) == record.commitment
        )
        try:
            require_row(bundle, self._parameters.commitment_key(statement.context.dimension))
        except ProofError:
            return False
        return same

    def _take(self, key: RoundKey, record: RecordedBatch, bundle: AuditBundle) -> None:
        context, graded = bundle.statement.context, bundle.statement.graded
        members = tuple(header.digest(context) for header in bundle.statement.owners)
        opened = () if graded is None else (BatchGraded.of(record.batch_id, context, graded),)
        digest = self._blobs.put(bundle.encode(), key[0])
        with self._journal.reading() as state:
            if record.batch_id in state.batches:  # a round that has just come into the log is worked on elsewhere too
                return
            others = self._others(key, (header.owner for header in bundle.statement.owners), members)
            came = [(header.digest(context), header) for header in bundle.statement.rows]
            self._journal.record(
                *(HeaderAccepted(s, header, ()) for s, header in came if state.status_of(s) is None),
                BatchProven(*key, record.batch_id, members, digest),
                *opened,
                *(OwnerDropped(submission, _ELSEWHERE, False) for submission in others),
            )
        _log.info("event=batch-adopted batch=0x%s owners=%d", record.batch_id.hex(), len(members))

    def _others(self, key: RoundKey, owners: Iterable[bytes], members: tuple[bytes, ...]) -> list[bytes]:
        """Submissions of a batch's owners that wait, and are not the accepted ones."""
        with self._journal.reading() as state:
            if key not in state.rounds:
                return []
            last = (state.of_owner(key, owner) for owner in owners)
            waiting = (one.submission for one in last if one is not None and one.state is SubmissionState.PENDING)
            return [submission for submission in waiting if submission not in members]


def _bare(certificate: Certificate) -> bytes:
    return certificate.attested_by(()).encode()
