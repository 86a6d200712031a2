"""Receipts: a prover's signed word that it holds its share of a submission, that it serves its share of a sum, or that
an owner dealt badly."""

from __future__ import annotations

from dataclasses import dataclass

from circuits.hashing import keccak, typed_digest
from circuits.statement import Context
from circuits.terms import MarketId
from commons.protocol.signing import require_signer

RECEIPT_TYPE = "Receipt(bytes32 submission)"
AVAILABILITY_TYPE = "Availability(bytes32 batchId,uint256 challenge,bytes32 posted)"
"""For the contract, which pays provers their fees on a quorum of these."""
EXCLUSION_TYPE = "Exclusion(uint256 taskId,bytes32 termsHash,uint256 round,address owner,bytes32 dealing)"
"""For the contract, which takes an owner's deposit for a quorum of these."""
UNPOSTED = bytes(32)
"""Stands for a sum that provers serve, and nobody has to post."""


@dataclass(frozen=True, slots=True)
class AvailabilityReceipt:
    """A prover's word that a batch's sum is to be had.

    Attributes:
        challenge: market time of the model owner's challenge that it answers, as the prover's own node shows it; 0 for
            none.
        signature: 65 bytes over ``availability_digest``.
    """

    challenge: int
    signature: bytes


def receipt_digest(market: MarketId, submission: bytes) -> bytes:
    """EIP-712 digest that a prover signs once a submission's share is on its disk."""
    return typed_digest(market.domain, RECEIPT_TYPE, (submission,))


def verify_receipt(market: MarketId, submission: bytes, signature: bytes, member: bytes) -> None:
    """Raise SignatureError unless the committee member at ``member`` signed the receipt."""
    require_signer(receipt_digest(market, submission), signature, member, "the receipt")


def availability_digest(market: MarketId, batch_id: bytes, challenge: int = 0, posted: bytes = UNPOSTED) -> bytes:
    """EIP-712 digest with which a prover says that a batch's sum is to be had.

    Args:
        challenge: market time of the model owner's challenge that it answers, 0 without one.
        posted: hash of what holds the encoded aggregate on the chain, zeros where provers serve it.
    """
    return typed_digest(market.domain, AVAILABILITY_TYPE, (batch_id, challenge, posted))


def posted_hash(payload: bytes) -> bytes:
    """What stands in a receipt for an encoded aggregate that is put into calldata; for none, that provers serve it."""
    return keccak(payload) if payload else UNPOSTED


def exclusion_digest(context: Context, owner: bytes, dealing: bytes) -> bytes:
    """EIP-712 digest with which a prover says that an owner's dealing is bad.

    Args:
        owner: 20-byte address of its signer; its index may be another's after a reorganisation.
        dealing: digest of the dealing.
    """
    values = context.task_id, context.terms_hash, context.round, owner, dealing
    return typed_digest(context.market.domain, EXCLUSION_TYPE, values)
