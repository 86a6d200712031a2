"""Policies of other packages, for the time of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from circuits.policies import registry


@contextmanager
def own_registry() -> Iterator[pytest.MonkeyPatch]:
    """Inside, only gradroll's own policies are known at first; what is registered or installed is forgotten then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_known", {spec.name: spec for spec in registry.BUILT_IN})
        patch.setattr(registry, "_loaded", {})
        yield patch


def installed(folder: Path, patch: pytest.MonkeyPatch, entries: str) -> None:
    """A package with these lines of entry points, as `pip` leaves it in ``folder``; nothing of it is imported yet."""
    metadata = folder / "some_policies-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: some-policies\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{entries}\n")
    patch.syspath_prepend(folder)
    for line in entries.splitlines():
        sys.modules.pop(line.partition("=")[2].partition(":")[0].strip(), None)
