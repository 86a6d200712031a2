"""A dataclass with parts replaced, where only the test's parameters say which."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from circuits.terms import NewTask, TaskTerms

T = TypeVar("T")


def with_parts(value: T, **parts: Any) -> T:
    """``dataclasses.replace`` for names and values that no checker can know."""
    copy: Any = value
    result: T = replace(copy, **parts)
    return result


def task_terms(new: NewTask, **where: Any) -> TaskTerms:
    """Terms as a market has them; ``where``: market, identifier and creator."""
    return TaskTerms(*(getattr(new, part.name) for part in fields(NewTask)), **where)
