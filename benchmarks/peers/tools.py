"""Installing the other provers, and measuring processes of theirs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import ROOT

HERE = ROOT / "benchmarks" / "peers"
WORK = ROOT / "build" / "peers"
_MODULES = HERE / "node_modules"
_CRATE = HERE / "arkworks"
_ARKWORKS = _CRATE / "target" / "release" / "gradroll-peer-arkworks"
_KIBIBYTE = 1024
_TAIL = 2000


class PeerError(Exception):
    """A peer's program is missing or failed; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process used: CPU seconds of all its threads (user and system), wall seconds, peak memory.

    Attributes:
        peak_bytes: 0 where it was not measured.
    """

    cpu: float
    wall: float
    peak_bytes: int

    def record(self) -> dict[str, float]:
        """For a result file."""
        figures: dict[str, float] = {"cpu": round(self.cpu, 3), "wall": round(self.wall, 3)}
        return figures | ({"peak_bytes": self.peak_bytes} if self.peak_bytes else {})


def typical(usages: Sequence[Usage]) -> Usage:
    """Medians, each figure by itself."""
    return Usage(
        cpu=median(usage.cpu for usage in usages),
        wall=median(usage.wall for usage in usages),
        peak_bytes=round(median(usage.peak_bytes for usage in usages)),
    )


def run(command: Sequence[str | Path], cwd: Path | None = None) -> Usage:
    """Runs a program to its end.

    Raises:
        PeerError: it is missing, or exits with another code than 0.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        try:
            child = subprocess.Popen(words, cwd=cwd, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
        except FileNotFoundError as error:
            raise PeerError(f"{words[0]} is not installed") from error
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            log.seek(0)
            said = log.read().decode(errors="replace")[-_TAIL:]
            raise PeerError(f"{' '.join(words)} exited with {child.returncode}:\n{said}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * _KIBIBYTE)


def install() -> None:
    """The npm packages and the Rust program, unless they are there and current."""
    WORK.mkdir(parents=True, exist_ok=True)
    stamp = _MODULES / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], HERE)
    run(["cargo", "build", "--release", "--locked", "--quiet"], _CRATE)


def versions() -> dict[str, str]:
    """Versions of the peers and of what they run on."""
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    found = {name: str(lock[f"node_modules/{name}"]["version"]) for name in ("snarkjs", "circom2")}
    lines = (_CRATE / "Cargo.lock").read_text(encoding="utf-8").splitlines()
    at = lines.index('name = "ark-groth16"')
    found["ark-groth16"] = lines[at + 1].split('"')[1]
    return found | {"node": _said("node", "--version"), "rustc": _said("rustc", "--version")}


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def snarkjs(*arguments: str | Path) -> Usage:
    """`snarkjs ARGUMENTS`."""
    return run(["node", _MODULES / "snarkjs" / "build" / "cli.cjs", *arguments])


def circom(source: Path, out: Path) -> Usage:
    """Compiles a circuit to constraints and a witness program, with all simplifications."""
    return run(
        ["node", _MODULES / "circom2" / "cli.js", source.name, "--r1cs", "--wasm", "--O2", "-o", out], source.parent
    )


class Arkworks:
    """A running ark-groth16 process for one constraint system.

    Attributes:
        keys: cost of generating its keys, {"cpu": .., "wall": ..}.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.keys = self._answer()

    def prove(self, mode: str) -> Usage:
        """One proof: `matrices` as gradroll's prover works, `synthesis` as the public interface does."""
        assert self._process.stdin  # noqa: S101
        self._process.stdin.write(mode + "\n")
        self._process.stdin.flush()
        figures = self._answer()
        return Usage(figures["cpu"], figures["wall"], int(figures["peak_bytes"]))

    def _answer(self) -> Mapping[str, float]:
        assert self._process.stdout  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise PeerError("gradroll-peer-arkworks ended early")
        figures: dict[str, Any] = json.loads(line)
        return figures


@contextmanager
def arkworks(r1cs: Path, wtns: Path) -> Iterator[Arkworks]:
    """An ark-groth16 process that has its keys."""
    command = [str(_ARKWORKS), str(r1cs), str(wtns)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield Arkworks(process)
        finally:
            assert process.stdin  # noqa: S101
            process.stdin.close()
