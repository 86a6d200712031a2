"""The checked-in artifacts of the contracts: ABI and creation bytecode, as the chain client deploys them.

Nothing here needs Node: `artifacts/*.json` are built by `script/build.mjs` and committed, and CI proves that they
match the sources.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["NAMES", "Artifact", "load", "source_hash"]

NAMES = (
    "AccuracyVerifier",
    "CommitteeRegistry",
    "DataCampaigns",
    "ImprovementPay",
    "Jury",
    "Market",
    "ModelBounties",
    "ModelRegistry",
    "ModelSales",
    "ModelVersions",
    "PerceptronFactory",
    "PerceptronModel",
    "ReferenceVerifier",
    "RollupVerifier",
    "RoundingVerifier",
    "VerifierFactory",
)
"""Contracts that can be deployed. What they are linked to has artifacts too (`Artifact.links`)."""

_ADDRESS_BYTES = 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract or library.

    Attributes:
        abi: its JSON ABI, with the custom errors of everything it calls.
        unlinked: creation code, with zeros where addresses of libraries go; see `linked`.
        links: name of a library -> where in the creation code its address goes, in bytes.
        compiler: full version of the compiler.
        source_hash: SHA-256 of all sources it was built from (`source_hash`), hexadecimal.
    """

    name: str
    abi: tuple[Mapping[str, Any], ...] = field(repr=False)
    unlinked: bytes = field(repr=False)
    links: Mapping[str, tuple[int, ...]]
    compiler: str
    source_hash: str

    def linked(self, libraries: Mapping[str, bytes] | None = None) -> bytes:
        """Creation code that can be deployed, to which constructor arguments are appended.

        Args:
            libraries: the address (20 bytes) of every library that it is linked to, and of no other.

        Raises:
            ValueError: a library is missing, has no address, or is none of `links`.
        """
        given = dict(libraries or {})
        if given.keys() != self.links.keys():
            wanted = ", ".join(self.links) or "nothing"
            raise ValueError(f"{self.name} is linked to {wanted}, not to {', '.join(given) or 'nothing'}")
        code = bytearray(self.unlinked)
        for name, address in given.items():
            if len(address) != _ADDRESS_BYTES or not any(address):
                raise ValueError(f"library {name}: give its address, 20 bytes that are not zero")
            for start in self.links[name]:
                code[start : start + _ADDRESS_BYTES] = address
        return bytes(code)


@cache
def load(name: str) -> Artifact:
    """The artifact of one of `NAMES`, or of a library that one of them is linked to.

    Raises:
        KeyError: no contract has the name.
    """
    raw = _read(name)
    links = {library: tuple(starts) for library, starts in raw["links"].items()}
    code = raw["bytecode"].removeprefix("0x")
    for start in (2 * start for starts in links.values() for start in starts):
        code = code[:start] + "00" * _ADDRESS_BYTES + code[start + 2 * _ADDRESS_BYTES :]
    return Artifact(
        name=name,
        abi=tuple(raw["abi"]),
        unlinked=bytes.fromhex(code),
        links=links,
        compiler=raw["compiler"],
        source_hash=raw["sourceHash"],
    )


def _read(name: str) -> Any:
    found = files(__package__).joinpath("artifacts", f"{name}.json")
    if not name.isidentifier() or not found.is_file():
        raise KeyError(f"no contract is called {name!r}; choose one of {', '.join(NAMES)}")
    return json.loads(found.read_text("utf-8"))


def source_hash(root: Path) -> str:
    """SHA-256 (hexadecimal) over `name NUL content NUL` of every source below `root/src`, in order of their names.

    Then the same of the packages that imports lead to, with the hash in `root/package-lock.json` for their content.
    """
    digest = hashlib.sha256()
    own = {path.relative_to(root).as_posix(): path.read_bytes() for path in (root / "src").rglob("*.sol")}
    for name, content in [*sorted(own.items()), *sorted(_packages(root))]:
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _packages(root: Path) -> Iterator[tuple[str, bytes]]:
    """Name and hash in the lock file of every package that `script/settings.json` maps imports to."""
    remappings = json.loads((root / "script" / "settings.json").read_text("utf-8"))["remappings"]
    targets = [remapping.split("=")[1] for remapping in remappings]
    locked = json.loads((root / "package-lock.json").read_text("utf-8"))["packages"]
    for name, entry in locked.items():
        if name and any(target.startswith(f"{name}/") for target in targets):
            yield name, entry["integrity"].encode()
