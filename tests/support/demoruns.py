"""Demos as a user runs them, and interrupts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import runpy; "
    "runpy.run_module('gradroll', run_name='__main__', alter_sys=True)"
)
"""A job in the background ignores Ctrl-C unless told otherwise."""


@dataclass(frozen=True, slots=True)
class DemoRun:
    """One of the demos, run in a directory.

    Attributes:
        name: as of its option, and of the folder that it works in.
    """

    name: str
    repository: Path
    out: Path

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [sys.executable, "-c", _PROGRAM, "demo", f"--{self.name}", "--out", str(self.out)]

    def running(self) -> list[int]:
        """Processes that print to one of the demo's logs, as all do that it starts."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                place = (process / "fd" / "1").readlink()
            except OSError:  # ended meanwhile, or of another account
                continue
            if place.is_relative_to(self.out / self.name / "logs"):
                found.append(int(process.name))
        return found

    def interrupt(self, line: str, processes: int) -> None:
        """Run it until it prints a line, then press Ctrl-C; so many processes of its are there until then."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            self.command, cwd=self.repository, env=environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as demo:  # fmt: skip
            assert demo.stdout is not None
            assert any(line in told for told in demo.stdout), demo.stderr and demo.stderr.read()
            assert len(self.running()) == processes
            demo.send_signal(signal.SIGINT)
            _, errors = demo.communicate()
        assert demo.returncode == 130, errors
        assert "Traceback" not in errors
        assert self.running() == []

    def finish(self, *options: str) -> str:
        """Run it to its end; returns what it says."""
        done = subprocess.run(
            [*self.command, *options], cwd=self.repository, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.running() == []
        return done.stdout
