"""What a prover believes of markets beside its own: what most nodes of `chain.url` and the second node show, alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from circuits.errors import ChainError, UnknownError
from commons.chain.view import ChainView
from commons.runtime.identifiers import shown

T = TypeVar("T")


class MarketView(Protocol):
    """A market that stands beside the gradient market that its chain shows."""

    chain: ChainView


V = TypeVar("V", bound=MarketView)


class OwnCommittee(Generic[V]):
    """What asks one committee for receipts.

    Args:
        views: the market through each configured node, this prover's own first.
        committee: this prover's.
        asks: what asks for receipts, in a word.
    """

    def __init__(self, views: Sequence[V], committee: int, asks: str) -> None:
        self._views, self._committee, self._asks = tuple(views), committee, asks

    def agreed(self, ask: Callable[[V], T | None]) -> T | None:
        """What each configured node shows, None where one does not show it.

        Raises:
            ChainError: too few nodes answer, or they differ.
        """
        found = [view.chain.most(partial(ask, view)) for view in self._views]
        if None in found:
            return None
        if any(other != found[0] for other in found):
            raise ChainError(f"the configured nodes tell different things about this {self._asks}; look at both")
        return found[0]

    def require_committee(self, committee: int) -> None:
        """Raise UnknownError unless it is this prover's that is asked."""
        if committee != self._committee:
            raise UnknownError(
                f"the {self._asks} asks committee {shown(committee)} for receipts, and this prover belongs to "
                f"{shown(self._committee)}; ask the members of the other one"
            )
