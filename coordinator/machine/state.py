"""States of a batch: one frozen variant for each step that is being waited for, carrying what is known by then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from circuits.commitment import CommitmentKey
from circuits.groth16 import VerifyingKey
from circuits.srs import Srs
from circuits.statement import BatchStatement, Committee, Graded, Policy, SubmissionHeader
from circuits.terms import TaskTerms
from circuits.transcript import values_state
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Cohort, Message, Proposal, Step, StepRequest
from commons.protocol.replies import ProverNamed, ProverVerdict
from coordinator.machine.liarsearch import Record
from coordinator.machine.verdicts import Ending, Verdict
from native import G1, FrArray


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """What the machine works with but does not own; the same for every call of a batch.

    Attributes:
        authorize: signs ``StepRequest.asked`` with the task's coordinator key; deterministic (RFC 6979).
        payee: address of who is to get the coordinator's fee for the batch.
    """

    committee: Committee
    terms: TaskTerms
    policy: Policy
    commitment_key: CommitmentKey
    verifying_key: VerifyingKey
    srs: Srs
    authorize: Callable[[bytes], bytes] = field(repr=False)
    payee: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Who takes part, and what happened so far.

    Attributes:
        nonces: what each prover drew when it started, as its COIN message says.
        locked: cohort indices of the set that provers were asked to lock; they sign no other for its owners.
        out: cohort indices of owners that were rejected when the cohort was tried before.
        first_attempt: attempt number with which the batch began.
        attempt: the last attempt number in use; a later batch of the round must begin above it.
        reachable: provers that may still be asked: neither named nor absent.
        named: provers that deviated and signed the evidence.
        records: outcomes of attempts, for the search.
    """

    cohort: Cohort
    first_attempt: int
    attempt: int
    reachable: frozenset[int]
    nonces: Mapping[int, bytes] = field(default_factory=dict)
    locked: frozenset[int] | None = None
    out: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()
    records: tuple[Record, ...] = ()

    @property
    def is_graded(self) -> bool:
        """Whether its cohort has a reference, at index 0, against which its owners are graded."""
        return self.cohort.reference is not None

    @property
    def is_cleared(self) -> bool:
        """Whether its owners are known to be valid, all of them: the bits of a graded set are checked before LOCK."""
        return self.is_graded and self.locked is not None

    def owners(self, kept: Collection[int]) -> int:
        """How many of these cohort indices are owners'."""
        return len(kept) - (self.is_graded and 0 in kept)

    def liars(self, threshold: int) -> int:
        """How many provers may still lie unnamed, given that at most ``threshold`` lie at all."""
        return max(0, threshold - len(self.named))

    def without(self, verdicts: tuple[ProverVerdict, ...]) -> Batch:
        """This batch after provers were named or went missing."""
        named = frozenset(v.prover for v in verdicts if isinstance(v, ProverNamed) and v.proven)
        gone = frozenset(v.prover for v in verdicts)
        return replace(self, reachable=self.reachable - gone, named=self.named | named)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What the cohort phase established, for every attempt.

    Attributes:
        coin: the opened coin; ``seed`` follows from it.
        messages: PROJECT messages by prover, for relaying.
        projections: z_i, FrArray (128, 4), by cohort index.
        kept: cohort indices of the submissions still in the batch.
        squares: by prover, its shares of the squares behind the owners' noise, FrArray (owners, 40, 4); empty where
            nobody is graded.
    """

    coin: int
    seed: bytes
    messages: Mapping[int, Message] = field(repr=False)
    projections: Mapping[int, FrArray] = field(repr=False)
    kept: frozenset[int]
    squares: Mapping[int, FrArray] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One attempt.

    Attributes:
        until: the step after which a trial of the search ends; None for an attempt that goes all the way.
        squares: digest of the squares behind the noise, as these provers' shares open them; empty where nobody is
            graded, and in probes.
    """

    batch: Batch
    ground: Ground
    proposal: Proposal
    until: Step | None = None
    squares: bytes = b""

    @property
    def session(self) -> bytes:
        """The attempt's session."""
        return self.proposal.digest

    @property
    def active(self) -> tuple[int, ...]:
        """The provers that take part."""
        return self.proposal.active

    @property
    def headers(self) -> tuple[SubmissionHeader, ...]:
        """Headers of the batch's rows 1 and up: the reference, if there is one, then the kept owners."""
        return tuple(self.batch.cohort.headers[i] for i in self.proposal.kept)

    @property
    def members(self) -> tuple[bytes, ...]:
        """Identifiers of these submissions, in the same order."""
        digests = self.batch.cohort.digests
        return tuple(digests[i] for i in self.proposal.kept)

    @property
    def with_lock(self) -> Run:
        """The same attempt once provers are asked to bind themselves to its set."""
        return replace(self, batch=replace(self.batch, locked=frozenset(self.proposal.kept)))

    def statement(self, graded: Graded | None) -> BatchStatement:
        """What the attempt would prove; ``graded``: with what was opened of its owners."""
        owners = self.headers if graded is None else self.headers[1:]
        return BatchStatement(self.batch.cohort.context, owners, graded)


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Opened after MASK.  ``messages`` are the MASK messages."""

    messages: tuple[Message, ...] = field(repr=False)
    commitment: G1
    projections: FrArray = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """Opened after VALIDATE: the Gram commitment, and the transcript state behind rho that follows."""

    messages: tuple[Message, ...] = field(repr=False)
    gram: G1
    knowledge: G1
    projections_digest: bytes
    state: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """Opened after COMBINE: the combined row, FrArray (d + 129, 4), and its squared norm T."""

    messages: tuple[Message, ...] = field(repr=False)
    row: FrArray = field(repr=False)
    square_norm: int


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Everything opened before the proof.

    Attributes:
        graded: what was opened of the owners after OPEN; None before, and where nobody is graded.
    """

    masked: Masked
    validated: Validated
    combination: Combination
    graded: Graded | None = None

    @property
    def batch_id(self) -> bytes:
        """The batch's identifier: the state behind rho, or the one that the opened numbers follow in."""
        state, graded = self.validated.state, self.graded
        return state if graded is None else values_state(state, graded.rule, graded.values)


