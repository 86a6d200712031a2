"""The grading vectors: what the code gives today, and what the rule gives when it is computed another way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_hash.auto import keccak

from native import R
from tests.vectors.v1.grading import generate

WIDTH = 1 << 40


def stored(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((generate.HERE / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return cases


@pytest.mark.parametrize("name", sorted(generate.FILES))
def test_grading_has_not_changed(name: str) -> None:
    assert generate.FILES[name]() == stored(name)


def test_grades_follow_from_counting_thresholds_and_classes() -> None:
    cases = stored("grades")
    assert any(case["fallback"] for case in cases)
    assert any(not case["fallback"] for case in cases)
    for case in cases:
        step, dither, fewest = case["step"], case["dither"], case["minOwners"]
        values = [int(value) for value in case["values"]]
        levels = [sum(value * step >= level * dither * WIDTH for level in (1, 2, 3)) for value in values]
        standing = {level: levels.count(level) for level in range(4)}
        becomes = {level: level for level in range(4)}
        for level in (3, 2, 1):
            if standing[level] < fewest:
                standing[level - 1] += standing.pop(level)
                becomes = {was: level - 1 if now == level else now for was, now in becomes.items()}
        weights = [becomes[level] for level in levels]
        fallback = not any(weights)
        assert case["scale"] == dither * WIDTH // case["bound"]
        assert case["fallback"] == fallback
        assert case["weights"] == ([1] * len(values) if fallback else weights)
        assert case["levels"] == ([max(1, level) for level in levels] if fallback else levels)


def test_the_batch_identifier_and_v_follow_from_words() -> None:
    for case in stored("values"):
        values = [int(value) for value in case["values"]]
        encoded = b"".join((value % 2**64).to_bytes(8, "big") for value in values)
        rule = [case[name].to_bytes(32, "big") for name in ("step", "dither", "minOwners")]
        state = bytes.fromhex(case["rhoState"][2:])
        batch_id = keccak(b"".join((keccak(b"gradroll/v1/values"), state, *rule, keccak(encoded))))
        eta = int.from_bytes(batch_id, "big") % R
        assert case["encoded"] == f"0x{encoded.hex()}"
        assert case["batchId"] == f"0x{batch_id.hex()}"
        assert int(case["V"], 16) == sum(pow(eta, i, R) * value for i, value in enumerate(values, start=1)) % R
