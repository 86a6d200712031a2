"""A prover whose ledger went back in time: found out by its peers, and silent until a new round."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from circuits.errors import RuleViolationError, WireError
from commons.protocol.bodies import MOST_SEEN, CoinBody
from commons.protocol.ledgerheads import COUNT_LIMIT, MOST_LOST, LedgerHead, head_digest
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.signing import sign_digest
from commons.storage.accounts import SigningKey
from coordinator.machine import Failed
from provers.party.ledger import Combined, HeadSeen, LedgerState, PeerSeen, Restored
from tests.privacy.test_rules import ask, coin_request, run_until
from tests.support.network import Network, OwnerPlan, gradients, network_with
from tests.support.plain_batch import seed_of


def restored(network: Network, prover: int, copy: LedgerState) -> None:
    """The prover starts again on an old copy of its ledger."""
    network.memories[prover].ledger = deepcopy(copy)
    network.restart(prover)


def fresh_cohort(network: Network) -> Cohort:
    """Two owners that were in no cohort yet."""
    headers = [network.submit(OwnerPlan(g)) for g in gradients(2, network.dimension, seed=3)]
    return Cohort(network.context, tuple(headers))


def coins(network: Network, cohort: Cohort) -> StepRequest:
    replies = [network.deliver(p, coin_request(network, cohort)) for p in range(network.provers)]
    messages = tuple(r.message for r in replies if isinstance(r, StepReply))
    return network.authorized(StepRequest(Step.PROJECT, cohort.cohort_id, relayed=messages))


def test_a_restored_prover_learns_of_it_and_projects_nothing() -> None:
    network = network_with(2)
    old = deepcopy(network.memories[0].ledger)
    network.check(network.run(), range(2))
    restored(network, 0, old)
    request = coins(network, fresh_cohort(network))
    with pytest.raises(RuleViolationError, match="restored from an old copy"):
        ask(network, 0, request)
    network.deliver(0, request)
    assert network.memories[0].ledger.restored_at == network.memories[0].clock
    with pytest.raises(RuleViolationError, match="rounds that are opened from now on"):
        ask(network, 0, request)  # asked again it does no better


def test_it_stays_silent_in_rounds_that_were_open_and_takes_part_in_later_ones() -> None:
    network = network_with(2)
    old = deepcopy(network.memories[0].ledger)
    network.check(network.run(), range(2))
    restored(network, 0, old)
    cohort = fresh_cohort(network)
    network.deliver(0, coins(network, cohort))
    with pytest.raises(RuleViolationError, match="rounds that are opened from now on"):
        ask(network, 0, coin_request(network, cohort))
    network.memories[0].opened = network.memories[0].clock  # in the very second of the finding
    with pytest.raises(RuleViolationError, match="rounds that are opened from now on"):
        ask(network, 0, coin_request(network, cohort))
    network.memories[0].opened += 1
    later = coins(network, cohort)
    assert len(later.relayed) == network.provers
    assert isinstance(network.deliver(0, later), StepReply)


def test_the_others_finish_without_it() -> None:
    network = network_with(2)
    old = deepcopy(network.memories[0].ledger)
    network.check(network.run(), range(2))
    restored(network, 0, old)
    fresh_cohort(network)
    network.headers, network.plans = network.headers[2:], network.plans[2:]
    result = network.run(first_attempt=9)
    assert not isinstance(result.transition.outcome, Failed), result.transition.outcome
    assert 0 not in {prover for prover, _ in result.completed.bundle.certificate.attestations}


def test_a_finding_stops_attempts_that_are_under_way() -> None:
    network = network_with(2)
    for step in (Step.MASK, Step.VALIDATE, Step.ATTEST):
        network = network_with(2)
        _, requests = run_until(network, step)
        network.memories[0].ledger.apply(Restored(network.memories[0].clock, 99))
        with pytest.raises(RuleViolationError, match="rounds that are opened from now on"):
            ask(network, 0, requests[0])


def test_a_head_that_was_signed_with_a_key_of_another_epoch_finds_it_out_as_well() -> None:
    """Of rounds of old and new keys at once the coordinator could lead the restored prover through those of one key."""
    network = network_with(2)
    other = SigningKey.generate()
    network.memories[0].former = frozenset({other.address})
    digest = head_digest(network.context.market.domain, network.terms.committee_id, 0, 99, bytes(32))
    shown = LedgerHead(99, bytes(32), other.sign(digest))
    _, requests = run_until(network, Step.PROJECT)
    message = requests[0].relayed[3]
    body = CoinBody.decode(message.body)
    seen = network.resign(3, message, CoinBody(body.share, body.nonce, body.head, ((0, shown),)).encode())
    with pytest.raises(RuleViolationError, match="restored from an old copy"):
        ask(network, 0, StepRequest(Step.PROJECT, requests[0].session, relayed=(*requests[0].relayed[:3], seen)))


def shown_to_prover_0(network: Network, shown: LedgerHead) -> StepRequest:
    """PROJECT in which a corrupt peer shows prover 0 a head of its own."""
    _, requests = run_until(network, Step.PROJECT)
    message = requests[0].relayed[3]
    body = CoinBody.decode(message.body)
    seen = network.resign(3, message, replace(body, seen=((0, shown),)).encode())
    return StepRequest(Step.PROJECT, requests[0].session, relayed=(*requests[0].relayed[:3], seen))


@pytest.mark.parametrize("given_up", ["revoked", "its rounds are over"])
def test_a_head_that_a_thief_signed_with_a_key_that_was_given_up_silences_nobody(given_up: str) -> None:
    network, stolen = network_with(2), SigningKey.generate()
    memory = network.memories[0]
    if given_up == "revoked":
        memory.former = memory.revoked = frozenset({stolen.address})
    digest = head_digest(network.context.market.domain, network.terms.committee_id, 0, 99, bytes(32))
    request = shown_to_prover_0(network, LedgerHead(99, bytes(32), stolen.sign(digest)))
    assert isinstance(ask(network, 0, request), StepReply)
    assert isinstance(network.deliver(0, network.authorized(request)), StepReply)
    assert not memory.ledger.restored_at


def test_the_highest_count_that_a_thief_can_sign_leaves_room_for_later_heads() -> None:
    """The finding is durable: a head behind it that cannot be encoded would end all of this prover's cohorts."""
    network = network_with(2)
    digest = head_digest(network.context.market.domain, network.terms.committee_id, 0, COUNT_LIMIT - 1, bytes(32))
    head = LedgerHead(COUNT_LIMIT - 1, bytes(32), sign_digest(network.prover_keys[0], digest))
    network.deliver(0, network.authorized(shown_to_prover_0(network, head)))
    memory = network.memories[0]
    assert memory.ledger.restored_at
    memory.opened = memory.clock + 1
    reply = network.deliver(0, coin_request(network, fresh_cohort(network)))
    assert isinstance(reply, StepReply)
    assert MOST_LOST < CoinBody.decode(reply.message.body).head.count < MOST_LOST + 10


