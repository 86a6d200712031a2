"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("grpcio", "numpy", "cryptography", "protobuf", "web3")


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about the machine, the release and the moment.

    Attributes:
        load: load average over one minute when the measurement began; others may use the machine.
        commit: of this repository, with `+` when files are changed.
    """

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    packages: dict[str, str]
    commit: str
    load: float
    date: str

    def record(self) -> dict[str, object]:
        """For a result file."""
        return asdict(self)


def facts(packages: Sequence[str] = _PACKAGES) -> Machine:
    """The facts now, with the versions of packages that matter."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: metadata.version(name) for name in packages},
        commit=_commit(),
        load=round(os.getloadavg()[0], 2),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    head = _git("rev-parse", "--short=12", "HEAD")
    return head + ("+" if head and _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603,S607
    return done.stdout.strip()
