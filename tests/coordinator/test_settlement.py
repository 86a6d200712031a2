"""Proven batches reach the market once, whatever nodes, refusals and restarts do in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from circuits.errors import ChainError, ContractError
from circuits.statement import BatchProof, BatchStatement
from commons.chain.mined import Mined
from commons.protocol.status import SubmissionState
from coordinator.events import BatchProven, BatchSettled, HeaderAccepted, TransactionSent
from coordinator.journal import Journal
from coordinator.roundstate import ProvenBatch
from coordinator.settlement import Settlement
from tests.coordinator.fleets import blobs_in, state_of
from tests.coordinator.markets import MORE_OWNERS, Market, MemoryLog, hand_in, proven
from tests.simulation.world.chain import chain_of
from tests.simulation.world.nodes import Account
from tests.support.network import network_with


@dataclass
class Payer(Account):
    """The coordinator's account.

    Attributes:
        before: raised, one a call, before anything is sent.
        after: raised, one a call, when the market has the batch.
        waiting: called once a transaction is out, before it is mined.
        asked: how often it was to send the batch.
        sent: transactions.
        said: what was raised before, last.
    """

    before: list[ContractError] = field(default_factory=list)
    after: list[ContractError] = field(default_factory=list)
    waiting: Callable[[], None] = lambda: None
    asked: int = 0
    sent: list[bytes] = field(default_factory=list)
    said: ContractError | None = None

    def accept_batch(
        self,
        statement: BatchStatement,
        proof: BatchProof,
        attestations: Sequence[tuple[int, bytes]],
        payee: bytes,
        *,
        on_sent: Callable[[bytes], None] | None = None,
    ) -> Mined:
        self.asked += 1
        if self.before:
            self.said = self.before.pop(0)
            raise self.said

        def told(transaction: bytes) -> None:
            self.sent.append(transaction)
            if on_sent is not None:
                on_sent(transaction)
            self.waiting()

        mined = super().accept_batch(statement, proof, attestations, payee, on_sent=told)
        if self.after:
            raise self.after.pop(0)
        return mined

    def rehearsal(
        self, statement: BatchStatement, proof: BatchProof, attestations: Sequence[tuple[int, bytes]], payee: bytes
    ) -> str | None:
        if self.said is None:
            return super().rehearsal(statement, proof, attestations, payee)
        return self.said.error


class World:
    """A coordinator with one proven batch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        network = network_with(MORE_OWNERS)
        self.done = proven()[0]
        self.market = Market(chain_of(network))
        self.payer = Payer(self.market)
        self.log = MemoryLog()
        bundle = blobs_in(directory).put(self.done.bundle.encode(), network.terms.task_id)
        self.restart()
        key, members = (network.terms.task_id, 0), network.cohort.digests[: self.done.statement.size]
        self.journal.record(
            *(HeaderAccepted(s, h, (0, 1, 2, 3)) for s, h in zip(members, network.headers, strict=False)),
            BatchProven(*key, self.done.batch_id, members, bundle),
        )

    @property
    def batch(self) -> ProvenBatch:
        return state_of(self.journal).batches[self.done.batch_id]

    @property
    def states(self) -> set[SubmissionState]:
        return {entry.status.state for entry in state_of(self.journal).submissions.values()}

    def settle(self) -> None:
        self.settlement.settle(self.done.batch_id)

    def restart(self, depth: int = 1) -> None:
        self.journal = Journal(self.log)
        self.settlement = Settlement(self.payer, self.journal, blobs_in(self.directory), depth)

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            self.market.chain.mine()

    def accepted(self) -> int:
        """How many batches the market has."""
        return len(self.market.accepted(*self.batch.round_key))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_batch_is_sent_and_recorded_as_accepted(world: World) -> None:
    world.settle()
    assert world.accepted() == 1
    assert (world.batch.settled, world.batch.accepted) == (True, True)
    assert world.batch.transaction == world.payer.sent[0]
    assert world.states == {SubmissionState.ACCEPTED}
    assert world.log.of(BatchSettled) == [BatchSettled(world.done.batch_id, True, "")]


def test_nothing_is_sent_when_the_market_has_the_batch_already(world: World) -> None:
    """A transaction of before a restart was mined meanwhile."""
    hand_in(world.market, world.done)
    world.settle()
    assert not world.payer.asked
    assert (world.batch.settled, world.batch.accepted) == (True, True)
    assert not world.log.of(TransactionSent)


def test_another_batch_of_the_round_is_not_taken_for_it(world: World) -> None:
    hand_in(world.market, proven()[1])
    world.settle()
    assert len(world.payer.sent) == 1
    assert world.accepted() == 2


