"""A graded batch under audit: its rule is the task's, its reference the round's, its sum weighted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from circuits.grading import GradingRule
from circuits.payload import Aggregate
from circuits.statement import Committee
from circuits.verify import sum_of_commitments
from commons.protocol.bundle import AuditBundle
from commons.protocol.references import Copy, Opening
from gradroll.audit.recheck import CHECKS, Audit, Recorded
from tests.support.graded_batch import Judge, graded_batch, gradient_at
from tests.support.parts import with_parts
from tests.support.plain_batch import PlainBatch, address_of, bundle_of, development_setup, seed_of

PROVERS = tuple(seed_of("prover", p) for p in range(4))
DIMENSION, BOUND = 10, 1 << 32
RULE = GradingRule(4, 4, 2)


@cache
def batch() -> PlainBatch:
    judge = Judge(gradient_at(1000, DIMENSION, BOUND), RULE)
    gradients = [gradient_at(at, DIMENSION, BOUND) for at in (990, 980, -900)]
    return graded_batch(development_setup("reference", 6, DIMENSION), gradients, judge)


def sum_of(audit: Audit) -> Aggregate:
    assert audit.aggregate is not None
    return audit.aggregate


@cache
def honest() -> Audit:
    made, setup = batch(), development_setup("reference", 6, DIMENSION)
    graded = made.statement.graded
    assert graded is not None
    recorded = Recorded(
        context=made.statement.context,
        committee=Committee(made.at.committee_id, 1, tuple(map(address_of, PROVERS))),
        batch_id=made.batch_id,
        verifier_code=made.at.verifier_code,
        commitment=sum_of_commitments(made.statement),
        owners={h.owner_index: h.owner for h in made.statement.owners},
        rule=RULE,
        opening=Opening(b"\x01" * 32, (Copy.of(graded.reference),)),
    )
    return Audit(recorded, bundle_of(made, PROVERS[:3]), made.aggregate, setup.commitment, setup.verifying)


def recorded(**changes: object) -> Audit:
    return replace(honest(), recorded=with_parts(honest().recorded, **changes))


def graded(**changes: object) -> Audit:
    """With something else of how the batch was graded in its bundle."""
    certificate = honest().bundle.certificate
    statement = replace(certificate.statement, graded=with_parts(certificate.statement.graded, **changes))
    return replace(honest(), bundle=with_parts(honest().bundle, certificate=replace(certificate, statement=statement)))


def test_an_honest_batch_passes_every_check_also_after_its_encoding() -> None:
    for audit in (
        honest(),
        replace(honest(), bundle=AuditBundle.decode(honest().bundle.encode())),
    ):
        report = audit.run()
        assert (report.verdict, report.passed, report.reason) == ("passed", tuple(CHECKS), "")
        assert report.statement == batch().statement
    assert batch().statement.weights == (3, 3, 0)


def _other_reference() -> Audit:
    known = batch().statement.owners[0]
    return recorded(opening=Opening(b"\x01" * 32, (Copy(known.commitment, known.shares_root),)))


def _unsigned_reference() -> Audit:
    own = batch().statement.graded
    assert own is not None
    return graded(reference=replace(own.reference, signature=batch().statement.owners[0].signature))


def _cohort_without_the_reference() -> Audit:
    certificate = honest().bundle.certificate
    return replace(
        honest(), bundle=with_parts(honest().bundle, certificate=replace(certificate, cohort=certificate.cohort[1:]))
    )


def _unweighted_sum() -> Audit:
    opened = sum_of(honest())
    return replace(honest(), aggregate=Aggregate(opened.values // 3 + np.array([1] * DIMENSION), opened.tail))


CHANGES: list[tuple[str, str, Callable[[], Audit]]] = [
    ("proof", "not graded by the rule of the task", lambda: recorded(rule=replace(RULE, min_owners=3))),
    ("proof", "not graded by the rule of the task", lambda: recorded(rule=None)),
    ("proof", "another batch", lambda: recorded(batch_id=b"\x01" * 32)),
    ("signatures", "not copy 0 of the reference", _other_reference),
    ("signatures", "", _unsigned_reference),
    ("cohort", "not in its cohort", _cohort_without_the_reference),
    ("aggregate", "does not open", _unweighted_sum),
]


@pytest.mark.parametrize(("check", "reason", "changed"), CHANGES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CHANGES)])
def test_what_is_not_so_is_named(check: str, reason: str, changed: Callable[[], Audit]) -> None:
    report = changed().run()
    assert report.failed == check
    assert reason in report.reason
    assert report.statement is None


def test_other_numbers_are_of_another_batch() -> None:
    first, *rest = batch().statement.graded.values  # type: ignore[union-attr]
    report = graded(values=(first - 1, *rest)).run()
    assert report.failed == "proof"
