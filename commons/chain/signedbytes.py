"""Signed transactions, as their bytes are kept: what they do and offer, whose they are, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_canonical_address, to_checksum_address
from hexbytes import HexBytes

from commons.chain.bids import Bid


@dataclass(frozen=True, slots=True)
class Place:
    """The one place where a transaction can be mined: a nonce of the 20-byte account that signed it, on a chain."""

    account: bytes
    chain_id: int
    nonce: int


def call_of(raw: bytes) -> dict[str, Any]:
    """What it does, without nonce and fees, as it is signed again."""
    fields = _fields(raw)
    call = {name: fields[name] for name in ("value", "gas", "data")}
    receiver = bytes(fields["to"])
    return {**call, "to": to_checksum_address(receiver)} if receiver else call


def bid_of(raw: bytes) -> Bid:
    """What it offers."""
    fields = _fields(raw)
    return Bid(int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"]))


def place_of(raw: bytes) -> Place:
    """Where it can be mined."""
    fields = _fields(raw)
    signer = to_canonical_address(Account.recover_transaction(HexBytes(raw)))
    return Place(signer, int(fields["chainId"]), int(fields["nonce"]))


def _fields(raw: bytes) -> dict[str, Any]:
    return dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
