"""A coordinator that relays what it likes, with corrupt provers that tell different provers different things.

It speaks after the honest provers have spoken: a corrupt prover's share of something shared with degree t is the one
that fits the honest shares, its share of the validity test the one that makes the test pass, and its confirmation that
of whoever hears it.  So a lie is found out only where the protocol finds it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import native
from circuits.errors import GradrollError
from native import G1, FrArray, R
from provers.bodies import MaskBody, ValidateBody
from provers.messages import Message, Proposal, Step, StepReply, StepRequest, authorization_digest, message_digest
from provers.signing import sign_digest
from tests.privacy.leakmeter.kernel import real
from tests.privacy.leakmeter.world import World

FOLLOWS = {
    Step.PROJECT: Step.COIN,
    Step.MASK: Step.PROJECT,
    Step.VALIDATE: Step.MASK,
    Step.CONFIRM: Step.VALIDATE,
    Step.COMBINE: Step.CONFIRM,
    Step.PROVE: Step.COMBINE,
    Step.AGGREGATE: Step.PROVE,
    Step.PROBE_MASK: Step.PROJECT,
    Step.PROBE_COMBINE: Step.PROBE_MASK,
}
"""The step whose messages are relayed with each step."""
ATTEMPT = (Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.AGGREGATE)
"""The steps of an attempt, in order."""
PROBE = (Step.PROBE_MASK, Step.PROBE_COMBINE)


@dataclass(frozen=True)
class Lie:
    """What corrupt provers add to one masked product in MASK.

    Attributes:
        base: to everybody.
        spread: times the receiver's index, so that no two receivers hear the same.
        entry: which product, in the row-major upper triangle over rows 0..m.
    """

    base: int = 0
    spread: int = 0
    entry: int = 0

    def to(self, receiver: int) -> int:
        """What ``receiver`` gets to hear on top."""
        return self.base + self.spread * receiver


TRUTH = Lie()


class Coordinator:
    """Plays the coordinator and the corrupt provers in one world.

    Attributes:
        lies: what the corrupt provers do in a session.
        refused: how often an honest prover refused.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.lies: dict[bytes, Lie] = {}
        self.refused = 0
        self._words: dict[tuple[bytes, Step, int], Message] = {}
        self._attempt = 0

    def fork(self) -> Coordinator:
        """The same adversary in a copy of its world."""
        other = Coordinator(self.world.fork())
        other.lies, other._words = dict(self.lies), dict(self._words)
        other._attempt, other.refused = self._attempt, self.refused
        return other

    # --- sessions ------------------------------------------------------------------------------------------------

    def open_cohort(self, owners: Sequence[int], provers: Sequence[int] | None = None) -> bytes:
        """COIN and PROJECT; the cohort's identifier."""
        cohort = self.world.stage.cohort(owners)
        session = cohort.cohort_id
        asked = range(self.world.stage.shape.size) if provers is None else provers
        for prover in asked:
            request = StepRequest(Step.COIN, session, cohort=cohort, authorization=self._authorize(session))
            self._keep(prover, self.world.ask(prover, request))
        for prover in asked:
            self.ask(session, Step.PROJECT, prover)
        return session

    def propose(
        self, cohort: bytes, kept: Sequence[int], active: Sequence[int], lie: Lie = TRUTH, probe: bool = False
    ) -> bytes:
        """A new attempt's session; nobody has been asked yet."""
        self._attempt += 1
        proposal = Proposal(cohort, self._attempt, tuple(kept), tuple(active), probe)
        self.world.proposals[proposal.digest] = proposal
        self.lies[proposal.digest] = lie
        return proposal.digest

    def _authorize(self, session: bytes) -> bytes:
        return sign_digest(self.world.stage.coordinator, authorization_digest(session))

    # --- requests --------------------------------------------------------------------------------------------------

    def ask(self, session: bytes, step: Step, prover: int) -> bool:
        """Ask a prover for a step, with the words that it should hear; whether it answered."""
        before = FOLLOWS[step]
        proposal = self.world.proposals.get(session)
        said_in = proposal.cohort_id if proposal is not None and before is Step.PROJECT else session
        relayed = tuple(w for s in self._senders(session) if (w := self._word(said_in, before, s, prover)) is not None)
        request = StepRequest(step, session, relayed=relayed)
        if step in (Step.MASK, Step.PROBE_MASK):
            request = replace(request, proposal=proposal, authorization=self._authorize(session))
        return self._keep(prover, self.world.ask(prover, request))

    def ask_all(self, session: bytes, step: Step) -> bool:
        """Ask every prover of a session; whether all answered."""
        answered = [self.ask(session, step, p) for p in self._senders(session)]
        return all(answered)

    def missing(self, session: bytes, step: Step) -> list[int]:
        """Provers of a session that have not answered a step, if all words that it needs are there."""
        proposal, before = self.world.proposals[session], FOLLOWS[step]
        said_in = proposal.cohort_id if before is Step.PROJECT else session
        if any((said_in, before, p) not in self._words for p in proposal.active):
            return []
        return [p for p in proposal.active if (session, step, p) not in self._words]

    def reveal(self, cohort: bytes, owner: int, prover: int) -> bool:
        """Ask a prover to lay its share of an owner open, on the word of all others."""
        others = [p for p in range(self.world.stage.shape.size) if p != prover]
        relayed = tuple(w for p in others if (w := self._word(cohort, Step.PROJECT, p, prover)) is not None)
        request = StepRequest(Step.REVEAL, cohort, relayed=relayed, owner=owner)
        return self._keep(prover, self.world.ask(prover, request))

    def _senders(self, session: bytes) -> tuple[int, ...]:
        proposal = self.world.proposals.get(session)
        return tuple(range(self.world.stage.shape.size)) if proposal is None else proposal.active

    def _keep(self, prover: int, reply: StepReply | GradrollError) -> bool:
        if isinstance(reply, StepReply):
            message = reply.message
            self._words[message.session, message.step, prover] = message
            return True
        self.refused += prover in self.world.stage.shape.honest
        return False

    # --- what a prover gets to hear --------------------------------------------------------------------------------

    def _word(self, session: bytes, step: Step, sender: int, receiver: int) -> Message | None:
        """The sender's message as the receiver hears it; None if there is none yet."""
        said = self._words.get((session, step, sender))
        if sender in self.world.stage.shape.honest:
            return said
        body = self._lie(session, step, sender, receiver, None if said is None else said.body)
        return None if body is None else self._signed(session, step, sender, body)

    def _signed(self, session: bytes, step: Step, sender: int, body: bytes) -> Message:
        digest = message_digest(session, step, sender, body)
        return Message(session, step, sender, body, sign_digest(self.world.stage.signers[sender], digest))

    def _lie(self, session: bytes, step: Step, sender: int, receiver: int, truth: bytes | None) -> bytes | None:
        lie = self.lies.get(session, TRUTH)
        heard = self._words.get((session, step, receiver))
        if lie == TRUTH or (truth is None and step is Step.MASK):
            return truth
        if step is Step.MASK and truth is not None:
            return self._shifted(session, truth, lie.to(receiver), lie.entry)
        if step is Step.VALIDATE:
            return self._passing(session, sender)
        if step is Step.CONFIRM and heard is not None:
            return heard.body
        return truth

    def _shifted(self, session: bytes, truth: bytes, by: int, entry: int) -> bytes:
        body = MaskBody.decode(truth, self._owners(session))
        shift = native.zeros(len(body.products))
        shift[entry] = native.from_ints([by % R])[0]
        return replace(body, products=native.add(body.products, shift)).encode()

    def _passing(self, session: bytes, sender: int) -> bytes | None:
        """Shares of the validity test that make it pass, and points that fit those of t + 1 honest provers."""
        proposal, t = self.world.proposals[session], self.world.stage.shape.threshold
        heard = {
            p: ValidateBody.decode(self._words[session, Step.VALIDATE, p].body, self._owners(session))
            for p in proposal.active
            if p in self.world.stage.shape.honest and (session, Step.VALIDATE, p) in self._words
        }
        if len(heard) < 2 * t:
            return None
        base, low = sorted(heard)[: 2 * t], sorted(heard)[: t + 1]
        weights = native.lagrange_coefficients([p + 1 for p in low], sender + 1)
        at = [sender + 1, *(p + 1 for p in base)]
        own, *rest = native.lagrange_coefficients(at)
        scale = -pow(own, -1, R) % R
        residuals = real("linear_combination")([heard[p].residuals for p in base], [w * scale % R for w in rest])
        points = [
            native.g1_linear_combination([getattr(heard[p], name) for p in low], weights)
            for name in ("gram", "knowledge")
        ]
        return ValidateBody(residuals, G1(points[0]), G1(points[1])).encode()

    def _owners(self, session: bytes) -> int:
        return len(self.world.proposals[session].kept)


def flipped(stage_share: FrArray) -> FrArray:
    """A share with one bit of its first coordinate changed, as a bad disk would."""
    out = stage_share.copy()
    out[0, 0] ^= np.uint64(1)
    return out
