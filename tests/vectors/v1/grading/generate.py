"""Writes the vector files of this folder from the Python implementation; see README.md."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from circuits.grading import LEAST_SCALE, NOISE_BITS, GradingRule, encode_values, grades
from circuits.hashing import challenge, keccak
from circuits.transcript import values_state, values_sum

HERE = Path(__file__).parent
WIDE = 1 << NOISE_BITS
"""The noise's width, dither / step of a level."""


def grade_cases() -> list[dict[str, object]]:
    """Boundaries of levels, the largest numbers, demotion by one, two and three steps, fallback, random batches."""
    bound = 1 << 32
    even = GradingRule(4, 4, 2)
    chosen = [
        _graded(bound, even, (-1, 0, WIDE - 1, WIDE, 2 * WIDE - 1, 2 * WIDE, 3 * WIDE - 1, 3 * WIDE)),
        _graded(bound, GradingRule(3, 5, 1), [value for level in range(1, 5) for value in _around(3, 5, level)]),
        _graded(bound, GradingRule(1, 64, 1), _around(1, 64, 1)),
        _graded(bound, GradingRule(64, 64, 3), (WIDE - 1, WIDE, 2 * WIDE, 3 * WIDE, 4 * WIDE, 64 * WIDE)),
        _graded(bound, GradingRule(4, 4, 3), (3 * WIDE, 3 * WIDE, 2 * WIDE, WIDE, WIDE, WIDE, 0)),
        _graded(bound, GradingRule(4, 4, 4), (3 * WIDE, 3 * WIDE, 2 * WIDE, 2 * WIDE, -5)),
        _graded(bound, GradingRule(4, 4, 3), (3 * WIDE, 2 * WIDE, WIDE, -1, 0)),
        _graded(bound, GradingRule(4, 4, 3), (3 * WIDE, 3 * WIDE, -5, -5)),
        _graded(bound, GradingRule(4, 4, 4), (3 * WIDE, 2 * WIDE, WIDE, 0)),
        _graded(bound, even, (-1, -1)),
        _graded(bound, even, (3 * WIDE,)),
        _graded(bound, GradingRule(1, 1, 1), (WIDE - 1,)),
        _extremes(1, GradingRule(1, 1, 1)),
        _extremes((64 << NOISE_BITS) // LEAST_SCALE, GradingRule(1, 64, 1)),
        _extremes(10**9 + 7, GradingRule(3, 17, 2)),
    ]
    return chosen + [_random(seed) for seed in range(24)]


def transcript_cases() -> list[dict[str, object]]:
    """One owner, several with numbers of both signs, and the largest batch."""
    bound = 1 << 32
    draw = random.Random(11)
    rules = (GradingRule(1, 1, 1), GradingRule(3, 17, 2), GradingRule(4, 64, 2**32 - 1))
    batches: list[Sequence[int]] = [(-1,), (0, WIDE, -WIDE * 17, 18 * WIDE - 1), _drawn(draw, bound, rules[2], 119)]
    return [_transcript(f"rho {i}", rule, values) for i, (rule, values) in enumerate(zip(rules, batches, strict=True))]


def _around(step: int, dither: int, level: int) -> tuple[int, int]:
    """The last number below a level, and the first one of it."""
    first = -(-level * (dither << NOISE_BITS) // step)
    return first - 1, first


def _extremes(bound: int, rule: GradingRule) -> dict[str, object]:
    most = rule.scale(bound) * bound
    return _graded(bound, rule, (-most, -most + WIDE - 1, most, most + WIDE - 1))


def _random(seed: int) -> dict[str, object]:
    draw = random.Random(seed)
    dither = draw.randint(1, 64)
    rule = GradingRule(draw.randint(1, min(dither, 6)), dither, draw.randint(1, 5))
    bound = draw.randint(1, (dither << NOISE_BITS) // LEAST_SCALE)
    return _graded(bound, rule, _drawn(draw, bound, rule, draw.randint(1, 24)))


def _drawn(draw: random.Random, bound: int, rule: GradingRule, owners: int) -> list[int]:
    scale = rule.scale(bound)
    return [scale * draw.randint(-bound, bound) + draw.randrange(WIDE) for _ in range(owners)]


def _graded(bound: int, rule: GradingRule, values: Sequence[int]) -> dict[str, object]:
    made = grades(rule, values)
    return {
        "bound": bound,
        **_rule(rule, values),
        "scale": rule.scale(bound),
        "levels": list(made.levels),
        "weights": list(made.weights),
        "fallback": made.fallback,
    }


def _transcript(seed: str, rule: GradingRule, values: Sequence[int]) -> dict[str, object]:
    state = keccak(seed.encode())
    batch_id = values_state(state, rule, values)
    return {
        "rhoState": f"0x{state.hex()}",
        **_rule(rule, values),
        "batchId": f"0x{batch_id.hex()}",
        "V": f"0x{values_sum(values, challenge(batch_id)):064x}",
    }


def _rule(rule: GradingRule, values: Sequence[int]) -> dict[str, object]:
    return {
        "step": rule.step,
        "dither": rule.dither,
        "minOwners": rule.min_owners,
        "values": [str(value) for value in values],
        "encoded": f"0x{encode_values(values).hex()}",
    }


FILES = {"grades": grade_cases, "values": transcript_cases}


def main() -> None:
    """Write every file."""
    for name, made in FILES.items():
        (HERE / f"{name}.json").write_text(json.dumps({"cases": made()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
