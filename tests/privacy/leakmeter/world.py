"""Provers at work, a chain, and what the adversary has seen of them so far.

A world can be forked: parties are immutable, ledgers and the view are copied, so a tree of schedules shares what its
branches have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, UnknownError
from circuits.groth16 import ProvingKey
from circuits.hashing import challenge, keccak, tag, words
from circuits.statement import Membership, Policy, TaskTerms
from native import FrArray
from provers.ledger import LedgerState, from_record, to_record
from provers.messages import Cohort, Proposal, Step, StepReply, StepRequest
from provers.party import Party, ShareVector
from provers.party.relay import broadcast_hash
from provers.shares import decode_payload
from provers.signing import sign_digest
from tests.privacy.leakmeter.stage import Owner, Stage
from tests.privacy.leakmeter.toy import DIMENSION
from tests.privacy.leakmeter.view import initial_view, seen_in


class PermissiveLedger(LedgerState):
    """A corrupt prover's ledger: it forbids nothing."""

    def check(self, entry: object) -> None:
        """Never raises."""


class World:
    """A committee in the middle of a schedule.

    Attributes:
        view: the rows [J_x | J_u] of all that the adversary has seen.
        asked: which honest prover has answered which step of which session.
        damaged: expanded copies of shares that are not what was sealed, by prover and submission.
        cohorts, proposals: what the sessions are about.
        accepted: sets of owners whose sums the chain has accepted.
        challenges: of each session's validity test, as the first honest prover derived it.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.parties = {p: Party.new(p, stage.committee, stage.keys[p]) for p in range(stage.shape.size)}
        self.ledgers = {p: self._ledger(p) for p in self.parties}
        self.view = initial_view(stage)
        self.asked: frozenset[tuple[bytes, Step, int]] = frozenset()
        self.damaged: dict[tuple[int, bytes], FrArray] = {}
        self.cohorts: dict[bytes, Cohort] = {}
        self.proposals: dict[bytes, Proposal] = {}
        self.challenges: dict[bytes, int] = {}
        self.accepted: tuple[tuple[int, ...], ...] = ()

    def _ledger(self, prover: int) -> LedgerState:
        return PermissiveLedger() if prover in self.stage.shape.corrupt else LedgerState()

    def fork(self) -> World:
        """An independent copy."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.parties, other.ledgers = dict(self.parties), deepcopy(self.ledgers)
        other.view, other.damaged = self.view.copy(), dict(self.damaged)
        other.cohorts, other.proposals = dict(self.cohorts), dict(self.proposals)
        other.challenges = dict(self.challenges)
        return other

    def ask(self, prover: int, request: StepRequest) -> StepReply | GradrollError:
        """A prover's answer; its ledger entries are durable first, and an honest one's answer is seen."""
        if request.cohort is not None:
            self.cohorts[request.session] = request.cohort
        if request.proposal is not None:
            self.proposals[request.session] = request.proposal
        surroundings = (self.accepted, tuple((at, id(vector)) for at, vector in self.damaged.items()))
        answer = self.stage.answers.get(self.parties[prover], request, Env(self, prover), surroundings)
        if isinstance(answer, GradrollError):
            return answer
        for entry in answer.entries:
            self.ledgers[prover].apply(from_record(to_record(entry)))
        self.parties[prover] = answer.applied_to(self.parties[prover], request.session)
        if prover not in self.stage.shape.corrupt:
            self._see(prover, request, answer.reply)
        return answer.reply

    def _see(self, prover: int, request: StepRequest, reply: StepReply) -> None:
        self.asked |= {(request.session, request.step, prover)}
        if request.step is Step.VALIDATE:
            self.challenges.setdefault(request.session, validity_challenge(request))
        for tangent in seen_in(self.stage, reply, self._about(request.session)):
            self.view.add(tangent)

    def owners_of(self, session: bytes) -> list[Owner]:
        """Owners of a proposal, in batch order."""
        proposal = self.proposals[session]
        headers = self.cohorts[proposal.cohort_id].headers
        by_index = {o.header.owner_index: o for o in self.stage.owners}
        return [by_index[headers[i].owner_index] for i in proposal.kept]

    def _about(self, session: bytes) -> int:
        if session in self.cohorts:
            return len(self.cohorts[session].headers)
        return len(self.proposals[session].kept)

    def restart(self, prover: int) -> None:
        """The prover forgets all but its keys, shares and ledger."""
        self.parties[prover] = Party.new(prover, self.stage.committee, self.stage.keys[prover])

    def leak(self) -> list[FrArray]:
        """A basis of the functionals of x that nothing hides, each FrArray (secrets, 4)."""
        return self.view.below(self.stage.secrets)


def validity_challenge(request: StepRequest) -> int:
    """chi of a VALIDATE request."""
    return challenge(keccak(words(tag("gradroll/v1/validity"), broadcast_hash(request.relayed))))


@dataclass(frozen=True)
class Env:
    """One prover's environment."""

    world: World
    prover: int

    @property
    def ledger(self) -> LedgerState:
        return self.world.ledgers[self.prover]

    def terms(self, task_id: int) -> TaskTerms:
        return self.world.stage.terms

    def policy(self, task_id: int) -> Policy:
        return self.world.stage.policy

    def commitment_key(self, dimension: int) -> CommitmentKey:
        return self.world.stage.toy.commitment

    def proving_key(self, policy: Policy) -> ProvingKey:
        return self.world.stage.toy.proving

    def shares(self, submission: bytes) -> ShareVector:
        vector = self.world.damaged.get((self.prover, submission))
        if vector is None:
            holder = Membership(self.world.stage.committee, self.prover)
            vector = decode_payload(self.share_payload(submission), DIMENSION, holder)
        return ShareVector.of(vector, DIMENSION)

    def share_payload(self, submission: bytes) -> bytes:
        payloads: Mapping[tuple[int, bytes], bytes] = self.world.stage.payloads
        if (self.prover, submission) not in payloads:
            raise UnknownError("no share of this submission")
        return payloads[self.prover, submission]

    def owner_at(self, task_id: int, index: int) -> bytes:
        return self.world.stage.addresses[index]

    def sign(self, digest: bytes) -> bytes:
        return sign_digest(self.world.stage.signers[self.prover], digest)
