"""The transactions of a round, with their gas and the bytes of their calldata.

Batches of 64 owners, a committee of four, fees in ether, the roster compacted, accounts that have ether already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.economics import snapshots
from benchmarks.economics.costs import ENVELOPE, Cost, Line, batches
from commons.chain.calldata import MARKET, call

BATCH = 64
PROVERS, QUORUM = 4, 3
CLAIMED_ROUNDS = 10
"""Rounds that one claim pays for."""
SIZES = (8, 32, 64)
"""Batches of which the gas is measured."""
_WORD = (1 << 256) - 1
_ADDRESS = b"\xff" * 20
_SIGNATURE = (b"\xff" * 32, b"\xff" * 32)
_PROOF: tuple[Any, ...] = (
    *[(_WORD,) * 2] * 4, (_WORD,) * 4, (_WORD,) * 2, _WORD, *[(_WORD,) * 2] * 2, *[_WORD] * 3, *[(_WORD,) * 2] * 3,
    *[b"\xff" * 32] * 2,
)  # fmt: skip
"""In the order of the contracts' ``Proof``; of its encoding only the length is wanted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of transaction of a round.

    Attributes:
        payer: who sends it.
        cost: of all of them together.
    """

    name: str
    payer: str
    cost: Cost


def gas_of_batch(owners: int, *, compacted: bool = True) -> int:
    """Measured gas of a batch without fees, the first of its round."""
    return snapshots.of("gas", f"gas_{owners}{', roster compacted' if compacted else ''}: transaction")


def gas_of_fees() -> int:
    """What a batch of a task with fees costs more: they are held, and all members attest."""
    attested = (PROVERS - QUORUM) * snapshots.of("committee", "acceptBatch: more per attestation")
    return snapshots.of("gas", "fees, 64 owners: more per batch") + attested


def batch_line(*, compacted: bool = True) -> Line:
    """Gas of batches of any size, without fees, through the smallest and the largest measured one."""
    low, high = SIZES[0], SIZES[-1]
    return Line.through((low, gas_of_batch(low, compacted=compacted)), (high, gas_of_batch(high, compacted=compacted)))


def bytes_of_batch(owners: int, attested: int = QUORUM) -> int:
    """Calldata of `acceptBatch`, by default with a quorum of four provers."""
    entries = [(_WORD, _WORD, *_SIGNATURE)] * owners
    signed = [(member, *_SIGNATURE) for member in range(attested)]
    batch = (1, 1, _ADDRESS, bytes(2 * owners), entries, _PROOF, signed)
    return len(call(MARKET, "acceptBatch", batch))


def steps(owners: int) -> Iterator[Step]:
    """Every transaction of a round in which all owners are accepted, and its part of a claim of several rounds."""
    count = batches(owners, BATCH)
    opened = Cost(snapshots.of("market", "openRound"), _sent("openRound", 1, bytes(32), owners))
    accepted = Cost(gas_of_batch(BATCH) + gas_of_fees(), ENVELOPE + bytes_of_batch(BATCH, PROVERS))
    settled = Cost(snapshots.of("market", "settleFees, all 4 members, who have credits"), _settling())
    finalized = Cost(snapshots.of("market", "finalizeRound"), _sent("finalizeRound", 1, 1))
    label = f"{CLAIMED_ROUNDS} rounds, ether, known accounts: claim of {BATCH} owners"
    claimed = Cost(snapshots.of("pay", label), _sent("claim", 1, 1, bytes(2 * BATCH)))
    yield Step("openRound", "model owner", opened)
    yield Step("acceptBatch", "coordinator, from its fee", accepted.times(count))
    yield Step("settleFees", "coordinator or a prover", settled.times(count))
    yield Step("finalizeRound", "model owner", finalized)
    yield Step(f"claim, a tenth of one for {CLAIMED_ROUNDS} rounds", "owners", claimed.times(count / CLAIMED_ROUNDS))


def whole(owners: int) -> Cost:
    """All of a round's transactions."""
    return sum((step.cost for step in steps(owners)), Cost())


def _settling() -> int:
    receipts = [(member, *_SIGNATURE) for member in range(PROVERS)]
    held = (bytes(32), bytes(32), 1, 1, _ADDRESS, 1, 1, 1, False)
    return _sent("settleFees", 1, 1, 1, held, (bytes(32), b"", receipts, []))


def _sent(function: str, *arguments: Any) -> int:
    """Bytes of a transaction that calls a function."""
    return ENVELOPE + len(call(MARKET, function, *arguments))
