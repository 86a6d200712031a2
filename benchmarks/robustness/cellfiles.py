"""What trainings gave, one result file a cell, and whether it still counts.

A row holds for the code and the numbers that made it: with others it is void, and run again.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from benchmarks import results
from benchmarks.machine import ROOT, Machine
from benchmarks.robustness.settings import Cell

FOLDER = "robustness"
CODE = (
    *(f"benchmarks/robustness/{name}.py" for name in (
        "settings", "datasets", "models", "attacks", "rules", "gradedrules", "training",
    )),
    "circuits/quantize.py", "circuits/grading.py", "gradroll/model_owner/referencegradient.py",
)  # fmt: skip
LOCK = "requirements/robustness.txt"
PACKAGES = ("numpy", "scipy", "scikit-learn", "byzfl")
"""What gives the data and the peers."""
Row = Mapping[str, Any]


@cache
def digest() -> str:
    """Of all that a row depends on: what the code does, with its settings, and the packages' versions."""
    parts = [without_prose((ROOT / path).read_text(encoding="utf-8")) for path in CODE]
    parts += sorted(
        re.findall(rf"^(?:{'|'.join(PACKAGES)})==[^\\]*", (ROOT / LOCK).read_text(encoding="utf-8"), re.MULTILINE)
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def without_prose(source: str) -> str:
    """A module's code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def rows_of(cell: Cell) -> list[Row]:
    """A cell's rows that count, one a rule and seed."""
    found = results.load(f"{FOLDER}/{cell.name}")
    return found["rows"] if found is not None and found["digest"] == digest() else []


def keep(cell: Cell, rows: Iterable[Row], machine: Machine) -> None:
    """Writes a cell's rows, in place of what was there."""
    ordered = sorted(rows, key=lambda row: (row["seed"], cell.rules.index(row["rule"])))
    command = f"python -m benchmarks.robustness --only {cell.name} --seeds {len({row['seed'] for row in ordered})}"
    results.save(f"{FOLDER}/{cell.name}", command, machine, {"digest": digest(), "cell": asdict(cell), "rows": ordered})
