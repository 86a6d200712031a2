"""The fields of a model card as the chain has them: what a new card says, and what one is held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError, NotReadyError, ProofError, UnavailableError
from circuits.quantize import IntArray
from circuits.terms import NO_DIGEST, TaskTerms
from commons.chain.openings import model_digest
from commons.chain.view import ChainView
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.trainingdecisions import Decision, DecisionKind, SignedDecision
from commons.runtime.identifiers import shown
from gradroll.audit.modelcards import CardPrivacy, CardRound, ModelCard
from gradroll.model_owner.lineage import Lineage, ended_rounds, initial_model, trained_task
from gradroll.model_owner.roundsums import RoundReader, accepted_of
from gradroll.training.decisionbook import require_decision
from gradroll.training.replay import Fault, Replayed

Serve = Callable[[bytes], FloatArray]
"""Gives the model with a digest of 32 bytes; raises GradrollError."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Reads what a card states of one task.

    Attributes:
        reader: reads sums and weights.
        serve: gives the first model, if it is not zeros.
    """

    reader: RoundReader
    task_id: int
    serve: Serve

    @property
    def view(self) -> ChainView:
        """The chain."""
        return self.reader.view

    def card(self, manifest: ModelManifest | None, decisions: Sequence[SignedDecision] = ()) -> ModelCard:
        """The card of a task, as far as its rounds take no more batches.

        Args:
            decisions: of its model owner; those that change nothing are left out.

        Raises:
            ProofError: the manifest is another than the task's, or the training is not as its rule says.
            NotReadyError: a metric is not signed, so there is no final model yet.
            GradrollError: the chain, or a sum, cannot be read.
        """
        terms, ended = self.view.terms(self.task_id), ended_rounds(self.view, self.task_id)
        require_manifest(manifest, terms)
        known: tuple[SignedDecision, ...] = ()
        replayed = self.recomputed(manifest, decisions, ended)
        if replayed is not None and replayed.deviation is not None:
            raise ProofError(f"the training of task {shown(self.task_id)} gets no card: {replayed.deviation.text}")
        if replayed is not None:
            if (missing := metric_missing(replayed)) is not None:
                raise NotReadyError(f"task {shown(self.task_id)} gets no card yet: {missing}")
            signed = {each.decision: each for each in reversed(decisions)}
            known = tuple(signed[each] for each in in_effect(manifest, replayed, ended))
        market = terms.market
        return ModelCard(
            market.chain_id, market.address, market.deployment, self.task_id, terms.terms_hash, self.privacy(),
            tuple(map(self.round, range(ended))), manifest, b"" if replayed is None else final_model(replayed), known,
        )  # fmt: skip

    def training(self, manifest: ModelManifest | None, decisions: Sequence[SignedDecision] = ()) -> Replayed:
        """A task's training, from its first round to the last that was opened, computed again.

        Raises:
            InvalidInputError: the task has no training rule.
            UnavailableError: its sums are private.
            GradrollError: as ``Lineage.recompute``, and ``initial_model``.
        """
        require_manifest(manifest, self.view.terms(self.task_id))
        opened = self.view.task(self.task_id).rounds_opened
        if manifest is None or manifest.training is None:
            raise InvalidInputError(
                f"task {shown(self.task_id)} has no training rule, so nothing can be computed again"
            )
        replayed = self.recomputed(manifest, decisions, opened)
        if replayed is None:
            raise UnavailableError(
                f"the sums of task {shown(self.task_id)} are private, or it has no round: only its model owner can "
                "compute its models"
            )
        return replayed

    def recomputed(
        self, manifest: ModelManifest | None, decisions: Sequence[SignedDecision], rounds: int
    ) -> Replayed | None:
        """The training of a task's first rounds; None where nobody but the model owner can compute it, or no rule says
        how.  Of the round after them it is looked at on which model it was opened, if it was.

        Raises:
            GradrollError: as ``Lineage.recompute``, and ``initial_model``.
        """
        private = self.view.terms(self.task_id).sums_private
        if manifest is None or manifest.training is None or not rounds or private:
            return None
        first = initial_model(self.view, self.task_id, manifest.model_length, self.serve)
        return Lineage(self.view, self.task_id, manifest, self._sums, decisions, rounds, beyond=True).recompute(first)

    def require_decided(self, manifest: ModelManifest, decisions: Sequence[SignedDecision]) -> None:
        """Raise SignatureError unless all decisions are the model owner's, about this task."""
        if not decisions:
            return  # the chain's log is not searched for owners of a task that nobody decided about
        task = trained_task(self.view, self.task_id, manifest)
        for each in decisions:
            require_decision(task, each)

    def round(self, number: int) -> CardRound:
        """A round.  Raises UnavailableError where nobody says how its owners were graded."""
        some = self.view.round(self.task_id, number).batches > 0
        batches = accepted_of(self.view, self.task_id, number) if some else ()
        return CardRound(
            number, model_digest(self.view, self.task_id, number), sum(len(batch.owners) for batch in batches),
            sum(map(self.reader.weight, batches)), tuple(batch.record.batch_id for batch in batches),
        )  # fmt: skip

    def privacy(self) -> CardPrivacy:
        """How far the task's owners are protected."""
        terms = self.view.terms(self.task_id)
        rule, committee = terms.grading_rule, self.view.committee_terms(terms.committee_id)
        return CardPrivacy(
            terms.committee_id, self.view.task(self.task_id).provers, committee.threshold, terms.min_owners,
            0 if rule is None else math.ceil(1000 * rule.bits(terms.bound)), int(not terms.sums_private),
        )  # fmt: skip

    def _sums(self, number: int) -> tuple[IntArray, int]:
        found = self.reader.round_sum(self.task_id, number)
        return found.total, found.weight


def final_model(replayed: Replayed) -> bytes:
    """Digest of the model after the last round, 32 bytes; empty where the rule gives none."""
    blocked = replayed.blocked
    return b"" if blocked is not None and blocked.fault is Fault.NO_MODEL else replayed.model_digest


def metric_missing(replayed: Replayed) -> str | None:
    """Which metric has to be signed before the last round's sum can be applied, in words; None where none has to."""
    blocked = replayed.blocked
    return blocked.text if blocked is not None and blocked.fault is Fault.DECISION_MISSING else None


def in_effect(manifest: ModelManifest | None, replayed: Replayed, rounds: int) -> tuple[Decision, ...]:
    """The decisions about a task's first rounds that the rule asks for, in order: metrics for a plateau, and stops.

    A metric of a round without a batch says nothing: its model is the one of the round before.
    """
    rule = None if manifest is None else manifest.training
    metered = rule is not None and rule.plateau is not None
    return tuple(
        decision
        for each in replayed.rounds[:rounds]
        for decision in each.decisions
        if decision.kind is DecisionKind.STOP or (metered and each.weight > 0)
    )


def require_manifest(manifest: ModelManifest | None, terms: TaskTerms) -> None:
    """Raise ProofError unless a manifest is a task's; None is that of a task without one."""
    digest = NO_DIGEST if manifest is None else manifest.digest
    if digest != terms.manifest:
        raise ProofError(
            f"the manifest is another than the task's: its digest is 0x{digest.hex()}, that of task "
            f"{shown(terms.task_id)} 0x{terms.manifest.hex()}"
        )
