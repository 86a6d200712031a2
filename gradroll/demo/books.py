"""A demo's books: why each account has what it has, held against the chain to the wei."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from eth_utils.address import to_canonical_address, to_checksum_address
from hexbytes import HexBytes

from circuits.errors import ChainError
from commons.chain.view import ChainView
from commons.runtime.amounts import ether
from gradroll.console import Console


@dataclass
class _Account:
    """An account, what it had when it was entered, and what the terms say that it paid (below 0) and got."""

    address: bytes
    block: int
    before: int
    flows: list[tuple[str, int]] = field(default_factory=list)


class Books:
    """What is expected of each account by the terms, and what the chain says; gas is kept apart.

    Args:
        chain: shows balances, blocks and receipts.
        contracts: address by name, of contracts that are to hold nothing in the end.
    """

    def __init__(self, chain: ChainView, contracts: Mapping[str, bytes]) -> None:
        self._rpc, self._eth, self._contracts = chain.rpc, chain.rpc.web3.eth, contracts
        self._accounts: dict[str, _Account] = {}
        self._followed, self._gas = self._rpc.head().number, Counter[bytes]()

    def enter(self, name: str, address: bytes) -> None:
        """Begin with an account, as it is now."""
        self._accounts[name] = _Account(address, self._rpc.head().number, self._balance(address))

    def note(self, name: str, what: str, wei: int) -> None:
        """State that an account pays (below 0) or gets an amount."""
        self._accounts[name].flows.append((what, wei))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all accounts."""
        return tuple(self._accounts)

    def net(self, name: str) -> int:
        """What an account got less what it paid, by what was noted."""
        return sum(wei for _, wei in self._accounts[name].flows)

    def close(self, console: Console) -> dict[str, dict[str, object]]:
        """Hold every account against the chain, and show it; amounts are strings of wei.

        Raises:
            ChainError: an account has another amount than follows from what it paid and got, or a contract keeps some.
        """
        console.heading("balances")
        self.follow()
        gas, report = self._gas, dict[str, dict[str, object]]()
        for name, account in self._accounts.items():
            after, net = self._balance(account.address), self.net(name)
            expected = account.before + net - gas[account.address]
            if after != expected:
                raise ChainError(f"{name} has {ether(after)}; by what it paid and got it should have {ether(expected)}")
            console.line(f"  {name}: " + ", ".join(f"{what} {_signed(wei)}" for what, wei in account.flows))
            console.line(f"    {_signed(net)}, and {ether(gas[account.address])} of gas: has {ether(after)}")
            report[name] = {
                "before": str(account.before), "flows": [[what, str(wei)] for what, wei in account.flows],
                "gas": str(gas[account.address]), "after": str(after),
            }  # fmt: skip
        self._require_empty()
        names = ", ".join(self._contracts)
        console.line(f"  each balance follows to the wei; contracts hold nothing ({names})", "green")
        return report

    def _require_empty(self) -> None:
        for name, place in self._contracts.items():
            left = self._balance(place)
            if left:
                raise ChainError(f"the contract of {name} holds {ether(left)} that nobody is owed")

    def _balance(self, address: bytes) -> int:
        place = to_checksum_address(address)
        return int(self._rpc.guarded(lambda: self._eth.get_balance(place)))

    def follow(self) -> None:
        """Add up what accounts paid for transactions since the last time; a development chain is slow to show old ones.

        A transaction counts that was mined after its sender was entered.
        """
        guarded, last = self._rpc.guarded, self._rpc.head().number
        since = {account.address: account.block for account in self._accounts.values()}
        while self._followed < last:
            self._followed += 1
            for sent in guarded(partial(self._eth.get_block, self._followed))["transactions"]:
                transaction = guarded(partial(self._eth.get_transaction, cast(HexBytes, sent)))
                sender = to_canonical_address(transaction["from"])
                if self._followed > since.get(sender, last):
                    receipt = guarded(partial(self._eth.get_transaction_receipt, transaction["hash"]))
                    self._gas[sender] += int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])


def _signed(wei: int) -> str:
    return f"{'-' if wei < 0 else '+'}{ether(abs(wei))}"
