"""The table "what if" of docs/protocol.md: steps asked twice, of some only, with something else, or after a restart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import native
from circuits.errors import NotReadyError, RuleViolationError, UnknownError, WireError
from circuits.statement import GrothProof
from commons.protocol.bodies import CoinBody
from commons.protocol.bundle import AuditBundle
from commons.protocol.messages import Cohort, Message, Step, StepReply, StepRequest
from native import G2
from tests.privacy.test_one_sum import finished, release_request
from tests.privacy.test_rules import ask, check_refused, coin_request, run_until
from tests.support.network import Network, network_with

ONCE = [Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST]


def coins(network: Network, provers: tuple[int, ...]) -> StepRequest:
    """PROJECT with the coins of some provers."""
    cohort = network.cohort
    replies = [network.deliver(p, coin_request(network, cohort)) for p in provers]
    messages = tuple(reply.message for reply in replies if isinstance(reply, StepReply))
    return StepRequest(Step.PROJECT, cohort.cohort_id, relayed=messages)


# --- asked twice -------------------------------------------------------------------------------------------------


def test_a_coin_is_the_same_whenever_it_is_asked_for() -> None:
    network = network_with(3)
    request, shares = coin_request(network, network.cohort), []
    for again in range(3):
        if again == 2:
            network.restart(0)
        reply = network.deliver(0, request)
        assert isinstance(reply, StepReply)
        shares.append(CoinBody.decode(reply.message.body))
    assert len({coin.share for coin in shares}) == 1
    assert len({coin.head for coin in shares}) == 1  # nothing is written down twice
    assert shares[0].nonce == shares[1].nonce != shares[2].nonce


def test_projections_are_the_same_with_whatever_coins_and_after_a_restart() -> None:
    network = network_with(3, provers=5, threshold=1)
    network.check(network.run(), range(3))
    asked = [coins(network, provers) for provers in ((0, 1, 2, 3), (1, 2, 3, 4), (0, 1, 2, 3, 4))]
    bodies = [ask(network, 1, request).message.body for request in asked]
    network.restart(1)
    bodies.append(ask(network, 1, coins(network, (0, 1, 2, 3))).message.body)
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("step", ONCE)
def test_a_step_of_an_attempt_is_taken_once(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    assert isinstance(network.deliver(0, requests[0]), StepReply)
    check_refused(network, requests[0], NotReadyError, "the attempt stands at")


def test_a_second_mask_in_an_attempt_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    network.deliver(0, requests[0])
    check_refused(network, requests[0], RuleViolationError, "is used up")


def test_a_share_of_the_sum_is_the_same_whoever_asks_and_whenever() -> None:
    network = network_with(3)
    done = finished(network)
    network.accept(done)
    request = release_request(done.bundle.certificate)
    first = network.deliver(0, request)
    network.restart(0)
    again = network.deliver(0, request)
    assert isinstance(first, StepReply)
    assert isinstance(again, StepReply)
    assert first.vector is not None and again.vector is not None
    assert np.array_equal(first.vector, again.vector)


# --- only some are asked -------------------------------------------------------------------------------------------


def test_fewer_coins_than_a_quorum_project_nothing() -> None:
    network = network_with(3)
    check_refused(network, coins(network, (0, 1)), WireError, "needs the shares of 3 provers")


@pytest.mark.parametrize(("provers", "threshold"), [(4, 1), (5, 1), (7, 2), (10, 3)])
def test_a_commitment_is_tried_with_few_coins_before_none_can_be_projected(provers: int, threshold: int) -> None:
    """The adversary learns a coin from one honest answer; each costs it a prover for the cohort that it wants."""
    network = network_with(3, provers=provers, threshold=threshold)
    quorum, honest = network.committee.quorum, range(threshold, provers)
    others = [Cohort(network.context, (network.headers[0], h)) for h in network.headers[1:]]
    spent = provers - quorum + 1
    for p in honest[:spent]:  # one more than the table allows, each in a cohort other than all
        assert isinstance(network.deliver(p, coin_request(network, others[0])), StepReply)
    answers = [network.deliver(p, coin_request(network, network.cohort)) for p in honest]
    joined = sum(isinstance(answer, StepReply) for answer in answers)
    assert joined + threshold == quorum - 1  # with all corrupt ones on its side
    assert joined == len(honest) - spent


# --- shown something else --------------------------------------------------------------------------------------------


def test_the_word_on_a_batch_does_not_depend_on_the_malleable_part_of_its_proof() -> None:
    """(A / k, k B, C) proves the same; who is shown it signs the same, and locks the same."""
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    bundle = AuditBundle.decode(requests[0].payload)
    groth, k = bundle.proof.groth, 7
    other = GrothProof(native.g1_mul(groth.a, pow(k, -1, native.R)), G2(native.g2_mul(groth.b, k)), groth.c)
    proof = replace(bundle.proof, groth=other)
    changed = replace(bundle, certificate=replace(bundle.certificate, proof=proof))
    plain = ask(network, 0, requests[0])
    seen = ask(network, 0, replace(requests[0], payload=changed.encode()))
    assert changed.encode() != requests[0].payload
    assert seen.message.body == plain.message.body


def test_other_signed_coins_open_the_same_coin_or_nothing() -> None:
    network = network_with(3)
    request = coins(network, (0, 1, 2, 3))
    lie: Message = request.relayed[3]
    body = CoinBody.decode(lie.body)
    forged = network.resign(3, lie, replace(body, share=(body.share + 1) % native.R).encode())
    plain = ask(network, 0, request).message.body
    assert ask(network, 0, replace(request, relayed=request.relayed[:3])).message.body == plain
    for relayed in ((*request.relayed[:3], forged), (*request.relayed[:2], forged)):
        with pytest.raises(Exception, match="coin"):
            ask(network, 0, replace(request, relayed=relayed))


# --- stopped and resumed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.PROVE, Step.ATTEST])
def test_a_restart_ends_an_attempt(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    network.restart(0)
    check_refused(network, requests[0], UnknownError, "a restart forgets it")


def test_a_restarted_committee_proves_the_locked_set_again() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    network.deliver(0, requests[0])
    for p in range(network.provers):
        network.restart(p)
    network.check(network.run(first_attempt=2), range(3))
