"""Whole graded batches under the Python mirror of the contract, and every way of tampering with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import native
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError
from circuits.grading import NOISE_BITS, GradingRule
from circuits.policies.spec import GradedInputs
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, BatchProof, BatchStatement, Graded
from circuits.verify import public_inputs, sum_of_commitments, verify_batch
from commons.protocol.references import Opening
from tests.support.graded_batch import Judge, graded_batch, gradient_at, reference_copies
from tests.support.parts import with_parts
from tests.support.plain_batch import (
    Circumstances,
    PlainBatch,
    build_batch,
    development_setup,
    prove_batch,
    random_gradients,
)
from tests.support.tiers import deepened

BOUND, DIMENSION = 1 << 32, 4
RULE = GradingRule(4, 4, 2)
COSINES = (990, 980, 540, 530, -700)
LOW = 1 << NOISE_BITS - 2
"""A quarter of the noise's width: with it, cosines of 0.99, 0.98, 0.54, 0.53, -0.7 have levels 3, 3, 2, 2, 0."""


def judge(**changes: object) -> Judge:
    return with_parts(Judge(gradient_at(1000, DIMENSION, BOUND), RULE), **changes)


def graded(cosines: Sequence[int], rule: GradingRule = RULE, noise: Sequence[int] | None = None) -> PlainBatch:
    gradients = [gradient_at(cosine, DIMENSION, BOUND) for cosine in cosines]
    at = Circumstances(bound=BOUND)
    return graded_batch(
        development_setup("reference", 6, DIMENSION), gradients, judge(rule=rule), at=at,
        noise=[LOW] * len(cosines) if noise is None else noise,
    )  # fmt: skip


@cache
def batch() -> PlainBatch:
    return graded(COSINES)


def part() -> Graded:
    """What the batch states of its grading."""
    made = batch().statement.graded
    assert made is not None
    return made


def stating(**changes: object) -> BatchStatement:
    """The batch's statement with other words about its grading."""
    return replace(batch().statement, graded=with_parts(part(), **changes))


def check(statement: BatchStatement, proof: BatchProof | None = None) -> bytes:
    return verify_batch(statement, proof or batch().proof, batch().setup.verifying)


def proven(statement: BatchStatement, noise: tuple[int, ...] | None = None) -> BatchProof:
    """A proof for another statement of the batch's rows, as far as there is one."""
    b = batch()
    gradients = (judge().reference, *b.gradients)
    lie = prove_batch(
        b.setup, statement, b.rows, gradients, owner_keys=b.owner_keys, seed="lie", at=b.at,
        noise=b.noise if noise is None else noise,
    )  # fmt: skip
    return lie.proof


def other_values(place: int, by: int) -> tuple[int, ...]:
    return tuple(value + (by if at == place else 0) for at, value in enumerate(part().values))


def test_the_numbers_are_scaled_products_under_noise() -> None:
    assert check(batch().statement) == batch().batch_id
    reference = judge().reference
    for gradient, noise, value in zip(batch().gradients, batch().noise, part().values, strict=True):
        assert value == RULE.scale(BOUND) * int(gradient @ reference) + noise
    assert part().grades.levels == (3, 3, 2, 2, 0)


@pytest.mark.parametrize("owners", [1, 2, 3, 4, 5])
def test_batches_of_every_size_verify(owners: int) -> None:
    b = graded(COSINES[:owners])
    assert verify_batch(b.statement, b.proof, b.setup.verifying) == b.batch_id


@pytest.mark.parametrize(
    ("capacity", "owners", "dimension"), deepened([(16, 15, 64), (33, 32, 256)], fast=[(16, 15, 64)])
)
def test_batches_of_production_capacity_verify(capacity: int, owners: int, dimension: int) -> None:
    setup = development_setup("reference", capacity, dimension)
    gradients = random_gradients(owners, dimension, BOUND)
    b = graded_batch(setup, gradients, Judge(gradients[0], RULE, copy=15), at=Circumstances(bound=BOUND))
    assert verify_batch(b.statement, b.proof, setup.verifying) == b.batch_id


def test_the_aggregate_opens_the_weighted_sum() -> None:
    b = batch()
    assert b.statement.weights == (3, 3, 2, 2, 0)
    expected = sum(w * g for w, g in zip(b.statement.weights, b.gradients, strict=True))
    assert np.array_equal(b.aggregate.values, expected)
    opened = b.setup.commitment.commit_small(b.aggregate.values, b.aggregate.tail)
    assert opened == sum_of_commitments(b.statement) == b.proof.commitment_sum


