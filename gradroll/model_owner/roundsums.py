"""The sum of a whole round, read without an account and, where a task puts its sums on the chain, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import native
from circuits.errors import NotReadyError, ProofError
from circuits.payload import Aggregate
from circuits.quantize import IntArray
from circuits.statement import TAIL
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.gradedreading import grades_of, sources
from gradroll.model_owner.sumreading import SumReader

_LOOKS = 4
"""At a round's batches and its sum of commitments, before they count as inconsistent: batches come blocks apart."""


@dataclass(frozen=True, slots=True)
class RoundSum:
    """What a round's batches add up to.

    Attributes:
        batches: the accepted ones, in order.
        total: int64[d], the sum of the quantised gradients, each times its weight.
        weight: of all of them together; as many as there are gradients where the task does not grade.
    """

    batches: tuple[AcceptedBatch, ...]
    total: IntArray
    weight: int


@dataclass(frozen=True, slots=True)
class RoundReader:
    """Reads the sums of rounds of one market, where they are public.

    Attributes:
        parameters: the reference string is enough.
        coordinator: asked for what is not on the chain; None: nobody but provers is.
    """

    view: ChainView
    parameters: PublicParameters
    coordinator: CoordinatorClient | None = None
    tls_roots: bytes | None = None

    def round_sum(self, task_id: int, number: int) -> RoundSum:
        """The sum of a round's accepted batches.

        Raises:
            NotReadyError: it has none.
            UnavailableError: nobody serves a sum, or how its owners were graded.
            ProofError: the node shows an inconsistent chain.
            KeyMismatchError: the reference string is another than the task's.
        """
        accepted = accepted_of(self.view, task_id, number)
        return RoundSum(accepted, self._row(task_id, accepted).values, sum(map(self.weight, accepted)))

    def round_row(self, task_id: int, number: int) -> Aggregate:
        """The sum of a round's accepted batches, with the tail that opens the round's commitment.

        Raises as ``round_sum``.
        """
        return self._row(task_id, accepted_of(self.view, task_id, number))

    def _row(self, task_id: int, accepted: Sequence[AcceptedBatch]) -> Aggregate:
        self.parameters.require_string(self.view.tau(task_id))
        key = self.parameters.commitment_key(self.view.terms(task_id).dimension)
        reader = SumReader(self.view, self.coordinator, self._provers)
        total, tail = np.zeros(key.dimension, np.int64), native.zeros(TAIL)
        for batch in accepted:
            found = reader.read(batch, key).aggregate
            total, tail = total + found.values, native.add(tail, found.tail)
        return Aggregate(total, tail)

    def weight(self, batch: AcceptedBatch) -> int:
        """How often the gradients of a batch count together.

        Raises:
            UnavailableError: nobody serves how its owners were graded.
        """
        if self.view.terms(batch.task_id).grading is None:
            return len(batch.owners)
        context = self.view.context(batch.task_id, batch.round)
        return sum(
            grades_of(batch, context, sources(batch, self.coordinator, self._provers, context.dimension)).weights
        )

    @property
    def _provers(self) -> ProverReader:
        return ProverReader(self.view, tls_roots=self.tls_roots)


def accepted_of(view: ChainView, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
    """All accepted batches of a round, whose commitments add up to the round's.

    The chain goes on between two questions, and one of them may see a batch that the other does not: both are asked
    again before a node is called inconsistent.

    Raises:
        NotReadyError: there is none.
        ProofError: the node shows an inconsistent chain.
    """
    for _ in range(_LOOKS):
        recorded = view.round(task_id, number).aggregate
        accepted = view.accepted(task_id, number)
        if not accepted:
            raise NotReadyError(_no_batch(view, task_id, number))
        commitments = [batch.record.commitment for batch in accepted]
        if native.g1_linear_combination(commitments, [1] * len(commitments)) == recorded:
            return accepted
    raise ProofError("the batches' commitments do not add up to the round's; the node shows an inconsistent chain")


def _no_batch(view: ChainView, task_id: int, number: int) -> str:
    """Why a round has no sum, and when that may change."""
    deadline = view.round(task_id, number).settle_deadline
    what = f"round {number} of task {shown(task_id)} has no accepted batch"
    if view.now() > deadline:
        return f"{what}, and none can come any more: it was to be settled by {utc(deadline)}; open another round"
    return f"{what} yet; one may come until {utc(deadline)}, and gradroll task status says what is waited for"
