"""Sending transactions: one owner of an account's nonces, explicit gas, resending with higher fees, named refusals."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from circuits.errors import ChainError, ContractError
from circuits.hashing import keccak
from coordinator.envelope import Transaction
from provers.jsonrpc import RefusedError, UnreachableError, data, quantity
from provers.keystore import SigningKey
from provers.rpc import Log, Rpc, hexadecimal

_log = logging.getLogger(__name__)
_TIP = 10**9
_KNOWN = ("already known", "known transaction", "already imported")
_STALE = ("nonce too low", "nonce is too low", "invalid nonce", "transaction nonce: expected")
OnSent = Callable[[bytes], None]


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


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between looks for a receipt, before fees are raised, before giving up."""

    poll: float = 0.25
    resend: float = 45.0
    give_up: float = 600.0


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
            gas: gas limit; what is not used costs nothing.
            on_sent: told the hash of each variant before the wait for it begins.

        Raises:
            ContractError: the contract refuses; found before sending where possible.
            ChainError: unreachable, not mined in time, or the account cannot pay.
        """
        wanted = Transaction(self.rpc.chain_id, 0, 0, 0, gas, to, value, data)
        deadline = time.monotonic() + self._patience.give_up
        with self._lock:
            while True:
                if to is not None:
                    self._rehearse(wanted)
                try:
                    return self._until_mined(replace(wanted, nonce=self._nonce()), deadline, on_sent)
                except _NonceTakenError:
                    _log.warning("event=nonce-taken address=0x%s advice='give this account to one process'",
                                 self.address.hex())  # fmt: skip

    def _rehearse(self, wanted: Transaction) -> None:
        """Run the call without sending it, so that a refusal costs nothing and has a name."""
        call = {
            "from": hexadecimal(self.address), "data": hexadecimal(wanted.data),
            "gas": hex(wanted.gas), "value": hex(wanted.value),
        }  # fmt: skip
        if wanted.to is not None:
            call["to"] = hexadecimal(wanted.to)
        self.rpc.ask("eth_call", call, "latest")

    def _nonce(self) -> int:
        return quantity(self.rpc.ask("eth_getTransactionCount", hexadecimal(self.address), "latest"))

    def _until_mined(self, wanted: Transaction, deadline: float, on_sent: OnSent | None) -> Mined:
        hashes: list[bytes] = []
        while time.monotonic() < deadline:
            sent = self._broadcast(self._priced(wanted, len(hashes)))
            if sent is not None:
                hashes.append(sent)
                _log.info("event=transaction-sent hash=0x%s nonce=%d", sent.hex(), wanted.nonce)
                if on_sent is not None:
                    on_sent(sent)
            receipt = self._wait(hashes, deadline) if hashes else None
            if receipt is not None:
                return self._succeeded(receipt, wanted)
            if sent is None:
                raise _NonceTakenError
        raise ChainError(
            f"the transaction 0x{hashes[-1].hex() if hashes else ''} was not mined within "
            f"{self._patience.give_up:.0f} s; look for it before sending it again"
        )

    def _priced(self, wanted: Transaction, attempt: int) -> Transaction:
        """With fees that a node takes as a replacement of the attempt before: a quarter more each time."""
        base = self.rpc.head().base_fee
        tip = _TIP * 5**attempt // 4**attempt
        return replace(wanted, max_priority_fee=tip, max_fee=2 * base * 5**attempt // 4**attempt + tip)

    def _broadcast(self, transaction: Transaction) -> bytes | None:
        """Sign and send.  None when the nonce is taken: by an earlier variant, or by a stranger."""
        signed = transaction.sign(self._key)
        try:
            self.rpc.ask("eth_sendRawTransaction", hexadecimal(signed))
        except RefusedError as error:
            text = error.message.lower()
            if any(word in text for word in _STALE):
                return None
            if not any(word in text for word in _KNOWN):
                raise ChainError(f"the node refused the transaction: {error}") from error
        except UnreachableError as error:
            _log.warning("event=broadcast-failed reason=%s", type(error.__cause__).__name__)
        return keccak(signed)

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
            return self.rpc.receipt(sent)
        except UnreachableError:
            return None

    def _succeeded(self, receipt: Mapping[str, Any], wanted: Transaction) -> Mined:
        if quantity(receipt["status"]) != 1:
            self._explain_failure(receipt, wanted)
        created = receipt.get("contractAddress")
        return Mined(
            data(receipt["transactionHash"]), quantity(receipt["blockNumber"]), quantity(receipt["gasUsed"]),
            data(created) if created else None, tuple(map(Log.of, receipt["logs"])),
        )  # fmt: skip

    def _explain_failure(self, receipt: Mapping[str, Any], wanted: Transaction) -> None:
        """A mined transaction failed although its rehearsal did not: the state changed in between, or gas ran out."""
        name = f"transaction {receipt['transactionHash']}"
        if quantity(receipt["gasUsed"]) >= wanted.gas:
            raise ContractError(f"{name} ran out of gas ({wanted.gas}); allow it more", "OutOfGas")
        self._rehearse(wanted)
        raise ContractError(f"{name} was reverted, but would succeed now; send it again")
