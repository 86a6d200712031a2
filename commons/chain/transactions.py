"""Sending transactions: one owner of an account's nonces, explicit gas, resending with higher fees, named refusals."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from eth_account import Account
from eth_utils.address import to_canonical_address, to_checksum_address
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from circuits.errors import ChainError, ContractError
from commons.chain.rpc import Rpc, revert_data
from commons.settings.sections import ChainSettings
from commons.storage.accounts import SigningKey

_log = logging.getLogger(__name__)
_KNOWN = ("already known", "known transaction", "already imported")
_STALE = (
    "nonce too low", "nonce is too low", "invalid nonce", "transaction nonce: expected",
    "replacement transaction underpriced",  # somebody's transaction with this nonce waits to be mined, or a dearer one
)  # fmt: skip
_TRANSACTION_GAS = 1 << 24
"""Most gas that a chain takes in one transaction (EIP-7825); more is refused, needed or not."""
OnSent = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a mined transaction."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction that was mined and succeeded.

    Attributes:
        contract: address of the contract that it created.
    """

    transaction: bytes
    block: int
    gas_used: int
    contract: bytes | None
    logs: tuple[Log, ...] = field(repr=False)

    @property
    def created(self) -> bytes:
        """Address of the contract that it created.  Raises ChainError when it created none."""
        if self.contract is None:
            raise ChainError(f"transaction 0x{self.transaction.hex()} created no contract")
        return self.contract


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between looks for a receipt, before fees are raised, before giving up; and the first tip, wei a gas."""

    poll: float = 0.25
    resend: float = 45.0
    give_up: float = 600.0
    tip: int = 10**9

    @classmethod
    def of(cls, chain: ChainSettings) -> Patience:
        """As [chain] says."""
        return cls(chain.receipt_poll, chain.resend, chain.give_up, chain.tip)


class _NonceTakenError(Exception):
    """Another transaction of the account has the nonce, so ours can never be mined under it."""


class Sender:
    """The one sender of an account in this process.  Transactions go out one at a time, in nonce order."""

    def __init__(
        self,
        rpc: Rpc,
        key: SigningKey,
        patience: Patience | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.rpc = rpc
        self.address = key.address
        self._key = key
        self._patience = patience or Patience()
        self._stopping = stopping or threading.Event()
        self._lock = threading.Lock()

    def send(self, to: bytes | None, data: bytes, *, gas: int, value: int = 0, on_sent: OnSent | None = None) -> Mined:
        """Send a transaction and wait until it is mined.

        Args:
            to: the contract, None to create one.
            gas: gas limit, lowered to what the chain takes; what is not used costs nothing.
            on_sent: told the hash of each variant before the wait for it begins.

        Raises:
            ContractError: the contract refuses; found before sending where possible.
            ChainError: unreachable, not mined in time, or the account cannot pay.
        """
        base: dict[str, Any] = {"data": "0x" + data.hex(), "value": value, "chainId": self.rpc.chain_id}
        if to is not None:
            base["to"] = to_checksum_address(to)
        deadline = time.monotonic() + self._patience.give_up
        with self._lock:
            while True:
                block = self._latest()
                allowed = min(gas, _most_gas(block))
                self._rehearse(to, data, allowed, value)
                try:
                    return self._until_mined({**base, "gas": allowed, "nonce": self._nonce()}, block, deadline, on_sent)
                except _NonceTakenError:
                    _log.warning("event=nonce-taken address=0x%s advice='give this account to one process'",
                                 self.address.hex())  # fmt: skip
                    self._pause(deadline)

    def most_gas(self) -> int:
        """Most gas that one transaction may ask for at present.  Raises ChainError."""
        return _most_gas(self._latest())

    def _pause(self, deadline: float) -> None:
        """Let the other transaction be mined.  Raises ChainError when there is no time left, or the process stops."""
        if self._stopping.wait(self._patience.poll) or time.monotonic() >= deadline:
            raise ChainError("another transaction of this account was in the way; give the account to one process")

    def _rehearse(self, to: bytes | None, data: bytes, gas: int, value: int) -> None:
        """Run the call without sending it, so that a refusal costs nothing and has a name."""
        if to is None:
            return
        call: Any = {
            "from": to_checksum_address(self.address), "to": to_checksum_address(to),
            "data": "0x" + data.hex(), "gas": gas, "value": value,
        }  # fmt: skip
        self.rpc.guarded(lambda: self.rpc.web3.eth.call(call))

    def _nonce(self) -> int:
        address = to_checksum_address(self.address)
        return int(self.rpc.guarded(lambda: self.rpc.web3.eth.get_transaction_count(address)))

    def _until_mined(
        self, transaction: Mapping[str, Any], block: Mapping[str, Any], deadline: float, on_sent: OnSent | None
    ) -> Mined:
        hashes: list[bytes] = []
        while time.monotonic() < deadline:
            sent = self._broadcast({**transaction, **self._fees(block, len(hashes))})
            if sent is not None:
                hashes.append(sent)
                _log.info("event=transaction-sent hash=0x%s nonce=%d", sent.hex(), transaction["nonce"])
                if on_sent is not None:
                    on_sent(sent)
            receipt = self._wait(hashes, deadline) if hashes else None
            if receipt is not None:
                return self._succeeded(receipt, transaction)
            if sent is None:
                raise _NonceTakenError
            block = self._latest()
        raise ChainError(
            f"the transaction 0x{hashes[-1].hex() if hashes else ''} was not mined within "
            f"{self._patience.give_up:.0f} s; look for it before sending it again"
        )

    def _latest(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], self.rpc.guarded(lambda: dict(self.rpc.web3.eth.get_block("latest"))))

    def _fees(self, block: Mapping[str, Any], attempt: int) -> dict[str, int]:
        """Fees that a node takes as a replacement of the attempt before: a quarter more each time."""
        base = int(block.get("baseFeePerGas", 0))
        tip = self._patience.tip * 5**attempt // 4**attempt
        return {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * base * 5**attempt // 4**attempt + tip}

    def _broadcast(self, transaction: dict[str, Any]) -> bytes | None:
        """Sign and send.  None when the nonce is taken: by an earlier variant, or by a stranger."""
        signed = Account.sign_transaction(transaction, self._key.secret_bytes())
        try:
            self.rpc.web3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError as error:
            text = str(error).lower()
            if any(word in text for word in _STALE):
                return None
            if not any(word in text for word in _KNOWN):
                raise ChainError(f"the node refused the transaction: {error}") from error
        except ContractLogicError as error:
            raise self.rpc.errors.explain(revert_data(error)) from error
        except OSError as error:
            _log.warning("event=broadcast-failed reason=%s", type(error).__name__)
        return bytes(signed.hash)

    def _wait(self, hashes: list[bytes], deadline: float) -> Mapping[str, Any] | None:
        until = min(deadline, time.monotonic() + self._patience.resend)
        while time.monotonic() < until:
            for sent in reversed(hashes):
                receipt = self._receipt(sent)
                if receipt is not None:
                    return receipt
            if self._stopping.wait(self._patience.poll):
                raise ChainError(f"stopped while the transaction 0x{hashes[-1].hex()} was under way")
        return None

    def _receipt(self, sent: bytes) -> Mapping[str, Any] | None:
        try:
            return cast(Mapping[str, Any], self.rpc.web3.eth.get_transaction_receipt(cast(Any, sent)))
        except (TransactionNotFound, OSError):
            return None

    def _succeeded(self, receipt: Mapping[str, Any], transaction: Mapping[str, Any]) -> Mined:
        if receipt["status"] != 1:
            self._explain_failure(receipt, transaction)
        created = receipt.get("contractAddress")
        return Mined(
            bytes(receipt["transactionHash"]), int(receipt["blockNumber"]), int(receipt["gasUsed"]),
            to_canonical_address(created) if created else None,
            tuple(
                Log(to_canonical_address(log["address"]), tuple(map(bytes, log["topics"])), bytes(log["data"]))
                for log in receipt["logs"]
            ),
        )  # fmt: skip

    def _explain_failure(self, receipt: Mapping[str, Any], transaction: Mapping[str, Any]) -> None:
        """A mined transaction failed although its rehearsal did not: the state changed in between, or gas ran out."""
        name = f"transaction 0x{bytes(receipt['transactionHash']).hex()}"
        if int(receipt["gasUsed"]) >= int(transaction["gas"]):
            raise ContractError(f"{name} ran out of gas ({transaction['gas']}); allow it more", "OutOfGas")
        call: Any = {key: transaction[key] for key in ("to", "data", "value") if key in transaction}
        call |= {"from": to_checksum_address(self.address), "gas": transaction["gas"]}
        self.rpc.guarded(lambda: self.rpc.web3.eth.call(call))
        raise ContractError(f"{name} was reverted, but would succeed now; send it again")


def _most_gas(block: Mapping[str, Any]) -> int:
    return min(_TRANSACTION_GAS, int(block["gasLimit"]))
