"""Transactions that report what costs a prover its bond, and that pay out what the registry owes for it."""

from __future__ import annotations

from circuits.grading import encode_values
from commons.chain.account import SMALL, ChainAccount, data_words, logs
from commons.chain.bonds import credit_of
from commons.chain.calldata import REGISTRY, Tuple, compact, point
from commons.chain.mined import Mined
from commons.protocol.evidence import (
    AttestedBatch,
    AttestedGrades,
    ConflictingAttestations,
    ConflictingMessages,
    Evidence,
    OwnerEntry,
    SignedBody,
    TooFewOwners,
    WrongSum,
)

_OWNER = 8_000


class ReportingAccount(ChainAccount):
    """An account that reports members, or has a credit at the registry; any may."""

    def report(self, evidence: Evidence) -> Mined:
        """Have a member lose its bond, of which a quarter is credited to this account.  Check ``culprit`` first."""
        match evidence:
            case ConflictingMessages():
                given = evidence.session, evidence.step, evidence.sender
                bodies = _body(evidence.first), _body(evidence.second)
                return self._registry("reportMessages", evidence.committee_id, *given, *bodies)
            case ConflictingAttestations():
                return self._report_attestations(evidence)
            case WrongSum(committee_id, attested):
                return self._registry("reportWrongSum", committee_id, _batch(attested), gas=_gas(attested))
            case TooFewOwners(committee_id, attested, terms):
                stated = _batch(attested), terms.words, terms.creator, terms.market.deployment
                return self._registry("reportTooFewOwners", committee_id, *stated, gas=_gas(attested))

    def collect_bond_share(self, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit at the registry paid out; the amount, in the token's smallest unit.

        Args:
            to: who gets it instead of this account.
        """
        if not credit_of(self.view, token, self.address):
            return 0
        mined = self._registry("collect", token, self.address, to or self.address, repeatable=True)
        (log,) = logs(mined, self.view.registry, REGISTRY, "Collected")
        return data_words(log, 2)[1]

    def _report_attestations(self, evidence: ConflictingAttestations) -> Mined:
        first, second, market = evidence.first, evidence.second, evidence.first.context.market
        slots = evidence.slot + _references(first), evidence.other_slot + _references(second)
        common = *slots, market.address, market.deployment
        batches = _batch(first), _batch(second)
        return self._registry(
            "reportAttestations", evidence.committee_id, *batches, common, gas=_gas(first) + _gas(second)
        )


def _gas(batch: AttestedBatch) -> int:
    return SMALL + _OWNER * len(batch.rows)


def _references(batch: AttestedBatch) -> int:
    """Rows of the contracts' statement before its owners."""
    return len(batch.rows) - len(batch.owners)


def _body(body: SignedBody) -> Tuple:
    return (body.body_hash, *compact(body.signature))


def _batch(batch: AttestedBatch) -> Tuple:
    """The contracts' ``AttestedBatch``."""
    context = batch.context
    statement = (
        context.market.domain, context.task_id, context.terms_hash, context.round, context.model_digest, context.bound,
        context.dimension, [_owner(owner) for owner in batch.rows],
    )  # fmt: skip
    signed = compact(batch.signature)
    hashes = context.policy_key_hash, batch.verifier_code
    return (statement, _proof(batch), _graded(batch.graded), *hashes, batch.payee, *signed)


def _graded(graded: AttestedGrades | None) -> Tuple:
    """The contracts' ``Graded``; zeros of a batch that is not."""
    if graded is None:
        return 0, 0, 0, b""
    rule = graded.rule
    return rule.step, rule.dither, rule.min_owners, encode_values(graded.values)


def _owner(owner: OwnerEntry) -> Tuple:
    return (owner.index << 160 | int.from_bytes(owner.address, "big"), *point(owner.commitment))


def _proof(batch: AttestedBatch) -> Tuple:
    """The contracts' ``Proof``, with zeros for what no attestation binds."""
    bound, pair = batch.bound, (0, 0)
    return (
        point(bound.mask_commitment), point(bound.gram), point(bound.knowledge), pair, (0, 0, 0, 0), pair,
        batch.square_norm, pair, pair, 0, 0, 0, pair, pair, point(batch.commitment_sum), bound.sign_seed,
        bound.projections_digest,
    )  # fmt: skip
