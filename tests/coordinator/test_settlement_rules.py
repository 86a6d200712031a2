"""A proven batch reaches the market once, and the record says what the market made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from circuits.errors import ChainError, ContractError
from circuits.statement import BatchProof, BatchStatement
from commons.chain.transactions import Mined
from coordinator.events import BatchProven, HeaderAccepted
from coordinator.journal import Journal
from coordinator.machine import Completed
from coordinator.rounds import ProvenBatch
from coordinator.settlement import Settlement
from tests.coordinator.fleets import blobs_in, journal_in, state_of
from tests.simulation.world.chain import Account, ModelChain, NodeView, chain_of
from tests.support.network import Network, network_with


@dataclass
class Node(Account):
    """A node that fails at times, before or after it has passed the transaction on."""

    before: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    sent: int = 0

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        self.sent += 1
        if self.before:
            raise self.before.pop()
        mined = super().accept_batch(statement, proof, attestations, on_sent=on_sent)
        if self.after:
            raise self.after.pop()
        return mined


@dataclass
class World:
    done: Completed
    chain: ModelChain
    journal: Journal
    directory: Path

    def __post_init__(self) -> None:
        self.node = Node(NodeView(self.chain))

    @property
    def batch(self) -> ProvenBatch:
        return state_of(self.journal).batches[self.done.batch_id]

    def settle(self) -> None:
        Settlement(self.node, self.journal, blobs_in(self.directory)).settle(self.done.batch_id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    network: Network = network_with(2)
    done, journal, digests = network.run().completed, journal_in(tmp_path), network.cohort.digests
    bundle = blobs_in(tmp_path).put(done.bundle.encode())
    journal.record(
        *(HeaderAccepted(d, h, (0, 1, 2, 3)) for d, h in zip(digests, network.headers, strict=True)),
        BatchProven(network.terms.task_id, 0, done.batch_id, digests, bundle),
    )
    yield World(done, chain_of(network), journal, tmp_path)
    journal.close()


def check_accepted(world: World, sent: int) -> None:
    assert world.node.sent == sent
    assert [a.record.batch_id for a in world.node.view.accepted(7, 0)] == [world.done.batch_id]
    assert (world.batch.settled, world.batch.accepted) == (True, True)


def test_a_batch_is_sent_once(world: World) -> None:
    world.settle()
    check_accepted(world, sent=1)
    world.settle()  # as after a restart before the outcome was on record
    check_accepted(world, sent=1)


def test_an_acceptance_whose_answer_was_lost_is_an_acceptance(world: World) -> None:
    """The transaction of before a restart makes the next one fail; what the chain has counts."""
    world.node.after = [ContractError("owner 1 is in an accepted batch", "OwnerAlreadyAccepted")]
    world.settle()
    check_accepted(world, sent=1)


@pytest.mark.parametrize("error", ["", "RoundUnknown"])
def test_a_refusal_that_may_pass_is_not_taken_for_an_answer(world: World, error: str) -> None:
    world.node.before = [ContractError("what is not there yet", error)]
    with pytest.raises(ContractError):
        world.settle()
    assert not world.batch.settled
    world.settle()
    check_accepted(world, sent=2)


def test_a_node_that_is_down_is_no_answer_either(world: World) -> None:
    world.node.before = [ChainError("the node cannot be reached")]
    with pytest.raises(ChainError):
        world.settle()
    assert not world.batch.settled
    world.settle()
    check_accepted(world, sent=2)


def test_what_the_market_refuses_for_good_is_on_record_with_its_reason(world: World) -> None:
    world.node.before = [ContractError("the round is closed", "RoundClosed")]
    world.settle()
    assert (world.batch.settled, world.batch.accepted) == (True, False)
    assert not world.node.view.accepted(7, 0)
