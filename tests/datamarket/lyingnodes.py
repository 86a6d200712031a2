"""Three nodes in the place of one, of which a test lets some lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from commons.chain.dataview import DataView
from commons.chain.nodeagreement import Tally


def three_nodes(monkeypatch: pytest.MonkeyPatch, data: DataView) -> None:
    """Have most of three nodes asked, by their rule; each asks the same chain, so a lie of one is told once."""
    one = data.chain.most

    def most(ask: Callable[[], Any]) -> Any:
        tally: Tally[Any] = Tally(3, 2)
        for _ in range(3):
            tally.say(one(ask))
        return tally.result()

    monkeypatch.setattr(data.chain, "most", most)


def lying(monkeypatch: pytest.MonkeyPatch, data: object, name: str, lie: Callable[[Any], Any]) -> None:
    """Have the next answer of a method be a lie."""
    true, lies = getattr(data, name), iter([lie])

    def told(*given: Any) -> Any:
        return next(lies, _honest)(true(*given))

    monkeypatch.setattr(data, name, told)


def _honest(answer: Any) -> Any:
    return answer