@pytest.mark.parametrize(
    "name",
    ["", "OutOfGas", "TaskUnknown", "RoundUnknown", "CommitteeUnknown", "EpochUnknown", "AcceptancePaused",
     "OwnerAlreadyAccepted"],
)  # fmt: skip
def test_a_refusal_that_may_pass_is_raised_and_the_batch_is_sent_again(world: World, name: str) -> None:
    """A node that lags does not know the round yet; gas may run out because of what came before in the block; a pause
    of the market ends, and owners that seem accepted may be so in a block that is taken back.
    """
    world.payer.before = [ContractError(f"refused: {name}", name)] * 2
    for _ in range(2):
        with pytest.raises(ContractError, match=f"refused: {name}"):
            world.settle()
        assert not world.batch.settled
        assert world.states == {SubmissionState.PROVEN}
    world.settle()
    assert world.batch.accepted
    assert len(world.log.of(BatchSettled)) == 1


@pytest.mark.parametrize("name", ["RoundClosed", "TooFewAttestations", "OwnerHasNoSeat", "ProofInvalid"])
def test_a_final_refusal_is_recorded_once_with_its_reason(world: World, name: str) -> None:
    world.payer.before = [ContractError(f"the market refused: {name}", name)]
    world.settle()
    assert (world.batch.settled, world.batch.accepted) == (True, False)
    assert world.log.of(BatchSettled) == [BatchSettled(world.done.batch_id, False, f"the market refused: {name}")]
    assert world.states == {SubmissionState.REJECTED}
    assert not list(state_of(world.journal).unsettled(world.batch.round_key))


def test_the_markets_own_refusal_of_a_late_batch_is_final(world: World) -> None:
    world.market.be_at(world.market.chain.opened[0].settle + 1)
    world.settle()
    assert world.log.of(BatchSettled) == [BatchSettled(world.done.batch_id, False, "too late")]


@pytest.mark.parametrize("name", ["OwnerAlreadyAccepted", "", "RoundClosed"])
def test_an_acceptance_found_after_a_refusal_counts(world: World, name: str) -> None:
    """What was refused is the second of two transactions with the batch; the first got through."""
    world.payer.after = [ContractError("refused", name)]
    world.settle()
    assert (world.batch.settled, world.batch.accepted) == (True, True)
    assert len(world.log.of(BatchSettled)) == 1


def test_the_hash_is_on_record_before_anybody_waits_for_the_transaction(world: World) -> None:
    seen: list[bytes | None] = []

    def look() -> None:
        world.restart()
        seen.append(world.batch.transaction)
        raise ChainError("the node went away")

    world.payer.waiting = look
    with pytest.raises(ChainError, match="went away"):
        world.settle()
    assert seen == world.payer.sent
    assert not world.batch.settled


def test_after_a_restart_a_transaction_under_way_is_found_and_not_repeated(world: World) -> None:
    def vanish() -> None:
        raise ChainError("the node went away")

    world.payer.waiting = vanish
    with pytest.raises(ChainError):
        world.settle()
    world.restart()
    world.market.chain.mine()
    world.settle()
    assert world.payer.asked == world.accepted() == 1
    assert world.batch.accepted


def test_the_market_learns_of_the_payee_that_was_attested(world: World) -> None:
    world.settle()
    assert world.market.chain.payee(world.done.batch_id) == world.done.bundle.certificate.payee


def test_in_a_pause_of_the_market_a_batch_waits_and_is_accepted_afterwards_as_late_as_before(world: World) -> None:
    chain = world.market.chain
    due = chain.opened[0].settle
    world.market.be_at(due - 100)
    chain.pause()
    for _ in range(2):
        with pytest.raises(ContractError, match="paused"):
            world.settle()
    world.market.be_at(due + 1000)
    chain.resume()
    assert world.market.round(*world.batch.round_key).settle_deadline == due + 1100
    world.settle()
    assert world.batch.accepted


def test_a_batch_whose_owners_were_accepted_in_another_is_let_go_and_they_stay_accepted(world: World) -> None:
    """It is the same set, proven once more; the first was relayed by somebody else, and taken over meanwhile."""
    earlier = b"\xab" * 32
    members = world.batch.submissions
    world.journal.record(
        BatchProven(*world.batch.round_key, earlier, members, b"\xcd" * 32), BatchSettled(earlier, True, "")
    )
    world.settle()
    assert not world.payer.asked
    assert (world.batch.settled, world.batch.accepted) == (True, False)
    assert world.states == {SubmissionState.ACCEPTED}
    assert not state_of(world.journal).rounds[world.batch.round_key].bound


