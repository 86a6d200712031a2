"""The simulation's chain against the contracts on an EVM: the same transactions, accepted or refused alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.statement import BatchProof, BatchStatement
from commons.chain.devchain import DevChain
from commons.chain.ports import BatchSender
from commons.sharing import sealing
from tests.commons.test_chain import DIMENSION, REWARD, World, built, deployed, terms
from tests.simulation.world.chain import BLOCK_SECONDS, Account, ModelChain, NodeView
from tests.simulation.world.clock import WorldClock
from tests.support.plain_batch import development_setup

Attestations = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


def outcome(
    sender: BatchSender, statement: BatchStatement, proof: BatchProof, signed: Sequence[tuple[int, bytes]]
) -> str:
    try:
        sender.accept_batch(statement, proof, signed)
    except ContractError as error:
        return error.error
    return "accepted"


def mirrored(world: World, task: int, number: int) -> ModelChain:
    """The model of the market's state."""
    view = world.chain.view
    record, task_terms = view.committee_record(view.terms(task).committee_id), view.terms(task)
    clock = WorldClock()
    clock.now = float(view.now())
    model = ModelChain(
        clock, task_terms, view.policy(task), development_setup("norm", 16, DIMENSION).verifying, record.committee,
        keccak(b"model"), record.endpoints, record.hpke_keys,
    )  # fmt: skip
    model.owners = {index: view.owner_at(task, index) for index in range(view.task(task).owners)}
    known = view.round(task, number)
    model.opened = [(0, 0)] * number + [(known.submit_deadline, known.settle_deadline)]
    return model


@pytest.mark.slow
def test_the_model_takes_and_refuses_what_the_contracts_do(world: World) -> None:
    chain = world.chain
    committee = chain.create_committee(1, [one.address for one in world.chains[1:5]])
    for index, one in enumerate(world.chains[1:5]):
        one.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    verifier = chain.deploy_verifier(development_setup("norm", 16, DIMENSION).verifying)
    task = chain.create_task(terms(world, committee, verifier, max_owners_per_round=6))
    chain.fund(task, 18 * REWARD)
    indices = [owner.register(task) for owner in world.chains[6:9]]
    number = chain.open_round(task, keccak(b"model"))
    batch, signed = built(world, task, number, indices)
    account = Account(NodeView(mirrored(world, task, number)))
    statement, proof = batch.statement, batch.proof

    cases: list[tuple[BatchStatement, BatchProof, Attestations, set[str]]] = [
        (statement, proof, signed[:2], {"TooFewAttestations"}),
        (statement, proof, [*signed[:2], (3, signed[0][1])], {"AttestationInvalid", "TooFewAttestations"}),
        (statement, replace(proof, square_norm=proof.square_norm + 1), signed, {"ProofInvalid"}),
        (replace(statement, owners=statement.owners[::-1]), proof, signed, {"OwnersNotAscending", "ProofInvalid"}),
        (replace(statement, owners=statement.owners[:1]), proof, signed, {"TooFewOwners"}),
        (statement, proof, signed, {"accepted"}),
        (statement, proof, signed, {"OwnerAlreadyAccepted"}),
    ]
    for each, of, attestations, expected in cases:
        found = {outcome(chain, each, of, attestations), outcome(account, each, of, attestations)}
        assert found <= expected, expected

    theirs, ours = chain.view.accepted(task, number), account.view.accepted(task, number)
    assert [a.record for a in theirs] == [a.record for a in ours]
    assert theirs[0].owners == ours[0].owners
    recorded = [sender.view.recorded(task, number, batch.batch_id, 1) for sender in (chain, account)]
    assert recorded[0] == recorded[1] is not None
    for index in (*indices, 3):
        assert chain.view.consumed(task, number, index) == account.view.consumed(task, number, index)
    assert chain.view.context(task, number) == account.view.context(task, number)

    world.advance(700)
    account.view.chain.clock.advance(700)
    late, signatures = built(world, task, number, indices)
    assert outcome(chain, late.statement, late.proof, signatures) == "RoundClosed"
    assert outcome(account, late.statement, late.proof, signatures) == "RoundClosed"


def test_a_reorganisation_takes_back_and_mines_again() -> None:
    """Until it is mined again a batch is not there; deep enough it is there for good."""
    from tests.simulation.world.schedule import Schedule  # noqa: PLC0415
    from tests.simulation.world.world import World as Simulated  # noqa: PLC0415

    with Simulated(Schedule(1)) as simulated:
        chain = simulated.chain
        before = chain.head.number
        chain.mine()
        chain.reorganise(1)
        assert chain.head.number == before + 2
        assert chain.head.time >= chain.blocks[-2].time
        assert chain.clock.now >= chain.head.time
        assert BLOCK_SECONDS > 0
