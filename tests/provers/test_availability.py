"""A prover's word that it serves a sum: when it is given, for which challenge, and what nobody gets it to sign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from circuits import payload as payloads
from circuits.errors import (
    ClosedError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    UnknownError,
    WireError,
)
from circuits.hashing import keccak
from commons.protocol.bundle import Certificate
from commons.protocol.receipts import AvailabilityReceipt, availability_digest
from commons.protocol.signing import recover
from coordinator.machine import Completed
from provers.party import ledger
from provers.party.steps import members_of
from provers.party.vouching import attest_availability
from tests.support.network import Memory, Network, network_with

PROVER, OWNERS = 2, 3


class World:
    """A network with a proven batch, and one of its provers."""

    def __init__(self) -> None:
        self.network: Network = network_with(OWNERS)
        self.done: Completed = self.network.run().completed
        self.memory: Memory = self.network.memories[PROVER]

    @property
    def certificate(self) -> Certificate:
        return self.done.bundle.certificate

    def release(self) -> bytes:
        """The market accepts the batch and everybody releases its sum; the encoded aggregate."""
        self.network.accept(self.done)
        return self.network.open_sum(self.certificate).payload

    def sign(self, payload: bytes = b"", certificate: Certificate | None = None) -> AvailabilityReceipt:
        return attest_availability(self.memory, self.memory.sign, certificate or self.certificate, payload)

    def signed(self, receipt: AvailabilityReceipt, posted: bytes = bytes(32)) -> bytes:
        """Who signed this."""
        market = self.network.context.market
        digest = availability_digest(market, self.done.batch_id, receipt.challenge, posted)
        return recover(digest, receipt.signature)


@pytest.fixture
def world() -> Iterator[World]:
    yield World()


def test_before_the_market_has_accepted_a_batch_nothing_is_signed(world: World) -> None:
    with pytest.raises(NotReadyError, match="has not accepted this batch"):
        world.sign()


def test_before_its_share_was_released_nothing_is_signed(world: World) -> None:
    """A quorum of such words would be paid for a sum that nobody was given yet."""
    world.network.accept(world.done)
    with pytest.raises(NotReadyError, match="has not released"):
        world.sign()
    world.network.open_sum(world.certificate, provers=[0, 1])
    with pytest.raises(NotReadyError, match="has not released"):
        world.sign()


def test_a_prover_that_serves_signs_and_signs_the_same_again(world: World) -> None:
    world.release()
    receipt = world.sign()
    assert receipt.challenge == 0
    assert world.signed(receipt) == world.network.committee.members[PROVER]
    assert world.sign() == receipt


def test_a_prover_that_took_no_part_but_serves_signs_too(world: World) -> None:
    """Its word counts for the quorum, though it is not paid."""
    network = network_with(OWNERS)
    done = network.run(reachable=[0, 1, 2]).completed
    network.accept(done)
    network.open_sum(done.bundle.certificate, provers=[0, 3])
    memory = network.memories[3]
    receipt = attest_availability(memory, memory.sign, done.bundle.certificate)
    digest = availability_digest(network.context.market, done.batch_id)
    assert recover(digest, receipt.signature) == network.committee.members[3]


def test_which_challenge_is_answered_the_chain_says(world: World) -> None:
    """Nobody can ask for the answer to a challenge that may come."""
    world.release()
    before = world.sign()
    world.memory.challenges[world.done.batch_id] = 1234
    after = world.sign()
    assert (before.challenge, after.challenge) == (0, 1234)
    assert world.signed(after) == world.network.committee.members[PROVER]
    assert before.signature != after.signature


def test_after_its_share_was_deleted_nothing_is_signed(world: World) -> None:
    world.release()
    world.memory.payloads.clear()
    with pytest.raises(UnknownError, match="no share"):
        world.sign()


def test_when_the_market_holds_no_fees_nothing_is_signed(world: World) -> None:
    world.release()
    world.memory.challenges.clear()
    with pytest.raises(ClosedError, match="holds no fees"):
        world.sign()


def test_for_a_word_that_nobody_needs_no_share_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask as often as they like, and a share is as long as the model."""
    aggregate = world.release()
    world.memory.challenges.clear()

    def read(*_: object) -> None:
        raise AssertionError("the share was read")

    monkeypatch.setattr(type(world.memory), "summed", read)
    for payload in (b"", aggregate):
        with pytest.raises(ClosedError, match="holds no fees"):
            world.sign(payload)


def test_an_acceptance_that_was_taken_back_is_none(world: World) -> None:
    """By a reorganisation, after the release."""
    world.release()
    world.memory.acceptances.clear()
    with pytest.raises(NotReadyError, match="has not accepted this batch"):
        world.sign()


def test_a_node_that_shows_other_owners_under_the_identifier_is_not_believed(world: World) -> None:
    world.release()
    accepted = world.memory.acceptances[world.done.batch_id]
    world.memory.acceptances[world.done.batch_id] = replace(accepted, indices=(9, *accepted.indices[1:]))
    with pytest.raises(RuleViolationError, match="other owners or another sum"):
        world.sign()


def test_a_set_that_was_not_released_is_not_vouched_for_by_one_that_was(world: World) -> None:
    """Its owners are on record as released, but in another sum."""
    world.network.accept(world.done)
    context, owners = world.network.context, world.certificate.statement.owners
    smaller = ledger.Selection.plain(members_of(context, owners[:2]))
    world.memory.ledger.released.update(dict.fromkeys(smaller.owners, smaller))
    with pytest.raises(NotReadyError, match="has not released"):
        world.sign()


def test_a_batch_of_another_round_than_the_chain_has_is_refused(world: World) -> None:
    world.release()
    statement = world.certificate.statement
    other = replace(statement.context, terms_hash=bytes(32))
    with pytest.raises(WireError, match="context"):
        world.sign(certificate=replace(world.certificate, statement=replace(statement, context=other)))


def test_a_sum_that_is_posted_is_vouched_for_by_its_hash(world: World) -> None:
    payload = world.release()
    receipt = world.sign(payload)
    assert world.signed(receipt, keccak(payload)) == world.network.committee.members[PROVER]
    assert world.signed(receipt) != world.network.committee.members[PROVER]


def test_nothing_but_the_batchs_own_sum_is_vouched_for_as_posted(world: World) -> None:
    """The contract looks at its hash only: a model owner would pay for junk."""
    payload = world.release()
    dimension = world.network.dimension
    aggregate = payloads.decode(payload, dimension)
    off = replace(aggregate, values=aggregate.values + 1)
    with pytest.raises(ProofError, match="does not open"):
        world.sign(payloads.encode(off))
    for junk in (b"\x01", payload + b"\x00", payload[:-1], bytes(len(payload))):
        with pytest.raises(WireError):
            world.sign(junk)
    with pytest.raises(WireError, match="does not go into a transaction"):
        world.sign(bytes(payloads.MAX_INLINE + 1))
