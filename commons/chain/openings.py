"""What the rounds of graded tasks were opened with: model and references, from the event of the opening.

Nobody is believed: a round's digest, which everything signed for it names, is the hash of what the event says.
"""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode

from circuits.errors import ChainError, InvalidInputError, UnknownError
from commons.chain.contractevents import Events
from commons.chain.decoding import point
from commons.chain.ports import MarketReader
from commons.protocol.references import Copy, Opening
from commons.runtime.identifiers import shown

REFERENCE = "(uint256,uint256,bytes32)"
ROUND_REFERENCED = f"RoundReferenced(uint256,uint256,bytes32,{REFERENCE}[])"


def read_opening(events: Events, task_id: int, number: int, digest: bytes) -> Opening:
    """What a round was opened with.

    Args:
        digest: 32 bytes, which the round has as its model's.

    Raises:
        UnknownError: no event says something of that hash.
        ChainError: the node is the trouble.
    """
    told = events.read(_opening, ROUND_REFERENCED, task_id, number)
    found = next((opening for opening in told if opening.digest == digest), None)
    if found is None:
        raise UnknownError(
            f"the node shows no event with what round {number} of task {shown(task_id)} was opened with: either the "
            "task does not grade gradients, or the node does not keep old events, so ask another one"
        )
    return found


def model_digest(reader: MarketReader, task_id: int, number: int) -> bytes:
    """Keccak-256 of the model of a round, whatever else it was opened with.  Raises UnknownError, ChainError."""
    if reader.terms(task_id).grading is None:
        return reader.round(task_id, number).model_digest
    return reader.opening(task_id, number).model_digest


def _opening(log: Any) -> Opening:
    """What ``RoundReferenced`` says.  Raises ChainError for what no market takes."""
    digest, copies = decode(["bytes32", f"{REFERENCE}[]"], bytes(log["data"]))
    try:
        return Opening(digest, tuple(Copy(point(x, y), root) for x, y, root in copies))
    except InvalidInputError as error:
        raise ChainError(f"the node shows a round that no market opens ({error}); is the contract ours?") from error
