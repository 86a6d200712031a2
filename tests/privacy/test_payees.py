"""Who is paid for relaying a batch is attested with it: nobody can change it, and naming several gains nothing.

The coordinator is the adversary, or whoever relays.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.errors import ContractError
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters, combined
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from coordinator.machine import Attesting, Transition
from tests.coordinator.markets import Market
from tests.privacy.test_one_sum import attempt, certificate, corrupt_signature, released, signatures
from tests.simulation.world.chain import chain_of
from tests.simulation.world.nodes import Account
from tests.support.network import Network, network_with

EVERYBODY = (0, 1, 2, 3)
ONE, OTHER = b"\x01" * 20, b"\x02" * 20


def naming(network: Network, transition: Transition, payees: dict[int, bytes]) -> Transition:
    """The same ATTEST requests with a payee of its own for each prover."""
    state = transition.state
    assert isinstance(state, Attesting)
    requests = {}
    for prover, payee in payees.items():
        request = replace(transition.requests[prover], payload=paying(state.bundle, payee).encode())
        requests[prover] = network.authorized(request)
    return replace(transition, requests=requests)


def paying(bundle: AuditBundle, payee: bytes) -> AuditBundle:
    return replace(bundle, certificate=replace(bundle.certificate, payee=payee))


def bundled(transition: Transition) -> Certificate:
    assert isinstance(transition.state, Attesting)
    return transition.state.bundle.certificate


def taken(network: Network, made: Certificate) -> str:
    """What the market says of a batch."""
    try:
        relay(Account(Market(chain_of(network))), made)
    except ContractError as error:
        return error.error
    return "accepted"


def relay(account: Account, made: Certificate) -> None:
    account.accept_batch(made.statement, made.proof, made.attestations, made.payee)


def test_the_payee_that_the_coordinator_names_is_the_one_that_is_attested() -> None:
    network = network_with(2)
    made = network.run().completed.bundle.certificate
    assert made.payee == network.payee
    market = Market(chain_of(network))
    relay(Account(market), made)
    assert market.chain.payee(made.batch_id) == network.payee


def test_a_relay_cannot_change_the_payee() -> None:
    """Neither for the market nor for provers that are to release the sum."""
    network = network_with(2)
    done = network.run().completed
    stolen = replace(done.bundle.certificate, payee=OTHER)
    assert taken(network, stolen) == "TooFewAttestations"
    assert taken(network, done.bundle.certificate) == "accepted"
    assert not released(network, stolen, EVERYBODY)
    assert len(released(network, done.bundle.certificate, EVERYBODY)) == 4


def test_a_request_that_was_changed_on_its_way_is_not_answered() -> None:
    """The coordinator authorises the payee with the rest of the bundle."""
    network = network_with(2)
    asked = attempt(network, 1, (0, 1), EVERYBODY)
    state = asked.state
    assert isinstance(state, Attesting)
    changed = replace(asked.requests[1], payload=paying(state.bundle, OTHER).encode())
    refused = network.deliver(1, changed)
    assert isinstance(refused, Failure)
    assert refused.code == "bad-signature"
    assert not network.memories[1].ledger.locks


@pytest.mark.parametrize("split", [1, 2])
def test_a_coordinator_that_names_several_payees_gets_a_quorum_for_one_at_most(split: int) -> None:
    """With one corrupt prover, which signs whatever it is asked.  Owners lose nothing: the set is proven again."""
    network = network_with(3)
    first = attempt(network, 1, (0, 1, 2), EVERYBODY)
    payees = {p: ONE if p <= split else OTHER for p in (1, 2, 3)}
    signed = signatures(network, naming(network, first, payees), payees)
    assert set(signed) == {1, 2, 3}
    attesters = Attesters(network.committee, network.policy.verifier_code)
    certificates = []
    for payee in (ONE, OTHER):
        bare = replace(bundled(first), payee=payee)
        forged = corrupt_signature(network, _with(first, bare), 0)
        certificates += [bare.attested_by([(p, s)]) for p, s in {**signed, 0: forged}.items()]
    complete = combined(certificates, attesters)
    assert {made.payee for made in complete} == ({ONE} if split == 2 else {OTHER})
    again = attempt(network, 2, (0, 1, 2), EVERYBODY)
    made = certificate(again, signatures(network, again, EVERYBODY))
    assert len(made.attestations) == 4
    assert taken(network, made) == "accepted"


def _with(transition: Transition, bare: Certificate) -> Transition:
    """The transition whose bundle has this certificate."""
    state = transition.state
    assert isinstance(state, Attesting)
    return replace(transition, state=replace(state, bundle=replace(state.bundle, certificate=bare)))


def test_two_payees_two_honest_provers_each_get_no_quorum_and_another_attempt_does() -> None:
    """Nobody is corrupt but the coordinator; its owners are proven again, under one payee."""
    network = network_with(3)
    first = attempt(network, 1, (0, 1, 2), EVERYBODY)
    signed = signatures(network, naming(network, first, {0: ONE, 1: ONE, 2: OTHER, 3: OTHER}), EVERYBODY)
    for payee in (ONE, OTHER):
        made = replace(certificate(first, signed), payee=payee)
        assert taken(network, made) == "TooFewAttestations"
        assert not released(network, made, EVERYBODY)
    again = attempt(network, 2, (0, 1, 2), EVERYBODY)
    made = certificate(again, signatures(network, again, EVERYBODY))
    assert taken(network, made) == "accepted"
    assert len(released(network, made, EVERYBODY)) == 4


def test_within_one_attempt_a_prover_signs_one_payee() -> None:
    network = network_with(2)
    asked = attempt(network, 1, (0, 1), EVERYBODY)
    assert set(signatures(network, naming(network, asked, {1: ONE}), (1,))) == {1}
    second = naming(network, asked, {1: OTHER}).requests[1]
    refused = network.deliver(1, second)
    assert isinstance(refused, Failure)
    assert refused.code == "not-ready"


def test_a_set_that_was_attested_twice_under_two_payees_is_accepted_once_and_has_one_sum() -> None:
    """The coordinator kept the first to itself; whichever is relayed first is paid for, and the sums are the same."""
    network = network_with(3)
    both = []
    for number, payee in enumerate((ONE, OTHER), start=1):
        asked = naming(network, attempt(network, number, (0, 1, 2), EVERYBODY), dict.fromkeys(EVERYBODY, payee))
        both.append(replace(certificate(asked, signatures(network, asked, EVERYBODY)), payee=payee))
    account = Account(Market(chain_of(network)))
    relay(account, both[0])
    with pytest.raises(ContractError, match="twice"):
        relay(account, both[1])
    sums = [released(network, made, EVERYBODY) for made in both]
    for prover in EVERYBODY:
        assert (sums[0][prover] == sums[1][prover]).all()


def test_a_relay_after_half_of_the_settle_window_earns_the_fee() -> None:
    """So a coordinator that vanished, or waits for a price, keeps nobody from having the batch accepted."""
    network = network_with(2)
    made = network.run().completed.bundle.certificate
    market = Market(chain_of(network))
    market.be_at(market.chain.halfway(0) + 1)
    relay(Account(market, OTHER), made)
    assert market.chain.payee(made.batch_id) == OTHER


def test_release_does_not_depend_on_who_was_paid() -> None:
    network = network_with(2)
    asked = naming(network, attempt(network, 1, (0, 1), EVERYBODY), dict.fromkeys(EVERYBODY, bytes(20)))
    made = replace(certificate(asked, signatures(network, asked, EVERYBODY)), payee=bytes(20))
    assert len(released(network, made, EVERYBODY)) == 4


def test_a_prover_that_attested_serves_what_it_signed() -> None:
    """The bundle that it keeps names the payee: who collects signatures finds those that belong together."""
    network = network_with(2)
    asked = naming(network, attempt(network, 1, (0, 1), EVERYBODY), {2: ONE})
    reply = network.deliver(2, asked.requests[2])
    assert isinstance(reply, StepReply)
    kept = AuditBundle.decode(asked.requests[2].payload).attested_by([(2, reply.message.body)])
    assert Attesters(network.committee, network.policy.verifier_code).valid(kept.certificate) == {2: reply.message.body}
    assert kept.certificate.payee == ONE
    request = StepRequest(Step.RELEASE, kept.certificate.batch_id, payload=kept.certificate.encode())
    assert isinstance(network.deliver(2, request), Failure), "one signature is no quorum"
