"""What several nodes say together, where something rests on it that cannot be taken back.  Pure.

Most of the nodes that are configured must say it: one that lies decides nothing, and one of three that is silent holds
nothing up.  Of two, both must; one that has been silent for long is left out then, as nobody could tell a node that
somebody keeps silent from one that is gone, and a chain that is asked through two nodes should not stop with one of
them for good.  Who needs both safety and liveness names three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

from circuits.errors import ChainError

T = TypeVar("T", bound=Hashable)


def needed(nodes: int, absent: int) -> int:
    """How many must say the same.

    Args:
        nodes: how many are configured.
        absent: how many of them have been silent for long.
    """
    return 1 if nodes == 2 and absent == 1 else nodes // 2 + 1


class NoAgreementError(ChainError):
    """Too few nodes answer, or they tell different things: what rests on most of them has to wait."""


class Tally(Generic[T]):
    """The answers of some nodes to one question; None is that a node does not say so, or not yet."""

    def __init__(self, nodes: int, needed: int) -> None:
        self._nodes, self.needed = nodes, needed
        self._votes: Counter[T] = Counter()
        self._without = 0
        self._silent: list[str] = []

    def say(self, answer: T | None) -> None:
        """A node answers."""
        if answer is None:
            self._without += 1
        else:
            self._votes[answer] += 1

    def be_silent(self, reason: str) -> None:
        """A node gives no answer."""
        self._silent.append(reason)

    @property
    def is_decided(self) -> bool:
        """Whether no further answer changes the result."""
        most = max(self._votes.values(), default=0)
        return most >= self.needed or self._without > self._nodes - self.needed

    @property
    def is_contested(self) -> bool:
        """Whether nodes say things of which at most one is so."""
        return len(self._votes) > 1

    def result(self) -> T | None:
        """What most nodes say; None where enough answered, and most do not say it.

        Raises:
            NoAgreementError: too few answer, or no two things that are said are the same.
        """
        for answer, count in self._votes.items():
            if count >= self.needed:
                return answer
        if self._without > self._nodes - self.needed:
            return None
        if self.is_contested:
            raise NoAgreementError(
                "the configured nodes tell different things, and most of them must tell the same; look at each of them"
            )
        if self._answers < self.needed:
            raise NoAgreementError(self._too_few())
        return None

    @property
    def _answers(self) -> int:
        return self._without + self._votes.total()

    def _too_few(self) -> str:
        return (
            f"{self._answers} of {self._nodes} nodes answer, and {self.needed} must say the same of what cannot be "
            f"undone ({'; '.join(self._silent)}); see to them, or name others in chain.url"
        )
