"""One account of the chain, which sends transactions to the project's contracts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from eth_abi.abi import decode

from circuits.errors import ChainError, ContractError
from circuits.hashing import keccak
from circuits.terms import ETHER
from commons.chain import calldata
from commons.chain.abicoding import call_data
from commons.chain.calldata import MARKET, NO_PERMIT, REGISTRY, Permit
from commons.chain.mined import Log, Mined
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Announce
from commons.chain.transactions import Sender
from commons.chain.variants import OnSent
from commons.chain.view import ChainView
from commons.runtime.pieces import Pieces
from commons.storage.accounts import Signer

SMALL = 500_000
"""Gas limit of what costs little."""
PERMIT_SECONDS = 3600
_APPROVE = 150_000
Progress = Callable[[int, int], None]
"""Told how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Creation:
    """Something that a contract names by its creator, a nonce of the creator's choice, and what it is.

    Attributes:
        contract: 20-byte address of the contract that is called.
        data: of the call with a nonce.
        taken: the contract's error for a nonce with which it was created before.
        exists: whether it was, where that can be told from outside; saves asking the contract in vain.
        value: ether that is sent along, wei.
    """

    contract: bytes
    data: Callable[[int], bytes]
    taken: str
    exists: Callable[[int], bool] | None = None
    value: int = 0


class ChainAccount:
    """An account and the view through which it sees the chain.

    Every method waits until its transaction is mined and raises ContractError with the contract's named error when it
    is refused, ChainError when the node is the trouble, or ``stopping`` is set while it waits.  Use one object for an
    account in a process.  ``outbox``, ``announce``, ``on_sent`` and ``on_earlier`` are those of its ``Sender``.
    """

    def __init__(
        self,
        view: ChainView,
        key: Signer,
        patience: Patience | None = None,
        stopping: threading.Event | None = None,
        *,
        outbox: Outbox | None = None,
        announce: Announce | None = None,
        on_sent: OnSent | None = None,
        on_earlier: OnSent | None = None,
    ) -> None:
        self.view = view
        view.rpc.errors = calldata.contract_errors()
        self._key = key
        self._sender = Sender(
            view.rpc, key, patience, stopping, outbox=outbox, announce=announce, on_sent=on_sent, on_earlier=on_earlier
        )

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest with this account."""
        return self._key.sign(digest)

    def sign_message(self, message: bytes) -> bytes:
        """Sign the Keccak-256 hash of a message with this account, also where its key is at an external signer."""
        return self._key.sign_message(message)

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self._sender.address

    @property
    def most_gas(self) -> int:
        """Most gas that one transaction may ask for at present.  Raises ChainError."""
        return self._sender.most_gas()

    @property
    def under_way(self) -> Pieces:
        """The transaction that is sent and waited for, if any."""
        return self._sender.under_way

    def permit(self, token: bytes, amount: int, seconds: int = PERMIT_SECONDS) -> Permit:
        """Let the market take an amount of a token of this account within a time, without a transaction.

        ``NO_PERMIT`` where the token knows no permits: then the market is given an allowance.
        """
        deadline = self.view.now() + seconds
        message = self.view.tokens.permit_message(token, self.address, self.view.market, amount, deadline)
        return NO_PERMIT if message is None else Permit(deadline, self.sign_message(message))

    def _market(
        self,
        name: str,
        *arguments: object,
        gas: int = SMALL,
        value: int = 0,
        on_sent: OnSent | None = None,
        repeatable: bool = False,
    ) -> Mined:
        data = calldata.call(MARKET, name, *arguments)
        return self._sender.send(self.view.market, data, gas=gas, value=value, on_sent=on_sent, repeatable=repeatable)

    def _registry(
        self, name: str, *arguments: object, gas: int = SMALL, value: int = 0, repeatable: bool = False
    ) -> Mined:
        data = calldata.call(REGISTRY, name, *arguments)
        return self._sender.send(self.view.registry, data, gas=gas, value=value, repeatable=repeatable)

    def send(
        self, contract: bytes, data: bytes, *, gas: int = SMALL, value: int = 0, repeatable: bool = False,
        secret: bool = False,
    ) -> Mined:  # fmt: skip
        """Send a call to a contract of a market that stands beside this one; the arguments are those of ``Sender``."""
        return self._sender.send(contract, data, gas=gas, value=value, repeatable=repeatable, secret=secret)

    def value_of(self, token: bytes, amount: int, spender: bytes) -> int:
        """The ether to send along, so that a contract can take an amount; of a token it is allowed to take as much.

        An allowance is exact, so that a contract that turned out to be bad could take no more than what was meant.
        """
        if token == ETHER:
            return amount
        allowed = self.view.tokens.allowance(token, self.address, spender)
        if allowed < amount:
            if allowed:  # some tokens change an allowance only from zero
                self._approve(token, spender, 0)
            self._approve(token, spender, amount)
        return 0

    def _approve(self, token: bytes, spender: bytes, amount: int) -> None:
        data = call_data("approve(address,uint256)", [spender, amount])
        self._sender.send(token, data, gas=_APPROVE, repeatable=True)

    def create(self, new: Creation, first: int, gas: int) -> tuple[Mined, int]:
        """Create something under the first nonce that is free; an earlier run's transaction for it is gone on with.

        Returns:
            What was mined, and that nonce.
        """
        nonce = first
        while True:
            data = new.data(nonce)
            known = self._sender.remembers(new.contract, data, new.value)
            if known or new.exists is None or not new.exists(nonce):
                try:
                    return self._sender.send(new.contract, data, gas=gas, value=new.value), nonce
                except ContractError as error:
                    if error.error != new.taken:  # another thread or process of this account was quicker
                        raise
            nonce += 1


def logs(mined: Mined, address: bytes, contract: str, name: str) -> list[Log]:
    """A transaction's events of a name, of the contract at an address."""
    wanted = keccak(calldata.signatures(contract, "event")[name].encode("ascii"))
    return [log for log in mined.logs if log.address == address and log.topics and log.topics[0] == wanted]


def topic(mined: Mined, address: bytes, contract: str, name: str, position: int) -> int:
    """A number among the topics of a transaction's one event of a name.  Raises ChainError when there is none."""
    return int.from_bytes(_one(mined, address, contract, name).topics[position], "big")


def data_words(log: Log, count: int) -> tuple[int, ...]:
    """The first words of an event's data."""
    return tuple(decode(["uint256"] * count, log.data))


def first_word(mined: Mined, address: bytes, contract: str, name: str) -> int:
    """The first word of data of a transaction's one event of a name.  Raises ChainError when there is none."""
    return data_words(_one(mined, address, contract, name), 1)[0]


def _one(mined: Mined, address: bytes, contract: str, name: str) -> Log:
    found = logs(mined, address, contract, name)
    if not found:
        raise ChainError(f"transaction 0x{mined.transaction.hex()} has no event {name}; is the contract ours?")
    return found[0]
