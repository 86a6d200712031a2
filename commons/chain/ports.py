"""What prover and coordinator ask of the chain.  ``view`` and ``writer`` answer from an Ethereum node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from circuits.statement import BatchProof, BatchStatement, Committee, Context, MarketId, Policy, TaskTerms
from commons.chain.facts import AcceptedBatch, CommitteeRecord, RecordedBatch, RoundRecord, TaskRecord
from commons.chain.mined import Mined
from native import G2


class MarketReader(Protocol):
    """The market as one node shows it.

    Every method raises ChainError when the node is the trouble, UnknownError for what the chain does not know.
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
        """The chain's time, seconds since 1970."""

    def task(self, task_id: int) -> TaskRecord:
        """Terms and state of a task."""

    def terms(self, task_id: int) -> TaskTerms:
        """Terms of a task."""

    def policy(self, task_id: int) -> Policy:
        """Policy of a task, as its verifier contract states it."""

    def tau(self, task_id: int) -> G2:
        """[tau]_2 of the reference string that a task's verifier is for, as the contract states it."""

    def task_count(self) -> int:
        """How many tasks were created; the last one has the number below it."""

    def round(self, task_id: int, number: int) -> RoundRecord:
        """State of a round."""

    def context(self, task_id: int, number: int) -> Context:
        """The context of a round."""

    def owner_at(self, task_id: int, index: int) -> bytes:
        """Address of the owner with a registration index."""

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        """Whether the owner with a registration index is in an accepted batch of the round."""

    def committee(self, committee_id: int) -> Committee:
        """Threshold and members of a committee."""

    def committee_record(self, committee_id: int) -> CommitteeRecord:
        """A committee with its members' present endpoints and keys."""

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        """All accepted batches of a round, in order."""

    def recorded(self, task_id: int, number: int, batch_id: bytes, confirmations: int) -> RecordedBatch | None:
        """An accepted batch, if so many blocks vouch for it, its own among them."""


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
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        """Hand a proven batch to the market; ``on_sent`` is told the transaction's hash."""

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
