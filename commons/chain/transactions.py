"""Sending transactions: one owner of an account's nonces, explicit gas, resending with higher fees, named refusals."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from eth_utils.address import to_checksum_address

from circuits.errors import ChainError, SignerError
from circuits.hashing import keccak
from commons.chain.bids import Bid, Bidding
from commons.chain.depth import HEAD
from commons.chain.gasmarket import Limits, gas_within, latest_limits
from commons.chain.mined import Mined, created_address
from commons.chain.nodewords import NOT_TAKEN, says
from commons.chain.noncegaps import Gaps
from commons.chain.nonces import Nonces
from commons.chain.outbox import Entry, Outbox
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.quotes import Announce, Quote
from commons.chain.receiptwatch import Receipts
from commons.chain.rehearsal import Rehearsal
from commons.chain.rpc import Rpc
from commons.chain.variants import OnSent, Variant, Variants
from commons.runtime import spans
from commons.runtime.pieces import Pieces
from commons.runtime.stages import stage
from commons.storage.accounts import Signer

_log = logging.getLogger(__name__)


class _NonceTakenError(Exception):
    """Another transaction of the account has the nonce, so ours can never be mined under it."""


class Sender:
    """The one sender of an account in this process.  Transactions go out one at a time, in nonce order.

    Why no transaction has its effect twice, though it may be mined twice: see "A transaction that is sent twice" in
    docs/operations.md.

    Args:
        stopping: set by a process that stops, which waits for no receipt any more.
        outbox: remembers what was sent, so that a process that is run again after an interruption sends nothing twice.
            With one, other processes of this user wait while a transaction of the account is under way.
        announce: told what a transaction will cost, before anything of it is sent.
        on_sent: told the hash of each variant, before the wait for it begins.
        on_earlier: told the hash of what an earlier run of the command had sent, so that it is not sent again.

    Attributes:
        under_way: the transaction that is sent and waited for, if any.
    """

    def __init__(
        self,
        rpc: Rpc,
        key: Signer,
        patience: Patience | None = None,
        stopping: threading.Event | None = None,
        *,
        outbox: Outbox | None = None,
        announce: Announce | None = None,
        on_sent: OnSent | None = None,
        on_earlier: OnSent | None = None,
    ) -> None:
        self.rpc = rpc
        self.address = key.address
        self._patience = patience or Patience()
        self._stopping = stopping or threading.Event()
        self._outbox = outbox
        self._announce = announce
        self._on_sent = on_sent
        self._on_earlier = on_earlier
        self._receipts = Receipts(rpc, key.address, self._patience, self._stopping)
        self._rehearsal = Rehearsal(rpc, self._patience, self._receipts.pause)
        self._bidding = Bidding(self._patience.tip, self._patience.max_fee)
        self._variants = Variants(rpc, key, self._bidding, outbox)
        self._nonces = Nonces(rpc, key.address, self._patience, self._receipts, outbox)
        self._gaps = Gaps(rpc, key.address, self._patience, self._variants, self._nonces, self._receipts, outbox)
        self._lock = threading.Lock()
        self.under_way = Pieces()

    def send(
        self,
        to: bytes | None,
        data: bytes,
        *,
        gas: int,
        value: int = 0,
        on_sent: OnSent | None = None,
        repeatable: bool = False,
        secret: bool = False,
    ) -> Mined:
        """Send a transaction and wait until it is mined, as deep as patience asks.

        Args:
            to: the contract, None to create one.
            gas: gas limit, lowered to what the chain takes; what is not used costs nothing.
            on_sent: instead of the sender's own.
            repeatable: the chain was asked, and this is to be done now: what an earlier run sent for it and was mined
                has been undone since, so it does not count.
            secret: what ``data`` tell is worth something until it is mined.  They are neither rehearsed nor estimated,
                as a node that is asked could keep them and refuse; they leave signed, and for all nodes at once.

        Raises:
            ContractError: the contract refuses; found before sending where possible.
            ChainError: unreachable, not mined in time, or the account cannot pay.
            StorageError: the outbox cannot be written; nothing was sent.
        """
        call = self._call(to, data, value)
        with (
            spans.span("transaction") as told,
            self._lock,
            self.under_way.piece(),
            stage("sending a transaction, and waiting until it is mined"),
        ):
            deadline = time.monotonic() + self._patience.give_up
            with self._nonces.alone(deadline):
                self._nonces.tidy()
                entry = self._entry(to, data, value)
                told_of = on_sent or self._on_sent
                mined = self._lasting(entry, call, gas, deadline, told_of, repeatable=repeatable, secret=secret)
            told.set(transaction=f"0x{mined.transaction.hex()}", block=mined.block, gas=mined.gas_used)
            return mined

    def rehearse(self, to: bytes, data: bytes, *, gas: int) -> None:
        """Run a call without sending it.  Raises ContractError when the contract refuses, ChainError."""
        self._rehearsal.run({**self._call(to, data, 0), "gas": gas_within(self.rpc, gas, latest_limits(self.rpc))})

    def _call(self, to: bytes | None, data: bytes, value: int) -> dict[str, Any]:
        call: dict[str, Any] = {"from": to_checksum_address(self.address), "data": "0x" + data.hex(), "value": value}
        if to is not None:
            call["to"] = to_checksum_address(to)
        return call

    def _lasting(
        self,
        entry: Entry,
        call: Mapping[str, Any],
        gas: int,
        deadline: float,
        on_sent: OnSent | None,
        *,
        repeatable: bool,
        secret: bool,
    ) -> Mined:
        """Have a transaction mined, again under its nonce if a reorganisation takes it back before it is deep."""
        mined = self._earlier(entry, call, deadline, repeatable=repeatable)
        while True:
            mined = mined or self._sent(entry, call, gas, deadline, on_sent, secret=secret)
            if self._patience.depth == HEAD:
                return mined
            receipt = self._receipts.deepened(mined)
            if receipt is not None:
                return replace(self._succeeded(receipt, entry, call), earlier=mined.earlier)
            _log.warning("event=transaction-taken-back hash=0x%s nonce=%d", mined.transaction.hex(), entry.nonce)
            deadline = time.monotonic() + self._patience.give_up
            mined = self._earlier(entry, call, deadline, repeatable=False)

    def most_gas(self) -> int:
        """Most gas that one transaction may ask for at present.  Raises ChainError."""
        return latest_limits(self.rpc).gas

    def remembers(self, to: bytes, data: bytes, value: int = 0) -> bool:
        """Whether an earlier run of the command sent this transaction, as far as the outbox knows."""
        return self._outbox is not None and self._outbox.holds(self._intent(to, data, value))

    def _entry(self, to: bytes | None, data: bytes, value: int) -> Entry:
        """What the outbox knows of this transaction: an entry that nothing was sent of, if there is no outbox."""
        return Entry() if self._outbox is None else self._outbox.entry(self._intent(to, data, value))

    def _intent(self, to: bytes | None, data: bytes, value: int) -> bytes:
        numbers = self.rpc.chain_id.to_bytes(32, "big") + value.to_bytes(32, "big")
        receiver = to or b""
        return keccak(self.address + numbers + bytes((len(receiver),)) + receiver + data)

    def _earlier(self, entry: Entry, call: Mapping[str, Any], deadline: float, *, repeatable: bool) -> Mined | None:
        """The transaction as an earlier run of the command sent it, if it was mined.

        Otherwise the entry keeps the nonce only where the chain can still take it.  A node may show a nonce as used
        before it shows the receipt, or lag: it is given time before another transaction is believed to have the nonce.
        """
        if not entry.sent:
            return None
        usable, receipt = self._standing(entry)
        if receipt is None and not usable:
            receipt = self._receipts.wait(entry, self._patience.doubt, deadline)
        if receipt is None and not usable:
            self._gaps.close(entry, deadline)
            usable, receipt = self._standing(entry)
        if receipt is not None and not repeatable:
            return self._resumed(receipt, entry, call)
        if receipt is not None:
            self._forget(entry, receipt)
        elif not usable:
            self._nonces.require_lost(entry)
            _log.warning(
                "event=earlier-transaction-lost hash=0x%s nonce=%d advice='something else used this nonce: give this "
                "account to one process'", entry.hashes[-1].hex(), entry.nonce,
            )  # fmt: skip
            self._abandon(entry)
        return None

    def _standing(self, entry: Entry) -> tuple[bool, Mapping[str, Any] | None]:
        """Whether the chain can take the entry's nonce next, asked before the receipts, which show what is mined since.

        So it can where all that was sent has lost its nonce: another one is begun with.
        """
        usable = not entry.hashes or self._nonces.next() == entry.nonce
        return usable, self._receipts.found(entry)

    def _resumed(self, receipt: Mapping[str, Any], entry: Entry, call: Mapping[str, Any]) -> Mined:
        """What was sent before, perhaps by an earlier run, and was mined."""
        mined = self._succeeded(receipt, entry, call)
        if entry.here:
            return mined
        _log.warning("event=sent-by-an-earlier-run hash=0x%s nonce=%d", mined.transaction.hex(), entry.nonce)
        if self._on_earlier is not None:
            self._on_earlier(mined.transaction)
        return replace(mined, earlier=True)

    def _sent(
        self, entry: Entry, call: Mapping[str, Any], gas: int, deadline: float, on_sent: OnSent | None, *, secret: bool
    ) -> Mined:
        limits = latest_limits(self.rpc)
        if not entry.hashes:
            self._nonces.await_strangers(deadline)
        try:
            transaction = self._prepared({**call, "gas": gas_within(self.rpc, gas, limits)}, entry, limits, secret)
        except ChainError:
            # Mined since, an earlier run's variant may be the cause: the contract has it, the money is spent.
            receipt = self._receipts.wait(entry, self._patience.doubt, deadline) if entry.sent else None
            if receipt is None:
                raise
            return self._resumed(receipt, entry, call)
        for pause in growing(self._patience.poll, self._patience.resend):
            try:
                return self._until_mined(transaction, entry, limits, deadline, on_sent)
            except _NonceTakenError:
                self._nonces.require_lost(entry)
                self._abandon(entry)
            _log.warning("event=nonce-taken address=0x%s nonce=%d advice='give this account to one process'",
                         self.address.hex(), entry.nonce)  # fmt: skip
            self._receipts.pause(pause)
            limits = latest_limits(self.rpc)
            if not secret:
                self._rehearsal.require(transaction)
            if time.monotonic() >= deadline:
                break
        raise self._nonces.in_the_way(entry.nonce)

    def _prepared(self, transaction: dict[str, Any], entry: Entry, limits: Limits, secret: bool) -> Mapping[str, Any]:
        """The transaction, after it was rehearsed or its cost was announced; then with the gas that it needs."""
        if self._announce is None:
            if not secret:
                self._rehearsal.require(transaction)
            return transaction
        bid = self._bidding.bid(limits.base_fee, entry.bid)
        limit = self._quoted(transaction, bid, self._announce, estimated=not secret)
        return {**transaction, "gas": limit}

    def _quoted(self, transaction: Mapping[str, Any], bid: Bid, announce: Announce, *, estimated: bool) -> int:
        """Say what the transaction will cost; returns its gas limit: what it needs, and a quarter for what changes."""
        balance = self.rpc.guarded(lambda: int(self.rpc.web3.eth.get_balance(transaction["from"])))
        Quote(self.address, 0, 0, transaction["value"], balance).require_affordable()  # a node refuses to estimate it
        limit = needed = int(transaction["gas"])
        if estimated:
            needed = self.rpc.guarded(lambda: int(self.rpc.web3.eth.estimate_gas(cast(Any, transaction))))
            limit = min(limit, needed * 5 // 4)
        quote = Quote(self.address, needed, limit * bid.most, transaction["value"], balance)
        quote.require_affordable()
        announce(quote)
        return limit

    def _until_mined(
        self,
        transaction: Mapping[str, Any],
        entry: Entry,
        limits: Limits,
        deadline: float,
        on_sent: OnSent | None,
    ) -> Mined:
        """Send variants for higher and higher fees under one nonce, until one is mined."""
        while time.monotonic() < deadline:
            if not entry.hashes:
                entry.nonce = self._nonces.fresh(deadline)
            same = self._is_behind(entry, deadline)
            limits = latest_limits(self.rpc) if same else limits
            try:
                variant = self._variants.next(transaction, entry, limits.base_fee, same=same)
            except SignerError as refusal:
                if not entry.hashes:
                    raise
                return self._succeeded(self._despite(refusal, entry, deadline), entry, transaction)
            if variant is not None:
                receipt = self._variant(variant, entry, deadline, on_sent)
            else:
                receipt = self._receipts.wait(entry, self._patience.resend, deadline)
            if receipt is not None:
                return self._succeeded(receipt, entry, transaction)
            limits = latest_limits(self.rpc)
        raise self._not_mined(entry, limits)

    def _is_behind(self, entry: Entry, deadline: float) -> bool:
        """Whether what was sent under a nonce waited behind one that was missing, so that no bid would have helped.

        A reorganisation may take back, in the meantime, what was sent before.
        """
        if not entry.hashes or self._nonces.next() >= entry.nonce:
            return False
        self._gaps.close(entry, deadline)
        return True

    def _variant(
        self, variant: Variant, entry: Entry, deadline: float, on_sent: OnSent | None
    ) -> Mapping[str, Any] | None:
        """Send one variant, and wait until it, or one before, is mined; None to go on with another.

        Raises:
            _NonceTakenError: none of them can be mined any more.
            ChainError: the node refuses it, and none of them is mined soon.
        """
        alone, untaken = not entry.hashes, not entry.bid
        try:
            accepted = self._variants.offer(variant, entry, on_sent)
        except ChainError as refusal:
            if (alone and self._outbox is None) or (untaken and says(str(refusal), NOT_TAKEN)):
                raise
            return self._despite(refusal, entry, deadline)
        # Alone and refused, it is mined only if the node got it twice: an outbox is there to be sure of that, too.
        patient = accepted or not alone or self._outbox is not None
        longest = self._patience.resend if accepted else self._patience.doubt
        receipt = self._receipts.wait(entry, longest, deadline) if patient else None
        if receipt is None and not accepted:
            # Before the receipts, which show what is mined in between.
            lost = alone or self._nonces.next() > entry.nonce
            receipt = self._receipts.found(entry)
            if receipt is None and lost:
                raise _NonceTakenError
        return receipt

    def _despite(self, refusal: ChainError, entry: Entry, deadline: float) -> Mapping[str, Any]:
        """A node refuses a variant: it may have it nevertheless, or one of those before.

        Raises ChainError when none of them is mined soon.
        """
        _log.warning("event=transaction-refused nonce=%d reason=%r", entry.nonce, str(refusal))
        receipt = self._receipts.wait(entry, self._patience.doubt, deadline)
        if receipt is None:
            raise ChainError(f"{refusal}; it may be under way: run the command again, it pays once") from None
        return receipt

    def _not_mined(self, entry: Entry, limits: Limits) -> ChainError:
        cause = self._bidding.reached(limits.base_fee) or self._variants.used_up(entry)
        if not entry.hashes:
            cause = cause or f"nothing could be sent within {self._patience.give_up:.0f} s"
            return ChainError(f"{cause}; nothing was sent")
        advice = "look for it before sending it again"
        if self._outbox is not None:
            advice = "run the command again: it goes on with this transaction and pays once"
        return ChainError(
            f"the transaction 0x{entry.hashes[-1].hex()} was not mined within {self._patience.give_up:.0f} s; "
            + "; ".join(filter(None, (cause, advice)))
        )

    def _save(self) -> None:
        if self._outbox is not None:
            self._outbox.save()

    def _abandon(self, entry: Entry) -> None:
        entry.abandon()
        self._save()

    def _forget(self, entry: Entry, receipt: Mapping[str, Any]) -> None:
        self._receipts.require_agreed(receipt)
        entry.forget()
        self._save()

    def _succeeded(self, receipt: Mapping[str, Any], entry: Entry, call: Mapping[str, Any]) -> Mined:
        nonce = entry.nonce_of(self.rpc.guarded(lambda: bytes(receipt["transactionHash"])))
        if self.rpc.guarded(lambda: int(receipt["status"])) != 1:
            self._forget(entry, receipt)
            self._receipts.explain(receipt, call)
        mined = cast(Mined, self.rpc.guarded(lambda: Mined.of(receipt)))
        return mined if "to" in call else replace(mined, contract=created_address(self.address, nonce))
