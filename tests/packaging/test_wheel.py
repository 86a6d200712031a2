"""The wheel holds what runs and nothing else, and works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from commons import VERSION
from tests.packaging.project import PACKAGES, ROOT

pytestmark = pytest.mark.slow
FOLDER = ROOT / "build" / "wheel"


def tracked(*folders: str) -> list[Path]:
    """Files of the repository under some folders."""
    listed = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The wheel of the present sources; `make wheel` puts it there too."""
    newest = max(path.stat().st_mtime for path in tracked(*PACKAGES, "pyproject.toml", "README.md"))
    fresh = [path for path in FOLDER.glob("*.whl") if path.stat().st_mtime > newest]
    if not fresh:
        build = ["-m", "maturin", "build", "--release", "--locked", "--quiet", "--out", str(FOLDER)]
        done = subprocess.run([sys.executable, *build], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        fresh = [path for path in FOLDER.glob("*.whl") if path.stat().st_mtime > newest]
    return max(fresh, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    """Names in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_name_says_which_pythons_it_fits(wheel: Path) -> None:
    assert wheel.name.startswith(f"gradroll-{VERSION}-cp311-abi3-")


def test_every_module_and_artifact_is_inside(contents: set[str]) -> None:
    wanted = {path.relative_to(ROOT).as_posix() for path in tracked(*PACKAGES) if path.suffix in (".py", ".pyi")}
    wanted |= {f"{package}/py.typed" for package in PACKAGES}
    wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts" / "artifacts").glob("*.json")}
    assert len(wanted) > 150
    assert wanted <= contents
    assert "native/_kernel.abi3.so" in contents


def test_nothing_else_is_inside(contents: set[str]) -> None:
    assert {name.partition("/")[0] for name in contents} == {*PACKAGES, f"gradroll-{VERSION}.dist-info"}
    ours = [name for name in contents if name.partition("/")[0] in PACKAGES]
    allowed = (".py", ".pyi", "/py.typed", "native/_kernel.abi3.so")
    others = {name for name in ours if not name.endswith(allowed)}
    assert others == {name for name in others if name.startswith("contracts/artifacts/") and name.endswith(".json")}
    assert not [name for name in ours if "test" in Path(name).parts]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands' folder of a new environment: the wheel over the running environment's other packages."""
    folder = tmp_path_factory.mktemp("wheel") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    install = ["-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, *install, wheel], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # a checkout installed there is not followed
    return folder / "bin"


def output(command: Path, *arguments: str) -> str:
    """What a command prints in a folder that is no checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GRADROLL"))}
    done = subprocess.run(
        [command, *arguments], cwd=command.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_works_elsewhere(installed: Path, tmp_path: Path) -> None:
    assert output(installed / "gradroll", "--version") == f"gradroll {VERSION}\n"
    assert "gradroll prover init" in output(installed / "gradroll", "--help")
    output(installed / "gradroll", "prover", "init", "--keystore", str(tmp_path / "keys"))
    assert list((tmp_path / "keys").iterdir())


def test_every_package_is_the_wheels(installed: Path) -> None:
    program = f"import {', '.join(PACKAGES)}\nfor each in ({', '.join(PACKAGES)}): print(each.__file__)"
    places = output(installed / "python", "-c", program).split()
    assert len(places) == len(PACKAGES)
    assert all(Path(place).is_relative_to(installed.parent) for place in places)


def test_measurements_need_a_checkout(installed: Path) -> None:
    command = [str(installed / "gradroll"), "bench", "--only", "none"]
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "checkout" in done.stderr
