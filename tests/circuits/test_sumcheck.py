"""The sum-check: complete for every dimension, and no element can be changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

import native
from circuits import sumcheck
from circuits.commitment import commitment_key
from circuits.errors import KeyMismatchError, ProofError
from circuits.srs import Srs, powers_needed, unsafe_development_srs
from circuits.statement import TAIL, GrothProof, SumcheckProof, domain_size
from circuits.transcript import FinalInputs, SumcheckChallenges
from tests.support.parts import with_parts
from tests.support.plain_batch import seed_of

STATE = seed_of("state")
ENDING = FinalInputs(GrothProof(native.g1_generator, native.g2_generator, native.g1_generator), native.g1_generator)


@dataclass(frozen=True, eq=False)
class Row:
    srs: Srs
    values: native.FrArray
    tail: native.FrArray
    commitment: native.G1
    squared_norm: int

    @property
    def proof(self) -> SumcheckProof:
        return sumcheck.prove(self.srs, self.values, self.tail, self.squared_norm, STATE)

    def accepts(self, proof: SumcheckProof, squared_norm: int | None = None, state: bytes = STATE) -> bool:
        return sumcheck.verify(
            self.srs.tau,
            self.commitment,
            proof,
            ENDING,
            square_norm=self.squared_norm if squared_norm is None else squared_norm,
            dimension=len(self.values),
            state=state,
        )


@cache
def row(dimension: int) -> Row:
    srs = unsafe_development_srs(seed_of("srs"), domain_size(dimension))
    values, tail = native.expand(seed_of("values"), dimension), native.expand(seed_of("tail"), TAIL)
    commitment = commitment_key(srs, dimension).commit(values, tail)
    return Row(srs, values, tail, commitment, native.inner(values, values))


@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5, 8, 100, 513])
def test_proof_verifies_for_any_dimension(dimension: int) -> None:
    assert row(dimension).accepts(row(dimension).proof)


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [255, 256, 257, 577, 768, 1000, 1025, 4096])
def test_proof_verifies_around_powers_of_two(dimension: int) -> None:
    assert row(dimension).accepts(row(dimension).proof)


def test_zero_row_has_norm_zero() -> None:
    zero = replace(row(5), values=native.zeros(5), squared_norm=0)
    commitment = commitment_key(zero.srs, 5).commit(zero.values, zero.tail)
    assert replace(zero, commitment=commitment).accepts(zero.proof)


def test_no_element_can_be_changed() -> None:
    case, proof = row(5), row(5).proof
    for name in ("s", "q", "w1", "w2"):
        moved = native.g1_add(getattr(proof, name), native.g1_generator)
        assert not case.accepts(with_parts(proof, **{name: moved})), name
    for name in ("a_zeta", "s_zeta", "s_omega_zeta"):
        value = (getattr(proof, name) + 1) % native.R
        assert not case.accepts(with_parts(proof, **{name: value})), name


def test_another_norm_commitment_or_transcript_is_refused() -> None:
    case, proof = row(5), row(5).proof
    assert not case.accepts(proof, squared_norm=case.squared_norm + 1)
    assert not case.accepts(proof, state=seed_of("other"))
    other = replace(case, commitment=native.g1_add(case.commitment, native.g1_generator))
    assert not other.accepts(proof)


def test_prover_refuses_a_wrong_norm_and_a_short_string() -> None:
    case = row(5)
    with pytest.raises(ProofError, match="squared norm"):
        sumcheck.prove(case.srs, case.values, case.tail, case.squared_norm + 1, STATE)
    with pytest.raises(KeyMismatchError):
        sumcheck.prove(row(2).srs, case.values, case.tail, case.squared_norm, STATE)


def test_opening_inside_the_domain_is_refused() -> None:
    challenges = SumcheckChallenges(zeta=1, v=2, u=3, state=STATE)
    with pytest.raises(ProofError, match="domain"):
        sumcheck.opening_points(row(5).commitment, row(5).squared_norm, 8, row(5).proof, challenges)


def test_quotient_has_the_degree_that_the_string_covers() -> None:
    """The bound on powers is tight: the quotient's top coefficient is minus the square of the tail's."""
    case = row(5)
    on_domain = native.zeros(8)
    on_domain[:5] = case.values
    coefficients = native.ntt(on_domain, inverse=True)
    mean = case.squared_norm * pow(8, -1, native.R) % native.R
    constant = np.repeat(native.from_ints([mean]), 8, axis=0)
    steps = native.sub(native.mul(on_domain, on_domain), constant)
    running = native.ntt(native.prefix_sum(steps), inverse=True)
    quotient = native.to_ints(sumcheck._quotient(coefficients, case.tail, running, mean))
    assert len(quotient) == powers_needed(8)
    assert quotient[-1] == -(native.to_ints(case.tail)[-1] ** 2) % native.R
