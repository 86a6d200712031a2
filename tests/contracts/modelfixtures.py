"""Generates what the forge tests of the registry of models read: listings with real proofs, and a lineage.

    python -m tests.contracts.modelfixtures

Everything is derived from seeds. The registry of the fixtures stands at `REGISTRY_OF_MODELS` on chain 31337 and was
created in a block whose parent has `PARENT_HASH`; verifiers stand at fixed addresses (contracts/test/support/
ModelStage.sol). One model is listed three times, each time proven on both groups of a set (one chunk, two chunks);
another one once. The lineage is of a listing of its own, under aggregates that a stand-in for the market is told;
another one is of a batch that the fixtures' market accepts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from eth_abi.abi import encode

import native
from circuits.accuracy.modelrows import ModelRow
from circuits.accuracy.proofparts import RoundingProof
from circuits.accuracy.roundingcircuit import rounding_circuit
from circuits.accuracy.roundingproof import RoundingStatement, error_row, prove_rounding
from circuits.accuracy.testdata import commit_chunk, group_hash
from circuits.groth16 import unsafe_generate_circuit_keys
from circuits.hashing import keccak, tag, words
from gradroll.modelmarket.lineages import derive
from native import G1, R
from tests.contracts import fixtures
from tests.contracts.encoding import ACCURACY_PROOF, ROUNDING_PROOF, accuracy_tuple, encode_key, rounding_tuple
from tests.contracts.fixtures import CHAIN_ID, FIXTURES, PARENT_HASH, RECIPES
from tests.support.accuracymodels import TOY, AccuracyScene, RoundingScene, accuracy_scene, rounding_scene, scalars
from tests.support.plain_batch import seed_of

REGISTRY_OF_MODELS = bytes.fromhex("6d6f64656c73000000000000000000000000bbbb")
ACCURACY = bytes.fromhex("6163637572616379000000000000000000000001")
MARKET = bytes.fromhex("6d61726b65740000000000000000000000000002")
SELLER = bytes.fromhex("00000000000000000000000000000000005e11e2")
CREATOR = bytes.fromhex("000000000000000000000000000000000000da7a")
DEPLOYMENT = keccak(words(tag("gradroll/v1/deployment"), CHAIN_ID, REGISTRY_OF_MODELS, PARENT_HASH))
SALT, MANIFEST = keccak(b"salt"), keccak(b"manifest")
GROUPS = (TOY.samples, 14)
"""Samples of the set's groups: a chunk, and two of which the second is padded."""
SET = keccak(words(tag("gradroll/v1/set"), DEPLOYMENT, CREATOR, SALT, len(GROUPS), MANIFEST))
TERMS_TYPE = "(address,bytes32,address,uint128,uint128,uint32,uint128,uint32,bytes32,(bytes32,uint16)[])"
TERMS: tuple[object, ...] = (ACCURACY, SET, bytes(20), 1000, 7, 5, 100, 3600, keccak(b"artifact"), [])
TASK, FIRST, COEFFICIENTS = 7, 3, (40, -17, 0, 1 << 30)
MARKET_COEFFICIENT = -3
SIXTEEN = 16 * TOY.samples - 3
"""Samples of the largest group there can be, alone in a set of its own."""
SIXTEEN_SET = keccak(words(tag("gradroll/v1/set"), DEPLOYMENT, CREATOR, SALT, 1, MANIFEST))
PATH = FIXTURES / "models.json"


def listing_id(model: G1, nonce: int, on: bytes = SET) -> bytes:
    """What the registry calls a listing of the seller under `TERMS`, or these with another set."""
    terms = keccak(encode([TERMS_TYPE], [(ACCURACY, on, *TERMS[2:])]))
    return keccak(words(tag("gradroll/v1/listing"), DEPLOYMENT, SELLER, nonce, terms, model))


@dataclass(frozen=True)
class Listed:
    """A model, listed under a nonce and proven on every group of the set."""

    name: str
    nonce: int

    def scenes(self) -> list[AccuracyScene]:
        """The model on each group; the data is the first model's, whose weights were drawn before it."""
        first = [accuracy_scene(TOY, samples, "model") for samples in GROUPS]
        if self.name == "model":
            return first
        return [replace(scene, model=accuracy_scene(TOY, 8, self.name).model) for scene in first]

    def fixture(self) -> dict[str, object]:
        """Its proofs, as `ModelStage.accuracyAt` reads them."""
        scenes = self.scenes()
        model = scenes[0].model.commit(scenes[0].commitment)
        listing = listing_id(model, self.nonce)
        return {
            "listing": _hex(listing),
            "nonce": self.nonce,
            "model": _hex(model),
            "groups": [_accuracy(scene, listing) for scene in scenes],
        }


def sixteen_fixture() -> dict[str, object]:
    """A model that is proven on sixteen chunks."""
    scene = accuracy_scene(TOY, SIXTEEN, "model")
    model = scene.model.commit(scene.commitment)
    listing = listing_id(model, 0, SIXTEEN_SET)
    listed: dict[str, object] = {"listing": _hex(listing), "nonce": 0, "set": _hex(SIXTEEN_SET), "model": _hex(model)}
    return listed | {"groups": [_accuracy(scene, listing)]}


