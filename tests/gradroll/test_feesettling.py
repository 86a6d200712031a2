"""A prover has its fees settled without its coordinator: when, with whose word, and what it is told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from circuits.errors import ContractError, GradrollError, UnavailableError
from commons.chain.facts import AcceptedBatch
from commons.chain.writer import ChainWriter
from commons.protocol.bundle import Certificate
from commons.protocol.receipts import AvailabilityReceipt
from gradroll.model_owner.feesettling import FeeSettler, Outcome, SettledBatch
from gradroll.model_owner.from_provers import ProverReader
from tests.coordinator.markets import Market
from tests.coordinator.test_fees import OF_COORDINATOR, OF_PROVER, World
from tests.simulation.world.nodes import Account

OWN = 2


@dataclass
class Peers:
    """The committee's provers, as far as a member asks them."""

    world: World
    released: int = 0

    @property
    def view(self) -> Market:
        return self.world.market

    def availability(self, batch: AcceptedBatch) -> dict[int, AvailabilityReceipt]:
        found = {}
        for prover, line in enumerate(self.world.lines):
            try:
                found[prover] = line.availability(batch.record.batch_id)
            except GradrollError:
                continue
        return found

    def have_released(self, batch: AcceptedBatch) -> None:
        self.released += 1
        self.world.network.open_sum(self.world.done.bundle.certificate)

    def certificates(self, batch: AcceptedBatch) -> tuple[Certificate, ...]:
        return (self.world.done.bundle.certificate,)


@dataclass
class Sender(Account):
    """A prover's account.  ``refusal``: what the market says instead."""

    refusal: str = ""

    def settle_fees(self, *arguments: Any, attestations: object = (), **more: Any) -> Any:
        if self.refusal:
            raise ContractError("refused", self.refusal)
        return super().settle_fees(*arguments, **more)


@dataclass
class Member:
    """A prover whose coordinator vanished once the batch was accepted; nobody has released the sum."""

    world: World
    peers: Peers
    sender: Sender

    def settle(self, signer: bytes | None = None) -> list[SettledBatch]:
        own = signer or self.world.network.committee.members[OWN]
        settler = FeeSettler(cast(ProverReader, self.peers), cast(ChainWriter, self.sender), own)
        return list(settler.settle(*self.world.key))

    def wait(self, seconds: int) -> None:
        self.world.market.be_at(self.world.market.now() + seconds)


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Member]:
    world = World(tmp_path)
    world.coordinator.close()
    yield Member(world, Peers(world), Sender(world.market, world.network.committee.members[OWN]))


def test_while_the_model_owner_may_ask_it_is_too_early(member: Member) -> None:
    (found,) = member.settle()
    assert (found.outcome, found.earliest) == (Outcome.EARLY, member.world.held.due - member.world.window // 2 + 1)
    assert member.world.earned() == [0] * 5


def test_peers_release_and_sign_and_everybody_is_paid(member: Member) -> None:
    member.wait(member.world.window // 2 + 60)
    (found,) = member.settle()
    assert (found.outcome, found.members) == (Outcome.SETTLED, (0, 1, 2, 3))
    assert member.world.earned() == [OF_COORDINATOR, *[OF_PROVER] * 4]
    assert member.peers.released == 1
    assert member.settle() == []


def test_after_a_challenge_it_need_not_wait(member: Member) -> None:
    member.world.challenge()
    (found,) = member.settle()
    assert found.outcome is Outcome.SETTLED


def test_a_silent_peer_is_not_needed(member: Member) -> None:
    member.wait(member.world.window // 2 + 60)
    member.world.lines[0].down = True
    (found,) = member.settle()
    assert found.members == (1, 2, 3)
    (found,) = member.settle()
    assert found.outcome is Outcome.PAID
    (found,) = member.settle(member.world.network.committee.members[0][:19] + b"\x00")
    assert found.outcome is Outcome.UNATTESTED, "a stranger to the committee"


@pytest.mark.parametrize("down", [(OWN,), (0, 1)])
def test_without_its_own_word_or_a_quorum_nothing_is_sent(member: Member, down: tuple[int, ...]) -> None:
    """It would pay the gas for the others, or for a refusal."""
    member.wait(member.world.window // 2 + 60)
    for prover in down:
        member.world.lines[prover].down = True
    with pytest.raises(UnavailableError, match=r"it takes 3, prover 2 among them"):
        member.settle()
    assert member.world.earned() == [0] * 5


def test_what_is_overdue_goes_back(member: Member) -> None:
    member.wait(member.world.window + 60)
    (found,) = member.settle()
    assert found.outcome is Outcome.OVERDUE


def test_somebody_who_was_faster_does_no_harm(member: Member) -> None:
    member.wait(member.world.window // 2 + 60)
    member.sender.refusal = "FeesUnknown"
    (found,) = member.settle()
    assert found.outcome is Outcome.CHANGED
    member.sender.refusal = "AcceptancePaused"
    with pytest.raises(ContractError):
        member.settle()
