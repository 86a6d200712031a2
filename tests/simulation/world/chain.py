"""A model of the market contract: blocks, reorganisations, seats, leaving, pauses; proofs are really verified.

`tests/simulation/test_chain_model.py` holds it against the contracts on an EVM.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from circuits.errors import ContractError, GradrollError, UnknownError
from circuits.groth16 import VerifyingKey
from circuits.hashing import keccak
from circuits.statement import (
    REFERENCE_INDEX,
    Attested,
    BatchProof,
    BatchStatement,
    Committee,
    Context,
    Graded,
    Policy,
)
from circuits.terms import TaskTerms
from circuits.verify import sum_of_commitments, verify_batch
from commons.chain.facts import ExcludedOwner, HeldFees, PostedSubmission
from commons.protocol.references import Opening
from commons.protocol.signing import require_owner, signs
from tests.simulation.world.clock import WorldClock
from tests.simulation.world.fees import Call, ExcludeCall, FeeBook, PostCall
from tests.simulation.world.pauses import Pauses
from tests.support.network import Network

BLOCK_SECONDS = 12


@dataclass(frozen=True)
class Acceptance:
    """A transaction with a batch.  ``sender``: who relays it."""

    statement: BatchStatement
    proof: BatchProof
    attestations: tuple[tuple[int, bytes], ...]
    payee: bytes
    sender: bytes

    @property
    def hash(self) -> bytes:
        return keccak(repr(self).encode())


@dataclass(frozen=True)
class Block:
    """A block with the acceptances in it, each with the identifier that the contract computes, and other calls.

    Attributes:
        clock: market time.
    """

    number: int
    time: int
    accepted: tuple[tuple[bytes, Acceptance], ...] = ()
    clock: int = 0
    calls: tuple[Call, ...] = ()
    parent: bytes = b""

    @cached_property
    def hash(self) -> bytes:
        """Of all that it says, and of the block before it."""
        return keccak(repr(self).encode())


class OpenRound(NamedTuple):
    """A round.  Deadlines are market time: block time less what pauses took.

    Attributes:
        limit: owners with a registration index below it may be accepted.
        at: block time at which it was opened.
    """

    submit: int
    settle: int
    seats: int
    limit: int
    at: int


@dataclass
class ModelChain:
    """One market with one task.

    Attributes:
        owners: signers by registration index.
        opening: what rounds are opened with, where the task grades and nothing else was said when one was opened.
        referenced: by round, what it was opened with where something was said.
        leaving: first round that an owner has no part in, by registration index.
        waiting: transactions that no block has yet.
        revoked: members' keys that count no more.
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
    leaving: dict[int, int] = field(default_factory=dict)
    opened: list[OpenRound] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    waiting: list[Acceptance | Call] = field(default_factory=list)
    pauses: Pauses = field(default_factory=Pauses)
    revoked: set[bytes] = field(default_factory=set)
    opening: Opening | None = None
    referenced: dict[int, Opening] = field(default_factory=dict)
    coordinator: bytes = field(init=False)
    model_owner: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.blocks.append(Block(0, int(self.clock.now)))
        self.coordinator, self.model_owner = self.terms.coordinator, self.terms.creator

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    @property
    def active(self) -> int:
        """Owners that are registered; in the model nobody's exit is ever due."""
        return len(self.owners)

    def register(self, signer: bytes) -> int:
        """An owner's registration index."""
        if signer in self.owners.values():
            raise ContractError("it is registered", "AlreadyRegistered")
        if self.active == self.terms.capacity:
            raise ContractError("the task is full", "TaskFull")
        index = max(self.owners, default=-1) + 1
        self.owners[index] = signer
        return index

    def resign(self, index: int) -> None:
        """An owner leaves: rounds that are open keep it."""
        if index in self.leaving:
            raise ContractError("it leaves", "AlreadyLeaving")
        self.leaving[index] = len(self.opened)

    def open_referenced_round(self, opening: Opening, seats: int = 0) -> int:
        """A round of a task that grades, with the copies of its reference."""
        if self.terms.grading is None:
            raise ContractError("the task does not grade", "TaskNotGraded")
        self.referenced[len(self.opened)] = opening
        return self._open(seats)

    def open_round(self, seats: int = 0) -> int:
        """A round that begins now."""
        if self.terms.grading is not None and self.opening is None:
            raise ContractError("the task grades", "TaskGraded")
        return self._open(seats)

    def _open(self, seats: int) -> int:
        if seats > self.terms.capacity:
            raise ContractError("more seats than the task holds owners", "SeatsInvalid")
        seats = max(seats, self.active)
        submit = self.market_time(self.head.time) + self.terms.windows.submit
        limit = max(self.owners, default=-1) + 1 + seats - self.active
        self.opened.append(OpenRound(submit, submit + self.terms.windows.settle, seats, limit, self.head.time))
        return len(self.opened) - 1

    def set_coordinator(self, coordinator: bytes) -> None:
        """Another coordinator, between rounds or after silence."""
        if self.opened:
            last, time = len(self.opened) - 1, self.market_time(int(self.clock.now))
            silent = not self.batches(last) and time > self.halfway(last)
            works_before = last > 0 and time <= self.opened[last - 1].settle
            if works_before or (not silent and time <= self.opened[last].settle):
                raise ContractError("it is at work", "CoordinatorActive")
        self.coordinator = coordinator

    def pause(self) -> None:
        self.pauses.begin(int(self.clock.now))

    def resume(self) -> None:
        self.pauses.end(int(self.clock.now))

    def market_time(self, time: int) -> int:
        """Block time less what pauses took."""
        return time - self.pauses.stopped(time)

    def halfway(self, number: int) -> int:
        """Market time after which a round's batches are the relays' to be paid for."""
        return self.opened[number].settle - self.terms.windows.settle // 2

    def deadlines(self, number: int) -> tuple[int, int]:
        """Submit and settle deadline as block times, if no further pause moves them."""
        stopped = self.pauses.stopped(max(self.head.time, int(self.clock.now)))
        return self.opened[number].submit + stopped, self.opened[number].settle + stopped

    def mine(self) -> None:
        """One block with everything that waits and succeeds; what fails is in it too, without effect."""
        self.clock.advance(max(0.0, self.head.time + BLOCK_SECONDS - self.clock.now))
        waiting, self.waiting = self.waiting, []
        accepted: list[tuple[bytes, Acceptance]] = []
        for transaction in (each for each in waiting if isinstance(each, Acceptance)):
            try:
                accepted.append((self.check(transaction, accepted), transaction))
            except ContractError:
                continue
        time = int(self.clock.now)
        block = Block(self.head.number + 1, time, tuple(accepted), self.market_time(time), parent=self.head.hash)
        self.blocks.append(replace(block, calls=self._carried_out(block, waiting)))

    def _carried_out(self, block: Block, waiting: Sequence[Acceptance | Call]) -> tuple[Call, ...]:
        """Those of the calls about fees that succeed in a block."""
        book, done = self.fees(block), []
        for call in (each for each in waiting if not isinstance(each, Acceptance)):
            try:
                book.apply(call, block.clock)
            except ContractError:
                continue
            done.append(call)
        return tuple(done)

    def check_call(self, call: Call) -> None:
        """Raise ContractError, with the contract's error, for a call about fees that would fail now."""
        self.fees().apply(call, self.market_time(int(self.clock.now)))

    def fees(self, coming: Block | None = None) -> FeeBook:
        """What is held and was credited of fees, by the blocks that there are, and one that is being made."""
        terms = self.terms
        deadlines = [(each.submit, each.settle) for each in self.opened]
        book = FeeBook(
            terms.pay, terms.windows.availability, terms.market, self.committee, self.model_owner, deadlines
        )  # fmt: skip
        batches: Counter[int] = Counter()
        for block in (*self.blocks, *([coming] if coming else [])):
            for batch_id, batch in block.accepted:
                number = batch.statement.context.round
                indices = [header.owner_index for header in batch.statement.owners]
                book.hold((number, batches[number]), self._held(batch_id, batch, block.clock), indices, block.clock)
                batches[number] += 1
            for call in block.calls:
                book.apply(call, block.clock)
        return book

    def _held(self, batch_id: bytes, batch: Acceptance, time: int) -> HeldFees:
        late = time > self.halfway(batch.statement.context.round)
        attesters = sum(1 << member for member, _ in batch.attestations)
        return HeldFees(
            batch_id, self._attested(batch, batch_id), batch.statement.size, attesters,
            batch.sender if late else batch.payee, 0, 0, 0,
        )  # fmt: skip

    def posted(self, number: int) -> tuple[PostedSubmission, ...]:
        """What owners posted in a round."""
        calls = (call for block in self.blocks for call in block.calls)
        return tuple(call.posted for call in calls if isinstance(call, PostCall) and call.number == number)

    def exclusions(self, number: int | None) -> tuple[ExcludedOwner, ...]:
        """Owners that were excluded for a round, or for any; what they lost the model does not say."""
        calls = (call for block in self.blocks for call in block.calls)
        found = (call for call in calls if isinstance(call, ExcludeCall) and number in (None, call.number))
        return tuple(ExcludedOwner(call.index, call.dealing, 0) for call in found)

    def reorganise(self, depth: int, *, forgetful: bool = False) -> None:
        """Another branch takes over: the last blocks are gone, what was in them is mined again, one block longer.

        Args:
            forgetful: the nodes do not offer it again, so that it is lost.
        """
        depth = min(depth, len(self.blocks) - 1)
        gone = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        for block in reversed(() if forgetful else gone):
            self.waiting[:0] = [*(batch for _, batch in block.accepted), *block.calls]
        for _ in range(depth):
            self.blocks.append(Block(self.head.number + 1, self.head.time + BLOCK_SECONDS, parent=self.head.hash))
        self.mine()

    def batches(self, number: int, upto: int | None = None) -> list[tuple[bytes, Acceptance]]:
        """Accepted batches of a round, in blocks up to a number."""
        blocks = (b for b in self.blocks if upto is None or b.number <= upto)
        return [found for b in blocks for found in b.accepted if found[1].statement.context.round == number]

    def consumed(self, number: int, extra: Sequence[tuple[bytes, Acceptance]] = ()) -> set[int]:
        """Registration indices of the owners in accepted batches of a round."""
        known = [*self.batches(number), *(e for e in extra if e[1].statement.context.round == number)]
        return {header.owner_index for _, batch in known for header in batch.statement.owners}

    def earned(self, index: int) -> int:
        """What an owner's accepted gradients earn."""
        rounds = range(len(self.opened))
        return sum(index in self.consumed(number) for number in rounds) * self.terms.pay.flat

    def payee(self, batch_id: bytes) -> bytes:
        """Who gets the coordinator's fee of an accepted batch: whom it names, or whoever relayed it late."""
        return next(held.payee for held in self.fees().held.values() if held.batch_id == batch_id)

    def context(self, number: int) -> Context:
        if not 0 <= number < len(self.opened):
            raise UnknownError("the chain knows no such round")
        opening = self.referenced.get(number)
        return Context.of(self.terms, number, self.model_digest if opening is None else opening.digest, self.policy)

    def references(self, number: int) -> Opening | None:
        """What a round was opened with; None where the task does not grade."""
        return self.referenced.get(number, self.opening)

    def check(self, batch: Acceptance, extra: Sequence[tuple[bytes, Acceptance]] = ()) -> bytes:
        """The batch's identifier.  Raises ContractError with the contract's error."""
        statement, number = batch.statement, batch.statement.context.round
        if statement.context != self.context(number):
            raise ContractError("another context", "ProofInvalid")
        graded, opening = statement.graded, self.references(number)
        if graded is None and self.terms.grading is not None:
            raise ContractError("the task grades", "TaskGraded")
        if graded is not None and opening is None:
            raise ContractError("the task does not grade", "TaskNotGraded")
        self._admit(statement, number, extra)
        if graded is not None and opening is not None:
            self._require_graded(graded, opening)
        for header in statement.owners:
            if self.owners.get(header.owner_index) != header.owner:
                raise ContractError("a stranger", "SubmissionInvalid")
            require_owner(header, statement.context)
        try:
            batch_id = verify_batch(statement, batch.proof, self.verifying)
        except GradrollError as error:
            raise ContractError(str(error), "ProofInvalid") from error
        self._require_attested(batch, batch_id)
        return batch_id

    def _require_graded(self, graded: Graded, opening: Opening) -> None:
        """Against one of the round's copies, by the task's own rule; nobody has signed the reference for the chain."""
        number = graded.reference.owner_index - REFERENCE_INDEX
        if not 0 <= number < len(opening.copies):
            raise ContractError("no such copy", "CopyUnknown")
        if graded.reference.commitment != opening.copies[number].commitment or graded.rule != self.terms.grading_rule:
            raise ContractError("graded otherwise", "ProofInvalid")

    def _admit(self, statement: BatchStatement, number: int, extra: Sequence[tuple[bytes, Acceptance]]) -> None:
        """What may have become so after the batch was attested."""
        time, current = int(self.clock.now), self.opened[number]
        if self.pauses.is_paused(time):
            raise ContractError("paused", "AcceptancePaused")
        if self.market_time(time) > current.settle:
            raise ContractError("too late", "RoundClosed")
        if statement.size < self.terms.min_owners:
            raise ContractError("too few", "TooFewOwners")
        indices, taken = [header.owner_index for header in statement.owners], self.consumed(number, extra)
        if any(a >= b for a, b in pairwise(indices)):
            raise ContractError("out of order", "OwnersNotAscending")
        if indices[-1] >= current.limit:
            raise ContractError("no seat", "OwnerHasNoSeat")
        if taken.intersection(indices):
            raise ContractError("twice", "OwnerAlreadyAccepted")
        if len(taken) + statement.size > current.seats:
            raise ContractError("too many", "TooManyOwners")

    def _require_attested(self, batch: Acceptance, batch_id: bytes) -> None:
        digest = self._attested(batch, batch_id)
        members = {p: m for p, m in enumerate(self.committee.members) if m not in self.revoked}
        signed = {p for p, s in batch.attestations if p in members and signs(members[p], digest, s)}
        if len(signed) < self.committee.quorum:
            raise ContractError("too few", "TooFewAttestations")

    def _attested(self, batch: Acceptance, batch_id: bytes) -> bytes:
        """What members sign of a batch."""
        return Attested(
            batch_id, self.policy.verifier_code, self.committee.committee_id, batch.statement.size,
            sum_of_commitments(batch.statement), batch.proof.square_norm, batch.payee,
        ).digest(batch.statement.context)  # fmt: skip


def chain_of(network: Network, clock: WorldClock | None = None) -> ModelChain:
    """The market with a network's task, in its first round, in which a network's batches are accepted.

    Its owners have odd registration indices; those between belong to others, who stay away.
    """
    places = tuple(f"prover-{p}:1" for p in range(network.provers))
    strangers = {i: bytes(18) + b"\x01" + bytes([i]) for i in range(max(network.owner_addresses, default=0))}
    chain = ModelChain(
        clock or WorldClock(), network.terms, network.policy, network.setup.verifying, network.committee,
        network.model_digest, places, tuple(bytes([p]) * 32 for p in range(network.provers)),
        {**strangers, **network.owner_addresses},
        opening=None if network.terms.grading is None else network.opening,
    )  # fmt: skip
    chain.open_round(network.terms.capacity)
    return chain
