"""Takes over batches that somebody else handed in: a relay, after this coordinator was away, or another coordinator, or
this one itself before its log was restored from a backup.  Without it their owners would wait here for a batch that is
on the chain already.

They are as this coordinator's own from then on: a quorum has attested them, so no other batch can have their owners,
and if a reorganisation takes one back, it is handed in again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from circuits.errors import FullError, ProofError, UnavailableError
from circuits.verify import sum_of_commitments
from commons.chain.facts import RecordedBatch
from commons.chain.ports import MarketReader
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters, combined
from commons.protocol.rules import require_row
from commons.protocol.status import SubmissionState
from commons.storage.blobs import Blobs
from commons.storage.evidencefiles import Watch
from commons.storage.parameters import PublicParameters
from coordinator.certificates import certificate_of
from coordinator.events import BatchProven, HeaderAccepted, OwnerDropped
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.resultroom import room_for
from coordinator.roundstate import RoundKey

_log = logging.getLogger(__name__)
_ELSEWHERE = "chain: another submission of its owner is in a signed batch of this round"


class Adoption:
    """Reads such batches from the provers that attested them."""

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        blobs: Blobs,
        parameters: PublicParameters,
        watch: Watch,
        *,
        timeout: float,
    ) -> None:
        """Args:
        watch: notices what provers attested beside what they attested here.
        timeout: seconds that a prover has to send a batch.
        """
        self._watch = watch
        self._view = view
        self._parameters = parameters
        self._journal = journal
        self._blobs = blobs
        self._timeout = timeout

    def adopt(self, key: RoundKey, fleet: Fleet) -> None:
        """Take over what the chain has of a round and the journal has not.

        Raises:
            UnavailableError: the provers do not give a batch; the others are taken over.
            FullError: there is no room for a batch and its sum; nobody is asked for it.
        """
        trouble: UnavailableError | FullError | None = None
        for batch in self._view.accepted(*key):
            try:
                if not self._is_known(batch.record.batch_id):
                    self._take(key, batch.record, self._fetch(key, batch.record, fleet))
            except (UnavailableError, FullError) as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _is_known(self, batch_id: bytes) -> bool:
        with self._journal.reading() as state:
            return batch_id in state.batches

    def _fetch(self, key: RoundKey, record: RecordedBatch, fleet: Fleet) -> AuditBundle:
        """The batch's audit bundle with a quorum's attestations, once there is room for it and for its sum."""
        code, dimension = self._view.policy(key[0]).verifier_code, self._view.terms(key[0]).dimension
        self._blobs.require(key[0], room_for(dimension, len(record.indices)))  # first: its sum is kept in any case
        found, attesters = fleet.certificates(record.batch_id, self._timeout), Attesters(fleet.committee, code)
        self._watch.certificates((*self._meeting(key, record), *found.values()), attesters, self._view.terms(key[0]))
        complete = {_bare(c): c for c in combined(found.values(), attesters)}
        for prover, certificate in found.items():
            whole = complete.get(_bare(certificate))
            bundle = None if whole is None else fleet.audit_bundle(prover, record.batch_id, dimension, self._timeout)
            if whole is not None and bundle is not None and self._is_recorded(bundle, whole, record):
                return bundle.attested_by(whole.attestations)
        raise UnavailableError(
            f"the chain has batch 0x{record.batch_id.hex()}, which somebody else handed in, and too few provers give it"
        )

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
        context = bundle.statement.context
        members = tuple(header.digest(context) for header in bundle.statement.owners)
        digest = self._blobs.put(bundle.encode(), key[0])
        with self._journal.reading() as state:
            if record.batch_id in state.batches:  # a round that has just come into the log is worked on elsewhere too
                return
            others = self._others(key, (header.owner for header in bundle.statement.owners), members)
            came = zip(members, bundle.statement.owners, strict=True)
            self._journal.record(
                *(HeaderAccepted(s, header, ()) for s, header in came if state.status_of(s) is None),
                BatchProven(*key, record.batch_id, members, digest),
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
