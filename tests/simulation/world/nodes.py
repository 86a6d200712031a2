"""The model of the chain as nodes show it, of which one may lie or hang, and an account that sends transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from circuits.errors import ChainError, ContractError, GradrollError, UnknownError
from circuits.statement import BatchProof, BatchStatement, Committee, Context, Policy, SubmissionHeader
from circuits.terms import MarketId, TaskTerms
from circuits.verify import sum_of_commitments
from commons.chain.depth import HEAD, BlockHead
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
from commons.chain.nodeagreement import Tally, needed
from commons.protocol.receipts import exclusion_digest, posted_hash
from commons.protocol.references import Opening
from commons.settings.values import Depth
from native import G1, G2
from tests.simulation.world.chain import Acceptance, Block, ModelChain
from tests.simulation.world.fees import Call, ExcludeCall, FeeCall, Place, PostCall

T = TypeVar("T")
INFINITY = G1(bytes(64))
YEARS = 10**9
"""Seconds by which a node that lies is ahead."""
EPOCH = 0
"""The committee's members do not change in the model."""


@dataclass
class NodeView:
    """The chain as one node shows it, or several.  Implements ``commons.chain.ports.MarketReader``.

    Attributes:
        down: questions that it leaves unanswered from now on.
        behind: blocks that every second question is answered without: what stands before several nodes, some of which
            lag, shows a head that goes back, and receipts of what it has no log of.
        count: nodes; the first of them answers whatever is not asked of most.
        lying: questions to which the first one lies from now on: all rounds are over, all batches are accepted, and
            what is handed in is refused.
        hanging: the first one answers nothing, so that the next stands in for it.
    """

    chain: ModelChain
    down: int = 0
    behind: int = 0
    count: int = 1
    lying: int = 0
    hanging: bool = False
    market: bytes = bytes(19) + b"\x42"
    registry: bytes = bytes(19) + b"\x41"

    @property
    def market_id(self) -> MarketId:
        return self.chain.terms.market

    @property
    def chain_id(self) -> int:
        return self.market_id.chain_id

    def __post_init__(self) -> None:
        self._asked = 0
        self._node: int | None = None

    def most(self, ask: Callable[[], T | None]) -> T | None:
        if self.count == 1 or self._node is not None:
            return ask()
        tally: Tally[Any] = Tally(self.count, needed(self.count, 0))
        for number in range(self.count):
            self._node = number
            try:
                tally.say(ask())
            except GradrollError as error:
                tally.be_silent(str(error))
        self._node = None
        return cast("T | None", tally.result())

    @property
    def lies(self) -> bool:
        """Whether the next answer is a lie."""
        return self.lying > 0 and self._node in (None, 0) and not self.hanging

    @property
    def _head(self) -> int:
        """Number of the last block that the answer rests on."""
        return max(self.chain.head.number - self.behind * (self._asked % 2), self.chain.blocks[0].number)

    def now(self) -> int:
        return self.block(HEAD).timestamp

    def block(self, depth: Depth) -> BlockHead:
        """The model's chain knows no rule of finality of its own."""
        self._ask()
        assert isinstance(depth, int)
        found = self._block(max(self._head - depth + 1, self.chain.blocks[0].number))
        return BlockHead(found.number, found.time + YEARS * self.lies, found.hash)

    def block_hash(self, number: int) -> bytes | None:
        self._ask()
        return next((b.hash for b in self.chain.blocks if b.number == number <= self._head), None)

    def task(self, task_id: int) -> TaskRecord:
        terms, chain = self.terms(task_id), self.chain
        return TaskRecord(
            terms, chain.model_owner, None, chain.coordinator, chain.committee.size, 0, 0, len(chain.opened),
            max(chain.owners, default=-1) + 1, chain.active,
        )  # fmt: skip

    def terms(self, task_id: int) -> TaskTerms:
        self._ask()
        if task_id != self.chain.terms.task_id:
            raise UnknownError("the chain knows no such task")
        return self.chain.terms

    def policy(self, task_id: int) -> Policy:
        self.terms(task_id)
        return self.chain.policy

    def tau(self, task_id: int) -> G2:
        self.terms(task_id)
        return self.chain.verifying.tau

    def coordinator(self, task_id: int) -> bytes:
        return self.task(task_id).coordinator

    def task_count(self) -> int:
        return len(self.task_ids())

    def task_ids(self, first: int = 0, last: int | None = None) -> tuple[int, ...]:
        self._ask()
        return (self.chain.terms.task_id,)[first:last]

    def round(self, task_id: int, number: int) -> RoundRecord:
        model = self.context(task_id, number).model_digest
        chain, current = self.chain, self.chain.opened[number]
        submit, settle = chain.deadlines(number)
        batches = chain.batches(number, self._head)
        owners = sum(batch.statement.size for _, batch in batches)
        closed = self.lies or chain.market_time(self._block(self._head).time) > current.settle
        return RoundRecord(
            model, submit, settle, len(batches), owners, current.seats, current.limit, EPOCH, owners,
            INFINITY, closed, False,
        )  # fmt: skip

    def context(self, task_id: int, number: int) -> Context:
        self.terms(task_id)
        return self.chain.context(number)

    def opening(self, task_id: int, number: int) -> Opening:
        self.context(task_id, number)
        opening = self.chain.references(number)
        if opening is None:
            raise UnknownError("the chain has no round with references")
        return opening

    def opened_at(self, task_id: int, number: int) -> int:
        self.context(task_id, number)
        return self.chain.opened[number].at

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        self.terms(task_id)
        if index not in self.chain.owners:
            raise UnknownError("the chain knows no such owner")
        signer = self.chain.owners[index]
        excluded = index in self.chain.fees().excluded
        return OwnerRecord(signer, signer, 0, 0, self.chain.leaving.get(index), None, False, excluded)

    def owner_records(self, task_id: int, indices: Sequence[int]) -> tuple[OwnerRecord, ...]:
        return tuple(self.owner(task_id, index) for index in indices)

    def participants(self, task_id: int, number: int, indices: Sequence[int]) -> Participants:
        owners, consumed = self.owner_records(task_id, indices), self.consumed_among(task_id, number, indices)
        return Participants(self.round(task_id, number), owners, consumed)

    def owner_at(self, task_id: int, index: int) -> bytes:
        return self.owner(task_id, index).signer

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        return bool(self.consumed_among(task_id, number, (index,)))

    def consumed_among(self, task_id: int, number: int, indices: Iterable[int]) -> frozenset[int]:
        self.context(task_id, number)
        batches = self.chain.batches(number, self._head)
        taken = {header.owner_index for _, batch in batches for header in batch.statement.owners}
        return frozenset(taken.intersection(indices))

    def committee(self, committee_id: int, epoch: int | None = None) -> Committee:
        return self.committee_record(committee_id, epoch).committee

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return self.committee(self.terms(task_id).committee_id, self.round(task_id, number).epoch)

    def revoked(self, committee_id: int) -> frozenset[bytes]:
        self._ask()
        return frozenset(self.chain.revoked)

    def committee_record(self, committee_id: int, epoch: int | None = None) -> CommitteeRecord:
        self._ask()
        return CommitteeRecord(self.chain.committee, self.chain.endpoints, self.chain.hpke_keys, True, epoch or EPOCH)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        self.context(task_id, number)
        reward = self.chain.terms.pay.flat
        return tuple(
            AcceptedBatch(
                task_id, number, _record(i, *found), tuple(h.owner for h in found[1].statement.owners), reward, ()
            )
            for i, found in enumerate(self.chain.batches(number, self._head))
        )

    def accepted_ids(self, task_id: int, number: int, last: int | None = None) -> frozenset[bytes]:
        self.context(task_id, number)
        upto = self._head if last is None else min(last, self._head)
        return frozenset(batch_id for batch_id, _ in self.chain.batches(number, upto))

    def recorded(self, task_id: int, number: int, batch_id: bytes, depth: Depth) -> RecordedBatch | None:
        self.context(task_id, number)
        last = self.block(depth).number
        self._ask()
        if self.lies:
            return RecordedBatch(0, batch_id, INFINITY, ())
        deep = self.chain.batches(number, min(last, self._head))
        return next((_record(i, *found) for i, found in enumerate(deep) if found[0] == batch_id), None)

    def held_fees(self, task_id: int, number: int, batch: int | None = None) -> Mapping[int, HeldFees]:
        self.context(task_id, number)
        held = self.chain.fees().of_round(number)
        return held if batch is None else {index: fees for index, fees in held.items() if index == batch}

    def posted(self, task_id: int, number: int) -> tuple[PostedSubmission, ...]:
        self.context(task_id, number)
        return self.chain.posted(number)

    def posted_since(self, block: int) -> tuple[set[tuple[int, int]], int]:
        self._ask()
        numbers = {number for number in range(len(self.chain.opened)) if self.chain.posted(number)}
        return {(self.chain.terms.task_id, number) for number in numbers}, self.chain.head.number

    def accepted_between(self, first: int, last: int) -> frozenset[tuple[int, int]]:
        self._ask()
        if last > self._head:
            raise ChainError(f"the node does not have block {last} yet")
        inside = [found for each in self.chain.blocks if first <= each.number <= last for found in each.accepted]
        return frozenset((self.chain.terms.task_id, batch.statement.context.round) for _, batch in inside)

    def excluded(self, task_id: int, number: int | None = None) -> tuple[ExcludedOwner, ...]:
        self.terms(task_id)
        return self.chain.exclusions(number)

    def _block(self, number: int) -> Block:
        return next(block for block in self.chain.blocks if block.number == number)

    def _ask(self) -> None:
        self._asked += 1
        if self.hanging and self._node == 0:
            raise ChainError("the node did not answer")
        self.lying -= self.lies
        if self.down > 0:
            self.down -= 1
            raise ChainError("the node cannot be reached")


