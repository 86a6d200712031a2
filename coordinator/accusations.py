"""Asks provers to sign the exclusion of owners that were rejected, beside the work on their batch.

They are asked as soon as an owner is rejected: a restart makes provers forget what they have seen, and so do the
attempts that follow.  No batch waits for the answers.  Each prover is asked one thing at a time, in a queue of its own,
so that one that does not answer holds up nobody else; signatures are kept as they come, from a quorum on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from circuits.errors import GradrollError
from circuits.statement import Committee
from commons.protocol.bodies import SignatureBody
from commons.protocol.messages import MAX_COHORT, Cohort, Step, StepReply, StepRequest
from commons.protocol.receipts import exclusion_digest
from commons.protocol.replies import Failure, collect
from commons.protocol.signing import signs
from coordinator.events import ExclusionSigned
from coordinator.fleet import Fleet
from coordinator.journal import Journal
from coordinator.machine import OwnerRejected, Resources, Verdict
from coordinator.roundstate import named

_log = logging.getLogger(__name__)
_MOST = 2 * MAX_COHORT
"""Owners that wait for one prover; evidence against them is in memory."""
_Line = tuple[Committee, int]


@dataclass(eq=False, slots=True)
class _Case:
    """One owner that was rejected, and who has signed its exclusion.

    Attributes:
        awaited: provers that have not been heard yet.
    """

    committee: Committee
    fleet: Fleet
    cohort: Cohort
    request: StepRequest
    awaited: set[int]
    signatures: dict[int, bytes] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """The owner's registration index."""
        return self.cohort.headers[self.request.owner].owner_index

    @property
    def owner(self) -> bytes:
        """Address of its signer."""
        return self.cohort.headers[self.request.owner].owner

    @property
    def dealing(self) -> bytes:
        """Digest of what it dealt."""
        return self.cohort.digests[self.request.owner]

    @property
    def place(self) -> tuple[str, int, int]:
        """Task, round and registration index, for a log line."""
        return *named((self.cohort.context.task_id, self.cohort.context.round)), self.index

    def take(self, prover: int, reply: StepReply | Failure) -> bool:
        """Hear a prover; whether it has signed."""
        self.awaited.discard(prover)
        answers = collect(
            self.committee, {prover: reply}, (prover,), self.request.session, Step.EXCLUDE, SignatureBody.decode
        )
        body, digest = answers.bodies.get(prover), exclusion_digest(self.cohort.context, self.owner, self.dealing)
        if body is None or not signs(self.committee.members[prover], digest, body.signature):
            return False
        self.signatures[prover] = body.signature
        return True

    def signed(self) -> ExclusionSigned:
        """All that was signed so far, also beyond a quorum: a key may be revoked before this is shown to the market."""
        context, provers = self.cohort.context, tuple(sorted(self.signatures))
        return ExclusionSigned(
            context.task_id, context.round, self.index, self.dealing, provers,
            tuple(self.signatures[p] for p in provers),
        )  # fmt: skip


class Accusations:
    """Has owners excluded as far as a quorum of the provers signs it on the evidence.

    Args:
        pool: where provers are asked; not one that batches need, for a prover may keep its thread until the timeout.
        timeout: seconds that a prover has for an owner; one that cannot be reached is not asked about those that waited
            meanwhile.
        stopping: once set, nobody is asked any more.
    """

    def __init__(self, journal: Journal, pool: Executor, *, timeout: float, stopping: threading.Event) -> None:
        self._journal = journal
        self._pool = pool
        self._timeout = timeout
        self._stopping = stopping
        self._lock = threading.Lock()  # guards what follows, cases too
        self._lines: dict[_Line, deque[_Case]] = {}  # of provers that are being asked

    def accuse(
        self, resources: Resources, fleet: Fleet, cohort: Cohort, verdicts: Iterable[Verdict], provers: Iterable[int]
    ) -> None:
        """Start to ask provers about the owners that these verdicts reject."""
        if not resources.terms.pay.prices_exclusion:
            return
        asked, cases = frozenset(provers), []
        for verdict in verdicts:
            if isinstance(verdict, OwnerRejected) and verdict.evidence is not None:
                request = replace(verdict.evidence, authorization=resources.authorize(verdict.evidence.asked))
                cases.append(_Case(resources.committee, fleet, cohort, request, set(asked)))
        for line in self._queued(cases):
            self._pool.submit(self._work, line)

    def _queued(self, cases: list[_Case]) -> list[_Line]:
        """Queues all cases before anybody is asked about one of them; the queues that are to be worked on from now."""
        idle: list[_Line] = []
        with self._lock:
            for case in cases:
                for prover in sorted(case.awaited):
                    line = case.committee, prover
                    if line not in self._lines:
                        self._lines[line] = deque()
                        idle.append(line)
                    if len(self._lines[line]) < _MOST:
                        self._lines[line].append(case)
                    else:
                        case.awaited.discard(prover)
        return idle

    def _work(self, line: _Line) -> None:
        """Ask a prover about the next owner.  The rest waits behind what else is in the pool: other committees too."""
        with self._lock:
            waiting = self._lines[line]
            if not waiting or self._stopping.is_set():
                del self._lines[line]
                return
            case = waiting.popleft()
        prover, dimension = line[1], case.cohort.context.dimension
        reply = case.fleet.ask_one(prover, case.request, dimension, self._timeout)
        self._hear(case, prover, reply)
        if isinstance(reply, Failure) and reply.kind == "unreachable":
            for other in self._emptied(line):
                self._hear(other, prover, reply)
        if not self._stopping.is_set():
            self._pool.submit(self._work, line)

    def _emptied(self, line: _Line) -> tuple[_Case, ...]:
        """What waited for a prover, and does not any more."""
        with self._lock:
            waited = tuple(self._lines[line])
            self._lines[line].clear()
        return waited

    def _hear(self, case: _Case, prover: int, reply: StepReply | Failure) -> None:
        if self._stopping.is_set():  # the journal may be closed
            return
        try:
            self._take(case, prover, reply)
        except GradrollError as error:  # a disk that is full: what is signed later may still get in
            reason = str(error)
            _log.warning("event=exclusion-not-noted task=%s round=%d owner=%d reason=%r", *case.place, reason)
        except Exception:  # the prover's queue goes on
            _log.exception("event=exclusion-error task=%s round=%d owner=%d", *case.place)

    def _take(self, case: _Case, prover: int, reply: StepReply | Failure) -> None:
        quorum = case.committee.quorum
        with self._lock:  # also while it is recorded: what more have signed must not come before what fewer have
            if case.take(prover, reply) and len(case.signatures) >= quorum:
                self._journal.record(case.signed())
                _log.info("event=exclusion-signed task=%s round=%d owner=%d", *case.place)
            elif not case.awaited and len(case.signatures) < quorum:
                signed = len(case.signatures)
                _log.warning("event=exclusion-unsigned task=%s round=%d owner=%d signed=%d", *case.place, signed)
