"""Reads the `event=` lines that provers and coordinator log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FIELD = re.compile(r"(\w+)=([^\s]+)")


def events(log: Path, name: str) -> Iterator[dict[str, str]]:
    """The fields of every line with this event."""
    for line in log.read_text(errors="replace").splitlines():
        fields = dict(_FIELD.findall(line))
        if fields.get("event") == name:
            yield fields


def steps(log: Path, name: str) -> dict[str, dict[str, float]]:
    """Figures by step, summed over the repetitions of a step: cpu, seconds, and bytes where they are logged."""
    out: dict[str, dict[str, float]] = {}
    for fields in events(log, name):
        step = out.setdefault(fields["step"], {})
        for key in ("cpu", "seconds", "received", "sent"):
            if key in fields:
                step[key] = round(step.get(key, 0.0) + float(fields[key]), 4)
    return out
