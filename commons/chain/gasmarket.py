"""What the latest block says of the next one: most gas of a transaction, and what gas costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from commons.chain.nodeagreement import NoAgreementError
from commons.chain.rpc import Rpc

_TRANSACTION_GAS = 1 << 24
"""Most gas that a chain takes in one transaction (EIP-7825); more is refused, needed or not."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Most gas of a transaction, and the base fee in wei."""

    gas: int
    base_fee: int


def latest_limits(rpc: Rpc) -> Limits:
    """By the latest block.  Raises ChainError."""

    def ask() -> Limits:
        block: Mapping[str, Any] = rpc.web3.eth.get_block("latest")
        return Limits(min(_TRANSACTION_GAS, int(block["gasLimit"])), int(block.get("baseFeePerGas", 0)))

    return cast(Limits, rpc.guarded(ask))


def gas_within(rpc: Rpc, wanted: int, limits: Limits) -> int:
    """What a transaction asks for: what is wanted, or what one may, where a node says less and most say the same.

    With less than it needs it is mined, costs its gas and does nothing.  Where nodes do not agree, the one is believed.
    """
    if wanted <= limits.gas:
        return wanted
    try:
        agreed = rpc.most(lambda: latest_limits(rpc).gas)
    except NoAgreementError:
        agreed = None
    return min(wanted, limits.gas if agreed is None else agreed)
