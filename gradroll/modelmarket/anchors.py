"""The block whose hash has a part in a bounty's draw: anybody has it written down before the chain forgets it."""

from __future__ import annotations

from circuits.errors import NotReadyError
from commons.chain.modelfacts import BountyRecord, BountyStage
from commons.chain.modelwriter import ModelWriter
from commons.runtime.amounts import utc


def close_and_pin(chain: ModelWriter, bounty: bytes) -> BountyRecord:
    """End a bounty's entries if their window is over, and pin the hash that is waited for, if there is one.

    An owner that disliked the hash could otherwise wait until it is forgotten, and another block is taken.

    Args:
        chain: of any account.

    Returns:
        The bounty; nothing was sent where nothing is to be pinned.

    Raises:
        NotReadyError: entries are taken still, or the block is not there yet.
    """
    models = chain.models
    record = models.bounty(bounty)
    if record.stage is BountyStage.ENTERING:
        close_entries(chain, record)
        record = models.bounty(bounty)
    if record.stage not in (BountyStage.OPENED, BountyStage.CLOSED) or any(record.anchor_hash):
        return record
    head = models.chain.rpc.head().number
    if head <= record.anchor:
        raise NotReadyError(
            f"the hash of block {record.anchor} decides the draw, the chain is at {head}; come back later"
        )
    chain.pin_anchor(bounty)
    return models.bounty(bounty)


def close_entries(chain: ModelWriter, record: BountyRecord) -> None:
    """End the entries, which fixes the block for the tests.  Raises NotReadyError within their window."""
    if chain.models.chain.now() <= record.deadline:
        raise NotReadyError(f"entries are taken until {utc(record.deadline)}; come back after that")
    chain.close_entries(record.bounty)
