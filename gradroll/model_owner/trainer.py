"""A model owner's training by a rule: the model of the next round, and what it signs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import ClosedError, ConfigError, InvalidInputError, NotReadyError, RuleViolationError
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.runtime.amounts import utc
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from gradroll.model_owner.decisionfiles import DecisionFiles
from gradroll.model_owner.lineage import Lineage, Sums, ended_rounds, initial_model, takes_no_more
from gradroll.training.replay import Fault, Replayed
from gradroll.training.stepping import begin, digest_of


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

    def recompute(
        self, task_id: int, manifest: ModelManifest, first: FloatArray | None = None, *, limit: int | None = None
    ) -> Replayed:
        """A task's training so far.

        Args:
            first: the first model, where it is at hand; else it is served.
            limit: of the rounds that are looked at.

        Raises:
            NotReadyError: no round was opened.
            GradrollError: as ``Lineage.recompute``.
        """
        decided = () if self.decisions is None else self.decisions.read(task_id)
        length, view = manifest.model_length, self.chain.view

        def serve(digest: bytes) -> FloatArray:
            at_hand = first is not None and digest_of(first) == digest
            return first if first is not None and at_hand else self.serve(digest, length)

        initial = initial_model(view, task_id, length, serve)
        with stage("computing the models of the rounds again"):
            return Lineage(view, task_id, manifest, self.sums(task_id), decided, limit).recompute(initial)

    def model(
        self, task_id: int, manifest: ModelManifest, given: npt.ArrayLike | None = None
    ) -> tuple[int, FloatArray]:
        """A task's next round and the model on which it is to be opened; the last one while it can get its first batch.

        Args:
            given: the model that is meant; where the rule gives another it is refused.

        Returns:
            The round's number, and float64 of shape (model length,).  Of round 0 the rule says nothing, so that is the
            given one.

        Raises:
            InvalidInputError: there is no round yet, and no model is given, or none that the rule can take.
            RuleViolationError: the given model is another, or an earlier round is not as the rule says.
            NotReadyError: the last round may get another batch, or a metric is to be signed first.
            ClosedError: the training is over.
        """
        own = None if given is None else float_vector(given, manifest.model_length, "model")
        opened = self.chain.view.task(task_id).rounds_opened
        if opened == 0:
            return 0, _first(task_id, manifest, own)
        number = opened if self._is_over(task_id, opened - 1) else opened - 1
        model = _followed(task_id, self.recompute(task_id, manifest, own, limit=number or None), number)
        if own is not None and digest_of(own) != digest_of(model):
            raise RuleViolationError(
                f"the model at hand, 0x{digest_of(own).hex()}, is another than the rule of task {shown(task_id)} gives "
                f"for round {number}, 0x{digest_of(model).hex()}; name none, and the round is opened on that"
            )
        return number, model

    def decide(self, task_id: int, manifest: ModelManifest, kind: DecisionKind, value: int = 0) -> SignedDecision:
        """Sign a decision about the model that follows from the last round that is over, and keep it.

        Args:
            value: of a metric, in millionths.

        Raises:
            ConfigError: there is no directory for decisions.
            InvalidInputError: the rule calls for no metric, or something else was decided of that round.
            NotReadyError: no round is over, or one is running, so that it is too late to stop before it; an earlier
                metric is to be signed before a stop; or no round has a batch, so that there is nothing to measure.
            RuleViolationError: an earlier round is not as the rule says, or the rule gives no model.
        """
        if self.decisions is None:
            raise ConfigError("model_owner.state is missing: what is decided is kept there")
        view, task = self.chain.view, shown(task_id)
        if kind is DecisionKind.METRIC and (manifest.training is None or manifest.training.plateau is None):
            raise InvalidInputError(f"the training rule of task {task} asks for no metric")
        ended = ended_rounds(view, task_id)
        if kind is DecisionKind.STOP and ended < view.task(task_id).rounds_opened:
            raise NotReadyError(f"round {ended} of task {task} is running; the training can end after it")
        if ended == 0:
            raise NotReadyError(
                f"no round of task {task} is over, so there is no model to decide about; decide when one is"
            )
        replayed = self.recompute(task_id, manifest, limit=ended)
        _require_followed(task_id, replayed)
        number = _decided_round(task, replayed, kind)
        decision = Decision(task_id, view.terms(task_id).terms_hash, number, replayed.model_digest, kind, value)
        signature = self.chain.sign_message(decision.message(view.market_id))
        signed = SignedDecision(decision, self.chain.address, signature)
        self.decisions.add(signed)
        return signed

    def _is_over(self, task_id: int, number: int) -> bool:
        """Whether a round's sum is complete; false while it has no batch.  What came later would be in no model.

        Raises:
            NotReadyError: it has some, and may get another one.
        """
        last = self.chain.view.round(task_id, number)
        if not takes_no_more(last) and last.batches:
            raise NotReadyError(
                f"round {number} of task {shown(task_id)} may get another batch until {utc(last.settle_deadline)}, and "
                "the rule applies all of them; the next model follows after that"
            )
        return takes_no_more(last)


def _decided_round(task: str, replayed: Replayed, kind: DecisionKind) -> int:
    """The round after which a decision is taken, all of which are over: a metric is of the last one with a sum."""
    blocked = replayed.blocked
    if blocked is not None and blocked.fault is Fault.NO_MODEL:
        raise RuleViolationError(f"{blocked.text}; the training of task {task} ends here, and nothing is to be decided")
    owed = blocked is not None and blocked.fault is Fault.DECISION_MISSING
    if kind is DecisionKind.STOP:
        if blocked is not None and owed:  # a stop after that round would say that the one that followed is wrong
            raise NotReadyError(f"{blocked.text}: gradroll task decide {task} --metric")
        return replayed.rounds[-1].number
    if blocked is not None and owed:
        return blocked.round
    measured = [each.number for each in replayed.rounds if each.weight > 0]
    if not measured:
        raise NotReadyError(f"no round of task {task} has a batch, so there is no model to measure")
    return measured[-1]


def _first(task_id: int, manifest: ModelManifest, own: FloatArray | None) -> FloatArray:
    """The model of round 0; InvalidInputError where the rule cannot start from it."""
    if own is None:
        raise InvalidInputError(
            f"task {shown(task_id)} has no round yet: open the first one on a model of your own (gradroll task "
            "open --model)"
        )
    if manifest.training is not None:
        begin(manifest.training, manifest.blocks, own)
    return own


def _followed(task_id: int, replayed: Replayed, number: int) -> FloatArray:
    """The model of the round with a number."""
    _require_followed(task_id, replayed)
    blocked, task = replayed.blocked, shown(task_id)
    if blocked is None:
        return replayed.model
    if blocked.fault is Fault.DECISION_MISSING:
        raise NotReadyError(f"{blocked.text}: gradroll task decide {task} --metric")
    if blocked.fault is Fault.NO_MODEL:
        raise RuleViolationError(f"{blocked.text}; the training of task {task} ends here")
    raise ClosedError(f"the training of task {task} is over before round {number}: {blocked.text}")


def _require_followed(task_id: int, replayed: Replayed) -> None:
    if replayed.deviation is not None:
        raise RuleViolationError(
            f"the training of task {shown(task_id)} is not as its rule says: {replayed.deviation.text}; no model "
            "follows from that, so create another task"
        )
