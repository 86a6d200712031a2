"""Provers at work, a chain, and what the adversary has seen of them so far.

A world can be forked: parties are immutable, ledgers and the view are copied, so a tree of schedules shares what its
branches have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import native
from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, UnknownError
from circuits.groth16 import ProvingKey
from circuits.statement import Committee, Context, Policy
from circuits.terms import TaskTerms
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import Certificate
from commons.protocol.messages import Cohort, Proposal, Step, StepReply, StepRequest
from commons.protocol.references import Opening
from commons.protocol.sealedsums import seal_sum
from commons.protocol.signing import sign_digest
from commons.protocol.sumlabels import SumLabel
from commons.sharing.sharepayloads import decode_payload
from commons.sharing.sharevector import ShareVector
from native import FrArray
from provers.party import Acceptance, Party, RestoredError, masking
from provers.party.ledger import LedgerState, Selection, from_record, to_record
from provers.party.memory import Combined, Validated
from tests.privacy.leakmeter.bitchecks import BitCheck
from tests.privacy.leakmeter.linear import RowSpace
from tests.privacy.leakmeter.stage import Stage, Submission
from tests.privacy.leakmeter.tangents import Tangent
from tests.privacy.leakmeter.toy import DIMENSION
from tests.privacy.leakmeter.view import initial_view, seen_in
from tests.support.plain_batch import address_of, seed_of


class PermissiveLedger(LedgerState):
    """A corrupt prover's ledger: it forbids nothing."""

    def check(self, entry: object) -> None:
        """Never raises."""

    def require_live(self, owners: object, submissions: object) -> None:
        """Never raises."""


