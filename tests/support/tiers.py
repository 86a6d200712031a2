"""One list of cases for all tiers: the fast one runs some, the full one all; and how many random ones each plays."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

import pytest

DEEP = os.environ.get("GRADROLL_TEST_DEEP") == "1"
"""Whether this is the deep tier (`make test-deep`): the tests of the full one, with many more random cases each."""


def deepened(cases: Iterable[Any], fast: Collection[Any]) -> list[Any]:
    """The cases as parameters; those that are not ``fast`` belong to the slow tier.  A tuple is several parameters."""
    listed = list(cases)
    strangers = [case for case in fast if case not in listed]
    assert not strangers, f"{strangers} are not among the cases"
    return [case if case in fast else _slow(case) for case in listed]


def many(full: int, deep: int) -> int:
    """How many random cases, or how long a run: so many in the full tier, more in the deep one."""
    assert 0 < full <= deep, "the deep tier runs no less"
    return deep if DEEP else full


def _slow(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
