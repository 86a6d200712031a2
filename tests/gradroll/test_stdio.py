"""Standard streams that are closed or full: the work is done, and no traceback or status of Python's own appears."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from circuits.errors import catalogue
from commons.storage.accounts import load_account

STORAGE = catalogue()["storage"].exit_status
MAKE = f"{sys.executable} -m gradroll setup account --out key"
AGAIN = f"{MAKE} && {MAKE}"


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        (f"{MAKE} >&-", 0, ""),
        (f"{MAKE} <&- >&- 2>&-", 0, ""),
        (f"{MAKE} >/dev/full", STORAGE, "error[storage]: "),
        (f"{MAKE} >/dev/full 2>/dev/full", STORAGE, ""),
        (f"set -o pipefail; {MAKE} | true", 0, ""),
        (f"{AGAIN} 2>&-", STORAGE, ""),
        (f"{AGAIN} 2>/dev/full", STORAGE, ""),
        (f"PYTHONIOENCODING=ascii {MAKE}; {sys.executable} -m gradroll setup account --out schlüssel", 0, ""),
    ],
)
def test_a_command_ends_as_it_should(tmp_path: Path, command: str, status: int, told: str) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[: len(told)]) == (status, told)
    assert told or not done.stderr
    assert load_account(tmp_path / "key").address


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true"])
def test_help_ends_quietly(output: str) -> None:
    command = f"set -o pipefail; {sys.executable} -m gradroll --help {output}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
