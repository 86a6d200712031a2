"""What a prover notices of the others, in the certificates that it is shown when somebody asks for a sum."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from circuits.errors import GradrollError
from circuits.terms import TaskTerms
from commons.protocol.bounded import remember
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.runtime.seldom import Seldom
from commons.storage.evidencefiles import EvidenceFiles, Watch
from provers.node_environment import NodeEnvironment
from provers.store import Store

_OWN, _SHOWN = 1 << 14, 256
"""Batches of this prover's own, and batches that were shown, of which is remembered that they were looked at.  Of the
latter fewer than a ``Witness`` remembers: what is not looked at again must be held against what comes after it."""
_log = logging.getLogger(__name__)


class Suspicions:
    """Holds certificates against each other, and against those that this prover has of their round.  Thread-safe."""

    def __init__(self, environment: NodeEnvironment, store: Store, files: EvidenceFiles) -> None:
        self._environment = environment
        self._store = store
        self._watch = Watch(files)
        self._seldom = Seldom(_log)
        self._read = _Looked(_OWN)
        self._shown = _Looked(_SHOWN)

    def shown(self, encoded: bytes) -> None:
        """Look at a certificate that came with a request.  Never raises: what is answered depends on nothing of it."""
        with self._unlooked():
            self._look(Certificate.decode(encoded))

    def _look(self, certificate: Certificate) -> None:
        context = certificate.statement.context
        stated, committee = self._environment.released_context(context.task_id, context.round)
        attesters = Attesters(committee, self._environment.policy(context.task_id).verifier_code)
        attesting = frozenset(attesters.valid(certificate))
        if context != stated or not attesting:
            return
        terms = self._environment.terms(context.task_id)
        news, digest = self._look_at_own(attesters, terms, context.round), attesters.digest(certificate)
        if (news or not self._shown.has(digest, attesting)) and self._watch.certificate(certificate, attesters, terms):
            self._shown.add(digest, attesting)

    def _look_at_own(self, attesters: Attesters, terms: TaskTerms, number: int) -> bool:
        """Look at this prover's batches of a round, each once: whoever asks must not make it read them all every time.

        Returns:
            whether there were new ones.
        """
        unread = [batch for batch in self._store.batches_of(terms.task_id, number) if not self._read.has(batch)]
        for batch_id in unread:
            with self._unlooked():  # it may be deleted meanwhile: the others are looked at all the same
                own = Certificate.decode(self._store.certificate(batch_id))
                if self._watch.certificate(own, attesters, terms):
                    self._read.add(batch_id)
        return bool(unread)

    @contextmanager
    def _unlooked(self) -> Iterator[None]:
        """Go on behind what cannot be looked at; another request may show it again."""
        try:
            yield
        except GradrollError as error:  # junk, a stranger's task, a node that is silent, or a batch that is deleted
            missed = "event=certificate-not-looked-at code=%s reason=%r"
            self._seldom.say(logging.INFO, error.code, missed, error.code, str(error))
        except Exception as error:
            self._seldom.say(logging.ERROR, type(error).__name__, "event=certificate-error", error=error)


class _Looked:
    """By batch, the members whose attestations were looked at already; of the last batches.  Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._members: OrderedDict[bytes, frozenset[int]] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, batch: bytes, members: frozenset[int] = frozenset()) -> bool:
        with self._lock:
            return batch in self._members and members <= self._members[batch]

    def add(self, batch: bytes, members: frozenset[int] = frozenset()) -> None:
        with self._lock:
            remember(self._members, batch, members | self._members.get(batch, frozenset()), self._most)
