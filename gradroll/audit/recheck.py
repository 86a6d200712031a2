"""Re-checking a finished batch from public data: nobody has to be trusted for what passes here.

The contract checks signatures, the proof and the attestations.  That the attested projections are small, and that the
signs they were taken with were tossed after the owners were fixed, is what provers attest; the audit bundle lets anyone
see it (section 10 of docs/protocol.md).  The first failing check is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import native
from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, ProofError
from circuits.grading import GradingRule
from circuits.groth16 import VerifyingKey
from circuits.payload import Aggregate
from circuits.statement import (
    Attested,
    BatchStatement,
    Committee,
    Context,
    cohort_id,
    sign_seed,
)
from circuits.transcript import projections_digest, squarings
from circuits.verify import combined_commitment, public_inputs, sum_of_commitments, verify_batch
from commons.protocol.bundle import AuditBundle
from commons.protocol.references import Opening
from commons.protocol.rules import small
from commons.protocol.signing import require_owner, signs
from native import G1


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the chain says about the batch under audit.

    Attributes:
        context: built from the chain's terms, round and policy, never from the bundle.
        verifier_code: Keccak-256 of the code of the task's verifier.
        owners: registered address by owner index, for the batch's owners.
        rule: by which the task grades; None where it does not.
        opening: what the round was opened with, where the task grades.
    """

    context: Context
    committee: Committee
    batch_id: bytes
    verifier_code: bytes
    commitment: G1
    owners: Mapping[int, bytes]
    rule: GradingRule | None = None
    opening: Opening | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The names of the checks that passed, and of the one that failed with its reason.

    Attributes:
        statement: what the batch proves, where all checks passed.
        private: the sum is sealed to the model owner, so that its commitment was checked in its place.
    """

    passed: tuple[str, ...]
    failed: str | None = None
    reason: str = ""
    statement: BatchStatement | None = field(default=None, repr=False)
    private: bool = False

    @property
    def verdict(self) -> str:
        """``passed``, or the name of the failing check."""
        return self.failed or "passed"


@dataclass(frozen=True, slots=True)
class Audit:
    """One batch with everything that is needed to check it.

    Attributes:
        aggregate: the released aggregate; None where the task's sums are private: its commitment is checked alone.
        key: commitment key of the model's dimension.
        verifying: verifying key of the task's policy.
    """

    recorded: Recorded
    bundle: AuditBundle
    aggregate: Aggregate | None
    key: CommitmentKey
    verifying: VerifyingKey

    def run(self) -> AuditReport:
        """Run all checks in order, up to the first that fails."""
        passed: list[str] = []
        for name, check in CHECKS.items():
            try:
                check(self)
            except (GradrollError, ValueError) as error:
                return AuditReport(tuple(passed), name, str(error), private=self.aggregate is None)
            passed.append("commitment" if name == "aggregate" and self.aggregate is None else name)
        return AuditReport(tuple(passed), statement=self.statement, private=self.aggregate is None)

    @property
    def statement(self) -> BatchStatement:
        """What the batch proves, in the chain's context whatever the bundle says."""
        return BatchStatement(self.recorded.context, self.bundle.statement.owners, self.bundle.statement.graded)

    @property
    def _rho(self) -> int:
        return public_inputs(self.statement, self.bundle.proof)[1]

    def check_proof(self) -> None:
        """Groth16, the knowledge of the Gram block and the sum-check hold, and it is the recorded batch.

        Where the task grades, the batch is graded by its rule.
        """
        graded = self.statement.graded
        rule = None if graded is None else graded.rule
        _require(rule == self.recorded.rule, "the batch is not graded by the rule of the task")
        batch_id = verify_batch(self.statement, self.bundle.proof, self.verifying)
        _require(batch_id == self.recorded.batch_id, "the bundle is of another batch than the chain recorded")

    def check_signatures(self) -> None:
        """Every header is signed, in both its parts, by the owner whom the chain registered under its index.

        Where the task grades, what was graded against is a copy of the reference with which the round was opened.
        """
        context, graded, opening = self.recorded.context, self.statement.graded, self.recorded.opening
        if graded is not None and opening is not None:
            opening.require_copy(graded.reference)
            require_owner(graded.reference, context)
        for header in self.statement.owners:
            _require(
                self.recorded.owners.get(header.owner_index) == header.owner,
                f"0x{header.owner.hex()} is not owner {header.owner_index} of the task",
            )
            require_owner(header, context)

    def check_cohort(self) -> None:
        """Every submission of the batch was in the cohort before the coin was tossed, in the cohort's order."""
        cohort = self.bundle.certificate.cohort
        digests = [h.digest(self.recorded.context) for h in self.statement.rows]
        places = [cohort.index(digest) if digest in cohort else -1 for digest in digests]
        _require(-1 not in places, "a submission of the batch is not in its cohort")
        _require(places == sorted(set(places)), "the batch does not keep its cohort's order")

    def check_seed(self) -> None:
        """The signs follow from the cohort and the coin."""
        certificate = self.bundle.certificate
        cohort = cohort_id(self.recorded.context, certificate.cohort)
        _require(
            sign_seed(cohort, certificate.coin) == self.bundle.proof.sign_seed,
            "the sign seed does not follow from the cohort and the coin",
        )

    def check_projections(self) -> None:
        """The projections are those that the proof binds, and every owner's, and the reference's, are small."""
        projections = self.bundle.projections
        _require(len(projections) == len(self.statement.rows) + 1, "a row has no projections")
        _require(
            projections_digest(projections) == self.bundle.proof.projections_digest,
            "the projections are not those that the proof binds",
        )
        for header, row in zip(self.statement.rows, projections[1:], strict=True):
            _require(small(row), f"a projection of owner {header.owner_index} is out of range")

    def check_combination(self) -> None:
        """The opened row a combines the projections: R a + tail = sum rho_i z_i."""
        dimension = self.key.dimension
        values, tail = self.bundle.row[:dimension], self.bundle.row[dimension:]
        (projected,) = native.project([values], self.bundle.proof.sign_seed)
        combined = native.linear_combination(
            self.bundle.projections, squarings(self._rho, len(self.bundle.projections))
        )
        _require(
            bool((native.add(projected, tail[1:].copy()) == combined).all()),
            "the opened row does not combine the projections",
        )

    def check_row(self) -> None:
        """The opened row opens C_rho, and its squared norm is the proven T."""
        expected = combined_commitment(self.statement, self.bundle.proof, self._rho)
        _require(self.key.commit_long(self.bundle.row) == expected, "the opened row does not open C_rho")
        values = self.bundle.row[: self.key.dimension]
        _require(
            native.inner(values, values) == self.bundle.proof.square_norm,
            "the opened row does not have the proven squared norm",
        )

    def check_attestations(self) -> None:
        """A quorum of the committee attested the batch."""
        recorded, committee = self.recorded, self.recorded.committee
        digest = Attested(
            recorded.batch_id, recorded.verifier_code, committee.committee_id, self.statement.size,
            recorded.commitment, self.bundle.proof.square_norm, self.bundle.certificate.payee,
        ).digest(recorded.context)  # fmt: skip
        signed = self.bundle.certificate.attestations
        members = {p for p, s in signed if p < committee.size and signs(committee.members[p], digest, s)}
        needed = committee.quorum
        _require(len(members) >= needed, f"{len(members)} provers attested, {needed} are needed")

    def check_aggregate(self) -> None:
        """The aggregate opens the sum of the owners' commitments, times their weights, which is the recorded one.

        Of a private sum nobody but its reader sees more than that commitment.
        """
        total = sum_of_commitments(self.statement)
        _require(total == self.recorded.commitment, "the recorded commitment is not the sum of the owners'")
        if self.aggregate is not None:
            _require(
                self.key.commit_small(self.aggregate.values, self.aggregate.tail) == total,
                "the aggregate does not open the sum of the owners' commitments",
            )


CHECKS: Mapping[str, Callable[[Audit], None]] = {
    "proof": Audit.check_proof,
    "signatures": Audit.check_signatures,
    "cohort": Audit.check_cohort,
    "seed": Audit.check_seed,
    "projections": Audit.check_projections,
    "combination": Audit.check_combination,
    "row": Audit.check_row,
    "attestations": Audit.check_attestations,
    "aggregate": Audit.check_aggregate,
}
"""Every check by the name under which a failure is reported, in order."""


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ProofError(message)
