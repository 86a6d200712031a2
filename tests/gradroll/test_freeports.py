"""Ports of servers that come back at the same address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from circuits.errors import UnavailableError
from gradroll.setup import freeports
from gradroll.setup.freeports import free_ports

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_drawn_twice() -> None:
    drawn = free_ports(200) + free_ports(200)
    assert len(set(drawn)) == 400


@pytest.mark.skipif(not _OUTGOING.exists(), reason="this system says its range elsewhere")
def test_outgoing_connections_never_take_one() -> None:
    """A prover that was down found its port taken by the near end of somebody's connection."""
    first = int(_OUTGOING.read_text().split()[0])
    if first < 32_768:
        pytest.skip("this machine's range is wider than the usual one")
    assert max(free_ports(200)) < first


def test_a_port_somebody_listens_at_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        monkeypatch.setattr(freeports, "_FIRST", port)
        monkeypatch.setattr(freeports, "_END", port + 1)
        with pytest.raises(UnavailableError, match="end what holds them"):
            free_ports(1)
