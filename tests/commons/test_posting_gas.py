"""What posting a submission costs: the figure that an owner is told, and what the contracts take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.economics import snapshots
from circuits.hashing import keccak
from circuits.statement import SubmissionHeader
from commons.chain.devchain import DevChain
from commons.chain.exclusions import posting_gas
from commons.protocol.receipts import receipt_digest
from commons.sharing import sealing
from native import g1_generator
from tests.commons.test_chain import DIMENSION, REWARD, World, deployed, terms
from tests.support.plain_batch import development_setup

HEADROOM = 1.1
QUORUM = 3
"""Of the committee of four in the contracts' tests."""
OWNERS = (8, 9)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


def test_the_dearest_that_was_measured_is_what_an_owner_is_told() -> None:
    found = max(gas for label, gas in snapshots.load("quorum").items() if label.startswith("postSubmission"))
    assert found <= posting_gas(QUORUM) <= HEADROOM * found


@pytest.mark.parametrize(("threshold", "provers"), [(1, 4), (1, 7), (2, 7)])
def test_it_grows_with_the_quorum_as_the_market_does(world: World, threshold: int, provers: int) -> None:
    members = world.chains[1 : 1 + provers]
    committee = world.chain.create_committee(threshold, [one.address for one in members])
    for index, one in enumerate(members):
        one.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    verifier = world.chain.deploy_verifier(world.factory, development_setup("norm", 16, DIMENSION).verifying)
    task = world.chain.create_task(terms(world, committee, verifier))
    world.chain.fund(task, 6 * REWARD)
    for account in OWNERS:
        world.chains[account].register(task)
    number = world.chain.open_round(task, keccak(b"model"))

    found = posted(world, task, number)
    assert found <= posting_gas(world.chain.view.committee(committee).quorum) <= HEADROOM * found


def posted(world: World, task: int, number: int) -> int:
    """Gas of the first owner of a round that posts, with a quorum's receipts."""
    view, account, key = world.chain.view, world.chains[OWNERS[0]], world.keys[OWNERS[0]]
    context, committee = view.context(task, number), view.committee_of_round(task, number)
    digests = tuple(keccak(bytes((prover,))) for prover in range(committee.size))
    header = SubmissionHeader(task, number, key.address, 0, g1_generator, digests).signed(context, key.sign)
    word = receipt_digest(context.market, header.digest(context))
    receipts = {prover: world.chains[1 + prover].sign(word) for prover in range(committee.quorum)}
    return account.post_submission(header, receipts).gas_used
