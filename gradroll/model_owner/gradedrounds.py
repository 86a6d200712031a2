"""Opening the rounds of a task that grades: their reference is kept, dealt, named in the opening, and handed in.

Each step is durable before the next one: a call that stopped half way is repeated, and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from circuits.arrays import FloatArray
from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, UnknownError
from circuits.hashing import keccak
from circuits.statement import MAX_COPIES
from circuits.terms import TaskTerms
from commons.chain.writer import ChainWriter
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

_DIGEST = 32


def copies_for(seats: int, largest: int) -> int:
    """Copies of a reference for a round of so many seats: one for each full batch, and one for a batch that fails.

    `precheck` refuses rounds of more seats than there may be copies for.

    Args:
        largest: most owners of a batch.
    """
    return min(MAX_COPIES, -(-seats // largest) + 1)


@dataclass(frozen=True, slots=True)
class KeptReferences:
    """References on disk, mode 0600: one is not made twice, as the sums that are taken out of it grow more."""

    directory: Path

    def load(self, task_id: int, number: int, model_digest: bytes, dimension: int) -> tuple[bytes, FloatArray] | None:
        """The reference of a round on a model, and the Keccak-256 of the gradient that it was made from; or None.

        Raises:
            StorageError: it cannot be read.
            InvalidInputError: it is damaged.
        """
        path = self._path(task_id, number, model_digest)
        if not path.exists():
            return None
        with storing(f"cannot read {path}"):
            raw = path.read_bytes()
        return raw[:_DIGEST], decode_model(raw[_DIGEST:], dimension)

    def save(self, task_id: int, number: int, model_digest: bytes, own: bytes, values: FloatArray) -> None:
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
        write_durably(self._path(task_id, number, model_digest), own + encode_model(values))

    def _path(self, task_id: int, number: int, model_digest: bytes) -> Path:
        return self.directory / f"{_round(task_id, number)}-model-{model_digest.hex()}"


def _round(task_id: int, number: int) -> str:
    return f"task-{task_id}-round-{number}"


class GradedRounds:
    """One model owner's.

    Args:
        state: directory for references and their dealings; not used by another process at the same time.
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
        store = SubmissionStore(state, self._view.market_id)
        dealer = Dealer(parameters, chain.sign, store.save)
        self._kept = KeptReferences(state / "references")
        self._dealing = ReferenceDealer(chain.address, dealer, store)
        shares = ShareSender(
            self._view, coordinator, store.save, stall=stall, tls_roots=tls_roots, patience=patience
        )  # fmt: skip
        self._sending = ReferenceSender(self._view, coordinator, self._dealing, shares)

    def open(
        self, terms: TaskTerms, model_digest: bytes, own: FloatArray, seats: int, make: Callable[[], FloatArray]
    ) -> int:
        """Deal the reference of a task's next round, and open the round with it; returns its number.

        Args:
            own: float64[d], the model owner's own gradient.
            make: makes the reference, float64[d], of it; called unless that was done before for this very round.

        Raises:
            GradientError, InvalidInputError: as of ``ReferenceDealer.deal`` and ``KeptReferences.save``.
        """
        number = self._view.task(terms.task_id).rounds_opened
        values, policy = self._reference(terms, number, model_digest, own, make), self._view.policy(terms.task_id)
        committee = self._view.committee(terms.committee_id)
        coming = NextRound(terms, policy, committee, number, model_digest)
        with stage("dealing the reference"):
            opening = self._dealing.deal(values, copies_for(seats, terms.largest_batch(policy.capacity)), coming)
        return self._chain.open_referenced_round(terms.task_id, opening, seats)

    def hand_in(self, terms: TaskTerms, number: int) -> tuple[HandedIn, ...]:
        """Hand in the copies with which a round was opened, those that are not in yet.

        Raises:
            UnknownError: this state directory is another than that with which the round was opened.
            UnavailableError: too few provers answer; call again.
        """
        opening = self._view.opening(terms.task_id, number)
        kept = self._kept.load(terms.task_id, number, opening.model_digest, terms.dimension)
        if kept is None:
            raise UnknownError(
                f"nothing is kept here of the reference of round {number} of task {shown(terms.task_id)}; use the "
                "state directory with which the round was opened"
            )
        with stage("handing in the reference"):
            return self._sending.hand_in(terms.task_id, number, kept[1], len(opening.copies))

    def _reference(
        self, terms: TaskTerms, number: int, model_digest: bytes, own: FloatArray, make: Callable[[], FloatArray]
    ) -> FloatArray:
        """What was made before of the same gradient for the same round, else a new one."""
        origin = keccak(encode_model(own))
        kept = self._kept.load(terms.task_id, number, model_digest, terms.dimension)
        if kept is not None and kept[0] == origin:
            return kept[1]
        values = make()
        self._kept.save(terms.task_id, number, model_digest, origin, values)
        return values
