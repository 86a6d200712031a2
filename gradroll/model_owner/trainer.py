"""A model owner's training by a rule: the model of the next round, and what it signs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import ClosedError, InvalidInputError, NotReadyError, RuleViolationError
from circuits.hashing import keccak
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.storage.modelfiles import encode_model
from gradroll.model_owner.decisionfiles import DecisionFiles
from gradroll.model_owner.lineage import Lineage, Sums, initial_model, takes_no_more
from gradroll.training.replay import Replayed


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains by the rules of one model owner's tasks.

    Attributes:
        chain: signs decisions.
        sums: gives the reader of a task's sums.
        serve: gives the model with a digest, of so many coordinates; it is checked.
        decisions: what was decided before; None: nothing can be.
    """

    chain: ChainWriter
    sums: Callable[[int], Sums] = field(repr=False)
    serve: Callable[[bytes, int], FloatArray] = field(repr=False)
    decisions: DecisionFiles | None = None

    def recompute(self, task_id: int, manifest: ModelManifest) -> Replayed:
        """A task's training so far.  Raises GradrollError as ``Lineage.recompute``, NotReadyError before round 0."""
        decided = () if self.decisions is None else self.decisions.read(task_id)
        length, view = manifest.model_length, self.chain.view
        first = initial_model(view, task_id, length, lambda digest: self.serve(digest, length))
        with stage("computing the models of the rounds again"):
            return Lineage(view, task_id, manifest, self.sums(task_id), decided).recompute(first)

    def model(self, task_id: int, manifest: ModelManifest, given: npt.ArrayLike | None = None) -> FloatArray:
        """The model on which a task's next round is to be opened.

        Args:
            given: the one that is meant; where the rule gives another it is refused.

        Returns:
            float64 of shape (model length,).  For round 0 the rule has no say, so that is the given one.

        Raises:
            InvalidInputError: there is no round yet, and no model is given.
            RuleViolationError: the given model is another, or an earlier round is not as the rule says.
            NotReadyError: the last round may get another batch, or a metric is to be signed first.
            ClosedError: the training is over.
        """
        own = None if given is None else float_vector(given, manifest.model_length, "model")
        record = self.chain.view.task(task_id)
        if record.rounds_opened == 0:
            if own is None:
                raise InvalidInputError(f"task {shown(task_id)} has no round yet: name its first model (--model)")
            return own
        self._require_ended(task_id, record.rounds_opened - 1)
        model = self._next(task_id, self.recompute(task_id, manifest))
        if own is not None and (digest := _digest(own)) != _digest(model):
            raise RuleViolationError(
                f"the model at hand, 0x{digest.hex()}, is another than the rule of task {shown(task_id)} gives for "
                f"round {record.rounds_opened}, 0x{_digest(model).hex()}; name none, and the round is opened on that"
            )
        return model

    def decide(self, task_id: int, manifest: ModelManifest, kind: DecisionKind, value: int = 0) -> SignedDecision:
        """Sign a decision about the model after a task's last round, and keep it.

        Args:
            value: of a metric, in millionths.

        Raises:
            InvalidInputError: the rule calls for no metric, or something else was decided of that round.
            NotReadyError: the last round may get another batch.
            RuleViolationError: an earlier round is not as the rule says.
        """
        if self.decisions is None:
            raise InvalidInputError("model_owner.state is missing: what is decided is kept there")
        view = self.chain.view
        number = view.task(task_id).rounds_opened - 1
        if number >= 0:
            self._require_ended(task_id, number)
        replayed = self.recompute(task_id, manifest)
        _require_followed(task_id, replayed)
        if kind is DecisionKind.METRIC and replayed.awaits is None:
            raise InvalidInputError(f"the rule of task {shown(task_id)} calls for no metric of round {number}")
        decision = Decision(task_id, view.terms(task_id).terms_hash, number, replayed.model_digest, kind, value)
        signature = self.chain.sign_message(decision.message(view.market_id))
        signed = SignedDecision(decision, self.chain.address, signature)
        self.decisions.add(signed)
        return signed

    def _require_ended(self, task_id: int, number: int) -> None:
        """A batch that came after the next round was opened would be in no model."""
        last = self.chain.view.round(task_id, number)
        if not takes_no_more(last):
            raise NotReadyError(
                f"round {number} of task {shown(task_id)} may get another batch until {utc(last.settle_deadline)}, and "
                "the rule applies all of them; the next model follows after that"
            )

    def _next(self, task_id: int, replayed: Replayed) -> FloatArray:
        _require_followed(task_id, replayed)
        if replayed.awaits is not None:
            raise NotReadyError(
                f"the rule of task {shown(task_id)} asks for the metric of the model after round {replayed.awaits}: "
                f"gradroll task decide {shown(task_id)} --metric"
            )
        if replayed.next_round is None:
            raise ClosedError(f"the training of task {shown(task_id)} is over: its rule, or a decision, ended it")
        return replayed.model


def _require_followed(task_id: int, replayed: Replayed) -> None:
    if replayed.deviation is not None:
        raise RuleViolationError(
            f"the training of task {shown(task_id)} is not as its rule says: {replayed.deviation.text}; no model "
            "follows from that, so create another task"
        )


def _digest(model: FloatArray) -> bytes:
    return keccak(encode_model(model))
