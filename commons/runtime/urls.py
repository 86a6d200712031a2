"""What of a URL may be shown: its userinfo, path and query may hold passwords and keys."""

from __future__ import annotations

from urllib.parse import urlsplit


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
