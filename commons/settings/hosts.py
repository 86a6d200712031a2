"""Names and addresses of machines, with a port."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


class HintError(ValueError):
    """What is wrong with a value, for people, where the words of its kind do not say it."""


def host_and_port(text: str) -> tuple[str, int]:
    """``host:port`` in parts, without the brackets of an IPv6 address.  Raises ValueError."""
    host, _, port = text.rpartition(":")
    if re.fullmatch(r"[0-9]{1,5}", port) is None or int(port) > 65535:
        raise ValueError
    if host.startswith("[") and host.endswith("]"):
        return str(IPv6Address(host[1:-1])), int(port)
    if ":" in host and "://" not in host:
        raise HintError("an IPv6 address stands in brackets, as in [::1]:7100")
    if _NAME.fullmatch(host) is None:
        raise ValueError
    if ends_in_number(host):  # no name does: RFC 3696, section 2
        IPv4Address(host)
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """``host:port``; an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ends_in_number(host: str) -> bool:
    """Whether a host is an IPv4 address rather than a name."""
    return host.rstrip(".").rpartition(".")[2].isdecimal()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback: one of its addresses, or localhost (RFC 6761, section 6.3)."""
    if ":" in host:
        return IPv6Address(host).is_loopback
    return IPv4Address(host).is_loopback if ends_in_number(host) else host.lower().rstrip(".") == "localhost"


def reached_here(host: str) -> str:
    """Where this machine reaches a server that listens at an address: one that listens everywhere, at the loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
