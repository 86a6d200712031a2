"""How the chain is, by a look now and then: a server that has nothing to do asks its node nothing else."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from circuits.errors import ChainError
from commons.chain.depth import HEAD, BlockHead
from commons.chain.view import ChainView
from commons.runtime.clock import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the last looks found.  Times are seconds since 1970 by this machine's clock.

    Attributes:
        head: the latest block that was seen, None for none yet.
        seen_at: when.
        silent_since: since when the node does not answer; None while it does.
        balance: wei of the account, None where none is looked at.
    """

    head: BlockHead | None = None
    seen_at: float = 0.0
    silent_since: float | None = None
    balance: int | None = None


class ChainPulse:
    """Looks through the nodes of one view.

    Args:
        account: whose balance is looked at.
    """

    def __init__(self, view: ChainView, clock: Clock, account: bytes | None = None) -> None:
        self._view, self._clock, self._account = view, clock, account
        self.last = Pulse()

    def look(self) -> None:
        """Look once.  A node that does not answer is no error: since when is what is found."""
        try:
            head = self._view.block(HEAD)
            balance = None if self._account is None else self._view.balance(self._account)
        except ChainError as error:
            now, last = self._clock.time(), self.last
            if last.silent_since is None:
                _log.warning("event=chain-silent reason=%r", str(error))
                self.last = Pulse(last.head, last.seen_at, now, last.balance)
            return
        if self.last.silent_since is not None:
            _log.warning("event=chain-answers seconds=%.0f", self._clock.time() - self.last.silent_since)
        self.last = Pulse(head, self._clock.time(), None, balance)

    @property
    def set_aside(self) -> tuple[bool, ...]:
        """Of each node, whether it is set aside at present."""
        return self._view.rpc.set_aside

    def head_age(self) -> float | None:
        """Seconds from the latest block's time until now, by this machine's clock; None before one was seen."""
        head = self.last.head
        return None if head is None else self._clock.time() - head.timestamp

    def ahead(self) -> float | None:
        """Seconds by which the latest block's time was ahead of this machine's clock when it was seen."""
        head = self.last.head
        return None if head is None else head.timestamp - self.last.seen_at
