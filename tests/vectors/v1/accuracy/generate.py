"""Writes the vector files of this folder: real accuracy proofs under development keys, with every state.

python -m tests.vectors.v1.accuracy.generate [name ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from eth_abi.abi import encode

from circuits.accuracy import accuracytranscript as transcript
from circuits.accuracy.accuracyproof import AccuracyStatement
from circuits.accuracy.proofparts import AccuracyProof
from circuits.accuracy.sizeclasses import SMALL
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from tests.contracts.encoding import ACCURACY_PROOF, accuracy_tuple, encode_key
from tests.support.accuracymodels import TOY, AccuracyScene, accuracy_scene

HERE = Path(__file__).parent
LISTING = keccak(b"listing")
SCENES: dict[str, Callable[[], AccuracyScene]] = {
    "toy_1": lambda: accuracy_scene(TOY, TOY.samples),
    "toy_2": lambda: accuracy_scene(TOY, 14),
    "small_1": lambda: accuracy_scene(SMALL, 120),
    "small_16": lambda: accuracy_scene(SMALL, 16 * SMALL.samples - 7),
}


def vector(scene: AccuracyScene, listing: bytes = LISTING) -> dict[str, object]:
    """A scene's proof under a listing, as the contract and other implementations take it."""
    statement, proof, key = scene.statement(listing), scene.prove(listing), scene.key.verifying
    return {
        "class": scene.size.policy,
        "keyHash": _hex(key.key_hash),
        "key": _hex(encode_key(key)),
        "listing": _hex(listing),
        "samples": scene.samples,
        "groupHash": _hex(scene.group_hash()),
        "model": _hex(statement.model),
        "data": [_hex(point) for point in statement.data],
        "correct": proof.correct,
        "proof": _hex(encode([ACCURACY_PROOF], [accuracy_tuple(proof)])),
        "packed": _hex(proof.encode()),
        "states": states(key, statement, proof),
    }


def states(key: VerifyingKey, statement: AccuracyStatement, proof: AccuracyProof) -> dict[str, str]:
    """Every state of the transcript, and the weights."""
    context = transcript.accuracy_context(statement.listing, key.key_hash)
    blocks = [(chunk.block, chunk.knowledge) for chunk in proof.chunks]
    alpha = transcript.alpha_state(context, statement.model, statement.data, blocks)
    v = transcript.v_state(alpha, proof.model_value, [(c.data_value, c.correct) for c in proof.chunks])
    weights = transcript.accuracy_weights(v, proof.opening, [chunk.groth for chunk in proof.chunks])
    named = dict(zip(("r", "k1", "k2"), weights, strict=True))
    known = {"context": context, "alpha": alpha, "v": v}
    return {name: _hex(state) for name, state in known.items()} | {name: str(value) for name, value in named.items()}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def main() -> None:
    for name in sys.argv[1:] or SCENES:
        (HERE / f"{name}.json").write_text(json.dumps(vector(SCENES[name]()), indent=1) + "\n")


if __name__ == "__main__":
    main()
