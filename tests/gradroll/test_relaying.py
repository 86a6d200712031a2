"""Whoever wants to hands in what provers have attested: owners are paid though their coordinator is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import pytest

import gradroll.model_owner.from_provers
import native
from circuits.errors import ClosedError, ContractError, UnavailableError
from circuits.terms import Pay
from commons.chain.view import ChainView
from commons.protocol.bundle import Certificate
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.relaying import Relayable, relay, relayable
from tests.coordinator.markets import Market
from tests.gradroll.test_from_provers import OWNERS, World
from tests.simulation.world.chain import chain_of
from tests.simulation.world.nodes import Account
from tests.support.network import network_with

RELAY = b"\x55" * 20
FEE, FEE_A_GRADIENT = 100, 7


@dataclass
class Vanished:
    """A coordinator that asked for attestations and was gone; provers have the batch, each with its own signature."""

    provers: World
    market: Market

    @property
    def account(self) -> Account:
        return Account(self.market, RELAY)

    @property
    def task(self) -> int:
        return self.provers.network.terms.task_id

    def find(self) -> tuple[Relayable, ...]:
        reader = ProverReader(cast(ChainView, self.market), stall=0.1)
        return relayable(self.market, reader, self.task, 0)

    def relay(self) -> list[bytes]:
        return [batch_id for _, batch_id in relay(self.account, self.find())]


@pytest.fixture
def vanished(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vanished]:
    network = network_with(OWNERS, pay=Pay(bonus=1, coordinator_batch=FEE, coordinator_gradient=FEE_A_GRADIENT))
    provers = World(network, network.run().completed)
    chain = chain_of(network)
    chain.endpoints = tuple(f"prover-{p}" for p in range(4))
    monkeypatch.setattr(gradroll.model_owner.from_provers, "ProverClient", provers.client)
    yield Vanished(provers, Market(chain))


def test_owners_are_paid_though_the_coordinator_never_saw_a_signature(vanished: Vanished) -> None:
    (batch,) = vanished.find()
    assert (batch.owners, batch.late) == (OWNERS, False)
    assert vanished.relay() == [vanished.provers.done.batch_id]
    chain = vanished.market.chain
    indices = [header.owner_index for header in vanished.provers.network.headers]
    assert [chain.earned(index) for index in indices] == [1] * OWNERS


def test_until_half_of_the_settle_window_the_fee_is_the_payees_and_then_the_relays(vanished: Vanished) -> None:
    chain, payee = vanished.market.chain, vanished.provers.network.payee
    (early,) = vanished.find()
    assert (early.fee, early.payee, early.late) == (FEE + OWNERS * FEE_A_GRADIENT, payee, False)
    vanished.market.be_at(chain.halfway(0) + 1)
    (late,) = vanished.find()
    assert late.late
    (batch_id,) = vanished.relay()
    assert chain.payee(batch_id) == RELAY


def test_a_batch_that_is_accepted_is_not_handed_in_again(vanished: Vanished) -> None:
    vanished.relay()
    with pytest.raises(UnavailableError, match="beside those that are; 0 have fewer"):
        vanished.find()


def test_the_same_set_that_was_accepted_in_another_attempt_is_not_handed_in(vanished: Vanished) -> None:
    """Its batch has another identifier; the market would refuse it, at the relay's expense."""
    first = vanished.provers.done
    network = vanished.provers.network
    again = network.run(first_attempt=2).completed
    assert again.batch_id != first.batch_id
    certificate = again.bundle.certificate
    Account(vanished.market).accept_batch(again.statement, again.proof, certificate.attestations, certificate.payee)
    assert vanished.find() == ()


def test_a_round_that_is_over_takes_nothing(vanished: Vanished) -> None:
    vanished.market.be_at(vanished.market.chain.opened[0].settle + 1)
    with pytest.raises(ClosedError, match="what is not accepted by then never is"):
        vanished.find()


def test_with_fewer_signatures_than_a_quorum_there_is_nothing_to_hand_in(vanished: Vanished) -> None:
    """The lock holds: the same set is proven again by the coordinator when it is back, or by the next one."""
    vanished.provers.down = {0, 1}
    with pytest.raises(UnavailableError, match=r"1 have fewer.*prover 0: .*cannot be reached"):
        vanished.find()


def spoilt(certificate: Certificate) -> Certificate:
    """Another proof, which nothing binds."""
    proof = certificate.proof
    return replace(certificate, proof=replace(proof, groth=replace(proof.groth, a=native.g1_generator)))


@pytest.mark.parametrize("liar", range(4))
def test_one_prover_that_serves_a_false_batch_hinders_nobody(vanished: Vanished, liar: int) -> None:
    """Its signature counts all the same."""
    vanished.provers.certificates[liar] = spoilt(vanished.provers.certificates[liar])
    vanished.provers.down = {(liar + 1) % 4}
    (batch,) = vanished.find()
    assert len(batch.forms) == 2
    assert vanished.relay() == [vanished.provers.done.batch_id]


def test_a_refusal_that_concerns_every_form_is_told(vanished: Vanished) -> None:
    vanished.market.chain.pause()
    with pytest.raises(ContractError, match="paused"):
        vanished.relay()


def test_a_prover_that_names_batches_without_end_or_never_ends_holds_up_nobody(vanished: Vanished) -> None:
    vanished.provers.endless = {2}
    assert vanished.relay() == [vanished.provers.done.batch_id]


def test_batches_of_another_round_are_passed_over(vanished: Vanished) -> None:
    statement = vanished.provers.certificates[0].statement
    other = replace(statement, context=replace(statement.context, model_digest=bytes(32)))
    vanished.provers.certificates[0] = replace(vanished.provers.certificates[0], statement=other)
    assert vanished.relay() == [vanished.provers.done.batch_id]


def test_signatures_of_a_revoked_key_make_no_quorum(vanished: Vanished) -> None:
    """The market passes over them; a batch that it refuses for that would keep the others from being handed in."""
    vanished.market.chain.revoked.add(vanished.provers.network.committee.members[0])
    (batch,) = vanished.find()
    assert [prover for prover, _ in batch.forms[0].attestations] == [1, 2, 3]
    assert vanished.relay() == [vanished.provers.done.batch_id]


def test_what_is_left_of_a_quorum_when_a_key_was_revoked_is_not_handed_in(vanished: Vanished) -> None:
    vanished.market.chain.revoked.add(vanished.provers.network.committee.members[0])
    vanished.provers.down = {1}
    with pytest.raises(UnavailableError, match="1 have fewer"):
        vanished.find()
