"""The audit passes on a real batch, and names the check when any part of the public record is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import native
from circuits.errors import ProofError
from circuits.payload import Aggregate
from circuits.statement import Attested, Committee
from circuits.transcript import projections_digest
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import AuditBundle
from gradroll.audit.recheck import CHECKS, Audit, Recorded
from tests.support.parts import with_parts
from tests.support.plain_batch import (
    address_of,
    build_batch,
    bundle_of,
    development_setup,
    random_gradients,
    seed_of,
    sign,
)

PROVERS = tuple(seed_of("prover", p) for p in range(4))


def sum_of(audit: Audit) -> Aggregate:
    assert audit.aggregate is not None
    return audit.aggregate


@cache
def honest() -> Audit:
    setup = development_setup("norm", 4, 10)
    batch = build_batch(setup, random_gradients(3, 10, 1 << 40), indices=[0, 2, 5])
    recorded = Recorded(
        context=batch.statement.context,
        committee=Committee(batch.at.committee_id, 1, tuple(map(address_of, PROVERS))),
        batch_id=batch.batch_id,
        verifier_code=batch.at.verifier_code,
        commitment=sum_of_commitments(batch.statement),
        owners={h.owner_index: h.owner for h in batch.statement.owners},
    )
    return Audit(recorded, bundle_of(batch, PROVERS[:3]), batch.aggregate, setup.commitment, setup.verifying)


def bundled(**changes: object) -> Audit:
    return replace(honest(), bundle=with_parts(honest().bundle, **changes))


def certified(**changes: object) -> Audit:
    return bundled(certificate=with_parts(honest().bundle.certificate, **changes))


def recorded(**changes: object) -> Audit:
    return replace(honest(), recorded=with_parts(honest().recorded, **changes))


def test_an_honest_batch_passes_every_check() -> None:
    report = honest().run()
    assert (report.verdict, report.passed, report.reason) == ("passed", tuple(CHECKS), "")


def test_of_a_private_sum_all_but_its_values_is_checked() -> None:
    """Nobody but who has its key sees those; the commitment stands for them."""
    report = replace(honest(), aggregate=None).run()
    assert report.private
    assert report.passed == (*list(CHECKS)[:-1], "commitment")
    assert not honest().run().private
    wrong = replace(recorded(commitment=native.g1_generator), aggregate=None).run()
    assert (wrong.failed, wrong.private) == ("attestations", True)


def test_a_bundle_survives_its_encoding() -> None:
    audit = honest()
    assert replace(audit, bundle=AuditBundle.decode(audit.bundle.encode())).run().verdict == "passed"


def _changed_projection() -> Audit:
    first, *rest = honest().bundle.projections
    return bundled(projections=(native.add(first, first), *rest))


def _changed_row() -> Audit:
    row = honest().bundle.row.copy()
    row[0, 0] += 1
    return bundled(row=row)


def _changed_blinder() -> Audit:
    row = honest().bundle.row.copy()
    row[10, 0] += 1  # the blinder takes no part in the projections
    return bundled(row=row)


def _other_owner_signs(part: str = "signature") -> Audit:
    audit = honest()
    first, *rest = audit.bundle.statement.owners
    forged = with_parts(first, **{part: getattr(rest[0], part)})
    return certified(statement=replace(audit.bundle.statement, owners=(forged, *rest)))


def _other_shares() -> Audit:
    audit = honest()
    first, *rest = audit.bundle.statement.owners
    swapped = replace(first, share_digests=first.share_digests[::-1])
    return certified(statement=replace(audit.bundle.statement, owners=(swapped, *rest)))


def _changed_proof() -> Audit:
    proof = honest().bundle.proof
    return certified(proof=replace(proof, square_norm=(proof.square_norm + 1) % native.R))


def _other_sum() -> Audit:
    return replace(honest(), aggregate=Aggregate(np.ones(10, np.int64), native.zeros(129)))


def _other_blinder_of_the_sum() -> Audit:
    opened = sum_of(honest())
    tail = opened.tail.copy()
    tail[0, 0] += 1
    return replace(honest(), aggregate=Aggregate(opened.values, tail))


def _attested_by_two() -> Audit:
    return certified(attestations=honest().bundle.certificate.attestations[:2])


def _attested_twice_by_one() -> Audit:
    (_, signature), *rest = honest().bundle.certificate.attestations
    return certified(attestations=((0, rest[0][1]), (1, rest[0][1]), (2, signature)))


def _attested_by_two_of_whom_one_counts_twice() -> Audit:
    first, second, *_ = honest().bundle.certificate.attestations
    return certified(attestations=(first, first, second))


def _attested_by_a_stranger() -> Audit:
    return certified(attestations=(*honest().bundle.certificate.attestations[:2], (9, b"\x01" * 64 + b"\x1b")))


def _attested(recorded: Recorded) -> Audit:
    """A quorum has attested whatever this record says."""
    audit = honest()
    attested = Attested(
        recorded.batch_id, recorded.verifier_code, recorded.committee.committee_id, audit.statement.size,
        recorded.commitment, audit.bundle.proof.square_norm, audit.bundle.certificate.payee,
    )  # fmt: skip
    digest = attested.digest(recorded.context)
    signed = tuple((p, sign(key, digest)) for p, key in enumerate(PROVERS[:3]))
    return replace(certified(attestations=signed), recorded=recorded)


CHANGES: dict[str, list[Callable[[], Audit]]] = {
    "proof": [
        _changed_proof,
        lambda: recorded(batch_id=bytes(32)),
        lambda: recorded(context=replace(honest().recorded.context, round=1)),
        lambda: recorded(context=replace(honest().recorded.context, bound=5)),
        lambda: recorded(context=replace(honest().recorded.context, model_digest=bytes(32))),
        lambda: recorded(context=replace(honest().recorded.context, terms_hash=bytes(32))),
    ],
    "signatures": [
        _other_owner_signs,
        lambda: _other_owner_signs("dealing_signature"),
        _other_shares,
        lambda: recorded(owners={}),
        lambda: recorded(owners={0: bytes(20)}),
    ],
    "cohort": [
        lambda: certified(cohort=honest().bundle.certificate.cohort[1:]),
        lambda: certified(cohort=honest().bundle.certificate.cohort[::-1]),
    ],
    "seed": [
        lambda: certified(coin=1),
        lambda: certified(cohort=(*honest().bundle.certificate.cohort, bytes(32))),
    ],
    "projections": [_changed_projection, lambda: bundled(projections=honest().bundle.projections[:-1])],
    "combination": [_changed_row],
    "row": [_changed_blinder],
    "attestations": [
        _attested_by_two,
        _attested_twice_by_one,
        _attested_by_two_of_whom_one_counts_twice,
        _attested_by_a_stranger,
        lambda: recorded(verifier_code=bytes(32)),
        lambda: recorded(commitment=native.g1_generator),
        lambda: recorded(committee=replace(honest().recorded.committee, committee_id=1)),
    ],
    "aggregate": [
        _other_sum,
        _other_blinder_of_the_sum,
        lambda: _attested(replace(honest().recorded, commitment=native.g1_generator)),
    ],
}


def test_every_check_is_broken_on_purpose() -> None:
    assert set(CHANGES) == set(CHECKS)


@pytest.mark.parametrize(("name", "at"), [(name, i) for name, cases in CHANGES.items() for i in range(len(cases))])
def test_a_change_is_caught_by_the_check_that_is_meant_for_it(name: str, at: int) -> None:
    report = CHANGES[name][at]().run()
    assert report.verdict == name
    assert report.reason


def test_a_projection_out_of_range_is_caught_even_when_the_proof_binds_it() -> None:
    z0, z1, *rest = honest().bundle.projections
    large = z1.copy()
    large[127] = native.from_ints([1 << 109])[0]
    projections = (z0, large, *rest)
    proof = replace(honest().bundle.proof, projections_digest=projections_digest(projections))
    audit = certified(proof=proof)
    with pytest.raises(ProofError, match="owner 0 is out of range"):
        replace(audit, bundle=replace(audit.bundle, projections=projections)).check_projections()
