"""The list of what a release is made of names everything that the locks do, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.packaging.project import PROJECT, ROOT

SCRIPT = ROOT / "requirements" / "sbom.py"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The list as the command writes it."""
    path = tmp_path_factory.mktemp("sbom") / "below" / "gradroll.cdx.json"
    subprocess.run([sys.executable, SCRIPT, path], check=True)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def listed(written: str) -> dict[str, Any]:
    """The list, read."""
    document: dict[str, Any] = json.loads(written)
    return document


def script() -> ModuleType:
    """The script that writes the list."""
    spec = importlib.util.spec_from_file_location("sbom", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_is_a_document_of_its_standard(written: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None


def test_the_list_is_the_same_each_time_it_is_made(written: str) -> None:
    assert script().document() == written


def test_every_package_of_the_operators_lock_is_listed_with_its_hashes(listed: dict[str, Any]) -> None:
    lock = (ROOT / "requirements" / "operator.txt").read_text(encoding="utf-8")
    wanted: dict[str, set[str]] = {}
    name = ""
    for line in lock.splitlines():
        pin = re.match(r"([a-z0-9._-]+)(?:\[.*\])?==(\S+)", line)
        name = f"pkg:pypi/{pin[1]}@{pin[2]}" if pin else name
        for found in re.findall(r"--hash=sha256:([0-9a-f]{64})", line):
            wanted.setdefault(name, set()).add(found)
    assert hashes_of(listed, "pkg:pypi/") == wanted
    assert len(wanted) > 30


def test_every_crate_of_the_kernels_lock_is_listed_with_its_hash(listed: dict[str, Any]) -> None:
    lock = tomllib.loads((ROOT / "native" / "Cargo.lock").read_text(encoding="utf-8"))
    foreign = [package for package in lock["package"] if "source" in package]
    assert hashes_of(listed, "pkg:cargo/") == {
        f"pkg:cargo/{package['name']}@{package['version']}": {package["checksum"]} for package in foreign
    }
    assert len(foreign) > 30


def test_the_list_says_of_which_release_it_is(listed: dict[str, Any]) -> None:
    assert listed["metadata"]["component"]["purl"] == f"pkg:pypi/gradroll@{PROJECT['version']}"


def test_without_a_file_the_command_says_how_it_is_used() -> None:
    run = subprocess.run([sys.executable, SCRIPT], check=False, capture_output=True, text=True)
    assert run.returncode == 2
    assert "usage" in run.stderr


def hashes_of(listed: dict[str, Any], kind: str) -> dict[str, set[str]]:
    """The hashes of the components of one kind, by package URL."""
    return {
        component["purl"]: {each["content"] for each in component["hashes"]}
        for component in listed["components"]
        if component["purl"].startswith(kind)
    }


def test_what_is_published_is_wheel_and_source_alone() -> None:
    workflow = Path(ROOT, ".github", "workflows", "release.yml").read_text(encoding="utf-8")
    publish = workflow[workflow.index("\n  publish:") :]
    assert re.findall(r"^ +name: (\w+)$", publish, re.MULTILINE) == ["wheel", "sdist"]
    assert "merge-multiple" not in publish
