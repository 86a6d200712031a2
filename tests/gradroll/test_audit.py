"""The audit passes on a real batch, and names the check when any part of the public record is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import native
from circuits.errors import ProofError
from circuits.payload import Aggregate, encode
from circuits.statement import Committee
from circuits.transcript import projections_digest
from circuits.verify import sum_of_commitments
from coordinator.machine import AuditBundle
from gradroll.audit import CHECKS, Audit, Recorded
from tests.support.plain_batch import address_of, attest, build_batch, development_setup, random_gradients, seed_of

PROVERS = tuple(seed_of("prover", p) for p in range(4))


@cache
def honest() -> Audit:
    setup = development_setup("norm-contribution", 4, 10)
    batch = build_batch(setup, random_gradients(3, 10, 1 << 40), indices=[0, 2, 5])
    context = batch.statement.context
    cohort = tuple(h.digest(context.chain_id, context.market) for h in batch.statement.owners)
    bundle = AuditBundle(
        statement=batch.statement,
        cohort=cohort,
        coin=batch.coin,
        projections=tuple(batch.projections),
        row=np.concatenate((batch.combined, batch.combined_tail)),
        proof=batch.proof,
        payload_digest=batch.payload_digest,
        attestations=tuple((p, attest(batch, key)) for p, key in enumerate(PROVERS[:3])),
    )
    recorded = Recorded(
        context=context,
        committee=Committee(0, 1, tuple(map(address_of, PROVERS))),
        batch_id=batch.batch_id,
        payload_digest=batch.payload_digest,
        commitment=sum_of_commitments(batch.statement),
        owners={h.owner_index: h.owner for h in batch.statement.owners},
    )
    return Audit(recorded, bundle, batch.payload, setup.commitment, setup.verifying)


def bundled(**changes: object) -> Audit:
    return replace(honest(), bundle=replace(honest().bundle, **changes))


def recorded(**changes: object) -> Audit:
    return replace(honest(), recorded=replace(honest().recorded, **changes))


def test_an_honest_batch_passes_every_check() -> None:
    report = honest().run()
    assert (report.verdict, report.passed, report.reason) == ("passed", tuple(CHECKS), "")


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
    forged = replace(first, **{part: getattr(rest[0], part)})  # type: ignore[arg-type]
    return bundled(statement=replace(audit.bundle.statement, owners=(forged, *rest)))


def _other_shares() -> Audit:
    audit = honest()
    first, *rest = audit.bundle.statement.owners
    swapped = replace(first, share_digests=first.share_digests[::-1])
    return bundled(statement=replace(audit.bundle.statement, owners=(swapped, *rest)))


def _changed_proof() -> Audit:
    proof = honest().bundle.proof
    return bundled(proof=replace(proof, square_norm=(proof.square_norm + 1) % native.R))


def _changed_contribution() -> Audit:
    proof = honest().bundle.proof
    first, *rest = proof.contributions
    return bundled(proof=replace(proof, contributions=((first + 1) % native.R, *rest)))


def _other_payload() -> Audit:
    values = np.ones(10, np.int64)
    payload = encode(Aggregate(values, native.zeros(129)))
    return replace(honest(), payload=payload)


def _attested_by_two() -> Audit:
    return bundled(attestations=honest().bundle.attestations[:2])


def _attested_twice_by_one() -> Audit:
    (_, signature), *rest = honest().bundle.attestations
    return bundled(attestations=((0, rest[0][1]), (1, rest[0][1]), (2, signature)))


CHANGES: dict[str, list[Callable[[], Audit]]] = {
    "proof": [
        _changed_proof,
        _changed_contribution,
        lambda: recorded(batch_id=bytes(32)),
        lambda: recorded(context=replace(honest().recorded.context, round=1)),
        lambda: recorded(context=replace(honest().recorded.context, bound=5)),
    ],
    "signatures": [
        _other_owner_signs,
        lambda: _other_owner_signs("dealing_signature"),
        _other_shares,
        lambda: recorded(owners={}),
        lambda: recorded(owners={0: bytes(20)}),
    ],
    "cohort": [
        lambda: bundled(cohort=honest().bundle.cohort[1:]),
        lambda: bundled(cohort=honest().bundle.cohort[::-1]),
    ],
    "seed": [lambda: bundled(coin=1), lambda: bundled(cohort=(*honest().bundle.cohort, bytes(32)))],
    "projections": [_changed_projection, lambda: bundled(projections=honest().bundle.projections[:-1])],
    "combination": [_changed_row],
    "row": [_changed_blinder],
    "attestations": [_attested_by_two, _attested_twice_by_one],
    "payload": [
        _other_payload,
        lambda: replace(honest(), payload=honest().payload + b"\0"),
        lambda: recorded(commitment=native.g1_generator),
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
    with pytest.raises(ProofError, match="owner 0 is out of range"):
        bundled(projections=projections, proof=proof).check_projections()
