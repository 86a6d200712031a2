"""A coordinator that relays what it likes, with corrupt provers that tell different provers different things.

It speaks after the honest provers have spoken: a corrupt prover's share of something shared with degree t is the one
that fits the honest shares, its share of the validity test the one that makes the test pass, its confirmation that of
whoever hears it, and its attestation is there for every batch.  So a lie is found out only where the protocol finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from circuits.errors import GradrollError
from commons.protocol.bodies import CoinBody, scalars_to_bytes
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.gradedbodies import GradedProjectBody, project_form
from commons.protocol.messages import Message, Proposal, Step, StepReply, StepRequest, message_digest
from commons.protocol.signing import sign_digest
from commons.sharing.reconstruct import open_vector
from native import FrArray
from provers.party import noising
from provers.party.memory import Projected
from tests.privacy.leakmeter import corruptwords
from tests.privacy.leakmeter.batches import Words, attested_digest, bundle_of
from tests.privacy.leakmeter.world import World

FOLLOWS = {
    Step.PROJECT: Step.COIN,
    Step.MASK: Step.PROJECT,
    Step.VALIDATE: Step.MASK,
    Step.CONFIRM: Step.VALIDATE,
    Step.COMBINE: Step.CONFIRM,
    Step.PROVE: Step.COMBINE,
    Step.ATTEST: Step.PROVE,
    Step.PROBE_MASK: Step.PROJECT,
    Step.PROBE_COMBINE: Step.PROBE_MASK,
}
"""The step whose messages all provers of a session must have sent before another."""
GRADED_FOLLOWS = FOLLOWS | {Step.LOCK: Step.COMBINE, Step.OPEN: Step.LOCK, Step.PROVE: Step.OPEN}
"""The same where owners are graded."""
ATTEMPT = (
    Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST, Step.RELEASE,
)  # fmt: skip
"""The steps of an attempt, in order."""
GRADED_ATTEMPT = (*ATTEMPT[:4], Step.LOCK, Step.OPEN, *ATTEMPT[4:])
PROBE = (Step.PROBE_MASK, Step.PROBE_COMBINE)
_OF_COHORT = (Step.COIN, Step.PROJECT)


@dataclass(frozen=True)
class Lie:
    """What corrupt provers add to one masked product in MASK, and what they do to noise and its check.

    Attributes:
        base: to everybody.
        spread: times the receiver's index, so that no two receivers hear the same.
        entry: which product, in the row-major upper triangle over rows 0..m.
        stretch: roots open as so many times themselves; 1 is the truth.
        apart: added to that for each receiver, times its index.
        products: added to the three products of the check of the bits.
    """

    base: int = 0
    spread: int = 0
    entry: int = 0
    stretch: int = 1
    apart: int = 0
    products: tuple[int, int, int] = (0, 0, 0)

    def to(self, receiver: int) -> int:
        """What ``receiver`` gets to hear on top."""
        return self.base + self.spread * receiver

    def stretched(self, receiver: int) -> int:
        """By what factor ``receiver`` gets to see the roots of the noise."""
        return self.stretch + self.apart * receiver


TRUTH = Lie()


class Coordinator:
    """Plays the coordinator and the corrupt provers in one world.

    Attributes:
        lies: what the corrupt provers do in a session.
        refused: how often an honest prover refused.
        quorum: attestations with which a batch is shown to provers; 0 for the committee's quorum.
    """

    quorum = 0

    def __init__(self, world: World) -> None:
        self.world = world
        self.lies: dict[bytes, Lie] = {}
        self.refused = 0
        self._replies: dict[tuple[bytes, Step, int], StepReply] = {}
        self._attempt = 0

    def fork(self) -> Coordinator:
        """The same adversary in a copy of its world."""
        other = Coordinator(self.world.fork())
        other.lies, other._replies = dict(self.lies), dict(self._replies)
        other._attempt, other.refused = self._attempt, self.refused
        return other

    # --- sessions ------------------------------------------------------------------------------------------------

    @property
    def graded(self) -> bool:
        """Whether owners are graded against a reference."""
        return self.world.stage.opening is not None

    def steps(self, session: bytes) -> tuple[Step, ...]:
        """The steps of an attempt, in order."""
        if self.world.proposals[session].probe:
            return PROBE
        return GRADED_ATTEMPT if self.graded else ATTEMPT

    def _before(self, step: Step) -> Step:
        return (GRADED_FOLLOWS if self.graded else FOLLOWS)[step]

    def open_cohort(self, submissions: Sequence[int], provers: Sequence[int] | None = None, copy: int = 0) -> bytes:
        """COIN and PROJECT; the cohort's identifier.

        Args:
            copy: of the reference, where owners are graded.
        """
        cohort = self.world.stage.cohort(submissions, copy)
        session = cohort.cohort_id
        asked = range(self.world.stage.shape.size) if provers is None else provers
        for prover in asked:
            self._send(prover, StepRequest(Step.COIN, session, cohort=cohort))
        for prover in asked:
            self.ask(session, Step.PROJECT, prover)
        return session

    def joined(self, cohort: bytes) -> list[int]:
        """Provers that have sent their projections in a cohort."""
        return [p for p in self._senders(cohort) if (cohort, Step.PROJECT, p) in self._replies]

    def propose(
        self, cohort: bytes, kept: Sequence[int], active: Sequence[int], lie: Lie = TRUTH, probe: bool = False
    ) -> bytes:
        """A new attempt's session; nobody has been asked yet."""
        self._attempt += 1
        nonces = tuple(self._nonce(cohort, p) for p in active)
        proposal = Proposal(cohort, self._attempt, tuple(kept), tuple(active), nonces, probe)
        self.world.proposals[proposal.digest] = proposal
        self.lies[proposal.digest] = lie
        return proposal.digest

    def _nonce(self, cohort: bytes, prover: int) -> bytes:
        coin = self._replies.get((cohort, Step.COIN, prover))
        return bytes(32) if coin is None else CoinBody.decode(coin.message.body).nonce

    # --- requests --------------------------------------------------------------------------------------------------

    def ask(self, session: bytes, step: Step, prover: int) -> bool:
        """Ask a prover for a step, with the words that it should hear; whether it answered."""
        if step is Step.ATTEST:
            return self._ask_to_attest(session, prover)
        if step is Step.RELEASE:
            return self._ask_to_release(session, prover)
        proposal = self.world.proposals.get(session)
        if proposal is not None and prover in self.world.stage.shape.corrupt:
            self._believe_cover(proposal, prover)
        words = [self._word(session, self._before(step), sender, prover) for sender in self._senders(session)]
        request = StepRequest(step, session, relayed=tuple(w for w in words if w is not None))
        if step in (Step.MASK, Step.PROBE_MASK):
            request = replace(request, proposal=proposal)
        if step is Step.LOCK:
            request = replace(request, payload=self._opened_row(session))
        if proposal is None or step is not Step.MASK:
            return self._send(prover, request)
        with self._believing(proposal, prover):
            return self._send(prover, request)

    def ask_all(self, session: bytes, step: Step) -> bool:
        """Ask every prover of a session; whether all answered."""
        answered = [self.ask(session, step, p) for p in self._senders(session)]
        return all(answered)

    def missing(self, session: bytes, step: Step) -> list[int]:
        """Provers of a session that have not answered a step, if what it needs is there."""
        active = self.world.proposals[session].active
        if step is Step.RELEASE:
            made = self._certificate(session)
            everybody = range(self.world.stage.shape.size)
            return [] if made is None else [p for p in everybody if (made.batch_id, step, p) not in self._replies]
        before = self._before(step)
        if any((self._session_of(session, before), before, p) not in self._replies for p in active):
            return []
        return [p for p in active if (session, step, p) not in self._replies]

    def reveal(self, cohort: bytes, owner: int, prover: int) -> bool:
        """Ask a prover to lay its share of an owner open, on the word of all others."""
        others = [p for p in range(self.world.stage.shape.size) if p != prover]
        words = [self._word(cohort, Step.PROJECT, p, prover) for p in others]
        relayed = tuple(w for w in words if w is not None)
        return self._send(prover, StepRequest(Step.REVEAL, cohort, relayed=relayed, owner=owner))

    def _ask_to_attest(self, session: bytes, prover: int) -> bool:
        bundle = self._bundle(session)
        if bundle is None:
            return False
        if prover in self.world.stage.shape.corrupt:
            return True
        return self._send(prover, StepRequest(Step.ATTEST, session, payload=bundle.encode_to_attest()))

    def _ask_to_release(self, session: bytes, prover: int) -> bool:
        made = self._certificate(session)
        if made is None:
            return False
        if made.batch_id not in self.world.certificates:
            self.world.submit(made)
        if prover in self.world.stage.shape.corrupt:
            return True
        return self._send(prover, StepRequest(Step.RELEASE, made.batch_id, payload=made.encode()))

    def _opened_row(self, session: bytes) -> bytes:
        """The combined row of an attempt; nothing if the shares make none."""
        t, rows = self.world.stage.committee.threshold, self._rows(session)
        try:
            return scalars_to_bytes(open_vector(rows, t, t, "row"))
        except GradrollError:
            return b""

    def _rows(self, session: bytes) -> dict[int, FrArray]:
        replies = {p: self._replies.get((session, Step.COMBINE, p)) for p in self._senders(session)}
        return {p: r.vector for p, r in replies.items() if r is not None and r.vector is not None}

    def _senders(self, session: bytes) -> tuple[int, ...]:
        proposal = self.world.proposals.get(session)
        return tuple(range(self.world.stage.shape.size)) if proposal is None else proposal.active

    def _session_of(self, session: bytes, step: Step) -> bytes:
        """Where a step is said: in the attempt, or in its cohort."""
        proposal = self.world.proposals.get(session)
        return session if proposal is None or step not in _OF_COHORT else proposal.cohort_id

    def _send(self, prover: int, request: StepRequest) -> bool:
        reply = self.world.ask(prover, replace(request, authorization=self._signature(request.asked)))
        if isinstance(reply, GradrollError):
            self.refused += prover in self.world.stage.shape.honest
            return False
        self._replies[reply.message.session, reply.message.step, prover] = reply
        return True

    def _signature(self, asked: bytes) -> bytes:
        """The coordinator's own word for a request."""
        stage = self.world.stage
        if asked not in stage.signatures:
            stage.signatures[asked] = sign_digest(stage.coordinator, asked)
        return stage.signatures[asked]

    # --- batches -----------------------------------------------------------------------------------------------------

    def _bundle(self, session: bytes) -> AuditBundle | None:
        """The finished batch of an attempt; None while words are missing, or if they do not make one."""
        graded = (Step.LOCK, Step.OPEN) if self.graded else ()
        steps = (Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.COMBINE, *graded, Step.PROVE)
        said = {step: self._bodies(session, step) for step in steps}
        active, made = self.world.proposals[session].active, self.world.stage.bundles
        if any(len(bodies) < len(active) for bodies in said.values()):
            return None
        key = (session, *(body for bodies in said.values() for body in bodies.values()))
        if key not in made:
            made[key] = self._put_together(session, said, self._rows(session))
        return made[key]

    def _put_together(self, session: bytes, said: Words, rows: Mapping[int, FrArray]) -> AuditBundle | None:
        try:
            return bundle_of(self.world, session, said, rows)
        except GradrollError:
            return None

    def _bodies(self, session: bytes, step: Step) -> dict[int, bytes]:
        listener = self.world.stage.shape.honest[0]
        words = {p: self._word(session, step, p, listener) for p in self._senders(session)}
        return {p: w.body for p, w in words.items() if w is not None}

    def _certificate(self, session: bytes) -> Certificate | None:
        """The batch of an attempt with all attestations that there are; None below a quorum."""
        bundle, stage = self._bundle(session), self.world.stage
        if bundle is None:
            return None
        digest = attested_digest(stage, bundle.certificate)
        signed = {p: sign_digest(stage.signers[p], digest) for p in stage.shape.corrupt}
        for p in stage.shape.honest:
            if (reply := self._replies.get((session, Step.ATTEST, p))) is not None:
                signed[p] = reply.message.body
        return (
            bundle.certificate.attested_by(signed.items())
            if len(signed) >= (self.quorum or stage.committee.quorum)
            else None
        )

    # --- what a prover gets to hear --------------------------------------------------------------------------------

    def _word(self, session: bytes, step: Step, sender: int, receiver: int) -> Message | None:
        """The sender's message in a session, or in its cohort, as the receiver hears it; None if there is none yet."""
        said_in = self._session_of(session, step)
        reply = self._replies.get((said_in, step, sender))
        said = None if reply is None else reply.message
        if sender in self.world.stage.shape.honest:
            return said
        body = self._lie(session, step, sender, receiver, None if said is None else said.body)
        if body is None or (said is not None and said.body == body):
            return said
        digest = message_digest(said_in, step, sender, body)
        return Message(said_in, step, sender, body, sign_digest(self.world.stage.signers[sender], digest))

    def _lie(self, session: bytes, step: Step, sender: int, receiver: int, truth: bytes | None) -> bytes | None:
        lie = self.lies.get(session, TRUTH)
        heard = self._replies.get((session, step, receiver))
        if step is Step.PROJECT and session in self.world.proposals:
            said = self._heard(session, step)
            return self._projected(session, said, sender, truth, lie.stretched(receiver))
        if lie == TRUTH:
            return truth
        if step is Step.MASK and truth is not None:
            return corruptwords.shifted(self.world, session, truth, lie.to(receiver), lie.entry)
        if step is Step.VALIDATE:
            return corruptwords.passing(self.world, session, self._heard(session, step), sender, lie.products)
        if step is Step.CONFIRM and heard is not None:
            return heard.message.body
        return truth

    def _projected(
        self, session: bytes, said: Mapping[int, bytes], sender: int, truth: bytes | None, factor: int
    ) -> bytes | None:
        if self._crooked:
            return corruptwords.covering(self.world, session, said, sender, truth)
        return corruptwords.stretched(self.world, session, said, sender, factor)

    @property
    def _crooked(self) -> bool:
        """Whether some honest provers' shares may not be those of an honest dealing."""
        return bool(self.world.stage.shape.bent or self.world.damaged)

    def _believe_cover(self, proposal: Proposal, prover: int) -> None:
        """Let a corrupt prover go on with the projections that it says are its own."""
        party = self.world.parties[prover]
        state, said = party.cohorts.get(proposal.cohort_id), self._word(proposal.digest, Step.PROJECT, prover, prover)
        if isinstance(state, Projected) and said is not None and self._crooked:
            own = project_form(self.graded).decode(said.body, len(state.cohort.headers)).shares
            self.world.parties[prover] = party.with_cohort(proposal.cohort_id, replace(state, own=own))

    def _heard(self, session: bytes, step: Step) -> dict[int, bytes]:
        """What provers of an attempt have really said in a step, in it or in its cohort."""
        said_in, active = self._session_of(session, step), self.world.proposals[session].active
        replies = {p: self._replies.get((said_in, step, p)) for p in active}
        return {p: r.message.body for p, r in replies.items() if r is not None}

    @contextmanager
    def _believing(self, proposal: Proposal, prover: int) -> Iterator[None]:
        """Let a corrupt prover go on with the squares that it says are its own."""
        said = self._word(proposal.digest, Step.PROJECT, prover, prover)
        if not self.graded or said is None or prover not in self.world.stage.shape.corrupt:
            yield
            return
        count = len(self.world.cohorts[proposal.cohort_id].headers)
        squares = GradedProjectBody.decode(said.body, count).squares
        with patch.object(noising, "_own_squares", lambda *_: squares):
            yield
