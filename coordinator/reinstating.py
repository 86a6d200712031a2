"""Hands batches in again that a reorganisation took back although they were deeper than `coordinator.confirmations`.

What was recorded stays so: the set that a quorum has locked, and whose sum may be out, is the only one that provers
attest, so nothing but the same batch can take its place.  While its round is open it is handed in again, with the
certificate that is kept.  The operator is told: the depth is too small for this chain, or most nodes are on another
branch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from commons.chain.depth import HEAD
from commons.chain.ports import BatchSender
from commons.runtime.clock import Clock
from commons.settings.values import Depth
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.journal import Journal
from coordinator.roundstate import ProvenBatch, RoundKey, named
from coordinator.turns import Turn, told

_log = logging.getLogger(__name__)


class Reinstating:
    """Looks whether the chain still has the batches that it had, each ``turn`` a little.

    Args:
        depth: how deep they were when that was recorded.
        interval: seconds between looks: one question for each round that takes batches.
        taken_back: told of each batch that is gone, once.
    """

    def __init__(
        self, sender: BatchSender, journal: Journal, blobs: Blobs, clock: Clock, pool: Executor, *, depth: Depth,
        interval: float, taken_back: Callable[[], None],
    ) -> None:  # fmt: skip
        self._sender, self._view, self._journal, self._blobs = sender, sender.view, journal, blobs
        self._depth, self._taken_back = depth, taken_back
        self._turn = Turn(clock, pool, interval)
        self._over: set[RoundKey] = set()  # rounds that take no batch any more, for good
        self._gone: set[bytes] = set()

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if not self._turn.may_begin():
            return
        with self._journal.reading() as state:
            self._over &= state.rounds.keys()
            keys = [key for key in state.rounds if key not in self._over and state.accepted(key)]
        if keys:
            self._turn.begin(self._look, keys)

    def _look(self, keys: Sequence[RoundKey]) -> None:
        for key in keys:
            task, number = named(key)
            with told(_log, "reinstating", f"task={task} round={number} "):
                self._round(key)

    def _round(self, key: RoundKey) -> None:
        with self._journal.reading() as state:
            known = [batch for batch in state.batches_of(key) if batch.accepted]
        if self._view.round(*key).batches < len(known):
            for batch in known:
                self._batch(key, batch)
        else:
            self._gone.difference_update(batch.batch_id for batch in known)
        if self._view.most(lambda: self._is_over(key) or None):
            self._over.add(key)

    def _is_over(self, key: RoundKey) -> bool:
        current = self._view.round(*key)
        return current.closed and self._view.block(self._depth).timestamp > current.settle_deadline

    def _batch(self, key: RoundKey, batch: ProvenBatch) -> None:
        """Hand a batch in again, if most nodes do not have it any more.  Raises ChainError, ContractError."""
        batch_id = batch.batch_id
        if not self._view.most(lambda: self._view.recorded(*key, batch_id, HEAD) is None or None):
            self._gone.discard(batch_id)
            return
        if batch_id not in self._gone:
            self._gone.add(batch_id)
            self._taken_back()
            _log.error(
                "event=deep-reorganisation batch=0x%s advice='the chain took back what was final by "
                "coordinator.confirmations: look at the nodes, and raise it there and at provers'", batch_id.hex(),
            )  # fmt: skip
        with told(_log, "reinstating", f"batch=0x{batch_id.hex()} "):
            one = certificate_of(self._blobs, batch.bundle_digest)
            self._sender.accept_batch(one.statement, one.proof, one.attestations, one.payee)
            _log.warning("event=batch-reinstated batch=0x%s", batch_id.hex())
