"""The Python mirror of the contract: whole batches, and every way of tampering with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache

import pytest

import native
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError
from circuits.statement import BatchProof, BatchStatement
from circuits.terms import MarketId
from circuits.verify import sum_of_commitments, verify_batch
from tests.support.parts import with_parts
from tests.support.plain_batch import (
    MARKET,
    Circumstances,
    PlainBatch,
    build_batch,
    development_setup,
    make_rows,
    prove_batch,
    random_gradients,
    seed_of,
    with_groth,
)
from tests.support.tiers import deepened

BOUND = 1 << 40


@cache
def batch(owners: int = 2) -> PlainBatch:
    return build_batch(development_setup("norm", 3, 3), random_gradients(owners, 3, BOUND))


def check(changed: BatchProof, statement: BatchStatement | None = None) -> bytes:
    return verify_batch(statement or batch().statement, changed, batch().setup.verifying)


def moved(point: native.G1) -> native.G1:
    return native.g1_add(point, native.g1_generator)


@pytest.mark.parametrize("owners", [1, 2, 3])
def test_valid_batches_verify(owners: int) -> None:
    b = batch(owners)
    assert verify_batch(b.statement, b.proof, b.setup.verifying) == b.batch_id


@pytest.mark.parametrize(
    ("capacity", "owners", "dimension"), deepened([(16, 1, 10), (16, 16, 257), (64, 64, 33)], fast=[(16, 16, 257)])
)
def test_batches_of_production_capacity_verify(capacity: int, owners: int, dimension: int) -> None:
    setup = development_setup("norm", capacity, dimension)
    b = build_batch(setup, random_gradients(owners, dimension, BOUND))
    assert verify_batch(b.statement, b.proof, setup.verifying) == b.batch_id


def test_the_aggregate_opens_the_sum_of_commitments() -> None:
    b = batch()
    opened = b.setup.commitment.commit_small(b.aggregate.values, b.aggregate.tail)
    assert opened == sum_of_commitments(b.statement)


@pytest.mark.parametrize("name", ["mask_commitment", "gram", "knowledge"])
def test_committed_points_cannot_be_changed(name: str) -> None:
    with pytest.raises(ProofError):
        check(with_parts(batch().proof, **{name: moved(getattr(batch().proof, name))}))


def test_the_stated_sum_cannot_be_another() -> None:
    """Off by a multiple of an owner's commitment, by another point, negated, infinity: all are refused, by name."""
    proof, (first, second) = batch().proof, (owner.commitment for owner in batch().statement.owners)
    total = proof.commitment_sum
    assert total == native.g1_add(first, second)
    multiples = [native.g1_linear_combination([total, first], [1, k % native.R]) for k in (-3, -2, -1, 1, 2, 3)]
    for wrong in (*multiples, first, moved(total), native.g1_neg(total), native.G1(bytes(64)), proof.mask_commitment):
        with pytest.raises(ProofError, match="stated sum"):
            check(replace(proof, commitment_sum=wrong))
    with pytest.raises(native.PointError):
        check(replace(proof, commitment_sum=native.G1(b"\x02" * 64)))


def test_an_error_of_the_sum_cannot_make_up_for_one_elsewhere() -> None:
    """KP and S off by the same point: without a weight of its own for the sum, the two would meet in one pair."""
    proof = batch().proof
    for point in (moved(proof.knowledge), native.g1_add(proof.knowledge, native.g1_neg(native.g1_generator))):
        changed = replace(proof, knowledge=point, commitment_sum=moved(proof.commitment_sum))
        with pytest.raises(ProofError):
            check(changed)


def test_groth16_elements_cannot_be_changed() -> None:
    proof = batch().proof
    doubled = native.g2_linear_combination([proof.groth.b], [2])
    for changed in (
        with_groth(proof, a=moved(proof.groth.a)),
        with_groth(proof, c=moved(proof.groth.c)),
        with_groth(proof, b=doubled),
    ):
        with pytest.raises(ProofError, match="Groth16"):
            check(changed)