@dataclass(frozen=True, slots=True)
class Tossing:
    """Waiting for COIN."""

    batch: Batch


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The cohort's PROJECT messages while their fit is being judged.

    Attributes:
        shares: by prover, FrArray (submissions, 129, 4).
        squares: as ``Ground``.
        fallen: cohort indices of submissions that are out already.
    """

    batch: Batch
    coin: int
    seed: bytes
    messages: Mapping[int, Message] = field(repr=False)
    shares: Mapping[int, FrArray] = field(repr=False)
    squares: Mapping[int, FrArray] = field(default_factory=dict, repr=False)
    fallen: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Projecting:
    """Waiting for PROJECT."""

    batch: Batch
    coin: int
    seed: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Disputing:
    """Waiting for REVEAL.  ``asked`` names the owner (cohort index) whose share each asked prover must lay open."""

    case: Case
    asked: Mapping[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Masking:
    """Waiting for MASK."""

    run: Run


@dataclass(frozen=True, slots=True, eq=False)
class Validating:
    """Waiting for VALIDATE."""

    run: Run
    masked: Masked


@dataclass(frozen=True, slots=True, eq=False)
class Confirming:
    """Waiting for CONFIRM."""

    run: Run
    masked: Masked
    validated: Validated


@dataclass(frozen=True, slots=True, eq=False)
class Combining:
    """Waiting for COMBINE."""

    run: Run
    masked: Masked
    validated: Validated


@dataclass(frozen=True, slots=True, eq=False)
class Locking:
    """Waiting for LOCK: all that a prover checks before it locks a graded set is checked."""

    run: Run
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """Waiting for OPEN: all active provers have locked the set."""

    run: Run
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Proving:
    """Waiting for PROVE."""

    run: Run
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class Attesting:
    """Waiting for ATTEST; the batch is proven and verified.  ``bundle`` has no attestations yet."""

    run: Run
    bundle: AuditBundle = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hunt:
    """A search by halving for submissions that do not match their commitments.

    Attributes:
        pending: groups of cohort indices still to be probed; the first is being probed.
        bad: submissions found.
    """

    pending: tuple[tuple[int, ...], ...]
    bad: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class ProbeMasking:
    """Waiting for PROBE_MASK."""

    run: Run
    hunt: Hunt


@dataclass(frozen=True, slots=True, eq=False)
class ProbeCombining:
    """Waiting for PROBE_COMBINE."""

    run: Run
    hunt: Hunt
    commitment: G1


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing follows."""

    batch: Batch


AttemptState = Masking | Validating | Confirming | Combining | Locking | Opening | Proving | Attesting
ProbeState = ProbeMasking | ProbeCombining
State = Tossing | Projecting | Disputing | AttemptState | ProbeState | Ended


def batch_of(state: State) -> Batch:
    """The batch that a state of the machine belongs to."""
    match state:
        case Tossing() | Projecting() | Ended():
            return state.batch
        case Disputing():
            return state.case.batch
        case _:
            return state.run.batch


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """What a call leads to.

    Attributes:
        requests: to send, by prover; all are to be answered, or to have failed, before the next ``advance``.
        verdicts: news about owners and provers.
        outcome: set when the batch has ended; then there are no requests.
    """

    state: State
    requests: Mapping[int, StepRequest]
    verdicts: tuple[Verdict, ...] = ()
    outcome: Ending | None = None
