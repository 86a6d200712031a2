"""What the market's events tell of a round: batches, sums, owners that posted and owners that were excluded."""

from __future__ import annotations

from typing import Any, cast

from circuits.hashing import keccak
from commons.chain import decoding
from commons.chain.deploymentwatch import DeploymentWatch
from commons.chain.facts import ExcludedOwner, RecordedBatch
from commons.chain.rpc import Rpc
from commons.settings.values import Depth


class RoundEvents:
    """The events of one market, through one node."""

    rpc: Rpc
    market: bytes
    _watch: DeploymentWatch
    from_block: int

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        """An accepted batch by its identifier, if so many blocks vouch for it, its own among them."""
        last = self.rpc.block(depth).number
        if last < self.from_block:
            return None
        found = self.events(decoding.BATCH_ACCEPTED, task_id, number, third=batch_id, to_block=last)
        return self._decode(found[0]) if found else None

    def posted_since(self, block: int) -> tuple[set[tuple[int, int]], int]:
        """Tasks and rounds in which anybody posted a submission in a block or later, and the number of the last block.

        Args:
            block: 0 for all that there are.
        """
        self._watch.look()
        first, last = max(block, self.from_block), self.rpc.head().number
        topics = [keccak(decoding.SUBMISSION_POSTED.encode("ascii"))]
        told = self.rpc.logs(self.market, topics, first, last) if first <= last else []
        return {(_number(log["topics"][1]), _number(log["topics"][2])) for log in told}, last

    def excluded(self, task_id: int, number: int) -> tuple[ExcludedOwner, ...]:
        """Owners that a quorum excluded for a dealing in a round, in order, from the events."""
        told = self.events(decoding.OWNER_EXCLUDED, task_id, number)
        return tuple(self.rpc.guarded(lambda: [decoding.excluded(log) for log in told]))

    def _decode(self, log: Any) -> RecordedBatch:
        return cast(RecordedBatch, self.rpc.guarded(lambda: decoding.accepted(log)))

    def _published(self, task_id: int, number: int) -> dict[int, list[bytes]]:
        told = self.events(decoding.AGGREGATE_PUBLISHED, task_id, number)
        return cast(dict[int, list[bytes]], self.rpc.guarded(lambda: decoding.published(told)))

    def events(
        self, event: str, task_id: int, number: int, *, third: bytes | None = None, to_block: int | None = None
    ) -> list[Any]:
        """The market's events of a round, oldest first.

        Args:
            event: its signature.
            third: only those with this after task and round: a batch's number or identifier.
            to_block: the last block that is looked at.
        """
        self._watch.look()
        topics = [keccak(event.encode("ascii")), task_id.to_bytes(32, "big"), number.to_bytes(32, "big")]
        if third is not None:
            topics.append(third)
        return list(self.rpc.logs(self.market, topics, self.from_block, to_block))


def _number(topic: Any) -> int:
    return int.from_bytes(bytes(topic), "big")
