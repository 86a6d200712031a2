"""Writes the vectors of this folder; see README.md."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.vectors.v1.keystream import keystream

HERE = Path(__file__).parent
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def seed_of(label: str) -> bytes:
    """A seed that nobody chose."""
    return hashlib.sha256(label.encode()).digest()


def uniform(seed: bytes, n: int, offset: int) -> dict[str, Any]:
    """Elements offset .. offset + n."""
    data = keystream(seed, bytes(12), offset, n)
    values = [int.from_bytes(data[64 * i : 64 * i + 64], "little") % ORDER for i in range(n)]
    return {"seed": seed.hex(), "offset": offset, "elements": [str(v) for v in values]}


def bounded(seed: bytes, n: int, bits: int) -> dict[str, Any]:
    """n elements below 2**bits."""
    data = keystream(seed, b"gr/bounded\0\0", 0, (16 * n + 63) // 64)
    values = [int.from_bytes(data[16 * i : 16 * i + 16], "little") % 2**bits for i in range(n)]
    return {"seed": seed.hex(), "bits": bits, "elements": [str(v) for v in values]}


def main() -> None:
    """Write every file."""
    files = {
        "uniform_start": uniform(bytes(32), 8, 0),
        "uniform_middle": uniform(seed_of("uniform"), 8, 4093),
        "uniform_end": uniform(seed_of("end"), 2, 2**32 - 3),
        "bounded_108": bounded(seed_of("bounded"), 9, 108),
        "bounded_128": bounded(seed_of("bounded"), 5, 128),
        "bounded_1": bounded(bytes(32), 33, 1),
    }
    for name, content in files.items():
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
