"""A model of the market contract: blocks, reorganisations, nodes that are down; proofs are really verified.

`tests/simulation/test_chain_model.py` holds it against the contracts on an EVM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from circuits.errors import ChainError, ContractError, GradrollError, UnknownError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.statement import (
    Attested,
    BatchProof,
    BatchStatement,
    Committee,
    Context,
    MarketId,
    Policy,
    TaskTerms,
)
from circuits.verify import sum_of_commitments, verify_batch
from commons.chain.facts import AcceptedBatch, CommitteeRecord, RecordedBatch, RoundRecord, TaskRecord
from commons.chain.mined import Mined
from commons.protocol.signing import require_owner, signs
from native import G1, G2
from tests.simulation.world.clock import NodeClock, WorldClock
from tests.support.network import MODEL_DIGEST, Network

BLOCK_SECONDS = 12
INFINITY = G1(bytes(64))


@dataclass(frozen=True)
class Acceptance:
    """A transaction with a batch."""

    statement: BatchStatement
    proof: BatchProof
    attestations: tuple[tuple[int, bytes], ...]

    @property
    def hash(self) -> bytes:
        return keccak(repr(self).encode())


@dataclass(frozen=True)
class Block:
    """A block with the acceptances in it, each with the identifier that the contract computes."""

    number: int
    time: int
    accepted: tuple[tuple[bytes, Acceptance], ...] = ()


@dataclass
class ModelChain:
    """One market with one task.

    Attributes:
        opened: submit and settle deadline of each round.
        waiting: transactions that no block has yet.
    """

    clock: WorldClock
    terms: TaskTerms
    policy: Policy
    verifying: VerifyingKey
    committee: Committee
    model_digest: bytes
    endpoints: tuple[str, ...]
    hpke_keys: tuple[bytes, ...]
    owners: dict[int, bytes] = field(default_factory=dict)
    opened: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    waiting: list[Acceptance] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blocks.append(Block(1, int(self.clock.now)))

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def open_round(self) -> int:
        """A round that begins now."""
        submit = self.head.time + self.terms.submit_window
        self.opened.append((submit, submit + self.terms.settle_window))
        return len(self.opened) - 1

    def mine(self) -> None:
        """One block with everything that waits and succeeds; what fails is in it too, without effect."""
        self.clock.advance(max(0.0, self.head.time + BLOCK_SECONDS - self.clock.now))
        waiting, self.waiting = self.waiting, []
        accepted: list[tuple[bytes, Acceptance]] = []
        for transaction in waiting:
            try:
                accepted.append((self.check(transaction, accepted), transaction))
            except ContractError:
                continue
        self.blocks.append(Block(self.head.number + 1, int(self.clock.now), tuple(accepted)))

    def reorganise(self, depth: int) -> None:
        """Another branch takes over: the last blocks are gone, what was in them is mined again, one block longer."""
        depth = min(depth, len(self.blocks) - 1)
        gone = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        self.waiting = [transaction for block in gone for _, transaction in block.accepted] + self.waiting
        for _ in range(depth):
            self.blocks.append(Block(self.head.number + 1, self.head.time + BLOCK_SECONDS))
        self.mine()

    def batches(self, number: int, upto: int | None = None) -> list[tuple[bytes, Acceptance]]:
        """Accepted batches of a round, in blocks up to a number."""
        blocks = (b for b in self.blocks if upto is None or b.number <= upto)
        return [found for b in blocks for found in b.accepted if found[1].statement.context.round == number]

    def consumed(self, number: int, extra: Sequence[tuple[bytes, Acceptance]] = ()) -> set[int]:
        """Registration indices of the owners in accepted batches of a round."""
        known = [*self.batches(number), *(e for e in extra if e[1].statement.context.round == number)]
        return {header.owner_index for _, batch in known for header in batch.statement.owners}

    def context(self, number: int) -> Context:
        if not 0 <= number < len(self.opened):
            raise UnknownError("the chain knows no such round")
        return Context.of(self.terms, number, self.model_digest, self.policy)

    def check(self, batch: Acceptance, extra: Sequence[tuple[bytes, Acceptance]] = ()) -> bytes:
        """The batch's identifier.  Raises ContractError with the contract's error."""
        statement, number = batch.statement, batch.statement.context.round
        if statement.context != self.context(number):
            raise ContractError("another context", "ProofInvalid")
        if self.clock.now > self.opened[number][1]:
            raise ContractError("too late", "RoundClosed")
        taken = self.consumed(number, extra)
        if statement.size < self.terms.min_owners:
            raise ContractError("too few", "TooFewOwners")
        if len(taken) + statement.size > self.terms.max_owners_per_round:
            raise ContractError("too many", "TooManyOwners")
        for header in statement.owners:
            if self.owners.get(header.owner_index) != header.owner:
                raise ContractError("a stranger", "SubmissionInvalid")
            if header.owner_index in taken:
                raise ContractError("twice", "OwnerAlreadyAccepted")
            require_owner(header, statement.context)
        try:
            batch_id = verify_batch(statement, batch.proof, self.verifying)
        except GradrollError as error:
            raise ContractError(str(error), "ProofInvalid") from error
        self._require_attested(batch, batch_id)
        return batch_id

    def _require_attested(self, batch: Acceptance, batch_id: bytes) -> None:
        digest = Attested(
            batch_id, self.policy.verifier_code, self.committee.committee_id, batch.statement.size,
            sum_of_commitments(batch.statement), batch.proof.square_norm,
        ).digest(batch.statement.context)  # fmt: skip
        signed = {p for p, s in batch.attestations if signs(self.committee.members[p], digest, s)}
        if len(signed) < self.committee.quorum:
            raise ContractError("too few", "TooFewAttestations")


def chain_of(network: Network, clock: WorldClock | None = None) -> ModelChain:
    """The market with a network's task, in its first round, in which a network's batches are accepted."""
    places = tuple(f"prover-{p}:1" for p in range(network.provers))
    chain = ModelChain(
        clock or WorldClock(), network.terms, network.policy, network.setup.verifying, network.committee, MODEL_DIGEST,
        places, tuple(bytes([p]) * 32 for p in range(network.provers)), dict(network.owner_addresses),
    )  # fmt: skip
    chain.open_round()
    return chain


@dataclass
class NodeView:
    """The chain as one node shows it.  Implements ``commons.chain.ports.MarketReader``.

    Attributes:
        down: questions that it leaves unanswered from now on.
        clock: of the machine that asks, None for one that is right.
    """

    chain: ModelChain
    down: int = 0
    clock: NodeClock | None = None
    market: bytes = bytes(19) + b"\x42"
    registry: bytes = bytes(19) + b"\x41"

    @property
    def market_id(self) -> MarketId:
        return self.chain.terms.market

    @property
    def chain_id(self) -> int:
        return self.market_id.chain_id

    def now(self) -> int:
        self._ask()
        own = 0.0 if self.clock is None else self.clock.time()
        return max(self.chain.head.time, int(own))

    def task(self, task_id: int) -> TaskRecord:
        terms = self.terms(task_id)
        return TaskRecord(terms, terms.model_owner, 0, 0, len(self.chain.opened), len(self.chain.owners))

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

    def task_count(self) -> int:
        self._ask()
        return self.chain.terms.task_id + 1

    def round(self, task_id: int, number: int) -> RoundRecord:
        self.context(task_id, number)
        submit, settle = self.chain.opened[number]
        batches = self.chain.batches(number)
        owners = sum(batch.statement.size for _, batch in batches)
        return RoundRecord(self.chain.model_digest, submit, settle, len(batches), owners, owners, INFINITY, False)

    def context(self, task_id: int, number: int) -> Context:
        self.terms(task_id)
        return self.chain.context(number)

    def owner_at(self, task_id: int, index: int) -> bytes:
        self.terms(task_id)
        if index not in self.chain.owners:
            raise UnknownError("the chain knows no such owner")
        return self.chain.owners[index]

    def consumed(self, task_id: int, number: int, index: int) -> bool:
        self.context(task_id, number)
        return index in self.chain.consumed(number)

    def committee(self, committee_id: int) -> Committee:
        return self.committee_record(committee_id).committee

    def committee_record(self, committee_id: int) -> CommitteeRecord:
        self._ask()
        return CommitteeRecord(self.chain.committee, self.chain.endpoints, self.chain.hpke_keys, True)

    def accepted(self, task_id: int, number: int) -> tuple[AcceptedBatch, ...]:
        self.context(task_id, number)
        return tuple(
            AcceptedBatch(task_id, number, _record(i, *found), tuple(h.owner for h in found[1].statement.owners), 1, ())
            for i, found in enumerate(self.chain.batches(number))
        )

    def recorded(self, task_id: int, number: int, batch_id: bytes, confirmations: int) -> RecordedBatch | None:
        self.context(task_id, number)
        deep = self.chain.batches(number, self.chain.head.number - confirmations + 1)
        return next((_record(i, *found) for i, found in enumerate(deep) if found[0] == batch_id), None)

    def _ask(self) -> None:
        if self.down > 0:
            self.down -= 1
            raise ChainError("the node cannot be reached")


def _record(index: int, batch_id: bytes, batch: Acceptance) -> RecordedBatch:
    indices = tuple(h.owner_index for h in batch.statement.owners)
    return RecordedBatch(index, batch_id, sum_of_commitments(batch.statement), indices)


@dataclass
class Account:
    """The coordinator's account at its node.  Implements ``commons.chain.ports.BatchSender``."""

    view: NodeView

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        chain, transaction = self.view.chain, Acceptance(statement, proof, tuple(attestations))
        self.view.now()  # raises when the node is down
        chain.check(transaction)
        chain.waiting.append(transaction)
        if on_sent is not None:
            on_sent(transaction.hash)
        chain.mine()
        if transaction not in [found for _, found in chain.head.accepted]:
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
