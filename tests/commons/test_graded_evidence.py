"""Evidence against provers that attested graded batches: sets meet in owners and in no reference, sums have weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest

from circuits.grading import GradingRule
from circuits.statement import REFERENCE_INDEX, Committee, Graded, SubmissionHeader
from circuits.terms import Grading, TaskTerms, Windows
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.evidence import (
    ConflictingAttestations,
    Evidence,
    NoEvidenceError,
    TooFewOwners,
    WrongSum,
    common_owner,
)
from commons.protocol.signing import sign_digest
from commons.protocol.witness import Witness
from commons.storage.evidencefiles import EvidenceFiles, load_evidence
from gradroll.audit.incriminating import incriminating
from tests.support.graded_batch import Judge, graded_batch, gradient_at
from tests.support.perjury import attested, batch_of, of_owners
from tests.support.plain_batch import MARKET, Circumstances, address_of, bundle_of, development_setup, seed_of

KEYS = tuple(seed_of("prover", p) for p in range(4))
SIGN = {p: partial(sign_digest, key) for p, key in enumerate(KEYS)}
COMMITTEE = Committee(9, 1, tuple(map(address_of, KEYS)))
ATTESTERS = Attesters(COMMITTEE, b"\x46" * 32)
BOUND, DIMENSION = 1 << 32, 4
TERMS = TaskTerms(
    committee_id=9, verifier=bytes(20), coordinator=b"\x31" * 20, dimension=DIMENSION, fraction_bits=16, bound=BOUND,
    min_owners=2, capacity=9, rounds=9, windows=Windows(60, 60), grading=Grading(4, 4, bytes(32)), market=MARKET,
    task_id=7, creator=b"\x32" * 20,
)  # fmt: skip


@cache
def whole() -> Certificate:
    """Four owners, of whom the last has weight 0."""
    at = Circumstances(task_id=7, terms_hash=TERMS.terms_hash, committee_id=9, bound=BOUND)
    reference, *gradients = (gradient_at(c, DIMENSION, BOUND) for c in (1000, 960, 920, 960, -500))
    judge = Judge(reference, GradingRule(4, 4, 2))
    batch = graded_batch(development_setup("reference", 8, DIMENSION), gradients, judge, at=at)
    return bundle_of(batch).certificate


def graded(certificate: Certificate) -> Graded:
    assert certificate.statement.graded is not None
    return certificate.statement.graded


def against(certificate: Certificate, reference: SubmissionHeader) -> Certificate:
    """The certificate with another reference."""
    stated = replace(certificate.statement, graded=replace(graded(certificate), reference=reference))
    return replace(certificate, statement=stated)


def with_values(certificate: Certificate, *values: int) -> Certificate:
    stated = replace(certificate.statement, graded=replace(graded(certificate), values=values))
    proof = replace(certificate.proof, commitment_sum=sum_of_commitments(stated))
    return replace(certificate, statement=stated, proof=proof)


def both(first: Certificate, second: Certificate, slot: int = 0, other: int = 0) -> ConflictingAttestations:
    one, two = (batch_of(each, ATTESTERS, SIGN[1]) for each in (first, second))
    return ConflictingAttestations(9, one, two, slot, other)


def unweighted() -> Certificate:
    """The plain sum of the owners' commitments in the place of the weighted one."""
    plain = sum_of_commitments(replace(whole().statement, graded=None))
    return replace(whole(), proof=replace(whole().proof, commitment_sum=plain))


def guilty() -> dict[str, Evidence]:
    other = graded(whole()).reference
    other = replace(other, commitment=whole().statement.owners[0].commitment)
    few = batch_of(of_owners(whole(), (0,)), ATTESTERS, SIGN[1])
    return {
        "sets that meet": both(of_owners(whole(), (0, 1)), of_owners(whole(), (1, 2)), 1, 0),
        "another reference": both(whole(), against(whole(), other), 2, 2),
        "a plain sum": WrongSum(9, batch_of(unweighted(), ATTESTERS, SIGN[1])),
        "one beside the reference": TooFewOwners(9, few, TERMS),
    }


