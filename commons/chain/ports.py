"""What prover and coordinator ask of the chain.  ``view`` and ``writer`` answer from an Ethereum node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from circuits.statement import BatchProof, BatchStatement, Committee, Context, Policy
from circuits.terms import MarketId, TaskTerms
from commons.chain.depth import BlockHead
from commons.chain.facts import (
    AcceptedBatch,
    CommitteeRecord,
    ExcludedOwner,
    HeldFees,
    OwnerRecord,
    Participants,
    PostedSubmission,
    RecordedBatch,
    RoundRecord,
    TaskRecord,
)
from commons.chain.mined import Mined
from commons.protocol.references import Opening
from commons.settings.values import Depth
from native import G2

T = TypeVar("T")


class MarketReader(Protocol):
    """The market as one node shows it, of one or several.

    Every method raises ChainError when the node is the trouble, UnknownError for what the chain does not know.
    """

    def most(self, ask: Callable[[], T | None]) -> T | None:
        """What most nodes say, for what cannot be taken back: ``ask`` is called once a node, which alone answers all
        questions in there.

        Args:
            ask: None, or an error of the catalogue, is that the node does not say it.

        Returns:
            None where enough nodes answer, and most do not say it.

        Raises:
            NoAgreementError: too few answer, or they tell different things.
            ChainError: the only one does not answer.
        """

    @property
    def chain_id(self) -> int:
        """Number of the chain."""

    @property
    def market(self) -> bytes:
        """The market's address."""

    @property
    def registry(self) -> bytes:
        """The committee registry's address."""

    @property
    def market_id(self) -> MarketId:
        """Chain, market and deployment."""

    def now(self) -> int:
        """The chain's time, seconds since 1970: that of the latest block.  No clock of a machine has a say."""

    def block(self, depth: Depth) -> BlockHead:
        """The latest block that so many vouch for, itself among them; the first one of a chain that is shorter."""

    def block_hash(self, number: int) -> bytes | None:
        """Hash of the block with a number; None where there is none."""

    def task(self, task_id: int) -> TaskRecord:
        """Terms and state of a task."""

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task."""

    def policy(self, task_id: int) -> Policy:
        """Policy of a task, whose verifier's address vouches for its key.  Raises ContractError for a stranger's."""

    def tau(self, task_id: int) -> G2:
        """[tau]_2 of the reference string that a task's verifier is for.  Raises as ``policy``."""

    def coordinator(self, task_id: int) -> bytes:
        """Signing address of a task's coordinator at present."""

    def task_count(self) -> int:
        """How many tasks were created."""

    def task_ids(self, first: int = 0, last: int | None = None) -> tuple[int, ...]:
        """Identifiers of the tasks in the order of creation, from position ``first`` up to, without, ``last``."""

    def round(self, task_id: int, number: int) -> RoundRecord:
        """State of a round."""

    def context(self, task_id: int, number: int) -> Context:
        """The context of a round."""

    def opening(self, task_id: int, number: int) -> Opening:
        """What a round of a task that grades was opened with; its digest is the round's.  UnknownError for another."""

    def opened_at(self, task_id: int, number: int) -> int:
        """When a round was opened, seconds since 1970; pauses of the market, which move deadlines, leave it alone."""

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        """The owner with a registration index, at present."""

    def owner_records(self, task_id: int, indices: Sequence[int]) -> tuple[OwnerRecord, ...]:
        """The owners with registration indices, at present, in the order of these: few questions."""

    def participants(self, task_id: int, number: int, indices: Sequence[int]) -> Participants:
        """A round, and the owners with registration indices in it, at present: few questions."""

    def owner_at(self, task_id: int, index: int) -> bytes:
        """Address of the signer with a registration index."""

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        """Whether the owner with a registration index is in an accepted batch of the round."""

    def consumed_among(self, task_id: int, number: int, indices: Iterable[int]) -> frozenset[int]:
        """Those of some registration indices whose owners are in accepted batches of the round: few questions."""

    def committee(self, committee_id: int, epoch: int | None = None) -> Committee:
        """Threshold and members of a committee in an epoch, the present one if none is named."""

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        """The members whose attestations count in a round: those of the epoch in which it was opened."""

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        """A committee with the endpoints and keys of an epoch's members, of the present ones if none is named."""

    def revoked(self, committee_id: int) -> frozenset[bytes]:
        """Keys of a committee's members, of all epochs, that were revoked: their attestations count nowhere."""

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        """All accepted batches of a round, in order."""

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        """Identifiers of all batches of a round that were accepted up to a block, or at all: one question."""

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        """An accepted batch, if so many blocks vouch for it, its own among them."""

    def accepted_between(self, first: int, last: int) -> frozenset[tuple[int, int]]:
        """Tasks and rounds of which batches were accepted in these blocks, both among them."""

    def held_fees(self, task_id: int, number: int, batch: int | None = None) -> Mapping[int, HeldFees]:
        """Fees that the market holds for a round, or for one batch of it, by number of the batch."""

    def posted(self, task_id: int, number: int) -> tuple[PostedSubmission, ...]:
        """Submissions that owners put on the chain in a round, in order; not to be believed."""

    def posted_since(self, block: int) -> tuple[set[tuple[int, int]], int]:
        """Tasks and rounds in which anybody posted a submission in a block or later, and the number of the last block.

        ``block``: 0 for all that there are."""

    def excluded(self, task_id: int, number: int | None = None) -> tuple[ExcludedOwner, ...]:
        """Owners that a quorum excluded for a dealing in a round, in order; in any round if none is named."""


class BatchSender(Protocol):
    """The coordinator's account.  Every method waits until its transaction is mined.

    Raises ContractError when the contract refuses, ChainError when the node is the trouble.
    """

    @property
    def view(self) -> MarketReader:
        """The market, read through the same node."""

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        payee: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        """Hand a proven batch to the market, with the payee that was attested; ``on_sent`` is told the transaction's
        hash."""

    def rehearsal(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        payee: bytes,
    ) -> str | None:
        """Name of the error with which the market would refuse a batch now, which may be empty; None if it would take
        it.  Nothing is sent.  Raises ChainError."""

    def publish_aggregate(
        self,
        task_id: int,
        number: int,
        batch_index: int,
        payload: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        """Put a batch's encoded aggregate into the chain's log."""

    def settle_fees(
        self,
        task_id: int,
        number: int,
        batch_index: int,
        held: HeldFees,
        receipts: Sequence[tuple[int, bytes]],
        *,
        payload: bytes = b"",
    ) -> Mined:
        """Have a batch's fees credited, by members' signatures that its sum is served, or with the sum itself."""

    def refund_fees(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        """Have what is left of a batch's fees paid back when they are overdue, and its payee credited."""

    def exclude(
        self, task_id: int, number: int, index: int, dealing: bytes, receipts: Sequence[tuple[int, bytes]]
    ) -> Mined:
        """Take the deposit of an owner whose dealing a quorum found bad, or clear what it posted in another round."""
