"""What became of transactions, as a node tells it: whether they are known, mined, deep, and why one failed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from web3.exceptions import TransactionNotFound

from circuits.errors import ChainError, ContractError
from commons.chain.mined import Mined
from commons.chain.nodeagreement import NoAgreementError
from commons.chain.outbox import Entry
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.rpc import Rpc

_log = logging.getLogger(__name__)
_NEWEST = 3
"""Variants that are asked for in any case: a node's count of an account's transactions may lag behind its receipts."""


class Receipts:
    """Looks for the receipts of one account's transactions.

    Args:
        stopping: set by a process that stops; then every wait ends in ChainError.
    """

    def __init__(self, rpc: Rpc, address: bytes, patience: Patience, stopping: threading.Event) -> None:
        self._rpc, self._address, self._patience, self._stopping = rpc, address, patience, stopping

    def found(self, entry: Entry) -> Mapping[str, Any] | None:
        """The receipt of one of an entry's variants, the newest first; of many, all only where their nonces are used.

        Raises ChainError when the node does not say.
        """
        sent = [(entry.nonce_of(one), one) for one in reversed(entry.sent)]
        newest, others = sent[:_NEWEST], sent[_NEWEST:]
        if others:
            free = self._rpc.next_nonce(self._address)
            others = [one for one in others if one[0] < free]
        return next(filter(None, (self._receipt(one) for _, one in (*newest, *others))), None)

    def wait(self, entry: Entry, longest: float, deadline: float) -> Mapping[str, Any] | None:
        """The same, waited for: so many seconds, and not beyond a deadline of the monotonic clock."""
        until = min(deadline, time.monotonic() + longest)
        while time.monotonic() < until:
            with suppress(ChainError):  # a node that is away comes back
                receipt = self.found(entry)
                if receipt is not None:
                    return receipt
            self.pause(self._patience.poll)
        return None

    def pause(self, seconds: float) -> None:
        """Let blocks come.  Raises ChainError when the process stops."""
        if self._stopping.wait(seconds):
            raise ChainError("stopped while a transaction of this process was under way")

    def require_agreed(self, receipt: Mapping[str, Any]) -> None:
        """Wait until most nodes show a receipt, so that what was sent may be forgotten for it.

        Raises ChainError where they do not while a receipt may take to appear.
        """
        until, pauses = time.monotonic() + self._patience.doubt, growing(self._patience.poll, self._patience.resend)
        while not self._is_agreed(receipt):
            if time.monotonic() >= until:
                raise ChainError(
                    f"one node shows what became of the transaction 0x{_place(receipt)[0].hex()}, and most nodes of "
                    "chain.url do not say the same: look at each of them, and run the command again, it pays once"
                )
            self.pause(next(pauses))

    def _is_agreed(self, receipt: Mapping[str, Any]) -> bool:
        place = self._rpc.guarded(lambda: _place(receipt))

        def same() -> bool | None:
            shown = self._receipt(place[0])
            return (shown is not None and _place(shown) == place) or None

        try:
            return bool(self._rpc.most(same))
        except NoAgreementError:
            return False

    def knows(self, sent: bytes) -> bool:
        """Whether the node has a transaction, mined or not.  Raises ChainError when it does not say."""

        def ask() -> bool:
            with suppress(TransactionNotFound):
                return bool(self._rpc.web3.eth.get_transaction(cast(Any, sent)))
            return False

        return bool(self._rpc.guarded(ask))

    def deepened(self, mined: Mined) -> Mapping[str, Any] | None:
        """The receipt, once its block is as deep as patience asks; None when a reorganisation takes it back before.

        Raises:
            ChainError: no block has come for as long as a transaction is waited for.
        """
        _log.info("event=confirmations-awaited hash=0x%s block=%d", mined.transaction.hex(), mined.block)
        head, since = -1, time.monotonic()
        while time.monotonic() < since + self._patience.give_up:
            with suppress(ChainError):  # a node that is away comes back
                receipt = self._receipt(mined.transaction)
                if receipt is None or self._is_deep(receipt):
                    return receipt
                latest = self._rpc.head().number
                if latest != head:
                    head, since = latest, time.monotonic()
            self.pause(self._patience.poll)
        raise ChainError(
            f"the transaction 0x{mined.transaction.hex()} is in block {mined.block}, but no block has come for "
            f"{self._patience.give_up:.0f} s, so it cannot become as deep as chain.confirmations says; run the command "
            "again, it pays once"
        )

    def _is_deep(self, receipt: Mapping[str, Any]) -> bool:
        block = int(self._rpc.guarded(lambda: int(receipt["blockNumber"])))
        return block <= self._rpc.block(self._patience.depth).number

    def explain(self, receipt: Mapping[str, Any], call: Mapping[str, Any]) -> None:
        """Raise ContractError: a mined transaction failed although its rehearsal did not.

        The state has changed in between, or gas ran out.
        """
        rpc = self._rpc
        sent, used = rpc.guarded(lambda: (receipt["transactionHash"], int(receipt["gasUsed"])))
        gas = rpc.guarded(lambda: int(rpc.web3.eth.get_transaction(sent)["gas"]))
        name = f"transaction 0x{bytes(sent).hex()}"
        if used >= gas:
            raise ContractError(f"{name} ran out of gas ({gas}); allow it more", "OutOfGas")
        rpc.guarded(lambda: rpc.web3.eth.call(cast(Any, {**call, "gas": gas})))
        raise ContractError(f"{name} was reverted, but would succeed now; send it again")

    def _receipt(self, sent: bytes) -> Mapping[str, Any] | None:
        def ask() -> Mapping[str, Any] | None:
            with suppress(TransactionNotFound):
                return cast(Mapping[str, Any], self._rpc.web3.eth.get_transaction_receipt(cast(Any, sent)))
            return None

        return cast(Mapping[str, Any] | None, self._rpc.guarded(ask))


def _place(receipt: Mapping[str, Any]) -> tuple[bytes, int, int]:
    """The transaction, its block, and whether it succeeded."""
    return bytes(receipt["transactionHash"]), int(receipt["blockNumber"]), int(receipt["status"])
