"""Runs the pure party: one step at a time, ledger first, then the reply; a repeated request gets the same reply."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from circuits.errors import GradrollError, UnknownError, WireError
from circuits.statement import Membership
from commons.protocol.bounded import remember
from commons.protocol.bundle import Certificate
from commons.protocol.messages import NONCE_BYTES, Cohort, Step, StepReply, StepRequest
from commons.protocol.streamheads import StepHead
from commons.runtime import spans
from commons.runtime.pieces import Pieces
from commons.runtime.seldom import Seldom
from provers.foresight import Foresight, UnforeseenError
from provers.joining.keysetup import KeySetup
from provers.ledgerrows import LedgerMovedError
from provers.node_environment import NodeEnvironment
from provers.party import Outcome, Party, RestoredError, handle, known_cohort
from provers.store import Store

_log = logging.getLogger(__name__)
_LONG = frozenset({Step.COMBINE, Step.PROBE_COMBINE, Step.REVEAL})
"""Their replies are as long as a share; only the last one is kept for a coordinator that asks again."""


class Turns:
    """One step at a time: what a step checks in the ledger, no other one may change before it is written.

    Attributes:
        pieces: the step under way, if any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.pieces = Pieces()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Run a step, alone."""
        with spans.part("wait"):
            self._lock.acquire()
        try:
            with self.pieces.piece():
                yield
        finally:
            self._lock.release()


class Runner:
    """Owns the party of this node, as a member of one list of members."""

    def __init__(
        self,
        membership: Membership,
        key_setup: KeySetup,
        store: Store,
        environment: NodeEnvironment,
        *,
        kept_replies: int = 64,
        turns: Turns | None = None,
    ) -> None:
        """Args:
        turns: shared with other runners of the same store, of which one step at a time runs.
        """
        self._membership = membership
        self._key_setup = key_setup
        self._store = store
        self._environment = environment
        self._kept_replies = kept_replies
        self._turns = turns or Turns()
        self._seldom = Seldom(_log)
        self._party: Party | None = None
        self._replies: OrderedDict[bytes, StepReply] = OrderedDict()

    def cohort(self, session: bytes) -> Cohort:
        """The cohort that a session is or is about; bounds what is read for it.  Raises UnknownError."""
        party = self._party  # replaced as a whole, so no lock is needed
        if party is None:
            raise _unknown(session)
        state = party.cohorts.get(session) or party.any_attempt(session)
        return state.cohort

    def task_of(self, head: StepHead) -> int:
        """The task that a step is about, from its head alone.  Raises UnknownError for a session nobody knows."""
        if head.step is Step.COIN:
            return head.task_id
        if self._party is None:
            raise _unknown(head.session)
        return known_cohort(self._party, head).context.task_id

    def require_known(self, request: StepRequest) -> None:
        """Raise UnknownError for a step (no COIN, no RELEASE) of a session that nobody knows here.

        What else is wrong with it, is said when it runs.
        """
        party = self._party
        if party is None:
            raise _unknown(request.session)
        with suppress(WireError):
            known_cohort(party, request)

    def run(self, request: StepRequest) -> StepReply:
        """Run one step.  When it raises, nothing has changed; when it returns, what it implies is on disk.

        A share that is found damaged is dropped all the same, so that it can be taken in again.

        The chain is asked while other steps run: a node that lags keeps back the steps of its own questions alone.
        """
        key, foresight = _identity(request), Foresight(self._environment)
        if request.step is Step.COIN and request.cohort is not None:
            self._store.doubt(request.cohort.digests)  # while this prover can still be handed what was damaged
        while True:
            try:
                with self._turns.turn():
                    return self._answer(key, request, foresight)
            except UnforeseenError as missing:
                with spans.part("learn"):
                    foresight.learn(missing)
            except LedgerMovedError:  # a round was closed meanwhile: a head that the step signed is none any more
                continue

    def _answer(self, key: bytes, request: StepRequest, foresight: Foresight) -> StepReply:
        if key in self._replies:
            return self._replies[key]
        reply = self._step(request, foresight)
        if request.step in _LONG:
            self._drop_long_replies()
        if request.step is not Step.RELEASE:  # anybody may ask, as often as they like; it is answered anew
            remember(self._replies, key, reply, self._kept_replies)
        return reply

    def _step(self, request: StepRequest, foresight: Foresight) -> StepReply:
        party, head = self._party or self._begun(request.step), self._store.ledger.count
        try:
            outcome = _computed(party, request, foresight)
        except GradrollError as error:
            if isinstance(error, RestoredError):
                self._store.commit((error.entry,))
            self._seldom.say(
                logging.WARNING, (request.step, error.code),
                "event=step-refused step=%s session=0x%s code=%s reason=%r",
                request.step.name, request.session.hex()[:16], error.code, str(error),
            )  # fmt: skip
            raise
        if outcome.attested is not None:  # before the lock, which binds the owners: after it the batch must be kept
            dimension = outcome.attested.statement.context.dimension
            self._store.require_room_for_batch(outcome.about[0], outcome.attested.size, dimension)
        with spans.part("write"):
            self._store.commit(outcome.entries, outcome.about, head)
            self._keep(request, outcome)
        if request.step is not Step.RELEASE:  # which changes nothing of it, and may have run without keys
            self._party = outcome.party
        return outcome.reply

    def _begun(self, step: Step) -> Party:
        """A party that has done nothing yet.

        RELEASE gets one without shared keys: one member alone can keep the keys of a new list from being set up, and
        those of the former ones are destroyed when their rounds are over.  Sums are due all the same.

        Raises:
            NotReadyError: the keys are not set up, and the step is another one.
        """
        keys, own = None if step is Step.RELEASE else self._key_setup.keys, self._membership
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Party.new(own.index, own.committee, self._key_setup.reference, keys, nonce)

    def _keep(self, request: StepRequest, outcome: Outcome) -> None:
        """What this prover serves when the coordinator is gone: batches it attested, certificates it has seen."""
        if outcome.attested is not None:
            self._store.put_batch(outcome.attested)
        elif request.step is Step.RELEASE:
            self._store.put_certificate(Certificate.decode(request.payload))

    def _drop_long_replies(self) -> None:
        for key in [key for key, reply in self._replies.items() if reply.message.step in _LONG]:
            del self._replies[key]


def _computed(party: Party, request: StepRequest, foresight: Foresight) -> Outcome:
    """What the step leads to.  Raises as ``handle``; that a fact of the chain is missing is no failure."""
    with spans.part("compute"):
        try:
            return handle(party, request, foresight)
        except UnforeseenError as error:
            missing = error
    raise missing


def _unknown(session: bytes) -> UnknownError:
    return UnknownError(f"no session 0x{session.hex()} here (a restart forgets it); begin a new one")


def _identity(request: StepRequest) -> bytes:
    """Hash of everything that a request asks, so that only its exact repetition is answered from memory."""
    digest = sha256(bytes((int(request.step),)) + request.session + request.owner.to_bytes(4, "big"))
    digest.update(request.cohort.cohort_id if request.cohort else b"-")
    digest.update(request.proposal.digest if request.proposal else b"-")
    digest.update(len(request.authorization).to_bytes(4, "big") + request.authorization)
    for message in request.relayed:
        digest.update(message.digest + message.signature)
    digest.update(b"payload" + request.payload)
    return digest.digest()