def test_sumcheck_elements_cannot_be_changed() -> None:
    proof = batch().proof
    for field in fields(proof.sumcheck):
        value = getattr(proof.sumcheck, field.name)
        other = moved(native.G1(value)) if isinstance(value, bytes) else (value + 1) % native.R
        with pytest.raises(ProofError, match="sum-check"):
            check(replace(proof, sumcheck=with_parts(proof.sumcheck, **{field.name: other})))


def test_scalars_and_digests_cannot_be_changed() -> None:
    proof = batch().proof
    for changed in (
        replace(proof, square_norm=(proof.square_norm + 1) % native.R),
        replace(proof, sign_seed=seed_of("other")),
        replace(proof, projections_digest=seed_of("other")),
    ):
        with pytest.raises(ProofError):
            check(changed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("market", replace(MARKET, chain_id=2)),
        ("market", replace(MARKET, address=bytes(20))),
        ("market", replace(MARKET, deployment=bytes(32))),
        ("task_id", 1),
        ("terms_hash", bytes(32)),
        ("round", 1),
        ("model_digest", bytes(32)),
        ("bound", BOUND - 1),
        ("dimension", 4),
    ],
)
def test_a_proof_holds_in_one_context_only(name: str, value: MarketId | int | bytes) -> None:
    statement = batch().statement
    other = replace(statement, context=with_parts(statement.context, **{name: value}))
    with pytest.raises(ProofError):
        check(batch().proof, other)


def test_owners_cannot_be_exchanged() -> None:
    first, second = batch().statement.owners
    for owners in (
        (first,),
        (first, replace(second, commitment=first.commitment)),
        (replace(first, owner=second.owner), second),
    ):
        with pytest.raises(ProofError):
            check(batch().proof, replace(batch().statement, owners=owners))


def test_counts_order_and_canonical_scalars_are_checked_first() -> None:
    statement, proof = batch().statement, batch().proof
    first, second = statement.owners
    for owners in ((), (second, first), (first, first), (first,) * 4):
        with pytest.raises(InvalidInputError):
            check(proof, replace(statement, owners=owners))
    with pytest.raises(InvalidInputError, match="outside"):
        check(replace(proof, square_norm=proof.square_norm + native.R))
    with pytest.raises(KeyMismatchError):
        context = replace(statement.context, policy_key_hash=bytes(32))
        check(proof, replace(statement, context=context))
    with pytest.raises(native.PointError):
        check(replace(proof, gram=native.G1(b"\x02" * 64)))


def _swap_row(gradients: list[list[int]]) -> list[list[int]]:
    return gradients[::-1]


@pytest.mark.parametrize("tamper", [_swap_row])
def test_a_gram_matrix_of_other_rows_does_not_verify(
    tamper: Callable[[list[list[int]]], list[list[int]]],
) -> None:
    """The provers commit to the inner products of rows that are not the committed ones."""
    b = batch()
    other = make_rows(b.setup.commitment, b.gradients[::-1], "batch")
    rows = replace(other, commitments=b.rows.commitments)
    lie = prove_batch(b.setup, b.statement, rows, b.gradients[::-1], owner_keys=b.owner_keys, seed="batch", at=b.at)
    with pytest.raises(ProofError, match="sum-check"):
        verify_batch(b.statement, lie.proof, b.setup.verifying)


def test_a_gradient_above_the_bound_cannot_be_proven() -> None:
    b = batch()
    at = Circumstances(bound=max(int((g**2).sum()) for g in b.gradients) - 1)
    with pytest.raises(ProofError, match="Groth16"):
        over = build_batch(b.setup, b.gradients, at=at)
        verify_batch(over.statement, over.proof, over.setup.verifying)


def test_the_largest_norm_that_the_bound_allows_can_be_proven() -> None:
    b = batch()
    at = Circumstances(bound=max(int((g**2).sum()) for g in b.gradients))
    exact = build_batch(b.setup, b.gradients, at=at)
    assert verify_batch(exact.statement, exact.proof, exact.setup.verifying) == exact.batch_id
