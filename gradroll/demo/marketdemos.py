"""What the demos of the markets of models and of data have in common: how they begin, and their report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from circuits.atomicfile import storing
from gradroll.console import Console
from gradroll.demo.developers import SIZE
from gradroll.demo.laps import Laps
from gradroll.demo.run import Options
from gradroll.setup.modelkeygen import cached_development_model_keys


def begin(name: str, heading: str, options: Options, console: Console) -> Path:
    """Say what is to come, have the keys of proofs of accuracy, and return an empty directory for the demo."""
    console.heading(heading)
    console.line(
        "DEVELOPMENT MODE: keys and parameters come from seeds that everybody knows. This shows how it works; it "
        "protects nothing.",
        "yellow",
    )
    cached_development_model_keys(options.parameters, SIZE)
    work = options.out / name
    shutil.rmtree(work, ignore_errors=True)
    return work


def write_report(path: Path, report: dict[str, object], laps: Laps, console: Console) -> None:
    """Write a report, and tell it to programs.  Raises StorageError."""
    report |= {"seconds": laps.total, "parts": laps.seconds}
    with storing(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.line(f"{path}; {laps.total} s")
    console.result(**report)
