"""What a transaction will cost, said before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from circuits.errors import ChainError
from commons.runtime.amounts import checksum, ether


@dataclass(frozen=True, slots=True)
class Quote:
    """The cost of a transaction that is about to be sent.

    Attributes:
        account: address of the account that pays.
        gas: estimate of the gas that it uses.
        fee: wei, the largest fee for its gas limit; a quarter more each time it has to be sent again.
        value: wei that go to the contract.
        balance: wei that the account has.
    """

    account: bytes
    gas: int
    fee: int
    value: int
    balance: int

    def require_affordable(self) -> None:
        """Raise ChainError unless the account can pay for it."""
        if self.balance < self.value + self.fee:
            parts = f"{ether(self.value)} for the contract and up to {ether(self.fee)} for gas"
            raise ChainError(
                f"account {checksum(self.account)} has {ether(self.balance)}, this needs up to "
                f"{ether(self.value + self.fee)} ({parts}): send it the difference; nothing more was sent"
            )


Announce = Callable[[Quote], None]
