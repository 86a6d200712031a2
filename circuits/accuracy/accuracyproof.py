"""Accuracy proofs: that a committed model answers at least so many rows of a committed group rightly.

All chunks of a group share the challenge alpha, the model's value y_M and one opening, which binds them to one C_M. The
prover goes over the chunks three times and holds one at a time: their blocks are committed to, then proven, then their
data is opened.

Each proof opens C_M at one point. The caller keeps count (`modelrows.MAX_OPENINGS`), before it sends a proof anywhere;
a proof that was made and thrown away counts too once somebody saw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import native
from circuits import joint
from circuits.accuracy.accuracycircuit import AccuracyCircuit
from circuits.accuracy.accuracytranscript import accuracy_context, accuracy_weights, alpha_state, v_state
from circuits.accuracy.accuracywitness import AccuracyBlock, honest_block, private_wires
from circuits.accuracy.modelrows import Draw, ModelRow
from circuits.accuracy.pairingcheck import Opening, Part, require_product
from circuits.accuracy.proofparts import AccuracyProof, ChunkProof, require_points, require_scalars
from circuits.accuracy.sizeclasses import MAX_CHUNKS, SizeClass
from circuits.accuracy.testdata import Chunk
from circuits.errors import InvalidInputError, KeyMismatchError
from circuits.groth16 import CircuitKey, VerifyingKey
from circuits.hashing import challenge
from circuits.srs import Srs
from native import G1, FrArray


@dataclass(frozen=True, slots=True)
class AccuracyStatement:
    """What is proven, beside the count.

    Attributes:
        listing: 32 bytes, the listing's identifier.
        model: C_M.
        data: C_X of each chunk of the group, in order.

    Raises:
        InvalidInputError: the identifier has another length, or the group has no chunk or more than 16.
    """

    listing: bytes
    model: G1
    data: tuple[G1, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.listing) != 32 or not 1 <= len(self.data) <= MAX_CHUNKS:
            raise InvalidInputError(f"a statement has an identifier of 32 bytes and 1..{MAX_CHUNKS} chunks")


def verify_accuracy(key: VerifyingKey, statement: AccuracyStatement, proof: AccuracyProof) -> int:
    """How many rows the model at least answers rightly: what the contract computes, by the same equations.

    Raises:
        InvalidInputError: the numbers of chunks differ, a scalar is outside [0, r), or the key has other inputs.
        native.PointError: an element is not on its curve or not in the subgroup.
        ProofError: an equation does not hold; the message names it.
    """
    if len(proof.chunks) != len(statement.data):
        raise InvalidInputError(f"the proof has {len(proof.chunks)} chunks, the group {len(statement.data)}")
    pairs = [(c.data_value, c.correct) for c in proof.chunks]
    require_scalars(proof.model_value, *(value for pair in pairs for value in pair))
    points = [point for c in proof.chunks for point in (c.block, c.knowledge, c.groth.a, c.groth.c)]
    require_points(statement.model, *statement.data, proof.opening, *points)
    blocks = [(c.block, c.knowledge) for c in proof.chunks]
    first = alpha_state(accuracy_context(statement.listing, key.key_hash), statement.model, statement.data, blocks)
    second = v_state(first, proof.model_value, pairs)
    alpha, model = challenge(first), proof.model_value
    parts = [Part(c.block, c.knowledge, (alpha, model, c.data_value, c.correct), c.groth) for c in proof.chunks]
    values = (model, *(c.data_value for c in proof.chunks))
    opening = Opening((statement.model, *statement.data), values, alpha, challenge(second), proof.opening)
    require_product(key, parts, opening, accuracy_weights(second, proof.opening, (c.groth for c in proof.chunks)))
    return proof.correct


def prove_accuracy(
    key: CircuitKey, srs: Srs, statement: AccuracyStatement, model: ModelRow, group: Sequence[Chunk], draw: Draw
) -> AccuracyProof:
    """The proof for the rows that the model answers rightly.

    Args:
        key: of an accuracy circuit, under the same SRS as C_M.
        statement: its points are the model's and the chunks' commitments; a proof for others verifies nowhere.
        draw: fresh uniform scalars: three a chunk.

    Raises:
        KeyMismatchError: the key is no accuracy key, or the SRS is another or too short.
        InvalidInputError: the number of chunks differs, or model or data are not of the class, or outside the ranges
            that it proves; the message names chunk and sample.
    """
    prover = AccuracyProver(key, srs, model, group, draw)
    return prover.prove(statement)


class AccuracyProver:
    """One proof in its three passes; used once."""

    def __init__(self, key: CircuitKey, srs: Srs, model: ModelRow, group: Sequence[Chunk], draw: Draw) -> None:
        if srs.tau != key.verifying.tau:
            raise KeyMismatchError("the SRS is not the one of the accuracy key; take the file that it was made with")
        self._key, self._srs, self._model, self._group, self._draw = key, srs, model, group, draw
        self._size = class_of(key)
        self._blinders = [draw() for _ in group]

    def prove(self, statement: AccuracyStatement) -> AccuracyProof:
        """See `prove_accuracy`."""
        if len(statement.data) != len(self._group):
            raise InvalidInputError(f"the statement has {len(statement.data)} chunks, the group {len(self._group)}")
        context = accuracy_context(statement.listing, self._key.verifying.key_hash)
        blocks = [joint.commit_block(self._key, self.block(number).vector()) for number in range(len(self._group))]
        state = alpha_state(context, statement.model, statement.data, blocks)
        alpha = challenge(state)
        proven = [self._prove_chunk(number, alpha, committed) for number, committed in enumerate(blocks)]
        chunks, value = tuple(chunk for chunk, _ in proven), proven[0][1]
        state = v_state(state, value, ((c.data_value, c.correct) for c in chunks))
        return AccuracyProof(chunks, value, self._srs.commit(self._quotient(alpha, challenge(state))))

    def block(self, number: int) -> AccuracyBlock:
        """The block of one chunk, the same at every call."""
        try:
            return honest_block(self._size, self._group[number], self._model, self._blinders[number])
        except InvalidInputError as error:
            raise InvalidInputError(f"chunk {number}: {error}") from error

    def _prove_chunk(self, number: int, alpha: int, committed: tuple[G1, G1]) -> tuple[ChunkProof, int]:
        block = self.block(number)
        private = private_wires(block, alpha)
        public = (alpha, private.model_value, private.data_value, block.correct)
        wires = self._key.circuit.assign(public, block.vector(), private.wires)
        part = joint.prove(self._key, wires, joint.Blinding(self._draw(), self._draw()))
        groth = joint.combine_proof({1: part}, 0)
        return ChunkProof(*committed, private.data_value, block.correct, groth), private.model_value

    def _quotient(self, alpha: int, combiner: int) -> FrArray:
        """(f - f(alpha)) / (X - alpha) of f = W + sum_q v^(q+1) f_X,q."""
        model, width = self._model.polynomial(), self._size.columns * self._size.samples
        total = native.zeros(max(len(model), width))
        total[: len(model)] = model
        weight = 1
        for chunk in self._group:
            weight = weight * combiner % native.R
            data = native.scale(chunk.polynomial(self._size), weight)
            total[:width] = native.add(total[:width], data)
        return native.divide_by_linear(total, alpha)


def class_of(key: CircuitKey) -> SizeClass:
    """The size class of an accuracy key. Raises KeyMismatchError for a key of another circuit."""
    if not isinstance(key.policy, AccuracyCircuit):
        raise KeyMismatchError(f"the key is for {key.policy.name!r}, no accuracy circuit; give the size class's key")
    return key.policy.size