def _record(index: int, batch_id: bytes, batch: Acceptance) -> RecordedBatch:
    indices = tuple(h.owner_index for h in batch.statement.owners)
    return RecordedBatch(index, batch_id, sum_of_commitments(batch.statement), indices)


@dataclass
class Account:
    """An account at its node: the coordinator's, or a relay's.  Implements ``commons.chain.ports.BatchSender``."""

    view: NodeView
    address: bytes = bytes(19) + b"\x43"

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        payee: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        transaction = Acceptance(statement, proof, tuple(attestations), payee, self.address)
        self.view.now()  # raises when the node is down
        try:
            self._rehearse(transaction)
        except ContractError:
            if self.view.most(lambda: self._takes(transaction)) is None:
                raise
        return self._sent(transaction, on_sent)

    def rehearsal(
        self, statement: BatchStatement, proof: BatchProof, attestations: Sequence[tuple[int, bytes]], payee: bytes
    ) -> str | None:
        self.view.now()
        try:
            self._rehearse(Acceptance(statement, proof, tuple(attestations), payee, self.address))
        except ContractError as error:
            return error.error
        return None

    def _takes(self, transaction: Acceptance) -> bool:
        self._rehearse(transaction)
        return True

    def _rehearse(self, transaction: Acceptance) -> None:
        if self.view.lies:
            raise ContractError("the node says that the market refuses it", "ProofInvalid")
        self.view.chain.check(transaction)

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
        return self.show((number, batch_index), held, receipts, posted_hash(payload), payload)

    def show(
        self, place: Place, held: HeldFees, receipts: Sequence[tuple[int, bytes]], posted: bytes, payload: bytes
    ) -> Mined:
        """Settle fees with a sum, and the hash of what may be another."""
        return self._called(FeeCall("settle", place, held, self.address, tuple(receipts), posted, payload))

    def refund_fees(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        return self._called(FeeCall("refund", (number, batch_index), held, self.address))

    def challenge_availability(self, task_id: int, number: int, batch_index: int, held: HeldFees) -> Mined:
        return self._called(FeeCall("challenge", (number, batch_index), held, self.address))

    def post_submission(self, header: SubmissionHeader, receipts: Mapping[int, bytes]) -> Mined:
        digest = header.digest(self.view.context(header.task_id, header.round))
        return self._called(PostCall(header.round, PostedSubmission(digest, header, receipts)))

    def exclude(
        self, task_id: int, number: int, index: int, dealing: bytes, receipts: Sequence[tuple[int, bytes]]
    ) -> Mined:
        digest = exclusion_digest(self.view.context(task_id, number), self.view.owner_at(task_id, index), dealing)
        return self._called(ExcludeCall(number, index, dealing, digest, tuple(receipts)))

    def _called(self, call: Call) -> Mined:
        self.view.now()
        self.view.chain.check_call(call)
        return self._sent(call)

    def _sent(self, transaction: Acceptance | Call, on_sent: Callable[[bytes], None] | None = None) -> Mined:
        chain = self.view.chain
        chain.waiting.append(transaction)
        if on_sent is not None:
            on_sent(transaction.hash)
        chain.mine()
        if transaction not in [*(found for _, found in chain.head.accepted), *chain.head.calls]:
            raise ContractError("the state changed in between", "")
        return Mined(transaction.hash, chain.head.number, 1, None, ())

    def publish_aggregate(
        self,
        task_id: int,
        number: int,
        batch_index: int,
        payload: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        raise NotImplementedError("the world's task has no aggregates on the chain")