def test_a_ledger_in_which_an_earlier_release_took_impossible_counts_down_works_on() -> None:
    network = network_with(2)
    memory = network.memories[0]
    raw = b"\xff" * 8 + bytes(97)
    for entry in (PeerSeen(1, raw), Restored(memory.opened - 1, (1 << 64) - 1)):
        memory.ledger.apply(entry)
    reply = network.deliver(0, coin_request(network, network.cohort))
    assert isinstance(reply, StepReply)
    body = CoinBody.decode(reply.message.body)
    assert (body.head.count, body.seen) == (3, ())
    with pytest.raises(WireError, match="more records than a ledger can have"):
        LedgerHead.decode(raw)
    assert LedgerHead.decode((COUNT_LIMIT - 1).to_bytes(8, "big") + bytes(97)).count == COUNT_LIMIT - 1


def test_the_head_of_a_member_that_was_replaced_hides_none_of_its_successor() -> None:
    """It signs the highest count before it goes; its successor is restored, and has to be shown what it signed."""
    network, replaced = network_with(2), SigningKey.generate()
    memory = network.memories[1]
    place = network.context.market.domain, network.terms.committee_id, 0
    highest = LedgerHead(1 << 40, bytes(32), replaced.sign(head_digest(*place, 1 << 40, bytes(32))))
    memory.ledger.apply(HeadSeen(0, replaced.address, highest.encode()))
    memory.ledger.apply(PeerSeen(0, highest.encode()))  # as a release before took it down
    old = deepcopy(network.memories[0].ledger)
    network.check(network.run(), range(2))
    assert memory.ledger.peers.keys() > {(0, network.committee.members[0]), (0, replaced.address)}
    restored(network, 0, old)
    cohort = fresh_cohort(network)
    coin = network.deliver(1, coin_request(network, cohort))
    assert isinstance(coin, StepReply)
    heads = [head for prover, head in CoinBody.decode(coin.message.body).seen if prover == 0]
    assert [head.count for head in heads] == [heads[0].count, 1 << 40]
    assert heads[0].count < 100
    for silent in (2, 3):  # nobody but prover 1 knows
        network.memories[silent].ledger.peers.clear()
    with pytest.raises(RuleViolationError, match="restored from an old copy"):
        ask(network, 0, coins(network, cohort))


