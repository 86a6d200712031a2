"""Contexts and submission headers on the wire."""

from __future__ import annotations

from circuits.statement import MAX_COPIES, REFERENCE_INDEX, Context, SubmissionHeader
from circuits.terms import MAX_BOUND, MAX_DIMENSION, MarketId
from commons.protocol.messages import MAX_PROVERS
from commons.wire import checks
from commons.wire._generated import common_pb2 as pb

MAX_OWNER_INDEX = REFERENCE_INDEX + MAX_COPIES - 1
"""Behind the owners' indices come those of the copies of a round's reference."""


def context_from_wire(message: pb.Context) -> Context:
    """Raises WireError for a malformed field."""
    return Context(
        market=MarketId(
            message.chain_id,
            checks.address(message.market, "context.market"),
            checks.digest(message.deployment, "context.deployment"),
        ),
        task_id=message.task_id,
        terms_hash=checks.digest(message.terms_hash, "context.terms_hash"),
        round=message.round,
        model_digest=checks.digest(message.model_digest, "context.model_digest"),
        policy_key_hash=checks.digest(message.policy_key_hash, "context.policy_key_hash"),
        bound=checks.bounded(message.bound, 1, MAX_BOUND, "context.bound"),
        dimension=checks.bounded(message.dimension, 1, MAX_DIMENSION, "context.dimension"),
    )


def context_to_wire(context: Context) -> pb.Context:
    """The wire form of a context."""
    return pb.Context(
        chain_id=context.market.chain_id,
        market=context.market.address,
        deployment=context.market.deployment,
        task_id=context.task_id,
        terms_hash=context.terms_hash,
        round=context.round,
        model_digest=context.model_digest,
        policy_key_hash=context.policy_key_hash,
        bound=context.bound,
        dimension=context.dimension,
    )


def header_from_wire(message: pb.SubmissionHeader) -> SubmissionHeader:
    """Raises WireError for a malformed field.  Who signed it is checked where the chain is known."""
    checks.counted(message.share_digests, 3, MAX_PROVERS, "header.share_digests")
    return SubmissionHeader(
        task_id=message.task_id,
        round=message.round,
        owner=checks.address(message.owner, "header.owner"),
        owner_index=checks.bounded(message.owner_index, 0, MAX_OWNER_INDEX, "header.owner_index"),
        commitment=checks.g1(message.commitment, "header.commitment"),
        share_digests=tuple(checks.digest(raw, "header.share_digests") for raw in message.share_digests),
        signature=checks.signature(message.signature, "header.signature"),
        dealing_signature=checks.signature(message.dealing_signature, "header.dealing_signature"),
    )


def header_to_wire(header: SubmissionHeader) -> pb.SubmissionHeader:
    """The wire form of a header."""
    return pb.SubmissionHeader(
        task_id=header.task_id,
        round=header.round,
        owner=header.owner,
        owner_index=header.owner_index,
        commitment=header.commitment,
        share_digests=header.share_digests,
        signature=header.signature,
        dealing_signature=header.dealing_signature,
    )
