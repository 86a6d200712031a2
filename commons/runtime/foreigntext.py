"""What others wrote: a peer, a node, a contract through it, a member in the registry."""

from __future__ import annotations


def printable(said: str, limit: int) -> str:
    """A text for people to read: cut, and without characters that would steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in said[:limit])
