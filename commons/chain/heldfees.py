"""Fees that the market holds: it keeps a digest of them, and its events say what is behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from circuits.errors import ChainError
from commons.chain import decoding
from commons.chain.contractevents import Events
from commons.chain.facts import HeldFees


class AskMarket(Protocol):
    """Calls a view function of the market; see ``ChainView``."""

    def __call__(self, signature: str, arguments: list[int], returns: list[str]) -> tuple[Any, ...]:
        """What it returns."""


def read_held_fees(
    ask: AskMarket, events: Events, task_id: int, number: int, batches: Iterable[int], only: int | None
) -> Mapping[int, HeldFees]:
    """What is held for some batches of a round, by number of the batch.

    Args:
        only: the batch, if it is one.

    Raises:
        ChainError: the events do not say what the market holds; some are missing, or it changed meanwhile.
    """
    place = "heldFees(uint256,uint256,uint256)"
    digests = {n: ask(place, [task_id, number, n], ["bytes32"])[0] for n in batches}
    held = {n: digest for n, digest in digests.items() if digest != bytes(32)}
    if not held:
        return {}
    said = dict(events.read(decoding.held_fees, decoding.FEES_HELD, task_id, number, only))
    if any(n not in said or said[n].digest != digest for n, digest in held.items()):
        raise ChainError(
            f"the market holds fees of round {number} that the node shows no event of; try again, and use a node that "
            "keeps old events"
        )
    return {n: said[n] for n in held}
