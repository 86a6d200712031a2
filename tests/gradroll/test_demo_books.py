"""A demo's books: an account that a wei is missing of is found, and a contract that keeps one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest
from eth_utils.address import to_canonical_address, to_checksum_address
from hexbytes import HexBytes
from web3.types import Wei

from circuits.errors import ChainError
from commons.chain.devchain import DevChain
from commons.chain.rpc import ErrorTable, Rpc
from commons.chain.view import ChainView
from gradroll.console import Console
from gradroll.demo.books import Books

FRIEND, BOUNTIES, SALES = (bytes(19) + bytes([0xA0 + at]) for at in range(3))


@dataclass
class Bank:
    """A chain on which a rich account pays others."""

    rpc: Rpc

    @property
    def payer(self) -> bytes:
        return to_canonical_address(self.rpc.web3.eth.accounts[0])

    def books(self) -> Books:
        view = cast(ChainView, SimpleNamespace(rpc=self.rpc))
        books = Books(view, {"bounties": BOUNTIES, "sales": SALES})
        books.enter("payer", self.payer)
        books.enter("friend", FRIEND)
        return books

    def pay(self, to: bytes, wei: int) -> None:
        eth = self.rpc.web3.eth
        sent = eth.send_transaction(
            {"from": to_checksum_address(self.payer), "to": to_checksum_address(to), "value": Wei(wei)}
        )
        eth.wait_for_transaction_receipt(sent)


@pytest.fixture
def bank() -> Iterator[Bank]:
    chain = DevChain()
    yield Bank(Rpc(chain.start(), ErrorTable(())))
    chain.stop()


def test_what_was_paid_and_gas_explain_balances(bank: Bank) -> None:
    bank.pay(FRIEND, 3)  # before the books begin
    books = bank.books()
    bank.pay(FRIEND, 5)
    bank.pay(FRIEND, 2)
    books.note("payer", "five and two", -7)
    for wei in (5, 2):
        books.note("friend", "a gift", wei)
    assert (books.net("payer"), books.net("friend")) == (-7, 7)
    report = books.close(Console())
    friend, payer = report["friend"], report["payer"]
    assert friend == {"before": "3", "flows": [["a gift", "5"], ["a gift", "2"]], "gas": "0", "after": "10"}
    receipts = [
        bank.rpc.web3.eth.get_transaction_receipt(cast(HexBytes, sent))
        for number in range(bank.rpc.head().number - 1, bank.rpc.head().number + 1)
        for sent in bank.rpc.web3.eth.get_block(number)["transactions"]
    ]
    paid = [int(each["gasUsed"]) * int(each["effectiveGasPrice"]) for each in receipts]
    assert len(paid) == 2
    assert payer["gas"] == str(sum(paid))
    assert int(str(payer["gas"])) > 0


@pytest.mark.parametrize("said", [-6, -4])
def test_a_wei_that_nobody_can_explain_is_found(bank: Bank, said: int) -> None:
    books = bank.books()
    bank.pay(FRIEND, 5)
    books.note("payer", "a gift", said)
    books.note("friend", "a gift", 5)
    with pytest.raises(ChainError, match="payer has"):
        books.close(Console())


@pytest.mark.parametrize(("place", "name"), [(BOUNTIES, "bounties"), (SALES, "sales")])
def test_a_contract_that_keeps_money_is_found(bank: Bank, place: bytes, name: str) -> None:
    books = bank.books()
    bank.pay(place, 1)
    books.note("payer", "lost", -1)
    with pytest.raises(ChainError, match=f"contract of {name} holds 0.000000000000000001 ETH"):
        books.close(Console())
