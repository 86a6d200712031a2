"""Writes the vectors of this folder; see README.md."""

import json
from pathlib import Path
from typing import Any

from tests.vectors.v1.expand.generate import seed_of
from tests.vectors.v1.keystream import keystream

HERE = Path(__file__).parent


def row_of_signs(seed: bytes, row: int, d: int) -> dict[str, Any]:
    """Columns 0 .. d of one row."""
    data = keystream(seed, b"gr/signs" + row.to_bytes(4, "little"), 0, (d + 255) // 256)
    text = ""
    for column in range(d):
        block, i = divmod(column, 256)
        low = data[64 * block + i // 8] >> (i % 8) & 1
        high = data[64 * block + 32 + i // 8] >> (i % 8) & 1
        text += "-0+"[low - high + 1]
    return {"seed": seed.hex(), "row": row, "signs": text}


def main() -> None:
    """Write every file."""
    files = {
        "row_0_of_zero": row_of_signs(bytes(32), 0, 300),
        "row_127": row_of_signs(seed_of("signs"), 127, 1030),
        "row_large": row_of_signs(seed_of("signs"), 2**32 - 1, 17),
    }
    for name, content in files.items():
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
