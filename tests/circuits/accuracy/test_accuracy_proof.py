"""What a verifier refuses of an accuracy proof that is sound: everything that is changed in it or around it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

import native
from circuits.accuracy.accuracyproof import AccuracyStatement, prove_accuracy, verify_accuracy
from circuits.accuracy.proofparts import AccuracyProof, ChunkProof
from circuits.errors import InvalidInputError, KeyMismatchError, ProofError, WireError
from circuits.hashing import keccak
from circuits.statement import GrothProof
from native import G1, G2, PointError, R
from tests.support.accuracymodels import TOY, AccuracyScene, accuracy_scene, rounding_scene, scalars

LISTING = keccak(b"proven listing")
FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
SCENE = accuracy_scene()
KEY = SCENE.key.verifying
PROOF = SCENE.prove(LISTING)
STATEMENT = SCENE.statement(LISTING)
MOVED = native.g1_mul(native.g1_generator, 5)
OFF_CURVE = G1(bytes(31) + b"\1" + bytes(31) + b"\1")

Change = Callable[[ChunkProof], ChunkProof]
CHANGES: dict[str, Change] = {
    "block": lambda c: replace(c, block=native.g1_add(c.block, MOVED)),
    "knowledge": lambda c: replace(c, knowledge=native.g1_add(c.knowledge, MOVED)),
    "data value": lambda c: replace(c, data_value=(c.data_value + 1) % R),
    "count": lambda c: replace(c, correct=c.correct + 1),
    "a": lambda c: replace(c, groth=replace(c.groth, a=native.g1_add(c.groth.a, MOVED))),
    "b": lambda c: replace(c, groth=replace(c.groth, b=native.g2_add(c.groth.b, native.g2_generator))),
    "c": lambda c: replace(c, groth=replace(c.groth, c=native.g1_add(c.groth.c, MOVED))),
}


def changed(number: int, change: Change) -> AccuracyProof:
    chunks = list(PROOF.chunks)
    chunks[number] = change(chunks[number])
    return replace(PROOF, chunks=tuple(chunks))


def test_the_proof_holds_and_says_how_many() -> None:
    assert verify_accuracy(KEY, STATEMENT, PROOF) == PROOF.correct == sum(c.correct for c in PROOF.chunks)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_a_chunk_is_refused(number: int, name: str) -> None:
    with pytest.raises(ProofError):
        verify_accuracy(KEY, STATEMENT, changed(number, CHANGES[name]))


@pytest.mark.parametrize(
    "proof",
    [
        replace(PROOF, model_value=PROOF.model_value + 1),
        replace(PROOF, opening=native.g1_add(PROOF.opening, MOVED)),
        replace(PROOF, chunks=PROOF.chunks[::-1]),
        replace(PROOF, chunks=(PROOF.chunks[0],) * 2),
    ],
    ids=["model value", "opening", "chunks swapped", "a chunk twice"],
)
def test_any_change_of_the_whole_is_refused(proof: AccuracyProof) -> None:
    with pytest.raises(ProofError):
        verify_accuracy(KEY, STATEMENT, proof)


@pytest.mark.parametrize(
    "statement",
    [
        replace(STATEMENT, listing=keccak(b"another listing")),
        replace(STATEMENT, model=native.g1_add(STATEMENT.model, MOVED)),
        replace(STATEMENT, data=STATEMENT.data[::-1]),
        replace(STATEMENT, data=(STATEMENT.data[0], MOVED)),
    ],
    ids=["listing", "model", "order of data", "data"],
)
def test_the_proof_is_for_nothing_else(statement: AccuracyStatement) -> None:
    with pytest.raises(ProofError):
        verify_accuracy(KEY, statement, PROOF)


def test_under_another_key_nothing_holds() -> None:
    other = replace(KEY, sigma=native.g2_mul(KEY.sigma, 2))
    with pytest.raises(ProofError):
        verify_accuracy(other, STATEMENT, PROOF)
    with pytest.raises(InvalidInputError, match="public inputs"):
        verify_accuracy(rounding_scene().key.verifying, STATEMENT, PROOF)
    with pytest.raises(KeyMismatchError, match="gamma"):
        verify_accuracy(replace(KEY, gamma=KEY.delta), STATEMENT, PROOF)


def test_numbers_of_chunks_must_fit() -> None:
    with pytest.raises(InvalidInputError, match="2 chunks, the group 1"):
        verify_accuracy(KEY, replace(STATEMENT, data=STATEMENT.data[:1]), PROOF)
    for data in ((), (MOVED,) * 17):
        with pytest.raises(InvalidInputError, match=r"1\.\.16 chunks"):
            replace(STATEMENT, data=data)
    with pytest.raises(InvalidInputError, match="32 bytes"):
        replace(STATEMENT, listing=bytes(31))


def scalar_changes(by: int) -> Sequence[AccuracyProof]:
    return (
        replace(PROOF, model_value=PROOF.model_value + by),
        changed(0, lambda c: replace(c, data_value=c.data_value + by)),
        changed(1, lambda c: replace(c, correct=c.correct + by)),
    )


def test_scalars_are_refused_beyond_r_and_below_zero() -> None:
    for by in (R, -(1 << 255)):
        for proof in scalar_changes(by):
            with pytest.raises(InvalidInputError, match=r"outside \[0, r\)"):
                verify_accuracy(KEY, STATEMENT, proof)


def test_points_off_the_curve_are_refused() -> None:
    changes: list[Change] = [
        lambda c: replace(c, block=OFF_CURVE),
        lambda c: replace(c, knowledge=OFF_CURVE),
        lambda c: replace(c, groth=replace(c.groth, a=OFF_CURVE)),
        lambda c: replace(c, groth=replace(c.groth, c=OFF_CURVE)),
        lambda c: replace(c, groth=replace(c.groth, b=G2(bytes(127) + b"\1"))),
    ]
    for proof in [replace(PROOF, opening=OFF_CURVE), *(changed(1, change) for change in changes)]:
        with pytest.raises(PointError):
            verify_accuracy(KEY, STATEMENT, proof)
    for statement in (replace(STATEMENT, model=OFF_CURVE), replace(STATEMENT, data=(OFF_CURVE, STATEMENT.data[1]))):
        with pytest.raises(PointError):
            verify_accuracy(KEY, statement, PROOF)


def test_errors_of_two_chunks_do_not_cancel() -> None:
    """Under weights that were known before, C of one chunk could make up for C of the other."""
    moved = changed(0, lambda c: replace(c, groth=replace(c.groth, c=native.g1_add(c.groth.c, MOVED))))
    back = replace(moved.chunks[1].groth, c=native.g1_add(moved.chunks[1].groth.c, native.g1_neg(MOVED)))
    with pytest.raises(ProofError):
        verify_accuracy(KEY, STATEMENT, replace(moved, chunks=(moved.chunks[0], replace(moved.chunks[1], groth=back))))


def test_encodings_are_canonical() -> None:
    data = PROOF.encode()
    assert AccuracyProof.decode(data) == PROOF
    assert len(data) == 32 * (3 + 14 * 2)
    wrong = (b"", data[:-1], data + b"\0", data[: 3 * 32], data[:-32], data + data[96:] * 15)
    for bad in wrong:
        with pytest.raises(WireError, match="no accuracy proof"):
            AccuracyProof.decode(bad)


def put(data: bytes, word: int, value: int) -> bytes:
    return data[: 32 * word] + value.to_bytes(32, "big") + data[32 * (word + 1) :]


def test_other_encodings_of_the_same_values_are_refused() -> None:
    data = PROOF.encode()

    def word(number: int) -> int:
        return int.from_bytes(data[32 * number : 32 * (number + 1)], "big")

    for scalar in (0, 7, 8, 21, 22):  # y_M, and y_X and K of both chunks
        with pytest.raises(WireError, match="scalar"):
            AccuracyProof.decode(put(data, scalar, word(scalar) + R))
    for coordinate in (1, 3, 5, 9, 11, 15, 17):  # x of W, and of D, KP, A, B, C of chunk 0, and of D of chunk 1
        with pytest.raises(WireError, match="point"):
            AccuracyProof.decode(put(data, coordinate, word(coordinate) + FIELD))
        with pytest.raises(WireError, match="point"):
            AccuracyProof.decode(put(data, coordinate, word(coordinate) ^ 1))


def test_a_prover_refuses_what_cannot_be_proven() -> None:
    draw = scalars("refused")
    with pytest.raises(InvalidInputError, match="2 chunks, the group 1"):
        prove_accuracy(SCENE.key, SCENE.srs, STATEMENT, SCENE.model, SCENE.group[:1], draw)
    with pytest.raises(KeyMismatchError, match="no accuracy circuit"):
        prove_accuracy(rounding_scene().key, SCENE.srs, STATEMENT, SCENE.model, SCENE.group, draw)
    foreign = replace(SCENE.srs, tau=KEY.delta)
    with pytest.raises(KeyMismatchError, match="SRS"):
        prove_accuracy(SCENE.key, foreign, STATEMENT, SCENE.model, SCENE.group, draw)
    far = SCENE.group
    far[1].features[2] = 1 << 14
    with pytest.raises(InvalidInputError, match="chunk 1: sample 2"):
        prove_accuracy(SCENE.key, SCENE.srs, STATEMENT, SCENE.model, far, draw)


def test_two_proofs_of_the_same_share_no_point() -> None:
    """Fresh blinders: not even that the same was proven shows in D, A, B or C."""
    made = [
        prove_accuracy(SCENE.key, SCENE.srs, STATEMENT, SCENE.model, SCENE.group, scalars("fresh", number))
        for number in (0, 1)
    ]
    points = [{c.block, c.knowledge, c.groth.a, c.groth.b, c.groth.c} for proof in made for c in proof.chunks]
    assert len(set().union(*points)) == 4 * 5
    assert made[0].model_value != made[1].model_value
    assert [verify_accuracy(KEY, STATEMENT, proof) for proof in made] == [PROOF.correct] * 2


def test_a_proof_of_infinities_is_refused() -> None:
    none = G1(bytes(64))
    chunk = ChunkProof(none, none, 0, TOY.samples, GrothProof(none, G2(bytes(128)), none))
    with pytest.raises(ProofError):
        verify_accuracy(KEY, STATEMENT, AccuracyProof((chunk, chunk), 0, none))


def peak_of(scene: AccuracyScene) -> int:
    """Most bytes that a proof of the scene's group allocates at a time."""
    statement, group = scene.statement(LISTING), scene.group
    tracemalloc.start()
    try:
        prove_accuracy(scene.key, scene.srs, statement, scene.model, group, scalars("memory"))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_group_takes_the_memory_of_one_chunk() -> None:
    peak_of(accuracy_scene(TOY, 8))  # what is made once, and kept
    one, sixteen = peak_of(accuracy_scene(TOY, 8)), peak_of(accuracy_scene(TOY, 16 * 8))
    kept = (sixteen - one) / 15  # a chunk's part of the proof; its block alone would take 32 bytes a wire
    assert kept < 32 * SCENE.key.circuit.committed_count / 8