def test_an_acceptance_counts_once_it_is_deep_enough_and_what_is_in_a_block_is_not_sent_again(world: World) -> None:
    world.restart(depth=3)
    key = world.batch.round_key
    for _ in range(2):
        world.settle()
        assert world.settlement.look(key) == {world.done.batch_id}
        assert world.states == {SubmissionState.PROVEN}
        world.mine(1)
    assert world.settlement.look(key) == frozenset()
    assert world.batch.accepted
    assert world.payer.asked == 1


@pytest.mark.parametrize("restarts", [False, True])
def test_an_acceptance_that_is_taken_back_is_sent_again_also_after_a_restart(world: World, restarts: bool) -> None:
    """The receipt was there; the block that it was in is not any more, and no node offers the transaction again."""
    world.restart(depth=3)
    world.settle()
    world.mine(1)
    world.market.chain.reorganise(2, forgetful=True)
    assert world.accepted() == 0
    if restarts:
        world.restart(depth=3)
    assert world.settlement.look(world.batch.round_key) == frozenset()
    world.settle()
    world.mine(2)
    world.settle()
    assert world.batch.accepted
    assert world.payer.asked == 2
    assert world.accepted() == 1


def test_a_refusal_counts_once_the_block_it_was_seen_at_is_deep_enough(world: World) -> None:
    world.mine(3)
    world.restart(depth=3)
    world.payer.before = [ContractError("no", "ProofInvalid")] * 3
    for _ in range(2):
        with pytest.raises(ContractError, match="no"):
            world.settle()
        assert not world.batch.settled
        world.mine(1)
    world.settle()
    assert (world.batch.settled, world.batch.accepted) == (True, False)


def test_a_refusal_on_a_branch_that_is_given_up_does_not_count(world: World) -> None:
    """An owner that the other branch does not know yet makes the market refuse the batch there, and there alone."""
    world.mine(3)
    world.restart(depth=3)
    world.payer.before = [ContractError("no", "SubmissionInvalid")] * 2
    with pytest.raises(ContractError, match="no"):
        world.settle()
    world.mine(1)
    world.market.chain.reorganise(2)
    world.mine(2)
    with pytest.raises(ContractError, match="no"):
        world.settle()
    assert not world.batch.settled
    world.settle()
    world.mine(2)
    world.settle()
    assert world.batch.accepted


def test_a_node_that_is_down_settles_nothing(world: World) -> None:
    world.market.down = 1
    with pytest.raises(ChainError, match="cannot be reached"):
        world.settle()
    assert not world.log.of(BatchSettled)
    assert not world.payer.asked


@pytest.fixture
def three(world: World) -> World:
    """The same, through three nodes."""
    world.market.count = 3
    world.mine(3)
    world.restart(depth=3)
    return world


def test_one_node_of_three_that_says_accepted_settles_nothing_and_the_batch_is_handed_in(three: World) -> None:
    three.market.lying = 1000
    three.settle()
    assert not three.batch.settled
    assert three.payer.asked == three.accepted() == 1
    three.mine(2)
    three.settle()
    assert three.batch.accepted


def test_one_that_refuses_gives_no_batch_up_and_does_not_keep_it_from_the_market(three: World) -> None:
    """Its word comes first, for as long as it likes."""
    three.market.lying = 10**6
    for _ in range(4):
        three.settle()
        three.mine(1)
    assert three.batch.accepted
    assert len(three.payer.sent) == 1


def test_a_node_that_hangs_holds_nothing_up(three: World) -> None:
    three.market.hanging = True
    three.settle()
    three.mine(2)
    three.settle()
    assert three.batch.accepted


def test_what_most_nodes_refuse_is_given_up_once_it_is_deep(three: World) -> None:
    three.payer.before = [ContractError("no", "ProofInvalid")] * 5
    for _ in range(2):
        with pytest.raises(ContractError, match="no"):
            three.settle()
        three.mine(1)
    three.settle()
    assert (three.batch.settled, three.batch.accepted) == (True, False)


@pytest.mark.parametrize("others", ["", "AcceptancePaused"])
def test_a_final_refusal_of_one_node_is_none_where_the_others_have_another_word_for_it(
    world: World, others: str
) -> None:
    world.payer.before = [ContractError("no", "ProofInvalid")] * 3
    world.payer.rehearsal = lambda *_: others  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(ContractError, match="no"):
            world.settle()
    assert not world.batch.settled


@pytest.mark.parametrize("fault", ["lying", "hanging"])
def test_with_two_nodes_one_that_lies_or_hangs_has_nothing_settled_and_nothing_lost(world: World, fault: str) -> None:
    world.market.count = 2
    world.mine(3)
    world.restart(depth=3)
    setattr(world.market, fault, 10**6)
    for _ in range(5):
        with suppress(ChainError):
            world.settle()
        world.mine(1)
    assert not world.batch.settled
    setattr(world.market, fault, 0)
    world.settle()
    world.mine(2)
    world.settle()
    assert world.batch.accepted
