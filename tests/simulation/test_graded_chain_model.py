"""The simulation's chain against the contracts on an EVM where a task grades: accepted or refused alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from circuits.grading import GradingRule
from circuits.hashing import keccak
from circuits.statement import BatchStatement, Graded
from circuits.terms import Grading
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.references import Opening
from commons.sharing import sealing
from tests.commons.test_chain import DIMENSION, PAYEE, REWARD, RULES, World, terms
from tests.simulation.test_chain_model import Attestations, accepting, outcome
from tests.simulation.world.chain import ModelChain, OpenRound
from tests.simulation.world.clock import WorldClock
from tests.simulation.world.nodes import Account, NodeView
from tests.support.graded_batch import Judge, graded_batch, gradient_at, reference_copies
from tests.support.plain_batch import Circumstances, PlainBatch, attest, development_setup

BOUND, ROWS, SEED = 1 << 32, 4, "batch"
GRADING = Grading(4, 4, keccak(b"data"))
SETUP = ("reference", ROWS, DIMENSION)
REFERENCE = gradient_at(1000, DIMENSION, BOUND)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    url, keys = dev.start(), dev.accounts
    made = deploy_contracts(url, keys[0], RULES)
    chains = tuple(ChainWriter(ChainView(url, made.market), key) for key in keys)
    yield World(url, made.chain_id, keys, made.market, made.factory, chains)
    dev.stop()


def task_of(world: World, grading: Grading | None) -> int:
    """A funded task of the committee of accounts 1 to 4, in which accounts 6 to 8 are registered."""
    chain = world.chain
    committee = chain.create_committee(1, [one.address for one in world.chains[1:5]])
    for index, one in enumerate(world.chains[1:5]):
        one.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    setup = development_setup(*SETUP) if grading else development_setup("norm", 16, DIMENSION)
    verifier = chain.deploy_verifier(world.factory, setup.verifying)
    number = chain.create_task(terms(world, committee, verifier, grading=grading, bound=BOUND))
    chain.fund(number, 18 * REWARD)
    assert [owner.register(number) for owner in world.chains[6:9]] == [0, 1, 2]
    return number


def mirrored(world: World, task: int, opening: Opening) -> Account:
    """An account at a model of the market with a graded task in its first round."""
    view = world.chain.view
    record, clock = view.committee_record(view.terms(task).committee_id), WorldClock()
    clock.now = float(view.now())
    model = ModelChain(
        clock, view.terms(task), view.policy(task), development_setup(*SETUP).verifying, record.committee,
        opening.model_digest, record.endpoints, record.hpke_keys, referenced={0: opening},
    )  # fmt: skip
    model.owners = {index: view.owner_at(task, index) for index in range(view.task(task).owners)}
    known = view.round(task, 0)
    at = view.opened_at(task, 0)
    model.opened.append(OpenRound(known.submit_deadline, known.settle_deadline, known.seats, known.limit, at))
    return Account(NodeView(model))


def built(world: World, task: int) -> tuple[PlainBatch, Attestations]:
    """A batch of all owners against the first copy, with a quorum's attestations."""
    view = world.chain.view
    context, keys = view.context(task, 0), [key.secret_bytes() for key in world.keys]
    at = Circumstances(
        context.market, task, context.terms_hash, 0, context.model_digest, BOUND, view.terms(task).committee_id,
        view.policy(task).verifier_code, PAYEE,
    )  # fmt: skip
    rule = view.terms(task).grading_rule
    assert isinstance(rule, GradingRule)
    gradients = [gradient_at(cosine, DIMENSION, BOUND) for cosine in (900, 950, 100)]
    batch = graded_batch(
        development_setup(*SETUP), gradients, Judge(REFERENCE, rule), at=at, seed=SEED, indices=(0, 1, 2),
        owner_keys=keys[6:9],
    )  # fmt: skip
    return batch, [(member, attest(batch, keys[1 + member])) for member in (0, 2, 3)]


def regraded(statement: BatchStatement, **changes: object) -> BatchStatement:
    """The same batch with other words about its grading."""
    assert isinstance(statement.graded, Graded)
    return replace(statement, graded=replace(statement.graded, **changes))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_model_takes_and_refuses_graded_batches_as_the_contracts_do(world: World) -> None:
    chain, task = world.chain, task_of(world, GRADING)
    setup = development_setup(*SETUP)
    opening = Opening(keccak(b"model"), reference_copies(setup.commitment, REFERENCE, 2, SEED))
    assert chain.open_referenced_round(task, opening) == 0
    account = mirrored(world, task, opening)
    assert chain.view.context(task, 0) == account.view.context(task, 0)
    batch, signed = built(world, task)
    statement, proof, graded = batch.statement, batch.proof, batch.statement.graded
    assert graded is not None
    assert graded.grades.weights == (3, 3, 0)
    second = replace(graded.reference, owner_index=graded.reference.owner_index + 1, commitment=opening.copies[1][0])
    cases: list[tuple[BatchStatement, Attestations, set[str]]] = [
        (statement, signed[:2], {"TooFewAttestations"}),
        (replace(statement, graded=None), signed, {"TaskGraded"}),
        (regraded(statement, values=(graded.values[0] + 1, *graded.values[1:])), signed, {"ProofInvalid"}),
        (regraded(statement, values=(graded.values[1], graded.values[0], graded.values[2])), signed, {"ProofInvalid"}),
        (regraded(statement, reference=second), signed, {"ProofInvalid"}),
        (replace(statement, owners=statement.owners[::-1]), signed, {"OwnersNotAscending"}),
        (statement, signed, {"done"}),
        (statement, signed, {"OwnerAlreadyAccepted"}),
    ]
    for each, attestations, expected in cases:
        assert {accepting(sender, each, proof, attestations) for sender in (chain, account)} == expected
    theirs, ours = chain.view.accepted(task, 0), account.view.accepted(task, 0)
    assert [a.record for a in theirs] == [a.record for a in ours]


@pytest.mark.slow
def test_rounds_are_opened_with_references_where_their_task_grades_and_only_there(world: World) -> None:
    setup = development_setup(*SETUP)
    opening = Opening(keccak(b"model"), reference_copies(setup.commitment, REFERENCE, 1, SEED))
    for grading, expected in ((GRADING, ("TaskGraded", "done")), (None, ("done", "TaskNotGraded"))):
        chain, task = world.chain, task_of(world, grading)
        model = ModelChain(
            WorldClock(), chain.view.terms(task), chain.view.policy(task), setup.verifying,
            chain.view.committee(chain.view.terms(task).committee_id), opening.model_digest, (), (),
        )  # fmt: skip
        plain = {outcome(lambda: chain.open_round(task, keccak(b"model"))), outcome(model.open_round)}  # noqa: B023
        with_copies = {
            outcome(lambda: chain.open_referenced_round(task, opening)),  # noqa: B023
            outcome(lambda: model.open_referenced_round(opening)),  # noqa: B023
        }
        assert (plain, with_copies) == ({expected[0]}, {expected[1]})
