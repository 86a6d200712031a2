"""How many calls a pool takes at a time, and who gets its places when it is crowded."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter
from urllib.parse import unquote

_SUBNET = 56
"""Bits of an IPv6 address that say whose it is.  Most lines are given a /56 (RIPE-690 asks for no less), with 256
networks of /64 in it; where a line has one /64, neighbours are counted together, as behind an IPv4 address that several
share."""


class Places:
    """The places of one pool.

    Whoever has as many places as are free gets no further one.  So one caller has half of them at most, two have a
    third each, and somebody new finds a place unless there are as many callers as places.  It is the dynamic threshold
    of shared-memory switches (Choudhury, Hahne, IEEE/ACM Transactions on Networking 6(2), 1998) with a factor of one.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._taken = Counter[str]()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are taken at present."""
        return self.count - self._free

    def take(self, address: str) -> bool:
        """Take a place for a caller; False when there is none for it."""
        with self._lock:
            if self._free == 0 or self._taken[address] >= self._free:
                return False
            self._free -= 1
            self._taken[address] += 1
            return True

    def give_back(self, address: str) -> None:
        """Give a caller's place back."""
        with self._lock:
            self._free += 1
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]  # or strangers' addresses would stay for ever


def address_of(peer: str) -> str:
    """Whom a call comes from, as limits count: an IPv4 address, the /56 of an IPv6 address, or a local socket.

    Args:
        peer: as gRPC names it, such as ``ipv4:192.0.2.1:50123`` or ``ipv6:%5B2001:db8::1%5D:50123``.
    """
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return kind
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    found = ipaddress.ip_address(host)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _SUBNET), strict=False))
        return str(found.ipv4_mapped)
    return str(found)
