"""Graded rounds through the chain client against the contracts on an EVM: opened, proven, accepted, paid by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.statement import BatchStatement
from circuits.terms import Grading, Pay
from commons.chain.devchain import DevChain
from commons.protocol.references import Opening
from commons.sharing import sealing
from tests.commons.test_chain import DIMENSION, PAYEE, World, deployed, terms
from tests.support.graded_batch import Judge, graded_batch, gradient_at, reference_copies
from tests.support.plain_batch import Circumstances, PlainBatch, attest, development_setup

BOUND, BONUS = 1 << 32, 9 * 10**14
COSINES = (980, 940, -500)
SEED = "graded round"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


def opened(world: World) -> tuple[int, int]:
    """A task that grades, and its first round, in which the owners of accounts 6 to 8 have seats."""
    chain = world.chain
    committee = chain.create_committee(1, [each.address for each in world.chains[1:5]])
    for index, member in enumerate(world.chains[1:5]):
        member.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    setup = development_setup("reference", 16, DIMENSION)
    verifier = chain.deploy_verifier(world.factory, setup.verifying)
    grading = Grading(4, 4, keccak(b"data"))
    task = chain.create_task(terms(world, committee, verifier, bound=BOUND, grading=grading, pay=Pay(bonus=BONUS)))
    assert chain.view.terms(task).grading == grading
    chain.fund(task, 6 * BONUS)
    assert [owner.register(task) for owner in world.chains[6:9]] == [0, 1, 2]
    with pytest.raises(ContractError, match="TaskGraded"):
        chain.open_round(task, keccak(b"model"))
    copies = reference_copies(setup.commitment, gradient_at(1000, DIMENSION, BOUND), 2, SEED)
    return task, chain.open_referenced_round(task, Opening(keccak(b"model"), copies), 6)


def built(world: World, task: int, number: int) -> PlainBatch:
    view = world.chain.view
    context, stated = view.context(task, number), view.terms(task)
    assert stated.grading_rule is not None
    at = Circumstances(
        context.market, task, context.terms_hash, number, context.model_digest, BOUND, stated.committee_id,
        view.policy(task).verifier_code, PAYEE,
    )  # fmt: skip
    judge = Judge(gradient_at(1000, DIMENSION, BOUND), stated.grading_rule, 1, world.keys[0].secret_bytes())
    return graded_batch(
        development_setup("reference", 16, DIMENSION),
        [gradient_at(cosine, DIMENSION, BOUND) for cosine in COSINES],
        judge, at=at, seed=SEED, indices=[0, 1, 2], owner_keys=[key.secret_bytes() for key in world.keys[6:9]],
    )  # fmt: skip


def with_values(statement: BatchStatement, *values: int) -> BatchStatement:
    assert statement.graded is not None
    return replace(statement, graded=replace(statement.graded, values=values))


def test_a_graded_batch_is_accepted_and_paid_by_level(world: World) -> None:
    task, number = opened(world)
    chain, view = world.chain, world.chain.view
    batch = built(world, task, number)
    assert view.context(task, number).model_digest == view.opening(task, number).digest
    signed = [(member, attest(batch, world.keys[1 + member].secret_bytes())) for member in (0, 2, 3)]
    assert batch.statement.graded is not None
    values, made = batch.statement.graded.values, batch.statement.graded.grades
    assert (made.levels, made.weights) == ((3, 3, 0), (3, 3, 0))
    others = with_values(batch.statement, values[0] - 1, *values[1:]), with_values(batch.statement, *values[:2])
    for other, refusal in zip(others, ("ProofInvalid", "ValuesInvalid"), strict=True):
        with pytest.raises(ContractError, match=refusal):
            chain.accept_batch(other, batch.proof, signed, PAYEE)
    chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    record = view.round(task, number)
    assert (record.owners, record.batches, record.aggregate) == (3, 1, batch.proof.commitment_sum)
    with pytest.raises(ContractError, match="OwnerAlreadyAccepted"):
        chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    world.advance(2000)
    owed = [view.claimable(task, index, number + 1).amount for index in range(3)]
    assert owed == [3 * BONUS * level // 6 for level in made.levels]
