"""The sums of whole rounds, for whoever computes a training again.

It takes no account and, where a task puts its sums on the chain, no server either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits.quantize import IntArray
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.gradedreading import grades_of, sources
from gradroll.model_owner.sumreading import SumReader, accepted_of


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
class RoundSums:
    """Reads sums of one market's rounds.

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
        self.parameters.require_string(self.view.tau(task_id))
        key = self.parameters.commitment_key(self.view.terms(task_id).dimension)
        accepted, total = accepted_of(self.view, task_id, number), np.zeros(key.dimension, np.int64)
        reader = SumReader(self.view, self.coordinator, self._provers)
        for batch in accepted:
            total += reader.read(batch, key).aggregate.values
        return RoundSum(accepted, total, sum(map(self.weight, accepted)))

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
