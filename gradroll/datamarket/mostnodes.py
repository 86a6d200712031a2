"""What an account pays, shows or signs by is what most nodes say: one that lies costs deposits, stakes and its word."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from commons.chain.dataview import DataView
from commons.chain.nodeagreement import NoAgreementError

T = TypeVar("T", bound=Hashable)


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


def computed(data: DataView, ask: Callable[[], T]) -> T:
    """What most nodes lead to, each asked all that it takes: what one of them steers is signed by nobody.

    Args:
        ask: computes it, from what one node shows.

    Raises:
        ChainError: too few nodes answer, or they differ.
        GradrollError: as ``ask``, where most nodes lead to no result.
    """
    found = data.chain.most(ask)
    if found is not None:
        return found
    ask()  # says what keeps it from a result
    raise NoAgreementError("most nodes do not lead to what one of them does; look at each of them (chain.url)")
