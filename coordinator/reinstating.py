"""Hands batches in again that a reorganisation took back although they were deeper than `coordinator.confirmations`.

Which batches a round has is compared, and not how many: another one may be there in place of one that is gone, and that
one is taken over.

What was recorded stays so: the set that a quorum has locked, and whose sum may be out, is the only one that provers
attest, so nothing but the same batch can take its place.  While its round is open it is handed in again, with the
certificate that is kept.  The operator is told: the depth is too small for this chain, or most nodes are on another
branch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from circuits.errors import ChainError
from commons.chain.depth import HEAD
from commons.chain.ports import BatchSender
from commons.runtime.clock import Clock
from commons.settings.values import Depth
from commons.storage.blobs import Blobs
from coordinator.certificates import certificate_of
from coordinator.deepblocks import DeepMark, Found
from coordinator.journal import Journal
from coordinator.roundstate import ProvenBatch, RoundKey, named
from coordinator.turns import Turn, told

_log = logging.getLogger(__name__)


class Reinstating:
    """Looks whether the chain still has the batches that it had, each ``turn`` a little.

    Args:
        depth: how deep they were when that was recorded.
        interval: seconds between looks: a question to each node for each round that takes batches, and one more for a
            round of which the log has new batches, or when blocks that were deep are not in their places.
        taken_back: told of each batch that is gone, once.
        adopt: takes over what the chain has of a round and the log has not; asked again while it raises ChainError.
    """

    def __init__(
        self, sender: BatchSender, journal: Journal, blobs: Blobs, clock: Clock, pool: Executor, *, depth: Depth,
        interval: float, taken_back: Callable[[], None], adopt: Callable[[RoundKey], None],
    ) -> None:  # fmt: skip
        self._sender, self._view, self._journal, self._blobs = sender, sender.view, journal, blobs
        self._depth, self._taken_back, self._adopt = depth, taken_back, adopt
        self._turn = Turn(clock, pool, interval)
        self._mark = DeepMark(self._view, depth)
        self._there: dict[RoundKey, frozenset[bytes]] = {}  # found on the chain; as long as blocks stand they are there
        self._over: set[RoundKey] = set()  # rounds that take no batch any more, for good
        self._unseen: set[RoundKey] = set()  # rounds of which the chain may have batches in the place of those gone
        self._gone: set[bytes] = set()

    def turn(self) -> None:
        """Start a look, if it is time and none is under way."""
        if not self._turn.may_begin():
            return
        with self._journal.reading() as state:
            self._over &= state.rounds.keys()
            self._unseen &= state.rounds.keys()
            self._there = {key: found for key, found in self._there.items() if key in state.rounds}
            keys = [key for key in state.rounds if key not in self._over and state.accepted(key)]
        if keys:
            self._turn.begin(self._look, keys)

    def _look(self, keys: Sequence[RoundKey]) -> None:
        holds = False
        with told(_log, "reinstating"):
            holds = self._mark.look() is Found.THERE
        if not holds:
            self._there.clear()
        for key in keys:
            task, number = named(key)
            with told(_log, "reinstating", f"task={task} round={number} "):
                self._round(key)

    def _round(self, key: RoundKey) -> None:
        with self._journal.reading() as state:
            known = {batch.batch_id: batch for batch in state.batches_of(key) if batch.accepted}
        if self._there.get(key) != known.keys():
            self._compare(key, known)
        if key in self._unseen:
            with told(_log, "reinstating", "task={} round={} ".format(*named(key))):
                self._take_over(key)
        if self._view.most(lambda: self._is_over(key) or None):
            self._over.add(key)

    def _compare(self, key: RoundKey, known: Mapping[bytes, ProvenBatch]) -> None:
        """Look which batches of a round most nodes have at present."""
        last = self._mark.number
        if last is not None and self._missing(key, known, last) == frozenset():
            self._gone -= known.keys()
            self._there[key] = frozenset(known)
            return
        missing = self._missing(key, known, None) or frozenset()  # of some the block may only not be deep enough
        self._gone -= known.keys() - missing
        for batch_id in sorted(missing):
            with told(_log, "reinstating", f"batch=0x{batch_id.hex()} "):
                self._batch(key, known[batch_id])
        if missing:
            self._unseen.add(key)

    def _take_over(self, key: RoundKey) -> None:
        """Take over what is there instead, once: when nodes have agreed on what it is."""
        self._unseen.discard(key)
        try:
            self._adopt(key)
        except ChainError:
            self._unseen.add(key)
            raise

    def _missing(self, key: RoundKey, known: Mapping[bytes, ProvenBatch], last: int | None) -> frozenset[bytes] | None:
        """Those of them that most nodes do not show in any block, or in none up to one.  Raises ChainError."""
        return self._view.most(lambda: frozenset(known.keys() - self._view.accepted_ids(*key, last)))

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
        one = certificate_of(self._blobs, batch.bundle_digest)
        self._sender.accept_batch(one.statement, one.proof, one.attestations, one.payee)
        _log.warning("event=batch-reinstated batch=0x%s", batch_id.hex())
