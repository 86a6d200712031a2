"""A dataclass with parts replaced, where only the test's parameters say which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

T = TypeVar("T")


def with_parts(value: T, **parts: Any) -> T:
    """``dataclasses.replace`` for names and values that no checker can know."""
    copy: Any = value
    result: T = replace(copy, **parts)
    return result
