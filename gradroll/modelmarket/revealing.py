"""When the key of a model may leave: never for the first time near the deadline, and until the deadline once it has."""

from __future__ import annotations

from circuits.errors import ClosedError, RuleViolationError
from commons.chain.view import ChainView
from commons.runtime.amounts import utc
from gradroll.modelmarket.offerbook import MadeOffer, OfferBook

REVEAL_MARGIN = 3600
"""Seconds before the deadline after which no key leaves for the first time: a transaction may wait, and one that comes
too late has told the key for nothing."""


def let_leave(book: OfferBook, chain: ChainView, made: MadeOffer, deadline: int, margin: int) -> None:
    """Write down that a key leaves, before any node is shown it.

    Raises:
        ClosedError: one that is sent now might be mined too late, as most nodes have the time.
        StorageError: it cannot be written down.
    """
    margin = 0 if book.key_left(made.public) else margin
    if not chain.most(lambda: chain.now() <= deadline - margin):  # one node could hold the clock
        raise ClosedError(
            f"it is {utc(chain.now())} by the chain, and the key had to be revealed by {utc(deadline)}, {margin} "
            "seconds before which nothing is sent any more: a late key is public and pays nothing; the bond is lost "
            "to the buyer, the model is not"
        )
    book.key_leaves(made.public)


def require_time_to_reveal(window: int, margin: int, what: str) -> None:
    """Raise RuleViolationError where a lock may leave too little time before the margin in which no key leaves."""
    if window < 2 * margin:
        raise RuleViolationError(
            f"{what} leaves {window} seconds to reveal, and nothing is revealed in the last {margin}, so the bond "
            "would be lost; shorten models.reveal_margin to half of that at most, or leave it alone"
        )
