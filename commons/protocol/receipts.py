"""Receipts: a prover's signed word that it holds its share of a submission."""

from __future__ import annotations

from circuits.hashing import typed_digest
from circuits.statement import MarketId
from commons.protocol.signing import require_signer

RECEIPT_TYPE = "Receipt(bytes32 submission)"


def receipt_digest(market: MarketId, submission: bytes) -> bytes:
    """EIP-712 digest that a prover signs once a submission's share is on its disk."""
    return typed_digest(market.domain, RECEIPT_TYPE, (submission,))


def verify_receipt(market: MarketId, submission: bytes, signature: bytes, member: bytes) -> None:
    """Raise SignatureError unless the committee member at ``member`` signed the receipt."""
    require_signer(receipt_digest(market, submission), signature, member, "the receipt")
