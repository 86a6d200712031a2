"""File descriptors: connections and files of a process come out of one limit."""

from __future__ import annotations

import logging
import resource

_FILES = 256
"""Descriptors for what is no connection: databases, shares that are being written, listening sockets, the node."""
_LEAST = 16
_log = logging.getLogger(__name__)


def room_for(connections: int) -> int:
    """How many connections a server may hold so that descriptors are left for its files; raises the soft limit.

    A process without a free descriptor can open no file: a prover could write no share, and no line of its ledger.

    Args:
        connections: as many as are wanted.

    Returns:
        Those, or fewer when the hard limit (``LimitNOFILE`` of a systemd unit, ``ulimit -Hn``) is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    room = max(soft - _FILES, _LEAST)
    _log.warning(
        "event=few-descriptors connections=%d wanted=%d advice='raise the limit of open files to %d (LimitNOFILE)'",
        room, connections, wanted,
    )  # fmt: skip
    return room
