"""Gas as the contracts' tests measured it: contracts/snapshots."""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.machine import ROOT

DIRECTORY = ROOT / "contracts" / "snapshots"
Figures = Mapping[str, int]


def load(name: str) -> Figures:
    """Gas by label.  Raises FileNotFoundError for a snapshot that the contracts' tests do not keep."""
    found: Figures = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    return found


def of(name: str, label: str) -> int:
    """One figure.  Raises KeyError if nothing measures it any more."""
    return load(name)[label]
