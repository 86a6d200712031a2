"""Running a transaction without sending it, so that a refusal costs nothing and has a name."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from circuits.errors import ChainError, ContractError
from commons.chain.rpc import Rpc

_log = logging.getLogger(__name__)


class Rehearsal:
    """Has nodes run calls."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def run(self, transaction: Mapping[str, Any]) -> None:
        """Have one node run it.  Raises ContractError when the contract refuses, ChainError."""
        self._rpc.guarded(lambda: self._rpc.web3.eth.call(cast(Any, transaction)))

    def require(self, transaction: Mapping[str, Any]) -> None:
        """The same, but the refusal of one node does not count where most nodes say that the contract takes it.

        What creates a contract is not run.
        """
        if "to" not in transaction:
            return
        try:
            self.run(transaction)
        except ContractError as refusal:
            if not self._most_take(transaction):
                raise
            _log.warning("event=refusal-of-one-node reason=%r", str(refusal))

    def _most_take(self, transaction: Mapping[str, Any]) -> bool:
        def take() -> bool:
            self.run(transaction)
            return True

        try:
            return bool(self._rpc.most(take))
        except ChainError:
            return False
