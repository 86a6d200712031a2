"""Ports for servers that are started, stopped and started again at the same address.

A port that the system hands out itself ("port 0") comes from the range that it also takes the near ends of outgoing
connections from. While such a server is down any connection of the machine may get its port, and the server
cannot come back. These ports lie below that range (RFC 6335, section 6, and Linux's `ip_local_port_range`).
"""

from __future__ import annotations

import random
import socket
from itertools import count, islice

from circuits.errors import UnavailableError

_FIRST, _END = 10_240, 32_768
_turn = count(random.SystemRandom().randrange(_END - _FIRST))


def free_ports(wanted: int) -> list[int]:
    """Ports of this machine's loopback that nobody listens at now; none comes again before all others have.

    Raises:
        UnavailableError: there are not as many.
    """
    drawn = (_FIRST + turn % (_END - _FIRST) for turn in islice(_turn, _END - _FIRST))
    found = list(islice(filter(_is_free, drawn), wanted))
    if len(found) < wanted:
        raise UnavailableError(f"no {wanted} ports between {_FIRST} and {_END} are free; end what holds them")
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
