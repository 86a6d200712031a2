"""Result files: one JSON object a measurement, with the command and the machine beside the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, Machine

DIRECTORY = ROOT / "benchmarks" / "results"
Result = dict[str, Any]


def path_of(name: str) -> Path:
    """Where a measurement's result is kept."""
    return DIRECTORY / f"{name}.json"


def save(name: str, command: str, machine: Machine, figures: Mapping[str, object]) -> Path:
    """Write a result file, replacing an older one."""
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"command": command, "machine": machine.record(), **figures}
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return path


def load(name: str) -> Result | None:
    """A result, None when it was not measured yet."""
    path = path_of(name)
    if not path.exists():
        return None
    found: Result = json.loads(path.read_text(encoding="utf-8"))
    return found


def load_all(prefix: str) -> list[Result]:
    """All results whose names begin with a prefix, by name."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(DIRECTORY.glob(f"{prefix}*.json"))]
