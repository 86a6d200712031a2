"""Numbers of what an account committed to, by most nodes: one that hides them costs deposits and stakes."""

from __future__ import annotations

from collections.abc import Callable

from commons.chain.dataview import DataView
from commons.chain.nodeagreement import NoAgreementError


def sent(data: DataView, ask: Callable[[], list[int]]) -> list[int]:
    """What most nodes show of what may have been sent: a node that hides it would have it sent, and paid for, again.

    Raises:
        ChainError: too few nodes answer, or they differ: nothing is to be sent until they do not.
    """
    return list(data.chain.most(lambda: tuple(ask())) or ())


def told(data: DataView, ask: Callable[[], list[int]]) -> list[int]:
    """What is due as most nodes show it, or as one does where they differ: nothing is held up beyond its window."""
    try:
        return sent(data, ask)
    except NoAgreementError:
        return ask()
