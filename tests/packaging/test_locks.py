"""What applications install is pinned with hashes, fits `pyproject.toml`, and is what image and contributors take."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from types import ModuleType

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.project import DOCUMENT, ROOT, requirements

FOLDER = ROOT / "requirements"
PYTHONS = ("3.11", "3.12", "3.13")


def script() -> ModuleType:
    """The script that writes the locks."""
    spec = importlib.util.spec_from_file_location("lock", FOLDER / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCK = script()
INPUTS: dict[str, list[str]] = LOCK.inputs(DOCUMENT)


def pins(name: str) -> Iterator[tuple[Requirement, int]]:
    """Every pin of a lock and the number of its hashes."""
    for entry in re.split(r"\n(?=[a-z0-9])", (FOLDER / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")):
        lines = [line for line in entry.splitlines() if line and not line.startswith("#")]
        if lines:
            text, *hashes = re.split(r"\s+--hash=sha256:[0-9a-f]{64}", lines[0])
            yield Requirement(text), len(hashes)


def test_every_lock_is_one_that_is_written() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(INPUTS)


@pytest.mark.parametrize("name", INPUTS)
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    for pin, hashes in pins(name):
        assert [each.operator for each in pin.specifier] == ["=="], pin
        assert hashes > 0, pin


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_fits_what_is_asked_for(name: str, python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    held = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin, _ in pins(name)
        if (pin.marker or Marker("python_version > '0'")).evaluate(environment)
    }
    for wanted in map(Requirement, INPUTS[name]):
        version = held.get(canonicalize_name(wanted.name))
        assert version is not None, wanted
        assert version in wanted.specifier, wanted


@pytest.mark.parametrize("name", LOCK.EXTRAS)
def test_extras_are_resolved(name: str) -> None:
    assert set(map(Requirement, INPUTS[name])) == set(requirements(*LOCK.EXTRAS[name]))


def test_image_and_contributors_install_from_locks() -> None:
    image = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install ([^&\\\n]*)", image)
    assert len(installs) == 3
    for words in installs:
        assert "--require-hashes" in words or ("--no-deps" in words and "/wheels/" in words), words
    default = re.search(r"^ARG REQUIREMENTS=(\w+)$", image, re.MULTILINE)
    assert default is not None
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    chain = compose["services"]["chain"]["build"]["args"]["REQUIREMENTS"]
    assert default[1] == "operator"
    assert "eth-tester" in {pin.name for pin, _ in pins(chain)}
    assert "eth-tester" not in {pin.name for pin, _ in pins("operator")}
    assert "--require-hashes -r requirements/dev.txt" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_kernel_is_fuzzed_with_the_crates_that_are_shipped() -> None:
    def crates(folder: str) -> dict[str, set[str]]:
        lock = tomllib.loads((ROOT / folder / "Cargo.lock").read_text(encoding="utf-8"))
        names = {package["name"] for package in lock["package"]}
        return {name: {each["version"] for each in lock["package"] if each["name"] == name} for name in names}

    shipped, fuzzed = crates("native"), crates("native/fuzz")
    both = shipped.keys() & fuzzed.keys()
    assert {"gradroll-kernel", "ark-bn254", "ark-ff", "chacha20", "rayon"} <= both
    assert {name: fuzzed[name] for name in both} == {name: shipped[name] for name in both}
