"""What a chain says in the end, read from its blocks: who was accepted, and where every wei of everybody went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from commons.chain.view import ChainView

Ask = Callable[..., Any]
"""A question to the node: method and parameters."""


@dataclass(slots=True)
class Flow:
    """One account between two blocks, in wei.

    Attributes:
        before, after: balances.
        gas: paid for its own transactions.
        sent: value of its own transactions that were carried out.
    """

    before: int
    after: int = 0
    gas: int = 0
    sent: int = 0

    @property
    def received(self) -> int:
        """What others paid to it."""
        return self.after - self.before + self.gas + self.sent


@dataclass(slots=True)
class ChainBook:
    """Everything between two blocks.

    Attributes:
        flows: by name of the account; "market" is the contract.
        accepted: by task and round, the registration index of each accepted gradient, one entry a gradient.
        batches: by task, how many batches.
        failed: transactions that were mined and reverted, by sender's name.
    """

    flows: dict[str, Flow]
    accepted: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    batches: Counter[int] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


def balance(ask: Ask, account: bytes, block: int) -> int:
    """Wei of an account at a block."""
    return int(ask("eth_getBalance", f"0x{account.hex()}", hex(block)), 16)


def read_book(ask: Ask, accounts: Mapping[str, bytes], first: int, last: int) -> ChainBook:
    """The flows from the end of block ``first`` to the end of block ``last``."""
    names = {f"0x{address.hex()}": name for name, address in accounts.items()}
    book = ChainBook({name: Flow(balance(ask, address, first)) for name, address in accounts.items()})
    for number in range(first + 1, last + 1):
        block = ask("eth_getBlockByNumber", hex(number), True)
        receipts = {r["transactionHash"]: r for r in _receipts(ask, number, block)}
        for sent in block["transactions"]:
            name, receipt = names.get(sent["from"].lower()), receipts[sent["hash"]]
            if name is None:
                continue
            flow = book.flows[name]
            flow.gas += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
            if int(receipt["status"], 16):
                flow.sent += int(sent["value"], 16)
            else:
                book.failed[name] += 1
    for name, address in accounts.items():
        book.flows[name].after = balance(ask, address, last)
    return book


def _receipts(ask: Ask, number: int, block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of all transactions of a block.  Raises LookupError where the node has lost one."""
    together = ask("eth_getBlockReceipts", hex(number))
    each = together or [ask("eth_getTransactionReceipt", sent["hash"]) for sent in block["transactions"]]
    if None in each:
        raise LookupError(f"the node has no receipt of a transaction in its block {number}: the books cannot be read")
    return list(each)


def read_acceptances(book: ChainBook, view: ChainView, tasks: tuple[int, ...]) -> None:
    """Put into the book who was accepted."""
    for task in tasks:
        indices = {view.owner_at(task, index): index for index in range(view.task(task).owners)}
        for number in range(view.task(task).rounds_opened):
            batches = view.accepted(task, number)
            book.batches[task] += len(batches)
            book.accepted[task, number] = tuple(indices[owner] for batch in batches for owner in batch.owners)