def test_some_have_a_weight_and_some_have_none() -> None:
    assert graded(whole()).grades.weights == (3, 3, 3, 0)


@pytest.mark.parametrize("kind", ["sets that meet", "another reference", "a plain sum", "one beside the reference"])
def test_evidence_names_who_signed_it_and_survives_its_file(kind: str, tmp_path: Path) -> None:
    evidence = guilty()[kind]
    assert evidence.culprit() == COMMITTEE.members[1]
    path = EvidenceFiles(tmp_path).keep(evidence)
    assert path is not None
    assert load_evidence(path) == evidence


def test_what_an_honest_prover_signs_is_none() -> None:
    copy = replace(graded(whole()).reference, owner_index=REFERENCE_INDEX + 1)
    renumbered = both(whole(), against(whole(), copy))
    numbers = both(whole(), with_values(whole(), 1, 2, 3, 4))
    weighted = WrongSum(9, batch_of(whole(), ATTESTERS, SIGN[1]))
    fallback = WrongSum(9, batch_of(with_values(whole(), -1, -1, -1, -1), ATTESTERS, SIGN[1]))
    enough = TooFewOwners(9, batch_of(of_owners(whole(), (0, 1)), ATTESTERS, SIGN[1]), TERMS)
    for innocent in (renumbered, numbers, weighted, fallback, enough):
        with pytest.raises(NoEvidenceError, match="that is no evidence"):
            innocent.culprit()


def test_sets_do_not_meet_in_the_reference() -> None:
    """The model owner deals all copies, and may have an owner of the same key."""
    first, second = of_owners(whole(), (0, 1)), of_owners(whole(), (2, 3))
    assert first.statement.rows[0] == second.statement.rows[0]
    dealer = replace(second.statement.owners[0], owner=graded(whole()).reference.owner)
    third = replace(second, statement=replace(second.statement, owners=(dealer, second.statement.owners[1])))
    for other in (second, third):
        pair = both(first, other)
        assert common_owner(pair.first, pair.second) is None
        assert common_owner(pair.second, pair.first) is None
        with pytest.raises(NoEvidenceError, match="do not meet"):
            pair.culprit()


def test_numbers_that_were_not_attested_name_nobody() -> None:
    evidence = guilty()["a plain sum"]
    assert isinstance(evidence, WrongSum)
    grades = evidence.attested.graded
    assert grades is not None
    forged = replace(evidence.attested, graded=replace(grades, values=(0, *grades.values[1:])))
    assert WrongSum(9, forged).culprit() not in COMMITTEE.members
    with pytest.raises(NoEvidenceError, match="one number for each"):
        replace(evidence.attested, graded=replace(grades, values=grades.values[1:]))
    with pytest.raises(NoEvidenceError, match="does not fit 8 bytes"):
        replace(grades, values=(1 << 63, *grades.values[1:]))


def test_it_is_noticed_in_certificates() -> None:
    heard = Witness()
    first, second = of_owners(whole(), (0, 1)), of_owners(whole(), (1, 2))
    signed = [attested(each, ATTESTERS, {1: SIGN[1], 2: SIGN[2]}) for each in (first, second)]
    assert heard.certificate(signed[0], ATTESTERS, TERMS) == []
    assert {e.culprit() for e in heard.certificate(signed[1], ATTESTERS, TERMS)} == set(COMMITTEE.members[1:3])
    assert incriminating(signed, ATTESTERS, TERMS).keys() == set(COMMITTEE.members[1:3])
    plain = attested(unweighted(), ATTESTERS, {3: SIGN[3]})
    assert [e.culprit() for e in Witness().certificate(plain, ATTESTERS, TERMS)] == [COMMITTEE.members[3]]
    honest = attested(whole(), ATTESTERS, SIGN)
    assert Witness().certificate(honest, ATTESTERS, TERMS) == []
