"""What the machine says about owners and provers, and how a batch ends.

A reason begins with a stable word and a colon (``smallness``, ``validity``, ``dealing``, ``commitment``, ``signature``,
``unattributed`` for owners and references); counters and interfaces key on that word.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from circuits.statement import BatchProof, BatchStatement
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Cohort, Step, StepRequest
from commons.protocol.replies import ProverAbsent, ProverNamed, ProverVerdict


@dataclass(frozen=True, slots=True)
class OwnerRejected:
    """The owner cheated, provably: no coalition of t provers can bring this about for an honest owner.

    Attributes:
        submission: the submission's identifier.
        owner: the owner's address.
        evidence: what every prover that took part signs an exclusion for; None where no messages of one step show it.
    """

    submission: bytes
    owner: bytes
    reason: str
    evidence: StepRequest | None = field(default=None, repr=False, compare=False)

    @property
    def code(self) -> str:
        """The stable first word of the reason."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True, slots=True)
class OwnerSetAside:
    """The submission stays out of this batch, but nobody can say whether its owner or a prover is at fault."""

    submission: bytes
    owner: bytes
    reason: str

    @property
    def code(self) -> str:
        """The stable first word of the reason."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True, slots=True)
class ReferenceFell:
    """The copy of the reference against which a cohort is graded is no good, so the cohort ends.

    Nothing is held against its owners, who are in no other cohort with these submissions.

    Attributes:
        submission: the copy's identifier.
        owner: the model owner's address.
        proven: as `OwnerRejected`, and not only that too few provers answered to say who is at fault.
    """

    submission: bytes
    owner: bytes
    reason: str
    proven: bool


@dataclass(frozen=True, slots=True)
class ProversSuspected:
    """At least one of these provers lied, and what was seen does not tell which."""

    provers: tuple[int, ...]
    step: Step
    reason: str


OwnerVerdict = OwnerRejected | OwnerSetAside | ReferenceFell
"""On one submission of a cohort."""
Verdict = OwnerVerdict | ProverVerdict | ProversSuspected


def rejection(cohort: Cohort, index: int, reason: str, evidence: StepRequest | None = None) -> OwnerVerdict:
    """The verdict on a submission of a cohort that is bad for certain."""
    submission, header = cohort.digests[index], cohort.headers[index]
    if header.is_reference:
        return ReferenceFell(submission, header.owner, reason, proven=True)
    return OwnerRejected(submission, header.owner, reason, evidence)


def setting_aside(cohort: Cohort, index: int, reason: str) -> OwnerVerdict:
    """The verdict on a submission of a cohort about which nobody can say who is at fault."""
    submission, header = cohort.digests[index], cohort.headers[index]
    if header.is_reference:
        return ReferenceFell(submission, header.owner, reason, proven=False)
    return OwnerSetAside(submission, header.owner, reason)


def described(verdict: Verdict) -> str:
    """A verdict as the fields of a log line."""
    match verdict:
        case OwnerRejected() | OwnerSetAside():
            kind = "owner-rejected" if isinstance(verdict, OwnerRejected) else "owner-set-aside"
            submission = verdict.submission.hex()
            return f"kind={kind} owner=0x{verdict.owner.hex()} submission=0x{submission} reason={verdict.reason!r}"
        case ReferenceFell():
            submission, proven = verdict.submission.hex(), str(verdict.proven).lower()
            return f"kind=reference-fell submission=0x{submission} proven={proven} reason={verdict.reason!r}"
        case ProverNamed():
            certain = f"step={verdict.step.name} proven={str(verdict.proven).lower()}"
            return f"kind=prover-named prover={verdict.prover} {certain} reason={verdict.reason!r}"
        case ProverAbsent():
            return f"kind=prover-absent prover={verdict.prover} step={verdict.step.name} reason={verdict.reason!r}"
        case _:
            provers = ",".join(map(str, verdict.provers))
            return f"kind=provers-suspected provers={provers} step={verdict.step.name} reason={verdict.reason!r}"


@dataclass(frozen=True, slots=True)
class Completed:
    """The batch is proven and attested by a quorum, ready for the contract.

    Attributes:
        bundle: statement, proof and attestations, with what anyone needs to check the attested claims again.
    """

    batch_id: bytes
    bundle: AuditBundle = field(repr=False)

    @property
    def statement(self) -> BatchStatement:
        """Context and owners."""
        return self.bundle.statement

    @property
    def proof(self) -> BatchProof:
        """What the contract verifies."""
        return self.bundle.proof


@dataclass(frozen=True, slots=True)
class Failed:
    """The batch cannot go on; ``reason`` says why and what would help.

    Nothing wrong was published.  The same cohort may be begun again, with attempts above ``Batch.attempt``: exactly
    ``Batch.cohort`` and without receipts, for the provers have bound its submissions to it.

    Attributes:
        final: trying the cohort again without those owners is of no use: too few are left, or one fell out of a signed
            set, or the reference is bad.
    """

    reason: str
    final: bool = False


Ending = Completed | Failed
