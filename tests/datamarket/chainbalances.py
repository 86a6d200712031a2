"""Whose money is where at the contracts of the data market, to the wei: what a transaction costs is not counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hexbytes import HexBytes
from web3.types import TxData

from benchmarks.datamarket.campaignrules import BURNT, ESCROW, HELD
from circuits.terms import ETHER
from commons.chain.dataview import DataView
from commons.chain.juryfacts import PoolTerms
from commons.storage.accounts import SigningKey

NOBODY = bytes(18) + b"\xde\xad"
"""Who has what is burnt."""


class ChainBalances:
    """Changes since now, of accounts and of what contracts hold.

    Args:
        people: accounts by name.
        token: 20 bytes, zeros for ether.
        pool: whose slots count as their jurors' money; None for no jury.
    """

    def __init__(self, data: DataView, people: Mapping[str, SigningKey], token: bytes, pool: PoolTerms | None) -> None:
        self._data, self._people, self._token, self._pool = data, people, token, pool
        self._gas = dict.fromkeys(people, 0)
        self._at_jury: dict[str, int] = {}
        self._web3 = data.chain.rpc.web3
        self._block = self._web3.eth.block_number
        self._before: Mapping[str, int] = {}
        self._before = self.changes(people, None)

    def changes(self, names: Collection[str], campaign: bytes | None) -> dict[str, int]:
        """How much more each of the names has, what is burnt, free in a campaign, and locked for whoever gets it."""
        self._count_gas()
        credits = {name: self._data.owed(self._token, self._people[name].address) for name in self._people}
        burnt = self._data.owed(self._token, NOBODY)
        if not self._at_jury:
            self._at_jury = {name: self._with_jury(self._people[name].address) for name in self._people}
            self._at_jury[BURNT] = self._data.jury.owed(self._token, NOBODY)
        now = {
            name: self._held(self._people[name].address) + self._gas[name] + credits[name] + self._at_jury[name]
            for name in names
        }
        now[ESCROW] = 0 if campaign is None else self._data.campaign(campaign).free
        now[BURNT] = burnt + self._at_jury[BURNT]
        now[HELD] = self._held(self._data.place) - sum(credits.values()) - burnt - now[ESCROW]
        return {name: amount - self._before.get(name, 0) for name, amount in now.items()}

    def forget_jury(self) -> None:
        """Slots were joined or lost, or the jury has credited somebody: ask anew."""
        self._at_jury.clear()

    def _with_jury(self, address: bytes) -> int:
        """Credits and slots of an account."""
        owed = self._data.jury.owed(self._token, address)
        pool = self._data.jury.pool(self._pool).number if self._pool is not None else 0
        return owed + (self._pool.unit * len(self._data.jury.slots(address, pool)) if self._pool and pool else 0)

    def _held(self, address: bytes) -> int:
        if self._token == ETHER:
            return int(self._web3.eth.get_balance(self._web3.to_checksum_address(address)))
        return self._data.chain.tokens.balance(self._token, address)

    def _count_gas(self) -> None:
        """What transactions of the blocks since cost; only ether pays for them."""
        last = self._web3.eth.block_number
        names = {each.address: name for name, each in self._people.items()}
        for number in range(self._block + 1, last + 1) if self._token == ETHER else ():
            for mined in map(self._hash, self._web3.eth.get_block(number)["transactions"]):
                receipt = self._web3.eth.get_transaction_receipt(mined)
                sender = bytes.fromhex(self._web3.eth.get_transaction(mined)["from"][2:])
                self._gas[names[sender]] += receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self._block = last

    @staticmethod
    def _hash(listed: HexBytes | TxData) -> HexBytes:
        """Of a transaction, as blocks list it that are not asked for more."""
        assert isinstance(listed, HexBytes)
        return listed
