"""A command that ends in whatever way leaves none of the processes behind that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commons.runtime.process import as_child

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
_ON_A_TERMINAL = [
    sys.executable, "-c",
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
]  # fmt: skip
"""Begins a command that heeds hangups, though whoever runs the tests may ignore them, as nohup(1) does."""
_STUBBORN = """
import signal, time
from commons.runtime import process
process._GRACE = 0.2
signal.signal(signal.SIGTERM, signal.SIG_IGN)
process.end_with_parent()
print("up", flush=True)
time.sleep(3600)
"""
_PARENT = """
import os, subprocess, sys, time
from commons.runtime.process import as_child
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, env=as_child(os.environ))
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(3600)
"""


def runs(pid: int) -> bool:
    """Whether there is a process that has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> set[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def await_end(pids: set[int]) -> None:
    while any(map(runs, pids)):
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGHUP, 130)], ids=["SIGKILL", "SIGHUP"]
)
def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    command = [*_ON_A_TERMINAL, sys.executable, "-m", "gradroll", "demo", "--rounds", "1", "--out", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        while not demo.stdout.readline().startswith("chain:"):
            assert demo.poll() is None
        started = children(demo.pid)
        assert started
        assert all(map(runs, started))
        demo.send_signal(sent)
        assert demo.wait() == status
    await_end(started)


def test_what_does_not_heed_sigterm_ends_with_its_parent_as_well() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT, _STUBBORN], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        stubborn = int(parent.stdout.readline())
        assert runs(stubborn)
        parent.kill()
    await_end({stubborn})


def test_the_word_about_the_parent_is_handed_on_to_nobody() -> None:
    code = (
        "import json, os; from commons.runtime.process import end_with_parent; end_with_parent(); "
        "print(json.dumps({**os.environ}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=as_child(os.environ)
    )
    assert json.loads(done.stdout).keys() & as_child({}).keys() == set()


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    """As nohup(1) starts a server that outlives its terminal."""
    code = (
        "from commons.runtime.process import *; import signal; stop_requested(); print(signal.getsignal(signal.SIGHUP))"
    )
    shell = f"trap '' HUP; exec '{sys.executable}' -c '{code}'"
    ignored = subprocess.run(["sh", "-c", shell], capture_output=True, check=True, text=True).stdout
    begun = [*_ON_A_TERMINAL, sys.executable, "-c", code]
    usual = subprocess.run(begun, capture_output=True, check=True, text=True).stdout
    assert "SIG_IGN" in ignored or ignored.strip() == str(signal.SIG_IGN)
    assert "handle" in usual
