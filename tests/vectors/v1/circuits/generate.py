"""Writes the vector files of this folder from the Python implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from circuits.policies.graded import REFERENCE
from circuits.policies.registry import BUILT_IN
from circuits.quantize import quantize

HERE = Path(__file__).parent


def digests() -> dict[str, dict[str, str]]:
    """Circuit digests by policy and capacity."""
    return {
        spec.name: {str(capacity): spec.circuit(capacity).circuit.digest.hex() for capacity in (2, 16, 64)}
        for spec in (*BUILT_IN, REFERENCE)
    }


def quantize_cases() -> list[dict[str, object]]:
    """Rounding to even, clipping, rounding taken back, negative values, a large fraction."""
    inputs = [
        ([0.5, 1.5, 2.5, -0.5, -1.5], 0, 1 << 20),
        ([3.0, 4.0], 4, 25),
        ([0.6] * 10, 0, 3),
        ([1e300, -1e300], 20, 1 << 50),
        ([(7 * i % 11 - 5) / 10 for i in range(12)], 16, 1 << 30),
    ]
    return [_case(values, fraction_bits, bound) for values, fraction_bits, bound in inputs]


def _case(values: list[float], fraction_bits: int, bound: int) -> dict[str, object]:
    result = quantize(np.array(values), fraction_bits=fraction_bits, bound=bound, dimension=len(values))
    return {
        "gradient": [value.hex() for value in values],
        "fraction_bits": fraction_bits,
        "bound": bound,
        "values": result.values.tolist(),
        "squared_norm": result.squared_norm,
    }


def main() -> None:
    for name, content in (("digests", digests()), ("quantize", quantize_cases())):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
