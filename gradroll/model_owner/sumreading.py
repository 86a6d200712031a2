"""A batch's sum from whoever serves it: the chain's log, the coordinator, the provers; a private one with its key.

Nobody is believed: what is returned opens the commitment that the chain recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from circuits import payload as payloads
from circuits.commitment import CommitmentKey
from circuits.errors import GradrollError, UnavailableError
from circuits.payload import Aggregate
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.protocol import release
from commons.protocol.release import Opened, SumAsked
from commons.protocol.replies import ProverVerdict
from commons.protocol.sealedreplies import SumOpener
from commons.protocol.sealedsums import opener
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.model_owner.from_provers import ProverReader

_MOST_EPOCHS = 256
"""After a round's, in which its sum was gathered: a node that lies about how many there were must not keep anybody."""
Source = Callable[[], Opened]


@dataclass(frozen=True, slots=True, eq=False)
class FoundSum:
    """A batch's sum, and provers whose share of it was wrong or missing, where it was opened from shares."""

    aggregate: Aggregate
    verdicts: tuple[ProverVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class SumReader:
    """Reads sums of one market.

    Attributes:
        coordinator: is not believed; where it does not serve a sum, or there is none, provers do.
    """

    view: ChainView
    coordinator: CoordinatorClient | None
    provers: ProverReader

    def read(
        self, batch: AcceptedBatch, key: CommitmentKey, secret: bytes | None = None, *, from_provers: bool = False
    ) -> FoundSum:
        """The sum of an accepted batch.

        Args:
            secret: of the task's key for sums, where they are private.
            from_provers: do not ask the chain's log or the coordinator first.

        Raises:
            UnavailableError: nobody serves it.
        """
        return find_sum(batch, key, self._sources(batch, key, secret, from_provers))

    def _sources(
        self, batch: AcceptedBatch, key: CommitmentKey, secret: bytes | None, from_provers: bool
    ) -> Iterator[Source]:
        opens = None
        if secret is not None:
            opens = opener(secret, self.view.context(batch.task_id, batch.round), batch.record.batch_id)
        if not from_provers:
            for published in batch.published:
                yield partial(Opened, bytes(published), ())
            if self.coordinator is not None:
                yield partial(self._of_coordinator, self.coordinator, batch, key, opens)
        yield partial(self.provers.aggregate, batch, key, opens)

    def _of_coordinator(
        self, coordinator: CoordinatorClient, batch: AcceptedBatch, key: CommitmentKey, opens: SumOpener | None
    ) -> Opened:
        batch_id = batch.record.batch_id
        if opens is None:
            return Opened(coordinator.payload(batch_id, key.dimension), ())
        committee = self.view.committee_of_round(batch.task_id, batch.round)
        shares = coordinator.sealed_sum(batch_id, key.dimension, committee.size)
        replies = {share.prover: share.reply(batch_id) for share in shares if share.prover < committee.size}
        later = _later_members(self.view, batch, committee.committee_id)
        asked = SumAsked(self.view.context(batch.task_id, batch.round), batch_id, batch.record.commitment)
        return release.opened(committee, key, asked, replies, later, opens)


def _later_members(view: ChainView, batch: AcceptedBatch, committee_id: int) -> list[tuple[bytes, ...]]:
    """Addresses of the members of each epoch since the round's: a share is kept as it was signed when it was gathered.

    A member may have had several keys by now.
    """
    opened, present = view.round(batch.task_id, batch.round).epoch, view.committee_record(committee_id).epoch
    between = range(opened + 1, min(present, opened + _MOST_EPOCHS))
    return [view.committee(committee_id, epoch).members for epoch in (*between, present)]


def find_sum(batch: AcceptedBatch, key: CommitmentKey, sources: Iterable[Source]) -> FoundSum:
    """The batch's sum, from the first source whose bytes open the commitment that the chain recorded.

    Raises:
        UnavailableError: no source has it.
    """
    reasons = []
    for source in sources:
        try:
            found = source()
            aggregate = payloads.decode(found.payload, key.dimension)
        except GradrollError as error:
            reasons.append(str(error))
            continue
        if key.commit_small(aggregate.values, aggregate.tail) == batch.record.commitment:
            return FoundSum(aggregate, found.verdicts)
        reasons.append("a sum was served that does not open the commitment on the chain")
    raise UnavailableError(f"nobody serves the sum of batch 0x{batch.record.batch_id.hex()}: {'; '.join(reasons)}")
