"""What is remembered of others' doings, of which there may be any number."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def remember(known: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    """Keep a value as the newest one, and not more than so many of them."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > limit:
        known.popitem(last=False)
