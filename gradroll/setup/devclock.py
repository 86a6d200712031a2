"""The clock of a development chain, which can be put forward."""

from __future__ import annotations

from functools import partial

from web3.types import RPCEndpoint

from circuits.errors import ChainError
from commons.chain.rpc import Rpc


def put_clock_forward(rpc: Rpc, seconds: int, blocks: int = 1) -> None:
    """Put a development chain's clock forward, and have it make blocks.

    Raises:
        ChainError: the node refuses; only development nodes do so.
    """
    for method, parameters in (("evm_increaseTime", [seconds]), *[("evm_mine", list[int]())] * blocks):
        if "error" in rpc.guarded(partial(rpc.web3.provider.make_request, RPCEndpoint(method), parameters)):
            raise ChainError(f"the node refuses {method}; use a development chain, anvil or gradroll chain serve")
