"""Opening the rounds of a task that grades: their reference is kept, dealt, named in the opening, and handed in.

Each step is durable before the next one: a call that stopped half way is repeated, and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from circuits.arrays import FloatArray
from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, UnknownError
from circuits.hashing import keccak
from circuits.statement import MAX_COPIES
from circuits.terms import TaskTerms
from commons.chain.writer import ChainWriter
from commons.protocol.modelmanifests import ModelManifest
from commons.protocol.references import Opening
from commons.runtime.identifiers import shown
from commons.runtime.stages import stage
from commons.storage.files import write_durably
from commons.storage.modelfiles import decode_model, encode_model
from commons.storage.parameters import PublicParameters
from commons.storage.submissions import SubmissionStore
from commons.wire.coordinator_client import CoordinatorClient
from commons.wire.handing import ShareSender
from commons.wire.resuming import Dealer
from gradroll.model_owner.referencedealing import HandedIn, NextRound, ReferenceDealer, ReferenceSender

_DIGEST, _HEAD = 32, 36
"""Bytes of a kept file: the own gradient's digest; that and the seats."""


def copies_for(seats: int, largest: int) -> int:
    """Copies of a reference for a round of so many seats: one for each full batch, and one for a batch that fails.

    `precheck` refuses rounds of more seats than there may be copies for.

    Args:
        largest: most owners of a batch.
    """
    return min(MAX_COPIES, -(-seats // largest) + 1)


@dataclass(frozen=True, eq=False, slots=True)
class KeptReference:
    """What a round is opened with, as it was prepared.

    Attributes:
        own: Keccak-256 of the gradient that it was made from.
        seats: that the round was to have.
        values: float64[d], the reference.
    """

    own: bytes
    seats: int
    values: FloatArray = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptReferences:
    """References on disk, mode 0600: one is not made twice, as the sums that are taken out of it grow more."""

    directory: Path

    def load(self, task_id: int, number: int, model_digest: bytes, dimension: int) -> KeptReference | None:
        """What is kept for a round on a model, or None.

        Raises:
            StorageError: it cannot be read.
            InvalidInputError: it is damaged.
        """
        path = self.path(task_id, number, model_digest)
        if not path.exists():
            return None
        with storing(f"cannot read {path}"):
            raw = path.read_bytes()
        seats, values = raw[_DIGEST:_HEAD], decode_model(raw[_HEAD:], dimension)
        return KeptReference(raw[:_DIGEST], int.from_bytes(seats), values)

    def save(self, task_id: int, number: int, model_digest: bytes, kept: KeptReference) -> None:
        """Keep the reference of a round.

        Raises:
            InvalidInputError: another is kept for it.  A transaction that opens the round with that one may be under
                way, and then nobody could make its shares again.
            StorageError: it cannot be written.
        """
        other = next(self.directory.glob(f"{_round(task_id, number)}-model-*"), None)
        if other is not None:
            raise InvalidInputError(
                f"another reference or model was prepared for round {number} of task {shown(task_id)}; pass that one "
                f"again, or remove {other} once no transaction is under way that opens the round with it"
            )
        head = kept.own + kept.seats.to_bytes(_HEAD - _DIGEST)
        write_durably(self.path(task_id, number, model_digest), head + encode_model(kept.values))

    def path(self, task_id: int, number: int, model_digest: bytes) -> Path:
        """Where it is kept."""
        return self.directory / f"{_round(task_id, number)}-model-{model_digest.hex()}"


def _round(task_id: int, number: int) -> str:
    return f"task-{task_id}-round-{number}"


class GradedRounds:
    """One model owner's.

    Args:
        state: directory for references and their dealings; each call keeps other processes off it.
        stall, tls_roots: as of ``ShareSender``.
        patience: seconds in which provers that do not answer are asked again.
    """

    def __init__(
        self,
        chain: ChainWriter,
        coordinator: CoordinatorClient,
        parameters: PublicParameters,
        state: Path,
        *,
        stall: float,
        tls_roots: bytes | None,
        patience: float = 3.0,
    ) -> None:
        self._chain, self._view = chain, chain.view
        self._store = store = SubmissionStore(state, self._view.market_id)
        dealer = Dealer(parameters, chain.sign, store.save)
        self._kept = KeptReferences(state / "references")
        self._dealing = ReferenceDealer(chain.address, dealer, store)
        shares = ShareSender(
            self._view, coordinator, store.save, stall=stall, tls_roots=tls_roots, patience=patience
        )  # fmt: skip
        self._sending = ReferenceSender(self._view, coordinator, self._dealing, shares)

    def open(
        self,
        terms: TaskTerms,
        model_digest: bytes,
        own: FloatArray,
        seats: int,
        make: Callable[[], FloatArray],
        manifest: ModelManifest | None = None,
    ) -> int:
        """Deal the reference of a task's next round, and open the round with it; returns its number.

        Args:
            own: float64[d], the model owner's own gradient.
            seats: of the round; who is registered has one in any case.
            make: makes the reference, float64[d], of it; called unless that was done before for this very round.
            manifest: the task's, if it has one.

        Raises:
            GradientError, InvalidInputError: as of ``ReferenceDealer.deal`` and ``KeptReferences.save``; or the round
                was prepared with other seats.
            StorageError: another process uses the state directory, or it cannot be written.
        """
        with self._store.held():
            record = self._view.task(terms.task_id)
            number = record.rounds_opened
            values = self._reference(terms, number, model_digest, own, seats, make)
            policy = self._view.policy(terms.task_id)
            committee = self._view.committee(terms.committee_id)
            coming = NextRound(terms, policy, committee, number, model_digest, manifest)
            copies = copies_for(max(seats, record.active_owners), terms.largest_batch(policy.capacity))
            with stage("dealing the reference"):
                opening = self._dealing.deal(values, copies, coming)
            return self._chain.open_referenced_round(terms.task_id, opening, seats)

    def hand_in(self, terms: TaskTerms, number: int, manifest: ModelManifest | None = None) -> tuple[HandedIn, ...]:
        """Hand in the copies with which a round was opened, those that are not in yet.

        Args:
            manifest: the task's, if it has one.

        Raises:
            UnknownError: this state directory is another than that with which the round was opened.
            UnavailableError: too few provers answer; call again.
            StorageError: another process uses the state directory, or it cannot be written.
        """
        with self._store.held():
            return self._hand_in(terms, number, manifest)

    def _hand_in(self, terms: TaskTerms, number: int, manifest: ModelManifest | None) -> tuple[HandedIn, ...]:
        opening, kept = self._opened(terms, number)
        with stage("handing in the reference"):
            return self._sending.hand_in(terms.task_id, number, kept.values, len(opening.copies), manifest)

    def was_opened_with(self, terms: TaskTerms, number: int, own: FloatArray) -> bool:
        """Whether the reference of a round that is open was made of this gradient, float64[d].

        Raises:
            UnknownError: as of ``hand_in``.
        """
        return self._opened(terms, number)[1].own == keccak(encode_model(own))

    def _opened(self, terms: TaskTerms, number: int) -> tuple[Opening, KeptReference]:
        """What a round was opened with."""
        opening = self._view.opening(terms.task_id, number)
        kept = self._kept.load(terms.task_id, number, opening.model_digest, terms.dimension)
        if kept is None:
            raise UnknownError(
                f"nothing is kept here of the reference of round {number} of task {shown(terms.task_id)}; use the "
                "state directory with which the round was opened"
            )
        return opening, kept

    def _reference(
        self,
        terms: TaskTerms,
        number: int,
        model_digest: bytes,
        own: FloatArray,
        seats: int,
        make: Callable[[], FloatArray],
    ) -> FloatArray:
        """What was made before of the same gradient for the same round, else a new one."""
        task_id, origin = terms.task_id, keccak(encode_model(own))
        kept = self._kept.load(task_id, number, model_digest, terms.dimension)
        if kept is None or kept.own != origin:
            kept = KeptReference(origin, seats, make())
            self._kept.save(task_id, number, model_digest, kept)
        elif kept.seats != seats:
            # The copies are signed for this round.  A second transaction, beside that of before, would open the next
            # round with them.
            raise InvalidInputError(
                f"round {number} of task {shown(task_id)} was prepared with {kept.seats} seats, not {seats}, and a "
                f"transaction that opens it may be under way; ask for as many again (--seats {kept.seats}), or remove "
                f"{self._kept.path(task_id, number, model_digest)} once there is none"
            )
        return kept.values
