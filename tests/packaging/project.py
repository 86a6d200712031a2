"""What `pyproject.toml` says, with extras resolved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = DOCUMENT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PACKAGES: list[str] = DOCUMENT["tool"]["maturin"]["python-packages"]


def requirements(*extras: str) -> Iterator[Requirement]:
    """Everything that an installation with these extras asks for; an extra may name other ones of ours."""
    lists = [PROJECT["dependencies"], *(EXTRAS[extra] for extra in extras)]
    for text in (text for texts in lists for text in texts):
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            yield from requirements(*requirement.extras)
        else:
            yield requirement