class World:
    """A committee in the middle of a schedule.

    Attributes:
        seen: which answers the adversary has seen, by identity; the stage keeps them.
        asked: which honest prover has answered which step of which session.
        damaged: expanded copies of shares that are not what was sealed, by prover and submission.
        cohorts, proposals, certificates: what the sessions are about.
        challenges: of each session's validity test, as the first honest prover derived it.
        checks: of each session's check of all bits, as the first honest prover made it.
        numbered: sessions of graded sets to which all honest provers of the session are bound, and that meet no earlier
            one: the numbers of their owners may be known.
        accepted: sets of submissions whose sums the market has accepted, by number.
        weights: of the sums of accepted sets.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.starts = dict.fromkeys(range(stage.shape.size), 0)
        self.parties = {p: self._started(p) for p in self.starts}
        self.ledgers = {p: PermissiveLedger() if p in stage.shape.corrupt else LedgerState() for p in self.starts}
        self.seen: frozenset[int] = frozenset()
        self._view = initial_view(stage)
        self._unread: tuple[Tangent, ...] = ()  # seen, but not in the view yet
        self.asked: frozenset[tuple[bytes, Step, int]] = frozenset()
        self.damaged: dict[tuple[int, bytes], FrArray] = {}
        self.cohorts: dict[bytes, Cohort] = {}
        self.proposals: dict[bytes, Proposal] = {}
        self.certificates: dict[bytes, Certificate] = {}
        self.challenges: dict[bytes, int] = {}
        self.checks: dict[bytes, BitCheck] = {}
        self.numbered: tuple[bytes, ...] = ()
        self.accepted: tuple[tuple[int, ...], ...] = ()
        self.weights: dict[tuple[int, ...], tuple[int, ...]] = {}

    def _started(self, prover: int) -> Party:
        stage = self.stage
        return Party.new(prover, stage.committee, stage.reference, stage.keys[prover], self.nonce(prover))

    def nonce(self, prover: int) -> bytes:
        """What a prover draws when it starts: never the same twice."""
        return seed_of("nonce", prover, self.starts[prover])

    def fork(self) -> World:
        """An independent copy."""
        other = object.__new__(World)
        other.__dict__.update({k: dict(v) if isinstance(v, dict) else v for k, v in self.__dict__.items()})
        other.ledgers, other._view = deepcopy(self.ledgers), self.view.copy()
        return other

    # --- provers -------------------------------------------------------------------------------------------------

    def ask(self, prover: int, request: StepRequest) -> StepReply | GradrollError:
        """A prover's answer; its ledger entries are durable first, and an honest one's answer is seen."""
        if request.cohort is not None:
            self.cohorts[request.session] = request.cohort
        surroundings = tuple((at, id(vector)) for at, vector in self.damaged.items())
        answer = self.stage.answers.get(self.parties[prover], request, Env(self, prover), surroundings)
        if isinstance(answer, RestoredError):
            self.ledgers[prover].apply(answer.entry)
        if isinstance(answer, GradrollError):
            return answer
        for entry in answer.entries:
            self.ledgers[prover].apply(from_record(to_record(entry)))
        self.parties[prover] = answer.applied_to(self.parties[prover], request.session)
        if prover not in self.stage.shape.corrupt:
            self.asked |= {(request.session, request.step, prover)}
            self._note_challenges(request.session, prover)
            self._note_numbers(request.session)
            self._see(request.session, answer.reply)
        return answer.reply

    def _see(self, session: bytes, reply: StepReply) -> None:
        shown, name = self.stage.shown, id(reply)
        if name not in shown:
            shown[name] = (reply, tuple(seen_in(self.stage, reply, self._about(session))))
        if name not in self.seen:
            self.seen |= {name}
            self._unread += shown[name][1]

    @property
    def view(self) -> RowSpace:
        """The rows [J_x | J_u] of all that the adversary has seen; put together when it is asked for."""
        for tangent in self._unread:
            self._view.add(tangent)
        self._unread = ()
        return self._view

    def _note_challenges(self, session: bytes, prover: int) -> None:
        state, noise = self.parties[prover].attempts.get(session), self.stage.noise
        if isinstance(state, Validated) and session not in self.challenges:
            self.challenges[session] = masking.validity_challenge(state.masked.seed, session)
        if isinstance(state, Combined) and noise is not None and session not in self.checks:
            self.checks[session] = BitCheck.of(noise, prover, state)

    def _note_numbers(self, session: bytes) -> None:
        proposal = self.proposals.get(session)
        honest = set() if proposal is None else set(proposal.active) & set(self.stage.shape.honest)
        if session in self.numbered or any((session, Step.LOCK, p) not in self.asked for p in honest) or not honest:
            return
        own = {s.owner for s in self.kept(session)[1:]}
        if not any(own & {s.owner for s in self.kept(other)[1:]} for other in self.numbered):
            self.numbered += (session,)

    def restart(self, prover: int) -> None:
        """The prover forgets all but its keys, shares and ledger."""
        self.starts[prover] += 1
        self.parties[prover] = self._started(prover)

    def damage(self, prover: int, submission: bytes) -> None:
        """Flip a bit in a prover's expanded copy of a share, as a bad disk does; what was sealed stays."""
        vector = decode_payload(self.stage.payloads[prover, submission], DIMENSION, self.stage.holder(prover))
        wrong = vector.copy()
        wrong[0, 0] ^= wrong.dtype.type(1)
        self.damaged[prover, submission] = self.stage.toy.tracker.note(wrong, self.stage.toy.tracker.of(vector))

    # --- the market ----------------------------------------------------------------------------------------------

    def submit(self, certificate: Certificate) -> None:
        """Show the market a batch: a quorum has attested it, and it is taken unless it meets one taken before."""
        self.certificates[certificate.batch_id] = certificate
        chosen = [self.stage.submission_of(h) for h in certificate.statement.owners]
        taken = {self.stage.submissions[i].owner for batch in self.accepted for i in batch}
        if not taken & {s.owner for s in chosen}:
            numbers = tuple(self.stage.submissions.index(s) for s in chosen)
            self.accepted += (numbers,)
            self.weights[numbers] = certificate.statement.weights

    # --- what sessions are about -----------------------------------------------------------------------------------

    def kept(self, session: bytes) -> list[Submission]:
        """Submissions of a proposal, in batch order."""
        proposal = self.proposals[session]
        headers = self.cohorts[proposal.cohort_id].headers
        return [self.stage.submission_of(headers[i]) for i in proposal.kept]

    def _about(self, session: bytes) -> int:
        """How many submissions a session's bodies are about."""
        if session in self.cohorts:
            return len(self.cohorts[session].headers)
        return len(self.proposals[session].kept) if session in self.proposals else 0

    def leak(self) -> list[FrArray]:
        """A basis of the functionals of x that nothing hides, each FrArray (secrets, 4)."""
        return self.view.below(self.stage.secrets)


