"""The checked-in vectors are what the code gives today."""

from __future__ import annotations

import json

from tests.vectors.v1.circuits import generate


def test_circuits_have_not_changed() -> None:
    assert generate.digests() == json.loads((generate.HERE / "digests.json").read_text())


def test_quantisation_has_not_changed() -> None:
    assert generate.quantize_cases() == json.loads((generate.HERE / "quantize.json").read_text())
