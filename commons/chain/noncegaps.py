"""Fills nonces of an account that nothing uses any more, so that what was sent after them can be mined.

A reorganisation takes transactions back, and pools of nodes lose some: the chain mines none behind a nonce that is
missing.  Ours that waits there keeps its nonce, as it may be mined any time: under another one it would have its effect
twice.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.bids import Bidding
from commons.chain.broadcasting import broadcast
from commons.chain.gasmarket import latest_limits
from commons.chain.nonces import Nonces
from commons.chain.outbox import Entry, Outbox
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.receiptwatch import Receipts
from commons.chain.rpc import Rpc
from commons.chain.signedtransactions import signed_once
from commons.storage.accounts import Signer

_log = logging.getLogger(__name__)
_MOST = 64
"""Nonces that are filled; more are missing on a chain that began anew, where nothing of ours waits."""
_TRANSFER_GAS = 21_000


class Gaps:
    """The missing nonces of one account; used by its ``Sender`` alone, while it has the account to itself."""

    def __init__(
        self, rpc: Rpc, key: Signer, patience: Patience, bidding: Bidding, nonces: Nonces, receipts: Receipts,
        outbox: Outbox | None,
    ) -> None:  # fmt: skip
        self._rpc, self._key, self._patience, self._bidding = rpc, key, patience, bidding
        self._nonces, self._receipts, self._outbox = nonces, receipts, outbox

    def close(self, entry: Entry, deadline: float) -> None:
        """Have the nonces before an entry's own used; returns at once where that cannot be what it waits for.

        Each is filled with what was sent under it, as it is stored, else with a transfer of nothing to the account
        itself; for more and more, up to the limit, while no block takes it.  A stranger's that waits there is left to
        be mined.

        Raises:
            ChainError: they are not used by the deadline, on the monotonic clock; a node refuses what fills one; or it
                is still catching up.
            StorageError: the outbox cannot be written; nothing was sent.
        """
        filled, until = -1, 0.0
        for pause in growing(self._patience.poll, self._patience.resend):
            free, outbox = self._nonces.next(), self._outbox
            if outbox is None or not 0 < entry.nonce - free <= _MOST:
                return
            self._nonces.require_synced(entry)
            now = time.monotonic()
            if now >= deadline:
                raise self._nonces.missing(entry, free)
            is_due = free != filled or now >= until
            if is_due and (outbox.has(free) or self._nonces.next("pending") <= free):
                self._fill(outbox, free, again=free == filled)
                filled, until = free, now + self._patience.resend
            self._receipts.pause(pause)

    def _fill(self, outbox: Outbox, nonce: int, *, again: bool) -> None:
        stored, base_fee = outbox.at(nonce), latest_limits(self._rpc).base_fee
        if stored is not None and stored.raw and stored.bid.covers(base_fee) and not again:
            self._offer(nonce, stored.raw)
            return
        bid = self._bidding.bid(base_fee, outbox.bid_at(nonce))
        if not bid.covers(base_fee):
            return
        entry = stored or outbox.entry(self._intent(nonce))
        call = _call(entry.raw) if entry.raw else self._nothing()
        numbered = {**call, "nonce": nonce, "chainId": self._rpc.chain_id, **bid.fields}
        raw = signed_once(self._key, numbered, entry.raw)
        entry.nonce = nonce
        entry.add(keccak(raw), raw, bid)
        outbox.save()
        self._offer(nonce, raw)

    def _offer(self, nonce: int, raw: bytes) -> None:
        _log.warning(
            "event=missing-nonce-filled address=0x%s nonce=%d hash=0x%s", self._key.address.hex(), nonce,
            keccak(raw).hex(),
        )  # fmt: skip
        try:
            broadcast(self._rpc, raw)
        except ChainError as refusal:
            raise ChainError(f"the account's transaction under nonce {nonce} is missing, and {refusal}") from refusal

    def _intent(self, nonce: int) -> bytes:
        """Of what fills a nonce: what is hashed for another transaction is longer."""
        return keccak(
            b"nothing" + self._key.address + self._rpc.chain_id.to_bytes(32, "big") + nonce.to_bytes(8, "big")
        )

    def _nothing(self) -> dict[str, Any]:
        return {"to": to_checksum_address(self._key.address), "value": 0, "gas": _TRANSFER_GAS, "data": b""}


def _call(raw: bytes) -> dict[str, Any]:
    """What a signed transaction of ours does, without nonce and fees."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    call = {name: fields[name] for name in ("value", "gas", "data")}
    receiver = bytes(fields["to"])
    return {**call, "to": to_checksum_address(receiver)} if receiver else call