@dataclass(frozen=True)
class Env:
    """One prover's environment.  Its node says what the adversary likes: every batch is admissible and accepted."""

    world: World
    prover: int

    @property
    def ledger(self) -> LedgerState:
        return self.world.ledgers[self.prover]

    def terms(self, task_id: int) -> TaskTerms:
        return self.world.stage.terms

    def policy(self, task_id: int) -> Policy:
        return self.world.stage.policy

    def context(self, task_id: int, round_number: int) -> Context:
        return self.world.stage.context

    def released_context(self, task_id: int, round_number: int) -> tuple[Context, Committee]:
        return self.world.stage.context, self.world.stage.committee

    def coordinator(self, task_id: int) -> bytes:
        return self.world.stage.terms.coordinator

    def opened_at(self, context: Context) -> int:
        return 1000

    def now(self) -> int:
        return 2000

    def require_eligible(self, context: Context, indices: tuple[int, ...]) -> None:
        pass

    def require_admissible(self, context: Context, indices: tuple[int, ...]) -> None:
        """Always."""

    def references(self, context: Context) -> Opening:
        if self.world.stage.opening is None:
            raise UnknownError("the round was opened without references")
        return self.world.stage.opening

    def submissions_over(self, context: Context) -> bool:
        return True

    def challenge(self, context: Context, batch_id: bytes) -> int:
        return 0

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        certificate = self.world.certificates.get(batch_id)
        if certificate is None:
            return None
        statement = certificate.statement
        return Acceptance(tuple(h.owner_index for h in statement.owners), sum_of_commitments(statement))

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return self.world.stage.toy.commitment

    def proving_key(self, policy: Policy) -> ProvingKey:
        return self.world.stage.toy.proving

    def shares(self, submission: bytes) -> ShareVector:
        vector = self.world.damaged.get((self.prover, submission))
        if vector is None:
            vector = decode_payload(self.share_payload(submission), DIMENSION, self.world.stage.holder(self.prover))
        return ShareVector.of(vector, DIMENSION)

    def summed(self, selection: Selection) -> FrArray:
        return native.linear_combination([self.shares(s).row for s in selection.submissions], selection.weights)

    def seal_sum(self, share: FrArray, label: SumLabel) -> bytes:
        return seal_sum(share, label)

    def share_payload(self, submission: bytes) -> bytes:
        payloads: Mapping[tuple[int, bytes], bytes] = self.world.stage.payloads
        if (self.prover, submission) not in payloads:
            raise UnknownError("no share of this submission")
        return payloads[self.prover, submission]

    def owners_at(self, task_id: int, indices: tuple[int, ...]) -> tuple[bytes, ...]:
        return tuple(self.world.stage.addresses[index] for index in indices)

    @property
    def signers(self) -> frozenset[bytes]:
        return frozenset({address_of(self.world.stage.signers[self.prover])})

    def is_revoked(self, signer: bytes) -> bool:
        return False

    def sign(self, digest: bytes) -> bytes:
        return sign_digest(self.world.stage.signers[self.prover], digest)
