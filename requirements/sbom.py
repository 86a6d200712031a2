"""List what a release is made of: `make sbom` writes a CycloneDX document (ECMA-424) of all that an operator installs.

The packages are those of the operator's lock and, compiled into the wheel, the crates of the kernel's lock, each with
the hashes that its lock asks for.  Made of the locks alone, a release's list is the same on any machine.
"""

from __future__ import annotations

import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
_ENTRY = re.compile(r"^(?P<pin>[a-z0-9].*?)(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)\s*$", re.MULTILINE)
_NAMESPACE = uuid.UUID("6f0a4d3e-5f5c-5f0e-9f6b-2b8d0c6c9f3a")


def packages(lock: str) -> Iterator[Component]:
    """The pins of a lock of Python packages; one that depends on the machine is listed in each of its versions."""
    for entry in _ENTRY.finditer(lock.replace("\\\n", " ")):
        pin = Requirement(entry["pin"])
        version = str(pin.specifier).removeprefix("==")
        yield _component(
            PackageURL("pypi", name=pin.name, version=version), re.findall(r"[0-9a-f]{64}", entry["hashes"])
        )


def crates(lock: str) -> Iterator[Component]:
    """The crates of a Cargo.lock that come from elsewhere."""
    for package in tomllib.loads(lock)["package"]:
        if "checksum" in package:
            url = PackageURL("cargo", name=package["name"], version=package["version"])
            yield _component(url, [package["checksum"]])


def document() -> str:
    """The list as JSON, ordered, and the same for the same locks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locks = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements/operator.txt", "native/Cargo.lock")]
    bom = Bom(
        components=[*packages(locks[0]), *crates(locks[1])],
        serial_number=uuid.uuid5(_NAMESPACE, "\0".join((project["version"], *locks))),
    )
    whole = PackageURL("pypi", name=project["name"], version=project["version"])
    bom.metadata.component = _component(whole, [], ComponentType.APPLICATION)
    bom.register_dependency(bom.metadata.component, bom.components)
    # When it was made would make each one different.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def _component(url: PackageURL, hashes: list[str], kind: ComponentType = ComponentType.LIBRARY) -> Component:
    return Component(
        name=url.name, version=url.version, type=kind, purl=url, bom_ref=str(url),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in hashes],
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write the list to a file.  Exit status."""
    if len(arguments) != 1:
        print("usage: sbom.py FILE", file=sys.stderr)  # noqa: T201
        return 2
    path = Path(arguments[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