def _accuracy(scene: AccuracyScene, listing: bytes) -> dict[str, object]:
    proof = scene.prove(listing)
    data = [commit_chunk(scene.srs, scene.size, chunk) for chunk in scene.group]
    return {
        "listing": _hex(listing),
        "samples": scene.samples,
        "groupHash": _hex(group_hash(scene.samples, data)),
        "model": _hex(scene.model.commit(scene.commitment)),
        "data": [_hex(point) for point in data],
        "correct": proof.correct,
        "proof": _hex(encode([ACCURACY_PROOF], [accuracy_tuple(proof)])),
    }


def lineage_fixture() -> dict[str, object]:
    """A model that comes out of four rounds, with the aggregates of these."""
    scene = rounding_scene()
    sums = [_row(f"sum {t}", 1 << 15) for t in range(len(COEFFICIENTS))]
    points = [row.commit(scene.commitment) for row in sums]
    model, derived = scene.model.commit(scene.commitment), scene.derived.commit(scene.commitment)
    start = native.g1_linear_combination([derived, *points], [1, *(c % R for c in COEFFICIENTS)])
    listing = listing_id(model, 0)
    statement = lineage_hash(start)
    return {
        "listing": _hex(listing),
        "nonce": 0,
        "model": _hex(model),
        "task": TASK,
        "first": FIRST,
        "coefficients": _hex(encode(["int256[]"], [COEFFICIENTS])),
        "start": _hex(start),
        "aggregates": [_hex(point) for point in points],
        "statementHash": _hex(statement),
        "difference": _hex(scene.statement(listing, statement).error),
        "proof": _encoded(scene.prove(listing, statement)),
        "wide": wide_fixture(scene),
    }


def wide_fixture(scene: RoundingScene) -> dict[str, object]:
    """A lineage whose rounding error has an entry of 13 bits: 2048 where 2047 is the most.

    Its maker can prove the row in which that entry is the most there may be, and states it of the other one.
    """
    error = scene.error
    wide = error.weights.copy()
    wide[3] = 2048
    narrow = ModelRow(np.where(wide == 2048, 2047, wide), error.tail)
    claimed = ModelRow(wide, error.tail).commit(scene.commitment)
    model = scene.model.commit(scene.commitment)
    start = native.g1_linear_combination([claimed, model], [1, 1 << 12])
    listing = listing_id(model, 0)
    statement = lineage_hash(start, (0,))
    drawn = scalars("wide", listing)
    proof = prove_rounding(scene.key, scene.srs, RoundingStatement(listing, statement, claimed), narrow, drawn)
    return {"start": _hex(start), "proof": _encoded(proof)}


def market_lineage_fixture() -> dict[str, object]:
    """A model that comes out of the batch `norm_3`, in the market of that fixture: nothing of it is made up."""
    batch = fixtures.build("norm_3", RECIPES["norm_3"])
    setup, dimension = batch.setup, fixtures.DIMENSION
    start = np.random.default_rng(7).integers(-(1 << 20), 1 << 20, dimension)
    derived = derive(setup.commitment, fixtures.TERMS.task_id, 0, start, [(MARKET_COEFFICIENT, batch.aggregate)])
    model = ModelRow.fresh(derived.weights, scalars("market lineage"))
    error = error_row(derived.row, model)
    listing = listing_id(model.commit(setup.commitment), 0)
    lineage = derived.statement.digest(fixtures.MARKET_ADDRESS)
    key = unsafe_generate_circuit_keys(
        rounding_circuit(dimension), setup.srs.tau, setup.srs.origin, seed_of("market lineage")
    )
    statement = RoundingStatement(listing, lineage, error.commit(setup.commitment))
    return {
        "listing": _hex(listing),
        "model": _hex(model.commit(setup.commitment)),
        "start": _hex(derived.statement.start),
        "statementHash": _hex(lineage),
        "difference": _hex(statement.error),
        "key": _hex(encode_key(key.verifying)),
        "proof": _encoded(prove_rounding(key, setup.srs, statement, error, scalars("market lineage proof"))),
    }


def lineage_hash(start: G1, coefficients: tuple[int, ...] = COEFFICIENTS) -> bytes:
    """What a rounding proof binds of its lineage."""
    head = words(tag("gradroll/v1/lineage"), MARKET, TASK, FIRST, start)
    return keccak(head + words(*(c % (1 << 256) for c in coefficients)))


def _encoded(proof: RoundingProof) -> str:
    return _hex(encode([ROUNDING_PROOF], [rounding_tuple(proof)]))


def _row(name: str, reach: int) -> ModelRow:
    weights = np.random.default_rng(list(keccak(name.encode()))).integers(-reach, reach, 24)
    return ModelRow.fresh(weights, scalars(name))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def fixture() -> dict[str, object]:
    """Everything that the file holds."""
    listed = {
        "first": Listed("model", 0),
        "second": Listed("model", 1),
        "third": Listed("model", 2),
        "other": Listed("other model", 0),
    }
    shared: dict[str, object] = {
        "deployment": _hex(DEPLOYMENT),
        "salt": _hex(SALT),
        "manifest": _hex(MANIFEST),
        "set": _hex(SET),
        "terms": _hex(encode([TERMS_TYPE], [TERMS])),
        "lineage": lineage_fixture(),
        "marketLineage": market_lineage_fixture(),
        "sixteen": sixteen_fixture(),
    }
    return shared | {name: each.fixture() for name, each in listed.items()}


def main(path: Path = PATH) -> None:
    """Write the file."""
    path.write_text(json.dumps(fixture(), indent=1) + "\n")


if __name__ == "__main__":
    main()
