"""The cases of a juror, from the draws of all juries: each block is read once, and what is told is held against slots.

What blocks said that are deep enough is handed back to be kept, with the hash of the last one: where that is not of the
chain any more, all is read anew.  A node cannot keep a draw from a juror, which would cost its stake: a slot that the
jury's storage says is seated has a seat in one of the cases, or the node is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from circuits.errors import UnknownError
from commons.chain import datadecoding as decoding
from commons.chain.depth import BlockHead
from commons.chain.juryview import JuryView
from commons.chain.nodetrouble import NodeTroubleError

_DEEP = 64
"""Blocks after which a draw is kept: one that is replaced all the same is noticed by the hash."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A slot that was drawn: ``seat`` of the jury of a ``round`` of a ``case``."""

    case: int
    round: int
    seat: int
    slot: int


@dataclass(frozen=True, slots=True)
class DrawsRead:
    """What is known of a juror's draws, up to a block with a hash of 32 bytes."""

    block: int
    hash: bytes
    draws: tuple[Draw, ...]


NOTHING = DrawsRead(-1, bytes(32), ())


def read_draws(jury: JuryView, juror: bytes, known: DrawsRead = NOTHING) -> tuple[list[Draw], DrawsRead]:
    """A juror's draws, oldest first, and what is to be handed in as ``known`` the next time.

    Raises:
        ChainError: the nodes are the trouble, or hide a draw.
    """
    rpc = jury.chain.rpc

    def ask(_: int) -> tuple[list[Draw], DrawsRead]:
        deep = rpc.block(_DEEP)
        there = 0 <= known.block <= deep.number and rpc.block_hash(known.block) == known.hash
        try:
            return _read(jury, juror, known if there else NOTHING, deep)
        except NodeTroubleError:  # another one may have hidden what is kept, or a jury was drawn meanwhile
            return _read(jury, juror, NOTHING, deep)

    return rpc.on_one_node(ask)


def _read(jury: JuryView, juror: bytes, since: DrawsRead, deep: BlockHead) -> tuple[list[Draw], DrawsRead]:
    told = jury.events.read(_draws, decoding.DRAWN, first=since.block + 1)
    own = set(jury.joined(juror))
    later = [(block, each) for block, draws in told for each in draws if each.slot in own]
    found = [*since.draws, *(each for _, each in later)]
    _require_seats(jury, own, found)
    kept = tuple(each for block, each in later if block <= deep.number)
    return found, DrawsRead(deep.number, deep.hash, since.draws + kept)


def _draws(log: Any) -> tuple[int, list[Draw]]:
    """The block of a draw, and who was drawn."""
    case, round_, slots = decoding.drawn(log)
    return int(log["blockNumber"]), [Draw(case, round_, seat, slot) for seat, slot in enumerate(slots)]


def _require_seats(jury: JuryView, own: Iterable[int], draws: list[Draw]) -> None:
    """Raise NodeTroubleError unless each slot that is seated sits where it was drawn."""
    for slot in own:
        record = jury.slot(slot)
        if record.seated and not any(_sits(jury, each) for each in reversed(draws) if each.slot == slot):
            raise NodeTroubleError(
                f"the node shows no draw of slot {slot}, which sits on a jury and loses its stake unless it votes; ask "
                "a node that keeps old events (chain.url)"
            )


def _sits(jury: JuryView, draw: Draw) -> bool:
    try:
        seat = jury.seat(draw.case, draw.round, draw.seat)
    except UnknownError:
        return False
    return seat.slot == draw.slot and not seat.released
