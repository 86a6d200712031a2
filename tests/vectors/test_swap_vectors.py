"""The vector of a sealed row: what the code gives today, and that a buyer who has nothing but the file opens it."""

from __future__ import annotations

import json

import numpy as np

from circuits.swap.offerchecks import check_row, open_row
from circuits.swap.sealedrows import SealedRow
from circuits.swap.swapkeys import key_point, unsalted_key
from circuits.swap.swaptranscript import swap_context
from native import G1
from tests.vectors.v1.swap import generate


def _read() -> dict[str, str]:
    content: dict[str, str] = json.loads((generate.HERE / "swap.json").read_text())
    return content


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def test_the_vector_is_what_the_code_gives() -> None:
    assert generate.vector() == _read()


def test_a_buyer_opens_the_row_of_the_vector() -> None:
    read, scene = _read(), generate.scene()
    context = swap_context(_bytes(read["sales"]), _bytes(read["listing"]), _bytes(read["buyer"]))
    sealed = SealedRow.decode(_bytes(read["sealed"]), generate.WEIGHTS)
    checked = check_row(scene.key, scene.srs, scene.bases, context, G1(_bytes(read["model"])), sealed)
    assert checked.digest == _bytes(read["offer"])
    assert key_point(int(read["chainKey"])) == _bytes(read["chainPoint"])
    weights = open_row(checked, unsalted_key(int(read["chainKey"]), int(read["salt"])))
    assert np.array_equal(weights, read["weights"])
