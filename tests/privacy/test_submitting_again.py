"""A coordinator says "expired" of a submission that provers could still prove, so that its owner hands in a second one.

The second has fresh masks and may be of another gradient.  Whatever is asked of whom, in which order: one of the two
enters one sum, once.
"""

from __future__ import annotations

import pytest

from circuits.errors import ContractError, RuleViolationError, WireError
from circuits.statement import SubmissionHeader
from commons.protocol.messages import Cohort, StepReply
from coordinator.machine import Completed, Transition
from tests.coordinator.markets import Market
from tests.privacy.test_one_sum import attempt, certificate, corrupt_signature, released, signatures
from tests.privacy.test_rules import coin_request
from tests.simulation.world.chain import chain_of
from tests.simulation.world.nodes import Account
from tests.support.network import Network, OwnerPlan, gradients, network_with

CORRUPT, SOME, OTHERS, EVERYBODY = 0, (0, 1, 2), (0, 1, 3), range(4)


class Story:
    """The first owner's two submissions, each in a cohort with somebody else; the first prover is corrupt."""

    def __init__(self) -> None:
        self.network: Network = network_with(3)
        self.first, *self.rest = self.network.headers
        self.second = self.network.submit_again(0, OwnerPlan(gradients(1, self.network.dimension, seed=9)[0]))

    def attest(self, *members: SubmissionHeader, number: int, active: tuple[int, ...]) -> Transition:
        """An attempt of a cohort up to where provers are asked to sign."""
        self.network.headers = list(members)
        return attempt(self.network, number, (0, 1), active)

    def released(self, asked: Transition, signed: dict[int, bytes] | None = None) -> set[int]:
        """Who gives its share of a set's sum, when all who took part are asked to sign, and the corrupt one does."""
        signed = signed or {}
        signed |= signatures(self.network, asked, set(asked.requests) - {CORRUPT} - signed.keys())
        signed[CORRUPT] = corrupt_signature(self.network, asked, CORRUPT)
        return set(released(self.network, certificate(asked, signed), EVERYBODY))


@pytest.fixture
def story() -> Story:
    return Story()


def test_when_the_second_has_joined_a_cohort_the_first_is_in_no_sum(story: Story) -> None:
    one = story.attest(story.first, story.rest[0], number=1, active=SOME)
    two = story.attest(story.second, story.rest[1], number=2, active=OTHERS)
    assert not story.released(one), "the honest prover in both has retired it"
    assert story.released(two) == {0, 1, 2, 3}


def test_when_the_first_is_locked_the_second_joins_no_cohort(story: Story) -> None:
    one = story.attest(story.first, story.rest[0], number=1, active=SOME)
    signed = signatures(story.network, one, (1,))
    refused = story.network.deliver(1, coin_request(story.network, cohort_of(story, story.second, story.rest[1])))
    assert not isinstance(refused, StepReply)
    assert refused.code == RuleViolationError.code
    with pytest.raises(AssertionError, match="too few provers"):
        story.attest(story.second, story.rest[1], number=2, active=OTHERS)
    assert story.released(one, signed) == {0, 1, 2, 3}


def cohort_of(story: Story, *members: SubmissionHeader) -> Cohort:
    return Cohort(story.network.context, members)


def test_no_cohort_has_both(story: Story) -> None:
    for members in ((story.first, story.second), (story.second, story.first)):
        with pytest.raises(WireError, match="strictly ascending"):
            cohort_of(story, *members)


def test_the_first_goes_into_no_second_cohort(story: Story) -> None:
    """Nor does its commitment: it would be projected under two sign matrices."""
    story.attest(story.first, story.rest[0], number=1, active=SOME)
    refused = story.network.deliver(1, coin_request(story.network, cohort_of(story, story.first, story.rest[1])))
    assert not isinstance(refused, StepReply)
    assert "already belongs to another cohort" in refused.message


def test_the_market_takes_an_owner_once_a_round_whoever_signs(story: Story) -> None:
    """Its own bit for each owner, beside the provers' ledgers: here all provers have forgotten theirs."""
    market = Account(Market(chain_of(story.network)))
    done = [proven(members) for members in ((0, 1), (None, 2))]
    send(market, done[0])
    with pytest.raises(ContractError) as caught:
        send(market, done[1])
    assert caught.value.error == "OwnerAlreadyAccepted"


def proven(members: tuple[int | None, int]) -> Completed:
    """A batch of owners by their place, None for the first one's second submission, by provers without a past."""
    story = Story()
    chosen, other = members
    story.network.headers = [story.second if chosen is None else story.network.headers[chosen], story.rest[other - 1]]
    story.network.plans = []
    return story.network.run().completed


def send(market: Account, done: Completed) -> None:
    certificate = done.bundle.certificate
    market.accept_batch(done.statement, done.proof, certificate.attestations, certificate.payee)
