"""Rates of the primitive operations, measured in one run: what the floors of the long steps are made of.

All rates are per CPU second of the process (all threads together), so that they compare with the CPU seconds of steps.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import native
from commons.sharing import sealedbodies
from native import FrArray

_ELEMENTS = 1 << 18
_POINTS = 1 << 17
_BYTES = 1 << 24
_REPEATS = 5
_CACHED, _OFTEN = 1 << 11, 32
"""Rows that stay in the cache, and how often to go through them for a figure above the clock's grain."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Operations a CPU second, or bytes a CPU second.

    Attributes:
        multiplications: of field elements, element by element, operands and results in memory.
        lazy_multiplications: inside inner products of rows in the cache, where sums are reduced once.
        additions: point additions inside a multi-scalar multiplication of full scalars, at its own operation count.
        memory: bytes read and written by a copy.
        expand: bytes of field elements made from a seed.
        masks: bytes of keystream made into integers.
        sha256: bytes hashed.
        seal: bytes sealed and opened (ChaCha20-Poly1305).
        projections: signed additions in a projection of rows in the cache to 128 values, 64 additions a coordinate.
    """

    multiplications: float
    lazy_multiplications: float
    additions: float
    memory: float
    expand: float
    masks: float
    sha256: float
    seal: float
    projections: float

    def record(self) -> dict[str, float]:
        """For a result file."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def cpu_of(work: Callable[[], object], repeats: int = _REPEATS) -> float:
    """Median CPU seconds of a call, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return max(statistics.median(times), 1e-9)


def window_bits(points: int) -> int:
    """Window of a bucket method that makes the fewest additions for this many full scalars."""
    return min(range(4, 20), key=lambda bits: additions(points, 254, bits))


def additions(points: int, scalar_bits: int, window: int | None = None) -> float:
    """Point additions of the bucket method with signed digits: one a point and window, two a bucket."""
    chosen = window or window_bits(points)
    windows = -(-(scalar_bits + 1) // chosen)
    return windows * (points + 2.0 * (1 << (chosen - 1)))


def rates() -> Rates:
    """Measure all rates."""
    a, b = _vector(b"a"), _vector(b"b")
    rows = [_vector(bytes((i,)))[:_CACHED] for i in range(16)]
    pairs = len(rows) * (len(rows) + 1) // 2
    bases = native.powers_of_tau_unsafe(7, _POINTS)
    block = np.ones(8 * _BYTES // 8, np.uint64)
    raw = block[: _BYTES // 8].tobytes()
    key, piece = bytes(32), memoryview(raw)[: sealedbodies.PIECE]
    label = sealedbodies.BodyLabel(raw[:32], raw[:32], 0, 1)
    body = sealedbodies.SealedBody(key, piece, label)
    sealed = body.chunk(0).sealed
    seal_cpu = cpu_of(lambda: body.chunk(0)) + cpu_of(lambda: sealedbodies.open_chunk(key, sealed, label, 0))
    return Rates(
        multiplications=_ELEMENTS / cpu_of(lambda: native.mul(a, b)),
        lazy_multiplications=_OFTEN * pairs * _CACHED / cpu_of(lambda: [native.gram(rows) for _ in range(_OFTEN)]),
        additions=additions(_POINTS, 254) / cpu_of(lambda: bases.msm(a[:_POINTS])),
        memory=2 * block.nbytes / cpu_of(block.copy),
        expand=32 * _ELEMENTS / cpu_of(lambda: native.expand(bytes(32), _ELEMENTS)),
        masks=16 * _ELEMENTS / cpu_of(lambda: native.expand_bounded(bytes(32), _ELEMENTS, 101)),
        sha256=_BYTES / cpu_of(lambda: hashlib.sha256(raw).digest()),
        seal=2 * len(piece) / seal_cpu,
        projections=_OFTEN
        * 64
        * len(rows)
        * _CACHED
        / cpu_of(lambda: [native.project(rows, bytes(32)) for _ in range(_OFTEN)], 3),
    )


def measure() -> dict[str, Any]:
    """Rates, and the two multi-scalar multiplications at a million points."""
    found = rates()
    return {"rates": found.record(), "msm": _msm(), "vectors": _vectors()}


def _msm() -> dict[str, float]:
    """CPU seconds of multiplications of 2^17 points by full scalars and by 16-bit integers."""
    bases, full = native.powers_of_tau_unsafe(7, _POINTS), _vector(b"a")[:_POINTS]
    small = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, _POINTS)
    return {
        "points": _POINTS,
        "full": round(cpu_of(lambda: bases.msm(full)), 4),
        "int16": round(cpu_of(lambda: bases.msm_int64(small)), 4),
    }


def _vectors() -> dict[str, float]:
    """Nanoseconds of CPU an element of the kernels that steps are made of, rows of 2^18 elements."""
    rows = [_vector(bytes((i,))) for i in range(16)]
    count, joined = len(rows) * _ELEMENTS, np.concatenate(rows)
    calls: dict[str, Callable[[], object]] = {
        "gram, 16 rows, per product": lambda: native.gram(rows),
        "project to 128, per element": lambda: native.project(rows, bytes(32)),
        "linear_combination, per element": lambda: native.linear_combination(rows, list(range(2, 18))),
        "sum of rows, per element": lambda: native.linear_combination(rows, [1] * 16),
        "expand, per element": lambda: [native.expand(bytes(32), _ELEMENTS) for _ in rows],
        "check, per element": lambda: native.check(joined),
    }
    scale = {"gram, 16 rows, per product": 17 / 2}
    return {name: round(1e9 * cpu_of(call, 3) / count / scale.get(name, 1), 2) for name, call in calls.items()}


def _vector(seed: bytes) -> FrArray:
    return native.expand(hashlib.sha256(seed).digest(), _ELEMENTS)
