"""What of a URL may be shown: its userinfo, path and query may hold passwords and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit

_SHORTEST = 6
"""Characters of a part of a path or query that may be a key; "v3" is none."""


class SecretUrl:
    """A URL that may hold a password or a key: neither ``repr`` nor ``vars`` of whatever holds this shows it.

    Attributes:
        shown: scheme, host and port.
    """

    __slots__ = ("_reveal", "shown")

    def __init__(self, url: str) -> None:
        self._reveal: Callable[[], str] = lambda: url  # a closure: a debugger's list of attributes shows no text
        self.shown = without_secrets(url)

    def __repr__(self) -> str:
        return f"SecretUrl({self.shown})"

    def reveal(self) -> str:
        """The URL itself, for whoever opens a connection."""
        return self._reveal()

    def hidden_in(self, text: str) -> str:
        """A text of whoever serves the URL, without it, and without those parts of it that may be secrets."""
        url = self.reveal()
        said = text.replace(url, self.shown)
        for part in sorted(set(secret_parts(url)), key=len, reverse=True):
            said = said.replace(part, "...")
        return said


def secret_parts(url: str) -> Iterator[str]:
    """Userinfo, and those parts of path, query and fragment that may be keys; nothing of what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    yield from filter(None, (parts.username, parts.password))
    said = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query)), parts.fragment]
    yield from (part for part in said if len(part) >= _SHORTEST)


def without_secrets(url: str) -> str:
    """Scheme, host and port of a URL, for messages and logs; less where it has none that can be told from a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "the configured address"
    if not host:
        return f"{parts.scheme}://..."
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}" + ("" if port is None else f":{port}")


def may_hold_secrets(url: str) -> bool:
    """Whether a URL is more than scheme, host and port."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return "@" in parts.netloc or parts.path not in ("", "/") or bool(parts.query or parts.fragment)
