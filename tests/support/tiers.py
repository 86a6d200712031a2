"""One list of cases for both tiers: the fast one runs some of them, the slow one all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def deepened(cases: Iterable[Any], fast: Collection[Any]) -> list[Any]:
    """The cases as parameters; those that are not ``fast`` belong to the slow tier.  A tuple is several parameters."""
    listed = list(cases)
    strangers = [case for case in fast if case not in listed]
    assert not strangers, f"{strangers} are not among the cases"
    return [case if case in fast else _slow(case) for case in listed]


def _slow(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
