"""What a prover notices of the others, in the certificates that it is shown when somebody asks for a sum."""

from __future__ import annotations

import logging

from circuits.errors import GradrollError, WireError
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.storage.evidencefiles import EvidenceFiles, Watch
from provers.node_environment import NodeEnvironment
from provers.store import Store

_log = logging.getLogger(__name__)


class Suspicions:
    """Holds certificates against each other, and against those that this prover has of their round."""

    def __init__(self, environment: NodeEnvironment, store: Store, files: EvidenceFiles) -> None:
        self._environment = environment
        self._store = store
        self._watch = Watch(files)
        self._read: set[bytes] = set()

    def shown(self, encoded: bytes) -> None:
        """Look at a certificate that came with a request.  Never raises: what is answered depends on nothing of it."""
        try:
            self._look(Certificate.decode(encoded))
        except WireError:
            return
        except GradrollError as error:  # a stranger's task, or a node that is silent
            _log.info("event=certificate-not-looked-at code=%s reason=%r", error.code, str(error))

    def _look(self, certificate: Certificate) -> None:
        context = certificate.statement.context
        name = context.task_id, context.round
        stated, committee = self._environment.released_context(*name)
        attesters = Attesters(committee, self._environment.policy(context.task_id).verifier_code)
        if context != stated or not attesters.valid(certificate):
            return
        # Each once: whoever asks must not make this prover read all of a round again and again.
        unread = [batch_id for batch_id in self._store.batches_of(*name) if batch_id not in self._read]
        self._read.update(unread)
        own = [Certificate.decode(self._store.certificate(batch_id)) for batch_id in unread]
        self._watch.certificates((*own, certificate), attesters, self._environment.terms(context.task_id))
