"""View functions of contracts, called once or with many arguments, while the market is the one of the start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from circuits.errors import ContractError, UnknownError
from commons.chain.abicoding import ViewCall
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.nodereader import NodeReader

T = TypeVar("T")


class ContractReader(NodeReader):
    """Contracts through one node or several.

    Attributes:
        market: the market's address.
    """

    market: bytes
    _watch: DeploymentWatch

    def call(self, to: bytes, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        """What a view function of a contract answers, decoded.

        Raises:
            UnknownError: the contract says that it knows no such thing.
            ContractError: the contract refuses for another reason.
        """
        return self._told(lambda: self.rpc.call(to, signature, arguments, returns))

    def call_each(self, to: bytes, calls: Sequence[ViewCall]) -> list[tuple[Any, ...]]:
        """What several view functions of a contract answer, in few requests.  Raises as ``call``, for any of them."""
        return self._told(lambda: self.rpc.call_each(to, calls)) if calls else []

    def _market(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        return self.call(self.market, signature, arguments, returns)

    def _market_each(self, calls: Sequence[ViewCall]) -> list[tuple[Any, ...]]:
        return self.call_each(self.market, calls)

    def _told(self, ask: Callable[[], T]) -> T:
        self._watch.look()
        try:
            return ask()
        except ContractError as error:
            if error.error.endswith("Unknown"):
                self._watch.look_now()
                raise UnknownError(f"the chain knows no such thing: {error}") from error
            raise
