"""Running a transaction without sending it, so that a refusal costs nothing and has a name."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from circuits.errors import ChainError, ContractError
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.rpc import Rpc

_log = logging.getLogger(__name__)


class Rehearsal:
    """Has nodes run calls.

    Args:
        pause: lets so many seconds pass; raises to give up.
    """

    def __init__(self, rpc: Rpc, patience: Patience, pause: Callable[[float], None]) -> None:
        self._rpc, self._patience, self._pause = rpc, patience, pause

    def run(self, transaction: Mapping[str, Any]) -> None:
        """Have one node run it.  Raises ContractError when the contract refuses, ChainError."""
        self._rpc.guarded(lambda: self._rpc.web3.eth.call(cast(Any, transaction)))

    def require(self, transaction: Mapping[str, Any]) -> None:
        """The same, but what one node says does not count where most nodes say otherwise.

        What most refuse they are given time to take, as they may lag behind the one: who sends on its word what the
        contract refuses pays for that again and again.  What creates a contract is not run.
        """
        if "to" not in transaction:
            return
        until, pauses = time.monotonic() + self._patience.doubt, growing(self._patience.poll, self._patience.resend)
        while (refusal := self._refusal(transaction)) is not None:
            if time.monotonic() >= until:
                _log.warning("event=taken-by-one-node reason=%r", str(refusal))
                raise refusal
            self._pause(next(pauses))

    def _refusal(self, transaction: Mapping[str, Any]) -> ContractError | None:
        """Why most nodes do not take what one takes, if they do not.  Raises as ``require`` where that one refuses."""
        try:
            self.run(transaction)
        except ContractError as refusal:
            if not self._most_take(transaction):
                raise
            _log.warning("event=refusal-of-one-node reason=%r", str(refusal))
            return None
        return self._refusal_of_most(transaction) if len(self._rpc.set_aside) > 1 else None

    def _most_take(self, transaction: Mapping[str, Any]) -> bool:
        def take() -> bool:
            self.run(transaction)
            return True

        return self._most(take)

    def _refusal_of_most(self, transaction: Mapping[str, Any]) -> ContractError | None:
        refusals: list[ContractError] = []

        def refuse() -> bool | None:
            try:
                self.run(transaction)
            except ContractError as refusal:
                refusals.append(refusal)
                return True
            return None

        return refusals[-1] if self._most(refuse) else None

    def _most(self, ask: Callable[[], bool | None]) -> bool:
        try:
            return bool(self._rpc.most(ask))
        except ChainError:
            return False
