"""Variants of a transaction under one nonce: which is offered next, remembered before a node is shown it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from circuits.errors import ChainError
from circuits.hashing import keccak
from commons.chain.bids import Bid, Bidding
from commons.chain.broadcasting import broadcast
from commons.chain.nodewords import NOT_TAKEN, says
from commons.chain.outbox import Entry, Outbox
from commons.chain.rpc import Rpc
from commons.chain.signedtransactions import NotSignedError, decode_signed, signed_once
from commons.storage.accounts import Signer

_log = logging.getLogger(__name__)
_MOST = 64
"""Of one transaction under one nonce: each stays known until that is used.  In so many, bids grow a million times."""
OnSent = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """One of them.

    Attributes:
        raw: its signed bytes.
        call: what it does, without nonce and fees, as it is signed again.
        bid: what it offers.
    """

    raw: bytes
    call: Mapping[str, Any]
    bid: Bid

    @property
    def hash(self) -> bytes:
        """What a chain calls it."""
        return keccak(self.raw)


class Variants:
    """Of the transactions of one account; used by its ``Sender`` alone, while it has the account to itself."""

    def __init__(self, rpc: Rpc, key: Signer, bidding: Bidding, outbox: Outbox | None) -> None:
        self._rpc, self._key, self._bidding, self._outbox = rpc, key, bidding, outbox

    def next(self, call: Mapping[str, Any], entry: Entry, base_fee: int, *, same: bool = False) -> Variant | None:
        """What is offered next under an entry's nonce; None where nothing that may be offered covers the base fee.

        Args:
            call: the transaction without nonce and fees.
            same: the last one is not dear enough for no block; it is offered again, if its bytes are kept.

        Raises:
            SignerError: another one cannot be signed.
        """
        kept, before = self.kept(entry), self._to_replace(entry)
        is_full = len(entry.hashes) >= _MOST
        if kept is not None and kept.bid.covers(base_fee) and (same or is_full or _refused(kept, call, entry, before)):
            return kept
        bid = self._bidding.bid(base_fee, before)
        if not bid.covers(base_fee):
            return None
        variant = self._signed(call, entry, bid)
        return None if is_full and variant.hash not in entry.hashes else variant

    def kept(self, entry: Entry) -> Variant | None:
        """The last one, if its bytes are kept, and are those of this account's transaction on this chain.

        Whoever can write where the outbox is could have put others there.
        """
        try:
            signed = decode_signed(entry.raw)
        except NotSignedError:
            return None
        fields = signed.fields
        here = (self._key.address, self._rpc.chain_id, entry.nonce)
        if (signed.signer, fields["chainId"], fields["nonce"]) != here:
            return None
        call = {name: fields[name] for name in ("value", "gas", "data")}
        receiver = {"to": to_checksum_address(fields["to"])} if fields["to"] else {}
        return Variant(entry.raw, {**call, **receiver}, Bid(fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]))

    def remember(self, variant: Variant, entry: Entry) -> bool:
        """Have it known before a node is shown it; whether it was not, as it is offered.

        Raises StorageError: the outbox cannot be written; then it is not to be sent.
        """
        if variant.hash in entry.hashes and variant.bid == entry.bid:
            return False  # no higher bid is allowed, or none helps: the node may have lost it
        entry.add(variant.hash, variant.raw, variant.bid)
        self._save()
        return True

    def offer(self, variant: Variant, entry: Entry, on_sent: OnSent | None) -> bool:
        """Remember a variant, then send it.  False when its nonce is taken: by an earlier variant, or by a stranger.

        Raises ChainError when the node refuses it for another reason; where that is sure, nobody has to bid more.
        """
        before = entry.bid
        is_new = self.remember(variant, entry)
        entry.here = entry.here or is_new
        try:
            accepted = broadcast(self._rpc, variant.raw)
        except ChainError as refusal:
            if says(str(refusal), NOT_TAKEN) and is_new:  # the hash stays: a node that lies has the bytes
                entry.bid = before
                self._save()
            raise
        if accepted and is_new:
            _log.info(
                "event=transaction-sent hash=0x%s nonce=%d max_fee=%d", variant.hash.hex(), entry.nonce,
                variant.bid.most,
            )  # fmt: skip
            if on_sent is not None:
                on_sent(variant.hash)
        return accepted

    def used_up(self, entry: Entry) -> str:
        """Cause and cure, where no other variant of a transaction is made any more; empty where one is."""
        if len(entry.hashes) < _MOST:
            return ""
        return (
            f"{len(entry.hashes)} variants of it were made, and no more are: wait until gas is cheaper, or have "
            f"another program use nonce {entry.nonce} of the account"
        )

    def _to_replace(self, entry: Entry) -> Bid:
        """The highest bid from here under the entry's nonce: of its own last variant, or of another transaction."""
        return entry.bid if self._outbox is None else self._outbox.bid_at(entry.nonce)

    def _signed(self, call: Mapping[str, Any], entry: Entry, bid: Bid) -> Variant:
        fields = {**call, "nonce": entry.nonce, "chainId": self._rpc.chain_id, **bid.fields}
        return Variant(signed_once(self._key, fields, entry.raw), call, bid)

    def _save(self) -> None:
        if self._outbox is not None:
            self._outbox.save()


def _refused(kept: Variant, call: Mapping[str, Any], entry: Entry, before: Bid) -> bool:
    """Whether a node surely did not take the last one, which may be taken now: another one would be one more."""
    return kept.bid != entry.bid and kept.bid.replaces(before) and kept.call["gas"] == call["gas"]
