"""`make build` says in one line what it does; what the compiler says is shown when it fails."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.project import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose packages are installed and whose kernel is not built, with another builder."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements/dev.txt", "pyproject.toml", "build/stamps/venv", "build/stamps/packages"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def build(checkout: Path, builder: str) -> subprocess.CompletedProcess[str]:
    """Run `make build` with a script in place of maturin."""
    program = checkout / ".venv" / "bin" / "maturin"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{builder}\n", encoding="utf-8")
    program.chmod(0o755)
    return subprocess.run(
        ["make", "--no-print-directory", "build"], cwd=checkout, capture_output=True, text=True, check=False
    )


def test_a_build_that_succeeds_is_one_line(checkout: Path) -> None:
    done = build(checkout, "seq 65 | sed 's/^/Compiling crate /' >&2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    [line] = done.stdout.splitlines()
    assert line.startswith("building the kernel")
    assert line.endswith("done")
    assert (checkout / "build" / "kernel.log").read_text(encoding="utf-8").count("Compiling") == 65
    assert (checkout / "build" / "stamps" / "build").exists()


def test_a_build_that_fails_shows_what_the_compiler_said(checkout: Path) -> None:
    done = build(checkout, "echo 'error[E0308]: mismatched types' >&2; exit 101")
    assert done.returncode != 0
    assert "error[E0308]: mismatched types" in done.stdout
    assert not (checkout / "build" / "stamps" / "build").exists()
