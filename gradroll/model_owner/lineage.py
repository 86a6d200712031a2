"""The models of a task, as its training rule has them follow from each other: from the chain, and computed again.

Model owner, auditor and whoever checks a model card use the same functions; they differ in who reads sums for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import InvalidInputError, NotReadyError
from circuits.hashing import keccak
from circuits.quantize import IntArray
from commons.chain.facts import RoundRecord
from commons.chain.modelowners import handovers, model_owners
from commons.chain.openings import model_digest
from commons.chain.view import ChainView
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import SignedDecision
from commons.runtime.identifiers import shown
from commons.storage.modelfiles import encode_model
from gradroll.training.replay import OpenedRound, Replayed, TrainedTask, replay

Sums = Callable[[int], tuple[IntArray, int]]
"""Sum and weight of a round with batches, by its number."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The training of one task.

    Attributes:
        manifest: the task's; it has a training rule.
        sums: reads the sum of a round's accepted batches; raises GradrollError.
        decisions: what its model owner signed, as far as it is known.
        limit: so many rounds are looked at, None for all.
        beyond: whether it is looked at too on which model the round after these was opened, if it was.
    """

    view: ChainView
    task_id: int
    manifest: ModelManifest
    sums: Sums
    decisions: Sequence[SignedDecision] = ()
    limit: int | None = None
    beyond: bool = False

    def recompute(self, initial: npt.ArrayLike) -> Replayed:
        """All models, from the first one to that of the next round.

        Args:
            initial: floats of shape (d,), the model of round 0.

        Raises:
            InvalidInputError: the task has no training rule, or no model is of this shape and range.
            SignatureError: a decision is not the model owner's.
            GradrollError: a sum cannot be read.
        """
        model = float_vector(initial, self.manifest.model_length, "initial model")
        return replay(trained_task(self.view, self.task_id, self.manifest), model, self.rounds(), self.decisions)

    def rounds(self) -> Iterator[OpenedRound]:
        """The rounds that were opened, in order; the sum of each is read when it is asked for."""
        opened = self.view.task(self.task_id).rounds_opened
        most = opened if self.limit is None else min(self.limit, opened)
        for number in range(most):
            record = self.view.round(self.task_id, number)
            digest = model_digest(self.view, self.task_id, number)
            if not takes_no_more(record):
                yield OpenedRound(number, digest, settled=False)
            elif record.batches:
                yield OpenedRound(number, digest, *self.sums(number))
            else:
                yield OpenedRound(number, digest)
        if self.beyond and most < opened:
            yield OpenedRound(most, model_digest(self.view, self.task_id, most), settled=False)


def trained_task(view: ChainView, task_id: int, manifest: ModelManifest) -> TrainedTask:
    """What a replay needs of a task, as the chain has it.

    Raises:
        InvalidInputError: the task has no training rule.
        UnknownError, ChainError: the chain cannot be read.
    """
    terms = view.terms(task_id)
    if manifest.training is None:
        raise InvalidInputError(f"the manifest of task {shown(task_id)} has no training rule")
    owners, former = model_owners(view, task_id), handovers(view, task_id)
    return TrainedTask(manifest.training, manifest.blocks, terms.market, task_id, terms.terms_hash, owners, former)


def takes_no_more(record: RoundRecord) -> bool:
    """Whether a round can get no further batch, so that its sum stays as it is."""
    return record.closed or record.finalized or record.owners >= record.seats > 0


def ended_rounds(view: ChainView, task_id: int) -> int:
    """How many rounds of a task, from the first on, can get no further batch."""
    numbers = range(view.task(task_id).rounds_opened)
    return next((n for n in numbers if not takes_no_more(view.round(task_id, n))), len(numbers))


def initial_model(view: ChainView, task_id: int, length: int, serve: Callable[[bytes], FloatArray]) -> FloatArray:
    """The model of a task's first round: zeros, if it is that, or else as somebody serves it.

    Args:
        length: coordinates.
        serve: gives the model with a digest; raises GradrollError.

    Returns:
        float64[length]; the chain vouches for it.

    Raises:
        NotReadyError: no round was opened.
        GradrollError: as ``serve``.
    """
    if view.task(task_id).rounds_opened == 0:
        raise NotReadyError(f"task {shown(task_id)} has opened no round, so it has no first model yet")
    digest, zeros = model_digest(view, task_id, 0), np.zeros(length)
    if keccak(encode_model(zeros)) == digest:
        return zeros
    model = serve(digest)
    if keccak(encode_model(model)) != digest:
        raise InvalidInputError(
            f"this is not the first model of task {shown(task_id)}: round 0 was opened on the one with digest "
            f"0x{digest.hex()}"
        )
    return model
