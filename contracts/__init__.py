"""The checked-in artifacts of the contracts: ABI and creation bytecode, as the chain client deploys them.

Nothing here needs Node: `artifacts/*.json` are built by `script/build.mjs` and committed, and CI proves that they
match the sources.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["NAMES", "Artifact", "load", "source_hash"]

NAMES = ("CommitteeRegistry", "Market", "RollupVerifier")
"""Contracts that can be deployed."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    Attributes:
        abi: its JSON ABI, with the custom errors of everything it calls.
        bytecode: creation code, to which constructor arguments are appended.
        compiler: full version of the compiler.
        source_hash: SHA-256 of all sources it was built from (`source_hash`), hexadecimal.
    """

    name: str
    abi: tuple[Mapping[str, Any], ...] = field(repr=False)
    bytecode: bytes = field(repr=False)
    compiler: str
    source_hash: str


@cache
def load(name: str) -> Artifact:
    """The artifact of one of `NAMES`.

    Raises:
        KeyError: no contract has the name.
    """
    if name not in NAMES:
        raise KeyError(f"no contract is called {name!r}; choose one of {', '.join(NAMES)}")
    raw = json.loads(files(__package__).joinpath("artifacts", f"{name}.json").read_text("utf-8"))
    return Artifact(
        name=name,
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
        compiler=raw["compiler"],
        source_hash=raw["sourceHash"],
    )


def source_hash(root: Path) -> str:
    """SHA-256 (hexadecimal) over `path NUL content NUL` of every source below `root/src`, in path order."""
    digest = hashlib.sha256()
    for path in sorted((root / "src").rglob("*.sol"), key=lambda p: p.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
