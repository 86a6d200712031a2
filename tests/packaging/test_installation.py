"""One version, and one folder that all packages come from."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gradroll
from commons import VERSION
from gradroll.cli import main
from tests.packaging.project import PACKAGES, PROJECT, ROOT


def test_there_is_one_version(capsys: pytest.CaptureFixture[str]) -> None:
    cargo = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text(encoding="utf-8"))
    locked = tomllib.loads((ROOT / "native" / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    ours = {package["version"] for package in locked if package["name"].startswith("gradroll-")}
    assert ours == {VERSION}, "run `cargo update --workspace` in native/"
    assert PROJECT["version"] == VERSION == cargo["workspace"]["package"]["version"]
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"gradroll {VERSION}\n"


def test_every_package_is_looked_for() -> None:
    assert {*gradroll._SIBLINGS, "gradroll"} == set(PACKAGES)


@pytest.mark.parametrize("form", ["coordinator/__init__.py", "coordinator.py"])
def test_another_projects_package_is_named(form: str, tmp_path: Path) -> None:
    culprit = tmp_path / form
    culprit.parent.mkdir(exist_ok=True)
    culprit.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import gradroll"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT)))},
        cwd=tmp_path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    assert str(tmp_path / form.removesuffix("/__init__.py")) in done.stderr
    assert "pipx" in done.stderr
