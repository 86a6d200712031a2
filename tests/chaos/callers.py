"""Which process is at the near end of a connection of this machine (Linux, proc(5))."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_LOOKS = 5
"""At the kernel's table, which is read in pieces: what changes meanwhile may hide a line of it."""
_ESTABLISHED, _LOOPBACK = "01", "0100007F"


def inode_of(port: int, table: Path = Path("/proc/net/tcp")) -> str | None:
    """Inode of the socket that is connected from 127.0.0.1 and this port; None where there is none."""
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == f"{_LOOPBACK}:{port:04X}" and fields[3] == _ESTABLISHED:
            return fields[9]
    return None


def holds(pid: int, inode: str) -> bool:
    """Whether a process has the socket with an inode open."""
    folder = f"/proc/{pid}/fd"
    try:
        return any(_link(f"{folder}/{name}") == f"socket:[{inode}]" for name in os.listdir(folder))
    except OSError:
        return False


def caller_at(port: int, processes: Mapping[str, int]) -> str:
    """Name of the process that connected from a port; "stranger" for one that is not among ``processes``."""
    inode = next(filter(None, (inode_of(port) for _ in range(_LOOKS))), None)
    if inode is not None:
        for name, pid in processes.items():
            if holds(pid, inode):
                return name
    return "stranger"


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # closed meanwhile
        return ""
