"""Writes the vector file of this folder: bases, and a sealed row under a development string with what is derived."""

from __future__ import annotations

import json
from pathlib import Path

from circuits.hashing import challenge, keccak
from circuits.swap import swaptranscript
from circuits.swap.swapbases import swap_bases
from circuits.swap.swapkeys import salted_key, salted_point
from tests.support.accuracymodels import scalars
from tests.support.sealing_attacks import CONTEXT, SwapScene, points, swap_scene

HERE = Path(__file__).parent
WEIGHTS, BASES = 5, 12


def scene() -> SwapScene:
    """A model of five weights."""
    return swap_scene("vector", WEIGHTS)


def vector() -> dict[str, object]:
    """The scene's row, sealed, and its transcript."""
    sold, k, salt = scene(), scalars("vector key")(), scalars("vector salt")()
    sealed = sold.seal(k, "vector draws")
    state = swaptranscript.sealed_state(sold.context, sold.model, sealed.key_point, sealed.ciphertext_hash)
    return {
        "bases": [_hex(point) for point in points(swap_bases(BASES))],
        "sales": _hex(keccak(b"sales")),
        "listing": _hex(keccak(b"listing")),
        "buyer": _hex(b"\1" * 20),
        "context": _hex(CONTEXT),
        "tau": _hex(sold.srs.tau),
        "tau1": _hex(points(sold.srs.powers.slice(1, 2))[0]),
        "model": _hex(sold.model),
        "weights": sold.row.weights.tolist(),
        "key": str(k),
        "salt": str(salt),
        "chainKey": str(salted_key(k, salt)),
        "chainPoint": _hex(salted_point(sealed.key_point, salt)),
        "ciphertextHash": _hex(sealed.ciphertext_hash),
        "zeta": str(challenge(state)),
        "offer": _hex(sealed.digest),
        "sealed": _hex(sealed.encode()),
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def main() -> None:
    (HERE / "swap.json").write_text(json.dumps(vector(), indent=1) + "\n")


if __name__ == "__main__":
    main()
