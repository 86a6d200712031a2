"""Writes the vector file of this folder: a real rounding proof under a development key, with every state."""

from __future__ import annotations

import json
from pathlib import Path

from eth_abi.abi import encode

from circuits.accuracy import accuracytranscript as transcript
from circuits.hashing import keccak
from tests.contracts.encoding import ROUNDING_PROOF, encode_key, rounding_tuple
from tests.support.accuracymodels import RoundingScene, rounding_scene

HERE = Path(__file__).parent
LISTING, LINEAGE = keccak(b"listing"), keccak(b"lineage")


def vector(scene: RoundingScene, listing: bytes = LISTING, lineage: bytes = LINEAGE) -> dict[str, object]:
    """A scene's proof under a listing and a statement of lineage."""
    statement, proof, key = scene.statement(listing, lineage), scene.prove(listing, lineage), scene.key.verifying
    context = transcript.rounding_context(listing, key.key_hash, lineage)
    alpha = transcript.rounding_alpha_state(context, statement.error, proof.block, proof.knowledge)
    weights = transcript.rounding_weights(alpha, proof.error_value, proof.opening, proof.groth)
    return {
        "class": scene.key.policy.name,
        "keyHash": _hex(key.key_hash),
        "key": _hex(encode_key(key)),
        "listing": _hex(listing),
        "lineage": _hex(lineage),
        "derived": _hex(scene.derived.commit(scene.commitment)),
        "model": _hex(scene.model.commit(scene.commitment)),
        "error": _hex(statement.error),
        "proof": _hex(encode([ROUNDING_PROOF], [rounding_tuple(proof)])),
        "packed": _hex(proof.encode()),
        "states": {
            "context": _hex(context),
            "alpha": _hex(alpha),
            "k1": str(weights.knowledge),
            "k2": str(weights.opening),
        },
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def main() -> None:
    (HERE / "rounding.json").write_text(json.dumps(vector(rounding_scene()), indent=1) + "\n")


if __name__ == "__main__":
    main()
