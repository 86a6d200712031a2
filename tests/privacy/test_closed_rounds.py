"""A prover that has dropped the records of a round takes no step about it, whoever asks and whatever a node says."""

from __future__ import annotations

import pytest

from circuits.errors import ClosedError
from commons.protocol import release
from commons.protocol.messages import Step
from provers.party.ledger import LedgerState, RoundsClosed
from tests.privacy.test_rules import ask, check_refused, run_until
from tests.support.network import Network, network_with

STEPS = [Step.COIN, Step.PROJECT, Step.MASK, Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST]


def forget(network: Network, prover: int = 0) -> None:
    """What is left of a ledger whose round is closed: nothing that forbids anything."""
    memory = network.memories[prover]
    memory.ledger = LedgerState()
    memory.ledger.apply(RoundsClosed(network.terms.task_id, network.context.round))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_of_a_batch_is_refused(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    ask(network, 0, requests[0])
    forget(network)
    check_refused(network, requests[0], ClosedError, "over for good")


def test_a_sum_is_given_to_nobody_though_its_batch_was_accepted_and_its_shares_were_still_there() -> None:
    network = network_with(3)
    done = network.run().completed
    network.accept(done)
    request = release.requests(done.bundle.certificate, [0])[0]
    ask(network, 0, request, signed=False)
    forget(network)
    check_refused(network, request, ClosedError, "over for good", signed=False)


def test_rounds_behind_the_closed_ones_go_on() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.COIN)
    memory = network.memories[0]
    memory.ledger.apply(RoundsClosed(network.terms.task_id + 1, 10))
    ask(network, 0, requests[0])
