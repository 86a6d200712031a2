"""CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KILO = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks of a process in bytes.

    Attributes:
        resident: all resident pages (VmHWM), also those of mapped files, which the system may drop at will.
        anonymous: pages that are no file's (RssAnon), sampled.
    """

    resident: int
    anonymous: int


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def status_bytes(pid: int, name: str) -> int:
    """A field of /proc/<pid>/status that is given in kB; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * _KILO
    return 0


class MemorySampler:
    """Watches processes from entering the block on; `peaks` may be asked at any time."""

    def __init__(self, pids: Mapping[str, int], every: float = 0.05) -> None:
        self._pids = dict(pids)
        self._every = every
        self._anonymous = dict.fromkeys(pids, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> MemorySampler:
        for pid in self._pids.values():
            _reset_peak(pid)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def peaks(self) -> dict[str, Memory]:
        """Peaks so far by name."""
        return {name: Memory(status_bytes(pid, "VmHWM"), self._anonymous[name]) for name, pid in self._pids.items()}

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            for name, pid in self._pids.items():
                self._anonymous[name] = max(self._anonymous[name], status_bytes(pid, "RssAnon"))


def _reset_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return
