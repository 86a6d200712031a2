"""Vectors of accuracy and rounding proofs: what the code gives today, and what still verifies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circuits.accuracy.accuracyproof import AccuracyStatement, verify_accuracy
from circuits.accuracy.proofparts import AccuracyProof, RoundingProof
from circuits.accuracy.roundingproof import RoundingStatement, verify_rounding
from native import G1
from tests.support.accuracymodels import rounding_scene
from tests.vectors.v1.accuracy import generate as accuracy
from tests.vectors.v1.rounding import generate as rounding


def _read(folder: Path, name: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / f"{name}.json").read_text())
    return content


@pytest.mark.parametrize("name", ["toy_1", "toy_2", "small_1"])
def test_accuracy_vectors_are_what_the_code_gives(name: str) -> None:
    assert accuracy.vector(accuracy.SCENES[name]()) == _read(accuracy.HERE, name)


def test_a_group_of_sixteen_chunks_still_verifies() -> None:
    read, key = json.loads((accuracy.HERE / "small_16.json").read_text()), accuracy.SCENES["small_16"]().key.verifying
    data = tuple(G1(bytes.fromhex(point[2:])) for point in read["data"])
    statement = AccuracyStatement(bytes.fromhex(read["listing"][2:]), G1(bytes.fromhex(read["model"][2:])), data)
    proof = AccuracyProof.decode(bytes.fromhex(read["packed"][2:]))
    assert verify_accuracy(key, statement, proof) == read["correct"]
    assert len(proof.chunks) == 16


def test_the_rounding_vector_is_what_the_code_gives() -> None:
    scene = rounding_scene()
    read = rounding.vector(scene)
    assert read == _read(rounding.HERE, "rounding")
    proof = RoundingProof.decode(bytes.fromhex(str(read["packed"])[2:]))
    verify_rounding(scene.key.verifying, scene.statement(rounding.LISTING, rounding.LINEAGE), proof)
    assert RoundingStatement(
        rounding.LISTING, rounding.LINEAGE, scene.error.commit(scene.commitment)
    ) == scene.statement(rounding.LISTING, rounding.LINEAGE)
