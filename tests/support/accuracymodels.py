"""Committed models, data and keys for accuracy and rounding proofs: real proofs, from seeds, under development keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

import native
from circuits.accuracy.accuracycircuit import accuracy_circuit
from circuits.accuracy.accuracyproof import AccuracyStatement, prove_accuracy
from circuits.accuracy.inference import Int64Array, forward
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.accuracy.roundingcircuit import ROUNDING_BITS, rounding_circuit
from circuits.accuracy.roundingproof import RoundingStatement, error_row, prove_rounding, round_row
from circuits.accuracy.sizeclasses import SizeClass
from circuits.accuracy.testdata import Chunk, chunks, commit_chunk, group_hash
from circuits.commitment import CommitmentKey, commitment_key
from circuits.groth16 import CircuitKey, unsafe_generate_circuit_keys
from circuits.hashing import keccak
from circuits.srs import Srs, unsafe_development_srs
from circuits.statement import domain_size
from native import R
from tests.support.plain_batch import seed_of

TOY = SizeClass("toy", 4, 3, 3, 8, limb_bits=6, hidden_limbs=2, margin_limbs=4, first_bias=2, second_bias=16)
"""A circuit of 605 constraints."""
ROUNDED = 24
"""Entries of the row that rounding is tested with."""


def scalars(*parts: object) -> Callable[[], int]:
    """A source of scalars that depends on its name alone."""
    count = iter(range(1 << 32))
    return lambda: int.from_bytes(keccak(repr((parts, next(count))).encode()) * 2, "big") % R


@dataclass(frozen=True, eq=False)
class AccuracyScene:
    """One model on one group, under the key of its class."""

    size: SizeClass
    srs: Srs
    commitment: CommitmentKey
    key: CircuitKey
    model: ModelRow
    features: Int64Array
    labels: Int64Array

    @property
    def group(self) -> list[Chunk]:
        return chunks(self.size, self.features, self.labels)

    @property
    def samples(self) -> int:
        return len(self.labels)

    def statement(self, listing: bytes) -> AccuracyStatement:
        """What is proven under a listing."""
        data = tuple(commit_chunk(self.srs, self.size, chunk) for chunk in self.group)
        return AccuracyStatement(listing, self.model.commit(self.commitment), data)

    def group_hash(self) -> bytes:
        """What a set registers of the group."""
        return group_hash(self.samples, self.statement(bytes(32)).data)

    def prove(self, listing: bytes) -> AccuracyProof:
        """The proof under a listing, the same each time."""
        return prove_accuracy(
            self.key, self.srs, self.statement(listing), self.model, self.group, scalars("prove", listing)
        )


@cache
def accuracy_setup(size: SizeClass) -> tuple[Srs, CommitmentKey, CircuitKey]:
    """SRS, commitment key and accuracy key of a size class."""
    srs = unsafe_development_srs(seed_of("models"), max(domain_size(size.weights), size.columns * size.samples))
    key = unsafe_generate_circuit_keys(accuracy_circuit(size), srs.tau, srs.origin, seed_of("models"))
    return srs, commitment_key(srs, size.weights), key


@cache
def accuracy_scene(size: SizeClass = TOY, samples: int = 14, name: str = "model") -> AccuracyScene:
    """A random model, and labels of which it answers about four in five rightly."""
    random = np.random.default_rng(list(seed_of(name)))
    reach = min(size.half // 2, 100)
    weights = random.integers(-reach, reach, size.weights)
    features = random.integers(0, 8, (samples, size.inputs))
    scores = forward(size, features, weights).scores
    labels = np.where(random.random(samples) < 0.8, scores.argmax(1), random.integers(0, size.classes, samples))
    model = ModelRow.fresh(weights, scalars("tail", name))
    return AccuracyScene(size, *accuracy_setup(size), model, features, labels)


@dataclass(frozen=True, eq=False)
class RoundingScene:
    """A row that was derived, and the model that it is rounded to."""

    srs: Srs
    commitment: CommitmentKey
    key: CircuitKey
    derived: ModelRow
    model: ModelRow

    @property
    def error(self) -> ModelRow:
        return error_row(self.derived, self.model)

    def statement(self, listing: bytes, lineage: bytes) -> RoundingStatement:
        """C_E from the two commitments, as the contract derives it."""
        points = [self.derived.commit(self.commitment), self.model.commit(self.commitment)]
        error = native.g1_linear_combination(points, [1, -(1 << ROUNDING_BITS) % R])
        return RoundingStatement(listing, lineage, error)

    def prove(self, listing: bytes, lineage: bytes) -> RoundingProof:
        """The proof under a listing, the same each time."""
        statement = self.statement(listing, lineage)
        return prove_rounding(self.key, self.srs, statement, self.error, scalars("round", listing))


@cache
def rounding_scene(dimension: int = ROUNDED) -> RoundingScene:
    """A random row and its rounding, both under fresh tails."""
    srs = unsafe_development_srs(seed_of("models"), domain_size(dimension))
    key = unsafe_generate_circuit_keys(rounding_circuit(dimension), srs.tau, srs.origin, seed_of("models"))
    derived = np.random.default_rng(5).integers(-(1 << 20), 1 << 20, dimension)
    rounded, _ = round_row(derived)
    rows = (ModelRow.fresh(derived, scalars("derived")), ModelRow.fresh(rounded, scalars("rounded")))
    return RoundingScene(srs, commitment_key(srs, dimension), key, *rows)