def test_of_more_heads_than_a_coin_has_room_for_those_of_present_members_are_sent() -> None:
    network = network_with(2)
    network.check(network.run(), range(2))
    state = network.memories[1].ledger
    present = {of: raw for of, raw in state.peers.items() if of[1] in network.committee.members}
    state.peers.clear()
    for number in range(MOST_SEEN + 5):
        state.apply(HeadSeen(0, seed_of("replaced", number)[:20], LedgerHead(number, bytes(32), bytes(65)).encode()))
    state.peers.update(present)
    coin = network.deliver(1, coin_request(network, fresh_cohort(network)))
    assert isinstance(coin, StepReply)
    seen = CoinBody.decode(coin.message.body).seen
    assert len(seen) == MOST_SEEN
    assert {(p, raw) for (p, _), raw in present.items()} <= {(p, head.encode()) for p, head in seen}


@pytest.mark.parametrize("elsewhere_is", ["market", "committee"])
def test_a_head_of_another_ledger_says_nothing(elsewhere_is: str) -> None:
    """A prover has a ledger for each market and committee that it is in."""
    network = network_with(2)
    domain = b"\x07" * 32 if elsewhere_is == "market" else network.context.market.domain
    committee = 2 if elsewhere_is == "committee" else 1
    digest = head_digest(domain, committee, 0, 99, bytes(32))
    elsewhere = LedgerHead(99, bytes(32), sign_digest(network.prover_keys[0], digest))
    _, requests = run_until(network, Step.PROJECT)
    message = requests[0].relayed[3]
    body = CoinBody.decode(message.body)
    lie = network.resign(3, message, CoinBody(body.share, body.nonce, body.head, ((0, elsewhere),)).encode())
    reply = ask(network, 0, StepRequest(Step.PROJECT, requests[0].session, relayed=(*requests[0].relayed[:3], lie)))
    assert isinstance(reply, StepReply)


def test_a_coin_that_is_asked_for_again_does_not_lengthen_the_ledger() -> None:
    network = network_with(2)
    first = network.deliver(0, coin_request(network, network.cohort))
    count = network.memories[0].ledger.count
    again = network.deliver(0, coin_request(network, network.cohort))
    assert isinstance(first, StepReply)
    assert isinstance(again, StepReply)
    assert network.memories[0].ledger.count == count
    assert CoinBody.decode(again.message.body).head == CoinBody.decode(first.message.body).head


def test_a_peers_word_without_ones_own_signature_is_no_evidence() -> None:
    network = network_with(2)
    _, requests = run_until(network, Step.PROJECT)
    message = requests[0].relayed[3]
    body = CoinBody.decode(message.body)
    signed = head_digest(network.context.market.domain, network.terms.committee_id, 0, 99, bytes(32))
    forged = LedgerHead(99, bytes(32), sign_digest(network.prover_keys[3], signed))
    lie = network.resign(3, message, CoinBody(body.share, body.nonce, body.head, ((0, forged),)).encode())
    relayed = (*requests[0].relayed[:3], lie)
    reply = ask(network, 0, StepRequest(Step.PROJECT, requests[0].session, relayed=relayed))
    assert isinstance(reply, StepReply)


def test_heads_advance_with_every_record_and_past_what_was_lost() -> None:
    state = LedgerState()
    state.apply(Combined(b"\x01" * 32))
    first = LedgerHead(state.count, state.heads[state.count], bytes(65))
    assert not state.lacks(first.count, first.digest)
    assert state.lacks(2, bytes(32))
    assert state.lacks(1, bytes(32))
    state.apply(Restored(5, 40))
    assert state.count == 41
    assert not state.lacks(40, bytes(32))
    assert state.lacks(42, bytes(32))


def test_a_coins_body_has_one_form() -> None:
    head = LedgerHead(3, bytes(32), bytes(65))
    raw = CoinBody(5, bytes(32), head, ((1, head), (2, head))).encode()
    assert CoinBody.decode(raw).encode() == raw
    later = LedgerHead(4, bytes(32), bytes(65))
    of_two_keys = CoinBody(5, bytes(32), head, ((1, head), (1, later))).encode()
    assert CoinBody.decode(of_two_keys).encode() == of_two_keys
    others = [((2, head), (1, head)), ((1, head), (1, head)), ((1, later), (1, head))]
    for wrong in (raw + b"\0", raw[:-1], *(CoinBody(5, bytes(32), head, seen).encode() for seen in others)):
        with pytest.raises(WireError):
            CoinBody.decode(wrong)
