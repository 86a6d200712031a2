"""Fills nonces of an account that nothing uses any more, so that what was sent after them can be mined.

A reorganisation takes transactions back, and pools of nodes lose some: the chain mines none behind a nonce that is
missing.  Ours that waits there keeps its nonce, as it may be mined any time: under another one it would have its effect
twice.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from eth_utils.address import to_checksum_address

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.broadcasting import broadcast
from commons.chain.gasmarket import latest_limits
from commons.chain.nonces import Nonces
from commons.chain.outbox import Entry, Outbox
from commons.chain.patience import Patience
from commons.chain.pauses import growing
from commons.chain.receiptwatch import Receipts
from commons.chain.rpc import Rpc
from commons.chain.variants import Variant, Variants

_log = logging.getLogger(__name__)
_MOST = 64
"""Nonces that are filled; more are missing on a chain that began anew, where nothing of ours waits."""
_TRANSFER_GAS = 21_000


class Gaps:
    """The missing nonces of one account; used by its ``Sender`` alone, while it has the account to itself."""

    def __init__(
        self, rpc: Rpc, address: bytes, patience: Patience, variants: Variants, nonces: Nonces, receipts: Receipts,
        outbox: Outbox | None,
    ) -> None:  # fmt: skip
        self._rpc, self._address, self._patience, self._variants = rpc, address, patience, variants
        self._nonces, self._receipts, self._outbox = nonces, receipts, outbox

    def close(self, entry: Entry, deadline: float) -> None:
        """Have the nonces before an entry's own used; returns at once where that cannot be what it waits for.

        Each is filled with what was sent under it, if its bytes are stored, else with a transfer of nothing to the
        account itself; for more and more, up to the limit, while no block takes it.  A stranger's that waits there is
        left to be mined.

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
        base_fee, entry = latest_limits(self._rpc).base_fee, self._to_be_sent(outbox, nonce)
        entry.nonce = nonce
        kept = self._variants.kept(entry)
        call = self._nothing() if kept is None else kept.call
        variant = self._variants.next(call, entry, base_fee, same=not again)
        if variant is not None:
            self._variants.remember(variant, entry)
            self._offer(nonce, variant)

    def _to_be_sent(self, outbox: Outbox, nonce: int) -> Entry:
        """Of what was sent under a nonce, if its bytes tell what it does; else of what does nothing.

        That has an entry of its own: were its hash one of another transaction's, that one would count as mined.
        """
        stored = outbox.at(nonce)
        return stored if stored and self._variants.kept(stored) else outbox.filler(self._intent(nonce))

    def _offer(self, nonce: int, variant: Variant) -> None:
        _log.warning(
            "event=missing-nonce-filled address=0x%s nonce=%d hash=0x%s", self._address.hex(), nonce,
            variant.hash.hex(),
        )  # fmt: skip
        try:
            broadcast(self._rpc, variant.raw)
        except ChainError as refusal:
            raise ChainError(f"the account's transaction under nonce {nonce} is missing, and {refusal}") from refusal

    def _intent(self, nonce: int) -> bytes:
        """Of what fills a nonce: what is hashed for another transaction is longer."""
        return keccak(b"nothing" + self._address + self._rpc.chain_id.to_bytes(32, "big") + nonce.to_bytes(8, "big"))

    def _nothing(self) -> dict[str, Any]:
        return {"to": to_checksum_address(self._address), "value": 0, "gas": _TRANSFER_GAS, "data": b""}
