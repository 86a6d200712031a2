"""The model owner's side: post a task with its reward in escrow, open rounds, read what the chain vouches for.

Nobody has to be trusted for correctness: an aggregate is returned only when it opens the sum of the owners' commitments
that the market contract recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import (
    ConfigError,
    GradientError,
    InvalidInputError,
    KeyMismatchError,
    NotReadyError,
    UnavailableError,
)
from circuits.grading import Grades
from circuits.hashing import keccak
from circuits.quantize import IntArray
from circuits.terms import TaskTerms
from commons.chain.facts import AcceptedBatch
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.replies import ProverVerdict
from commons.protocol.trainingdecisions import DecisionKind, SignedDecision
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.sharing.sealing import public_key
from commons.storage.modelfiles import decode_model, encode_model
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.published import model_length
from gradroll.model_owner import roster
from gradroll.model_owner.decisionfiles import DecisionFiles
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.gradedreading import grades_of, sources
from gradroll.model_owner.gradedrounds import GradedRounds
from gradroll.model_owner.lineage import Sums
from gradroll.model_owner.manifestowner import ManifestOwner
from gradroll.model_owner.plan import TaskPlan
from gradroll.model_owner.precheck import check_round, check_terms, running_on
from gradroll.model_owner.referenceblocks import reference_by_blocks, update_by_blocks
from gradroll.model_owner.referencegradient import LEAST_SUMS, GradedSum, Reference, Update
from gradroll.model_owner.sumreading import FoundSum, SumReader, accepted_of
from gradroll.model_owner.trainer import Trainer


@dataclass(frozen=True, slots=True)
class RoundAggregate:
    """The checked outcome of a round.

    Attributes:
        quantized: int64[d], the sum of the owners' quantised gradients, each times its weight.
        total: float64[d], the same sum in the gradient's units, each block by its scale.
        batches: the accepted batches that it is made of.
        graded: the sum of each of them, with its owners' grades; empty where the task does not grade.
        verdicts: provers whose share was wrong or missing, where sums were opened from shares.
    """

    quantized: IntArray
    total: FloatArray
    batches: tuple[AcceptedBatch, ...]
    graded: tuple[GradedSum, ...] = ()
    verdicts: tuple[ProverVerdict, ...] = ()

    @property
    def owners(self) -> tuple[bytes, ...]:
        """Addresses of the owners in it."""
        return tuple(owner for batch in self.batches for owner in batch.owners)

    @property
    def weights(self) -> tuple[int, ...]:
        """How often the gradient of each of the owners counts."""
        if not self.graded:
            return (1,) * len(self.owners)
        return tuple(weight for batch in self.graded for weight in batch.grades.weights)

    @property
    def mean(self) -> FloatArray:
        """float64[d], the average gradient, by weight.  Where gradients are graded ``ModelOwner.update`` is safer."""
        return self.total / sum(self.weights)


class ModelOwner(ManifestOwner):
    """One model owner's account at one market, with all that buying takes.

    Args:
        view: read access to the chain.
        chain: sends this account's transactions.
        coordinator: serves models and aggregates; it is not believed.
        parameters: public parameters; only the SRS is needed.
        stall: seconds after which an answer of a prover on which nothing moves is given up.
        tls_roots: PEM certificates to trust for grpcs:// provers instead of the system's.
        state: directory of references that are dealt; without it no round of a task that grades is opened.
        manifest: the model manifest of the task, where it is at hand; otherwise the coordinator is asked for it.
        sum_key: reads the private key, 32 bytes, for which provers seal private sums; without it none is read.
    """

    def __init__(
        self,
        view: ChainView,
        chain: ChainWriter,
        coordinator: CoordinatorClient,
        parameters: PublicParameters,
        *,
        stall: float = 60.0,
        tls_roots: bytes | None = None,
        state: Path | None = None,
        manifest: ModelManifest | None = None,
        sum_key: Callable[[], bytes] | None = None,
    ) -> None:
        super().__init__(view, chain, coordinator, manifest)
        self._graded = None if state is None else GradedRounds(
            chain, coordinator, parameters, state, stall=stall, tls_roots=tls_roots
        )  # fmt: skip
        self._provers = ProverReader(view, stall, tls_roots)
        self._parameters = parameters
        self._sum_key = sum_key
        self._trainer = Trainer(
            chain, self._sums, lambda digest, length: decode_model(coordinator.get_model(digest, length), length),
            None if state is None else DecisionFiles.within(state),
        )  # fmt: skip

    def check_task(self, plan: TaskPlan) -> tuple[str, ...]:
        """Look at a task before it is created; returns what may go wrong, in words.

        Raises:
            GradrollError: terms that the market would refuse, or that no round could satisfy; see
                `precheck.check_terms`.
        """
        return check_terms(self._view, self._parameters, plan.terms())

    def create_task(self, plan: TaskPlan) -> int:
        """Post a task; returns its identifier.  It pays for nothing until it is funded.

        Where it has a model manifest, that is to be published next (``publish_manifest``): owners take part by it.

        Raises:
            GradrollError: as for ``check_task``; nothing was sent.
            ChainError: the market refused.
        """
        self.check_task(plan)
        return self._chain.create_task(plan.terms())

    def open_round(
        self,
        task_id: int,
        parameters: npt.ArrayLike | None = None,
        *,
        reference: npt.ArrayLike | None = None,
        past_sums: int | None = None,
        seats: int | None = None,
        compact: bool = True,
        warn: Callable[[str], None] = lambda _: None,
    ) -> int:
        """Publish the model and open the next round on it; returns the round's number.

        A round that is running on this model already is this one: an interrupted run has opened it.  Where the task
        grades, what that run had not handed in of the reference is handed in.

        Args:
            parameters: floats of shape (d,), or as long as the task's manifest says; see `circuits.arrays.float_vector`
                for what is taken.  After the first round of a task with a training rule None is enough, and only the
                rule's model is taken.
            reference: where the task grades, the model owner's own gradient, floats of shape (d,), at this model, on
                the data that the terms name by their digest.
            past_sums: as ``least`` of ``reference``.
            seats: most gradients of the round, for all of which pay and fees are set aside; by default as many as the
                task holds owners.  Who is registered has a seat in any case.
            compact: copy the owners into code first, where that saves more gas than it costs (`roster`).
            warn: told what may go wrong, before anything is sent.

        Raises:
            InvalidInputError: no model of this task: another shape, NaN, something that is no number.
            RuleViolationError: the task's training rule gives another model; nothing was sent, nor for what follows.
            GradrollError: the round cannot be opened, see `precheck.check_round` and ``Trainer.model``.
            KeyMismatchError: the reference string at hand is another than the task's: no sum could be read.
            UnavailableError: the round is open, and too few provers answer to take the reference; call again.
        """
        record = self._view.task(task_id)
        graded = self._graded_rounds(record.terms, given=reference is not None)
        own = None if reference is None else _reference(reference, record.terms)
        self._parameters.require_string(self._view.tau(task_id))
        data = encode_model(self._model(record.terms, parameters))
        running = running_on(self._view, record, keccak(data))
        if running is not None:
            warn(f"round {running} of task {shown(task_id)} is running on this model already; no other one is opened")
            if graded is not None and own is not None:
                self._hand_in_again(graded, record.terms, running, own, warn)
            return running
        wanted = record.terms.capacity if seats is None else seats
        for text in check_round(self._view, record, wanted):
            warn(text)
        manifest = self.publish_manifest(task_id)
        with stage("publishing the model at the coordinator"):
            digest = self._coordinator.put_model(data, task_id, self._chain)
        if compact:
            roster.compact(self._view, self._chain, task_id, max(wanted, record.active_owners))
        if graded is None or own is None:
            return self._chain.open_round(task_id, digest, wanted)
        number = graded.open(
            record.terms, digest, own, wanted, lambda: self.reference(task_id, own, least=past_sums).values, manifest
        )  # fmt: skip
        graded.hand_in(record.terms, number, manifest)
        return number

    def next_model(self, task_id: int) -> tuple[int, FloatArray]:
        """The round that ``open_round`` would open of a task with a training rule, and its model.

        Raises:
            InvalidInputError: the task has no training rule, or no round yet.
            GradrollError: as ``Trainer.model``.
        """
        return self._trainer.model(task_id, self._rule(task_id))

    def decide(self, task_id: int, kind: DecisionKind, value: int = 0) -> SignedDecision:
        """Sign what a task's training rule leaves to its model owner; the arguments are those of ``Trainer.decide``."""
        return self._trainer.decide(task_id, self._rule(task_id), kind, value)

    def _rule(self, task_id: int) -> ModelManifest:
        manifest = self.manifest(task_id)
        if manifest is None or manifest.training is None:
            raise InvalidInputError(f"task {shown(task_id)} has no training rule: which model follows is yours to say")
        return manifest

    def _model(self, terms: TaskTerms, parameters: npt.ArrayLike | None) -> FloatArray:
        """The model of the round to be opened."""
        manifest = self.manifest(terms.task_id)
        if manifest is not None and manifest.training is not None:
            return self._trainer.model(terms.task_id, manifest, parameters)[1]
        if parameters is None:
            raise InvalidInputError(f"task {shown(terms.task_id)} has no training rule: name the model (--model)")
        return float_vector(parameters, model_length(terms, manifest), "model")

    def _hand_in_again(
        self, graded: GradedRounds, terms: TaskTerms, number: int, own: FloatArray, warn: Callable[[str], None]
    ) -> None:
        """What an interrupted run had not handed in of a running round's reference."""
        if not graded.was_opened_with(terms, number, own):
            warn(
                f"round {number} was opened with the reference of another gradient than you name; that one is handed "
                "in, and yours is not used"
            )
        graded.hand_in(terms, number, self.manifest(terms.task_id))

    def _sums(self, task_id: int) -> Sums:
        def read(number: int) -> tuple[IntArray, int]:
            found = self.read_aggregate(task_id, number)
            return found.quantized, sum(found.weights)

        return read

    def _graded_rounds(self, terms: TaskTerms, *, given: bool) -> GradedRounds | None:
        """What opens rounds of a task that grades; None for any other task."""
        task, grades = shown(terms.task_id), terms.grading is not None
        if given and not grades:
            raise InvalidInputError(f"task {task} does not grade gradients, so its rounds take no reference; name none")
        if not grades:
            return None
        if not given:
            raise InvalidInputError(
                f"task {task} grades gradients by one of the model owner's own; name it (--reference)"
            )
        if self._graded is None:
            raise ConfigError("model_owner.state is missing: what is dealt of a reference is kept there")
        return self._graded

    def read_aggregate(self, task_id: int, round_number: int, *, from_provers: bool = False) -> RoundAggregate:
        """The round's sum of gradients, checked against the chain before it is returned.

        Args:
            from_provers: do not ask the chain's log or the coordinator first.

        Raises:
            NotReadyError: no batch of the round is accepted yet.
            UnavailableError: nobody serves a sum that opens the commitment on the chain; soon after the acceptance
                the provers may not believe it to be final yet.
            ProofError: the node shows an inconsistent chain.
            KeyMismatchError: the reference string is another than the task's, or the key for its sums.
            ConfigError: sums are private, and no key for them is at hand.
        """
        accepted, found = self._read(task_id, round_number, from_provers=from_provers)
        aggregates = [each.aggregate for each in found]
        scales = self._scales(task_id)
        quantized: IntArray = np.sum([a.values for a in aggregates], axis=0, dtype=np.int64)
        graded: tuple[GradedSum, ...] = ()
        if self._view.terms(task_id).grading is not None:
            each = zip(accepted, aggregates, strict=True)
            graded = tuple(GradedSum(scales.dequantize(a.values), self._grades(batch)) for batch, a in each)
        verdicts = tuple(verdict for each in found for verdict in each.verdicts)
        return RoundAggregate(quantized, scales.dequantize(quantized), accepted, graded, verdicts)

    def update(self, task_id: int, aggregate: RoundAggregate, own: npt.ArrayLike) -> Update:
        """Where to go from a graded round: the mean gradient by weight, or the own one where none was judged.

        Args:
            own: floats of shape (d,), the gradient of which the round's reference was made.

        Raises:
            GradientError: nothing was judged, and the own gradient is zero.
            InvalidInputError: the task does not grade.
        """
        terms = self._view.terms(task_id)
        if terms.grading is None:
            raise InvalidInputError(f"task {shown(task_id)} does not grade gradients; take the aggregate's mean")
        gradient = float_vector(own, terms.dimension, "reference gradient", GradientError)
        return update_by_blocks(self._scales(task_id), gradient, aggregate.graded, terms.bound)

    def _grades(self, batch: AcceptedBatch) -> Grades:
        context = self._view.context(batch.task_id, batch.round)
        return grades_of(batch, context, sources(batch, self._coordinator, self._provers, context.dimension))

    def published_sums(self, task_id: int, least: int) -> tuple[FloatArray, ...]:
        """The sums of the batches of a task's last rounds, float64[d] each, checked as ``read_aggregate`` does.

        Newest round first, whole rounds, until there are ``least`` sums or the task has published no more.

        Raises:
            UnavailableError: a sum cannot be had; others may have it, so it is not left out.  The error names how many
                newer ones there are.
        """
        scales, sums = self._scales(task_id), list[FloatArray]()
        for number in reversed(range(self._view.task(task_id).rounds_opened)):
            if len(sums) >= least:
                break
            try:
                sums += [scales.dequantize(each.aggregate.values) for each in self._read(task_id, number)[1]]
            except NotReadyError:  # the round has no batch
                continue
            except UnavailableError as error:
                raise UnavailableError(
                    f"{error}; a sum of round {number} is to be taken out of the reference: run it again later, or "
                    f"take out the {len(sums)} newer ones alone (--past-sums {len(sums)}); who repeats it may earn then"
                ) from error
        return tuple(sums)

    def reference(self, task_id: int, own: npt.ArrayLike, *, least: int | None = None) -> Reference:
        """The reference to deal for a task's next round: the own gradient without what the task has published.

        Args:
            own: floats of shape (d,), on the model of that round and the data that the terms name.
            least: so many of the newest sums are taken out, or all that there are; by default 5 in an open task, where
                anybody may hand them in again, and none in one whose owners were admitted.

        Raises:
            GradrollError: as for ``reference_gradient`` and ``published_sums``.
        """
        terms = self._view.terms(task_id)
        wanted = (0 if terms.permissioned else LEAST_SUMS) if least is None else least
        sums = self.published_sums(task_id, wanted)
        gradient = float_vector(own, terms.dimension, "reference gradient", GradientError)
        return reference_by_blocks(self._scales(task_id), gradient, sums, least=min(wanted, len(sums)))

    def _read(
        self, task_id: int, round_number: int, *, from_provers: bool = False
    ) -> tuple[tuple[AcceptedBatch, ...], list[FoundSum]]:
        """The accepted batches of a round and their sums."""
        self._parameters.require_string(self._view.tau(task_id))
        accepted = accepted_of(self._view, task_id, round_number)
        terms, sums = self._view.terms(task_id), SumReader(self._view, self._coordinator, self._provers)
        key, secret = self._parameters.commitment_key(terms.dimension), self._secret(terms)
        with stage("reading the sum"):
            found = [sums.read(batch, key, secret, from_provers=from_provers) for batch in accepted]
        return accepted, found

    def _secret(self, terms: TaskTerms) -> bytes | None:
        """The secret of the task's key for sums; None where they are public."""
        if not terms.sums_private:
            return None
        task = shown(terms.task_id)
        if self._sum_key is None:
            raise ConfigError(
                f"the sums of task {task} are private: name the file of its key (--sum-key, or model_owner.sum_key)"
            )
        secret = self._sum_key()
        if public_key(secret) != terms.sum_key:
            raise KeyMismatchError(
                f"the key for sums of task {task} is 0x{terms.sum_key.hex()}, and yours is another; name its file"
            )
        return secret


def _reference(values: npt.ArrayLike, terms: TaskTerms) -> FloatArray:
    return float_vector(values, terms.dimension, "reference gradient", GradientError)
