"""What coordinator and provers earn, through the chain client: held, settled, added to, refunded, challenged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.terms import ETHER, NewTask, Pay, Windows
from commons.chain import calldata
from commons.chain.devchain import DevChain
from commons.chain.facts import FeesPaid
from commons.chain.fees import fees_paid
from commons.protocol.receipts import availability_digest
from tests.commons.test_chain import PAYEE, World, built, deployed, terms
from tests.commons.test_committees import joined
from tests.support.plain_batch import development_setup

PAY = Pay(bonus=5, coordinator_batch=100, coordinator_gradient=10, prover_batch=1000, prover_gradient=7)
COORDINATORS, PROVERS = 100 + 3 * 10, 1000 + 3 * 7
WINDOW = 4000


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


@pytest.fixture(scope="module")
def wanted(world: World) -> NewTask:
    verifier = world.chain.deploy_verifier(world.factory, development_setup("norm", 16, 10).verifying)
    windows = Windows(60, 600, exit=600, availability=WINDOW)
    return terms(world, joined(world), verifier, pay=PAY, windows=windows)


def accepted(world: World, wanted: NewTask) -> tuple[int, bytes]:
    """A task with an accepted batch that members 0, 2 and 3 attested, and the batch's identifier."""
    task = world.chain.create_task(wanted)
    world.chain.fund(task, world.chain.view.task(task).reserve(3))
    indices = [owner.register(task) for owner in world.chains[6:9]]
    number = world.chain.open_round(task, keccak(b"model"))
    batch, signed = built(world, task, number, indices)
    world.chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    return task, batch.batch_id


def served(world: World, batch_id: bytes, members: Sequence[int], **more: object) -> list[tuple[int, bytes]]:
    digest = availability_digest(world.chain.view.market_id, batch_id, **more)  # type: ignore[arg-type]
    return [(member, world.chains[1 + member].sign(digest)) for member in members]


def owed(world: World) -> list[int]:
    """What the payee and the members can collect."""
    view = world.chain.view
    return [view.owed(ETHER, PAYEE), *(view.owed(ETHER, chain.address) for chain in world.chains[1:5])]


def earned(world: World, before: list[int]) -> list[int]:
    return [now - then for now, then in zip(owed(world), before, strict=True)]


def test_who_attests_and_serves_is_paid_and_who_was_left_out_is_added(world: World, wanted: NewTask) -> None:
    task, batch_id = accepted(world, wanted)
    view, before = world.chain.view, owed(world)
    (held,) = view.held_fees(task, 0).values()
    assert (held.batch_id, held.owners, held.attesters, held.payee) == (batch_id, 3, 0b1101, PAYEE)
    receipts = served(world, batch_id, (0, 1, 2))
    with pytest.raises(ContractError, match="ChallengeStillPossible"):
        world.chain.settle_fees(task, 0, 0, held, receipts)
    world.advance(WINDOW * 3 // 4)
    with pytest.raises(ContractError, match="TooFewAttestations"):
        world.chain.settle_fees(task, 0, 0, held, receipts[:2])
    with pytest.raises(ContractError, match="FeesUnknown"):
        world.chain.settle_fees(task, 0, 0, replace(held, payee=world.chain.address), receipts)
    world.chains[9].settle_fees(task, 0, 0, held, receipts)
    assert earned(world, before) == [COORDINATORS, PROVERS, 0, PROVERS, 0]
    (held,) = view.held_fees(task, 0).values()
    assert held.paid == 0b0101
    with pytest.raises(ContractError, match="ProversPaid"):
        world.chain.settle_fees(task, 0, 0, held, receipts)
    attested = [(member, world.chains[1 + member].sign(held.attestation)) for member in (1, 2, 3)]
    world.chain.settle_fees(task, 0, 0, held, served(world, batch_id, (0, 1, 3)), attestations=attested)
    assert earned(world, before) == [COORDINATORS, PROVERS, PROVERS, PROVERS, PROVERS]
    assert view.held_fees(task, 0) == {}
    assert fees_paid(view, task, 0) == (
        FeesPaid(0, PAYEE, COORDINATORS, 0b0101, PROVERS), FeesPaid(0, PAYEE, 0, 0b1010, PROVERS),
    )  # fmt: skip
    assert world.chains[1].collect(ETHER) >= PROVERS


def test_fees_of_a_sum_that_nobody_serves_go_back(world: World, wanted: NewTask) -> None:
    task, _ = accepted(world, wanted)
    before, balance = owed(world), world.chain.view.task(task).balance
    held = world.chain.view.held_fees(task, 0)[0]
    with pytest.raises(ContractError, match="AvailabilityNotOverdue"):
        world.chain.refund_fees(task, 0, 0, held)
    world.advance(2 * WINDOW)
    with pytest.raises(ContractError, match="AvailabilityOverdue"):
        world.chain.settle_fees(task, 0, 0, held, ())
    world.chain.refund_fees(task, 0, 0, held)
    assert earned(world, before) == [COORDINATORS, 0, 0, 0, 0], "who relayed has done its part"
    assert world.chain.view.task(task).balance == balance + 4 * PROVERS
    assert sum(each.refunded for each in fees_paid(world.chain.view, task, 0)) == 4 * PROVERS


def test_a_model_owner_asks_once_for_a_sum_and_it_is_signed_anew(world: World, wanted: NewTask) -> None:
    task, batch_id = accepted(world, wanted)
    held, before = world.chain.view.held_fees(task, 0)[0], owed(world)
    with pytest.raises(ContractError, match="NotModelOwner"):
        world.chains[1].challenge_availability(task, 0, 0, held)
    world.chain.challenge_availability(task, 0, 0, held)
    challenged = world.chain.view.held_fees(task, 0)[0]
    assert challenged.challenge > 0
    with pytest.raises(ContractError, match="AttestationInvalid"):
        world.chain.settle_fees(task, 0, 0, challenged, served(world, batch_id, (0, 2, 3)))
    answer = served(world, batch_id, (0, 2, 3), challenge=challenged.challenge)
    world.advance(100)  # nobody posts a submission any more, so the payee's fee waits for nothing
    world.chain.settle_fees(task, 0, 0, challenged, answer)
    assert earned(world, before) == [COORDINATORS, PROVERS, 0, PROVERS, PROVERS]


def test_a_sum_that_is_posted_is_paid_for_at_once(world: World, wanted: NewTask) -> None:
    task, batch_id = accepted(world, wanted)
    payload, before = b"\x01" * 5000, owed(world)
    posted = keccak(payload)
    receipts = served(world, batch_id, (0, 2, 3), posted=posted)
    held = world.chain.view.held_fees(task, 0)[0]
    with pytest.raises(ContractError, match="NotPosted"):
        world.chain._market("settleFees", task, 0, 0, held.words, (posted, b"junk", calldata.signed(receipts), []))
    world.chain.settle_fees(task, 0, 0, held, receipts, payload=payload)
    assert earned(world, before) == [0, PROVERS, 0, PROVERS, PROVERS], "owners may post submissions until the deadline"
    (held,) = world.chain.view.held_fees(task, 0).values()
    assert not held.payee_paid
    world.advance(2 * WINDOW)
    world.chain.refund_fees(task, 0, 0, held)
    assert earned(world, before) == [COORDINATORS, PROVERS, 0, PROVERS, PROVERS]
    assert world.chain.view.held_fees(task, 0) == {}
