"""The checked-in stubs load, and the wire works, with every protobuf that `pyproject.toml` allows: both major versions
and the oldest release.  Flower asks for protobuf below 7; a new environment gets 7."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.project import ROOT, requirements

PINS = {requirement.name: requirement for requirement in requirements()}
WIRE = ["test_steps.py", "test_streams.py", "test_errors.py", "test_prescan.py"]


def floor(name: str) -> str:
    return next(f"{name}=={each.version}" for each in PINS[name].specifier if each.operator == ">=")


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    [
        [f"{PINS['protobuf']},<7", str(PINS["grpcio"])],
        [f"{PINS['protobuf']},>=7", str(PINS["grpcio"])],
        [floor("protobuf"), floor("grpcio")],
    ],
    ids=["6", "7", "oldest"],
)
def test_the_wire_works_with(wanted: list[str], tmp_path: Path) -> None:
    python = overlay(tmp_path / "venv", wanted)
    report = "import google.protobuf, grpc; print(google.protobuf.__version__, grpc.__version__)"
    found = subprocess.run([python, "-c", report], capture_output=True, text=True, check=True).stdout.split()
    for text, version in zip(wanted, found, strict=True):
        assert version in Requirement(text).specifier
    tests = [str(ROOT / "tests" / "wire" / name) for name in WIRE]
    done = subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def overlay(folder: Path, wanted: list[str]) -> Path:
    """An environment of these two packages over the running one's others."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", *wanted,
         "typing-extensions"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Temporary failure in name resolution" in done.stderr or "NewConnectionError" in done.stderr:
        pytest.skip("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # comes after the environment's own
    return python
