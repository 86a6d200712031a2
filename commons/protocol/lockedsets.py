"""What names an owner in a round, and a graded set: in a prover's ledger, and in its word of a lock."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.hashing import keccak, tag, words
from circuits.statement import Context


def owner_key(context: Context, owner: bytes) -> bytes:
    """Key of an owner in one round: deployment, task, round and address."""
    return keccak(words(tag("gradroll/v1/owner"), context.market.deployment, context.task_id, context.round, owner))


def graded_set_digest(reference: bytes, owners: Sequence[bytes], submissions: Sequence[bytes]) -> bytes:
    """Identifier of a graded set, without weights: these follow from what is opened of it.

    Args:
        reference: digest of the copy's dealing.
        owners: keys of the owners, in batch order.
        submissions: digests of their dealings, in the same order.
    """
    head = words(tag("gradroll/v1/graded-selection"), len(owners), reference)
    return keccak(head + b"".join(owners) + b"".join(submissions))
