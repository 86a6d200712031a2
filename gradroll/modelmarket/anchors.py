"""The block whose hash has a part in a bounty's draw: anybody has it written down before the chain forgets it.

One node could hold a draw up until its window is over: what most nodes show decides whether it is time.
"""

from __future__ import annotations

from circuits.errors import NotReadyError, UnknownError
from commons.chain.modelfacts import BountyRecord, BountyStage
from commons.chain.modelview import ModelView
from commons.chain.modelwriter import ModelWriter
from commons.runtime.amounts import utc


def close_and_pin(chain: ModelWriter, bounty: bytes) -> BountyRecord:
    """End a bounty's entries if their window is over, and pin the hash that is waited for, if there is one.

    An owner that disliked the hash could otherwise wait until it is forgotten, and another block is taken.

    Args:
        chain: of any account.

    Returns:
        The bounty as most nodes show it; nothing was sent where nothing is to be pinned.

    Raises:
        NotReadyError: entries are taken still, or the block is not there yet.
        ChainError: nodes do not agree.
    """
    models = chain.models
    record = bounty_of_most(models, bounty)
    if record.stage is BountyStage.ENTERING:
        close_entries(chain, record)
        record = bounty_of_most(models, bounty)
    if record.stage not in (BountyStage.OPENED, BountyStage.CLOSED) or any(record.anchor_hash):
        return record
    if not models.chain.most(lambda: models.chain.rpc.head().number > record.anchor or None):
        raise NotReadyError(
            f"the hash of block {record.anchor} decides the draw, and most nodes do not show a later one yet; come "
            "back later"
        )
    chain.pin_anchor(bounty)
    return bounty_of_most(models, bounty)


def close_entries(chain: ModelWriter, record: BountyRecord) -> None:
    """End the entries, which fixes the block for the tests.  Raises NotReadyError within their window."""
    if not is_over(chain.models, record):
        raise NotReadyError(f"entries are taken until {utc(record.deadline)}; come back after that")
    chain.close_entries(record.bounty)


def is_over(models: ModelView, record: BountyRecord) -> bool:
    """Whether most nodes have a bounty's deadline passed.  Raises ChainError where too few answer."""
    return bool(models.chain.most(lambda: models.chain.now() > record.deadline or None))


def bounty_of_most(models: ModelView, bounty: bytes) -> BountyRecord:
    """A bounty as most nodes show it.  Raises ChainError where they do not agree, UnknownError where there is none."""

    def ask() -> BountyRecord | None:
        try:
            return models.bounty(bounty)
        except UnknownError:
            return None

    found = models.chain.most(ask)
    if found is None:
        raise UnknownError(f"there is no bounty 0x{bounty.hex()} as most nodes have it; check its name")
    return found