def test_where_nobody_has_a_weight_the_plain_sum_is_released() -> None:
    b = graded((990, -400, -500))
    assert b.statement.weights == (1, 1, 1)
    assert verify_batch(b.statement, b.proof, b.setup.verifying) == b.batch_id
    commitments = [owner.commitment for owner in b.statement.owners]
    assert b.proof.commitment_sum == native.g1_linear_combination(commitments, [1, 1, 1])


@pytest.mark.parametrize("noise", [0, (1 << NOISE_BITS) - 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_and_smallest_numbers_can_be_proven(noise: int, sign: int) -> None:
    b = graded((1000, 1000, sign * 1000), noise=(noise, 0, noise))
    assert verify_batch(b.statement, b.proof, b.setup.verifying) == b.batch_id
    most = int(judge().reference @ judge().reference) * RULE.scale(BOUND)
    assert b.statement.graded is not None and b.statement.graded.values[2] == sign * most + noise


@pytest.mark.parametrize(
    "weights", [(3, 3, 2, 2, 1), (3, 3, 2, 1, 0), (2, 3, 2, 2, 0), (1, 1, 1, 1, 1), (3, 3, 2, 2, 3)]
)
def test_the_stated_sum_has_the_weights_that_the_numbers_give(weights: tuple[int, ...]) -> None:
    commitments = [owner.commitment for owner in batch().statement.owners]
    other = native.g1_linear_combination(commitments, weights)
    with pytest.raises(ProofError, match="stated sum"):
        check(batch().statement, replace(batch().proof, commitment_sum=other))


def test_the_reference_is_not_in_the_sum() -> None:
    proof = batch().proof
    with pytest.raises(ProofError, match="stated sum"):
        check(
            batch().statement,
            replace(proof, commitment_sum=native.g1_add(proof.commitment_sum, part().reference.commitment)),
        )


@pytest.mark.parametrize("by", [1, -1, 1 << NOISE_BITS - 1, -(1 << NOISE_BITS)])
@pytest.mark.parametrize("place", range(len(COSINES)))
def test_no_number_can_be_another(place: int, by: int) -> None:
    """Stated after the proof, or before it is made: then the circuit has no assignment."""
    other = stating(values=other_values(place, by))
    with pytest.raises(ProofError):
        check(other)
    with pytest.raises(ProofError, match="Groth16"):
        check(other, proven(other))


def test_noise_that_is_out_of_range_cannot_be_proven() -> None:
    """A number that owes its level to noise of more than 40 bits, in statement, block and bits alike."""
    for drawn in (1 << NOISE_BITS, 1 + (1 << NOISE_BITS)):
        noise = (*batch().noise[:4], drawn)
        other = stating(values=other_values(4, drawn - batch().noise[4]))
        with pytest.raises(ProofError, match="Groth16"):
            check(other, proven(other, noise))


def test_numbers_of_two_owners_cannot_be_exchanged() -> None:
    first, second, *rest = part().values
    other = stating(values=(second, first, *rest))
    with pytest.raises(ProofError):
        check(other)
    with pytest.raises(ProofError, match="Groth16"):
        check(other, proven(other))


def test_two_wrong_numbers_do_not_make_up_for_each_other() -> None:
    """Their plain sum is right; eta is known only when they are."""
    values = list(part().values)
    other = stating(values=(values[0] + 5, values[1] - 5, *values[2:]))
    with pytest.raises(ProofError, match="Groth16"):
        check(other, proven(other))


def test_rule_numbers_and_all_before_them_are_bound_by_the_challenge_that_combines_the_numbers() -> None:
    others = [
        batch().statement,
        *(stating(values=other_values(place, 1)) for place in range(len(COSINES))),
        *(stating(rule=with_parts(RULE, **change)) for change in ({"step": 3}, {"dither": 5}, {"min_owners": 3})),
        stating(reference=replace(part().reference, owner_index=REFERENCE_INDEX + 1)),
    ]
    made = [public_inputs(other, batch().proof)[2] for other in others]
    etas = [public.eta for public in made if isinstance(public, GradedInputs)]
    assert len(set(etas)) == len(others)
    assert made[0].rho not in etas


@pytest.mark.parametrize("changes", [{"step": 3}, {"dither": 5}, {"dither": 8}, {"min_owners": 3}, {"min_owners": 1}])
def test_a_proof_holds_under_one_rule_only(changes: dict[str, int]) -> None:
    with pytest.raises(ProofError):
        check(stating(rule=with_parts(RULE, **changes)))


def test_a_proof_holds_against_one_reference_only() -> None:
    """Another commitment, another copy's index, another model owner; and the other copy of the same gradient."""
    reference, key = part().reference, batch().setup.commitment
    second = judge(copy=1)
    copies = reference_copies(key, second.reference, 2, "batch")
    for other in (
        replace(reference, commitment=batch().statement.owners[0].commitment),
        replace(reference, owner_index=REFERENCE_INDEX + 1),
        replace(reference, owner=batch().statement.owners[0].owner),
        replace(reference, owner_index=REFERENCE_INDEX + 1, commitment=copies[1].commitment),
    ):
        with pytest.raises(ProofError):
            check(stating(reference=other))


def test_a_batch_of_the_second_copy_is_none_of_the_first() -> None:
    copies = reference_copies(batch().setup.commitment, judge().reference, 2, "batch")
    at = Circumstances(bound=BOUND, model_digest=Opening(b"\x45" * 32, copies).digest)
    b = graded_batch(batch().setup, batch().gradients, judge(copy=1), at=at, noise=batch().noise)
    assert verify_batch(b.statement, b.proof, b.setup.verifying) == b.batch_id
    assert b.statement.graded is not None
    assert b.statement.graded.values == part().values
    assert Opening(b"\x45" * 32, copies).require_copy(b.statement.graded.reference) == 1
    swapped = replace(b.statement, graded=replace(b.statement.graded, reference=part().reference))
    with pytest.raises(ProofError):
        verify_batch(swapped, b.proof, b.setup.verifying)


def test_reference_and_owner_cannot_change_places() -> None:
    """An owner that is graded against another owner would be read by it."""
    first, *rest = batch().statement.owners
    posing = replace(first, owner_index=REFERENCE_INDEX)
    taken = replace(part().reference, owner_index=0)
    statement = replace(stating(reference=posing), owners=(taken, *rest))
    with pytest.raises(ProofError):
        check(statement)


def test_what_is_no_graded_batch_is_refused_before_anything_is_computed() -> None:
    statement, reference = batch().statement, part().reference
    owners, values = statement.owners, part().values
    far = replace(reference, owner_index=REFERENCE_INDEX + MAX_COPIES)
    for other, named in (
        (stating(reference=owners[0]), "no copy of a reference"),
        (stating(reference=far), "no copy of a reference"),
        (stating(reference=replace(reference, owner_index=REFERENCE_INDEX - 1)), "no copy of a reference"),
        (stating(values=values[:-1]), "5 owners have as many opened numbers, not 4"),
        (stating(values=(*values, 0)), "not 6"),
        (stating(values=()), "not 0"),
        (replace(statement, owners=(*owners[:4], reference)), "registration index, below 65536"),
        (replace(statement, owners=owners[::-1]), "ascend"),
        (replace(statement, owners=()), "0 owners"),
        (replace(statement, owners=(*owners, replace(owners[4], owner_index=9))), "6 owners and 7 rows"),
        (replace(statement, context=replace(statement.context, bound=1 << 40)), "too large"),
    ):
        with pytest.raises(InvalidInputError, match=named):
            check(other)


def test_a_number_that_no_gradient_within_the_bound_gives_is_refused() -> None:
    most = RULE.scale(BOUND) * BOUND
    for value in (-most - 1, most + (1 << NOISE_BITS), (1 << 63) - 1, -(1 << 63)):
        with pytest.raises(InvalidInputError, match="out of the range"):
            check(stating(values=(*part().values[:4], value)))
    for value in (-most, most + (1 << NOISE_BITS) - 1):
        with pytest.raises(ProofError):
            check(stating(values=(*part().values[:4], value)))


def test_keys_of_one_kind_do_not_verify_batches_of_the_other() -> None:
    plain = build_batch(development_setup("norm", 6, DIMENSION), batch().gradients, at=Circumstances(bound=BOUND))
    as_graded = replace(plain.statement, graded=part())
    with pytest.raises(KeyMismatchError, match="one is graded"):
        verify_batch(as_graded, plain.proof, plain.setup.verifying)
    with pytest.raises(KeyMismatchError, match="one is graded"):
        check(replace(batch().statement, graded=None))


def test_a_batch_that_is_not_graded_has_no_reference_among_its_owners() -> None:
    plain = build_batch(
        development_setup("norm", 6, DIMENSION),
        batch().gradients[:1],
        indices=[REFERENCE_INDEX],
        owner_keys=[b"k" * 32],
    )
    with pytest.raises(InvalidInputError, match="below 65536"):
        verify_batch(plain.statement, plain.proof, plain.setup.verifying)


def test_points_of_the_reference_are_checked() -> None:
    with pytest.raises(native.PointError):
        check(stating(reference=replace(part().reference, commitment=native.G1(b"\x02" * 64))))
