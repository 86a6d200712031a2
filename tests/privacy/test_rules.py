"""Rules that keep gradients private: in each test somebody breaks one, and a prover refuses before anything leaves."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, replace
from functools import partial

import pytest

import native
from circuits.errors import (
    BlamedProversError,
    ClosedError,
    GradrollError,
    InconsistentError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    SignatureError,
    UnknownError,
    WireError,
)
from commons.protocol.keypackages import CommitteeReference
from commons.protocol.messages import Cohort, Message, Proposal, Step, StepReply, StepRequest
from commons.protocol.signing import sign_digest
from commons.sharing.prss import PrssKeys
from coordinator.machine import Transition, advance, begin
from coordinator.machine.state import Validating
from provers.party import Party, handle
from provers.party.ledger import CohortJoined, LedgerState
from provers.party.steps import members_of
from tests.support.network import MARKET, REGISTRY, Network, OwnerPlan, gradients, network_with
from tests.support.parts import with_parts
from tests.support.plain_batch import address_of, seed_of

ALL_STEPS = [s for s in Step if s <= Step.ATTEST]


def run_until(network: Network, step: Step) -> tuple[Transition, dict[int, StepRequest]]:
    """Drive the batch until the coordinator asks for ``step``; nobody has answered that yet."""
    transition = begin(network.resources, network.cohort, attempt_number=1, reachable=range(network.provers))
    while next(iter(transition.requests.values())).step is not step:
        replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
        transition = advance(network.resources, transition.state, replies)
        assert transition.outcome is None, transition.outcome
    return transition, dict(transition.requests)


def ask(network: Network, prover: int, request: StepRequest, *, signed: bool = True) -> StepReply:
    """What an honest prover does with a request of the task's coordinator; its state is left as it was."""
    asked = network.authorized(request) if signed else request
    return handle(network.parties[prover], asked, network.memories[prover]).reply


def answered(network: Network, prover: int, request: StepRequest) -> StepReply:
    """The reply of a prover that answers."""
    reply = network.deliver(prover, request)
    assert isinstance(reply, StepReply), reply
    return reply


def check_refused(
    network: Network,
    request: StepRequest,
    error: type[GradrollError],
    match: str,
    prover: int = 0,
    *,
    signed: bool = True,
) -> None:
    """The prover refuses, names why, and its state and ledger stand as before."""
    party, ledger = network.parties[prover], repr(network.memories[prover].ledger)
    with pytest.raises(error, match=match):
        ask(network, prover, request, signed=signed)
    assert network.parties[prover] is party
    assert repr(network.memories[prover].ledger) == ledger


def restart(network: Network, prover: int) -> None:
    """The prover forgets everything but its keys, shares and ledger."""
    network.restart(prover)


def authorized(network: Network, proposal: Proposal, request: StepRequest) -> StepRequest:
    """The request with another proposal, which the true coordinator signs."""
    return network.authorized(replace(request, proposal=proposal, session=proposal.digest))


def propose(network: Network, attempt: int, kept: tuple[int, ...], active: tuple[int, ...]) -> Proposal:
    """An attempt at the cohort of all submissions, with the nonces that the provers drew."""
    nonces = tuple(network.parties[p].nonce for p in active)
    return Proposal(network.cohort.cohort_id, attempt, kept, active, nonces)


def own(request: StepRequest) -> Proposal:
    assert request.proposal is not None
    return request.proposal


# --- masks are used once ------------------------------------------------------------------------------------


def test_a_second_combine_on_one_mask_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.COMBINE)
    network.deliver(0, requests[0])
    check_refused(network, requests[0], NotReadyError, "stands at Combined")


def test_a_combine_before_confirm_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.CONFIRM)
    check_refused(network, replace(requests[0], step=Step.COMBINE), NotReadyError, "this step follows Confirmed")


def test_a_restart_does_not_bring_a_mask_back() -> None:
    network = network_with(3)
    _, masks = run_until(network, Step.MASK)
    network.deliver(0, masks[0])
    restart(network, 0)
    check_refused(network, masks[0], UnknownError, "a restart forgets it")
    other = network_with(3)
    _, requests = run_until(other, Step.MASK)
    other.memories[0].ledger = network.memories[0].ledger
    check_refused(other, requests[0], RuleViolationError, "attempt 1 of this round is used up")


def test_an_older_attempt_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    later = authorized(network, replace(own(requests[0]), attempt=5), requests[0])
    network.deliver(0, later)
    between = authorized(network, replace(own(requests[0]), attempt=3), requests[0])
    check_refused(network, between, RuleViolationError, "take one above 5")


def test_every_name_of_a_mask_differs_with_what_it_is_used_for() -> None:
    proposal = Proposal(b"c" * 32, 1, (0, 1), (0, 1, 2), (b"n" * 32,) * 3)
    variants = [
        proposal,
        replace(proposal, cohort_id=b"d" * 32),
        replace(proposal, attempt=2),
        replace(proposal, kept=(0, 2)),
        replace(proposal, active=(0, 1, 3)),
        replace(proposal, nonces=(b"n" * 32, b"n" * 32, b"m" * 32)),
        replace(proposal, probe=True),
    ]
    assert len({p.digest for p in variants}) == len(variants)


def test_a_submission_is_projected_with_one_sign_matrix_only() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.COIN)
    network.deliver(0, requests[0])
    smaller = Cohort(network.context, tuple(network.headers[:2]))
    again = StepRequest(Step.COIN, smaller.cohort_id, cohort=smaller)
    check_refused(network, again, RuleViolationError, "another cohort")


# --- the dealing is checked before anything of degree 2t is opened -----------------------------------------


def test_no_product_leaves_a_prover_for_a_dealing_off_the_polynomial() -> None:
    """The attack of ``test_shares_off_the_polynomial_read_an_inner_product``, with the coordinator on its side."""

    def bend(shares: list[native.FrArray]) -> None:
        shares[1][0] = native.add(shares[1][[0]], native.from_ints([9]))[0]

    honest = gradients(2, 5)
    network = network_with([OwnerPlan(honest[0]), OwnerPlan(honest[1], bend=bend)])
    _, requests = run_until(network, Step.PROJECT)
    messages = tuple(answered(network, p, r).message for p, r in requests.items())
    proposal = propose(network, 1, (0, 1), (0, 1, 2, 3))
    request = authorized(network, proposal, StepRequest(Step.MASK, b"", relayed=messages))
    check_refused(network, request, BlamedProversError, "prover 1 does not fit")


def test_a_prover_left_out_of_the_dealing_check_takes_no_part() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    relayed = tuple(m for m in requests[0].relayed if m.sender != 3)
    without = replace(own(requests[0]), active=(0, 1, 2), nonces=own(requests[0]).nonces[:3])
    request = replace(authorized(network, without, requests[0]), relayed=relayed)
    check_refused(network, request, WireError, "this one among them", prover=3)


def test_an_attempt_of_fewer_than_a_quorum_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    pair = authorized(
        network, replace(own(requests[0]), active=(0, 1), nonces=own(requests[0]).nonces[:2]), requests[0]
    )
    check_refused(network, pair, WireError, "needs 3 provers")


def test_large_entries_are_refused_by_every_prover_itself() -> None:
    large = OwnerPlan(gradients(1, 5)[0], values=native.from_ints([(native.R + 1) // 2] * 4 + [0]))
    cheating = network_with([OwnerPlan(g) for g in gradients(2, 5)] + [large])
    _, requests = run_until(cheating, Step.PROJECT)
    messages = tuple(answered(cheating, p, r).message for p, r in requests.items())
    proposal = propose(cheating, 1, (0, 1, 2), (0, 1, 2, 3))
    request = authorized(cheating, proposal, StepRequest(Step.MASK, b"", relayed=messages))
    check_refused(cheating, request, ProofError, "not small")


@pytest.mark.parametrize("cheater", [0, 1, 2])
def test_nothing_is_confirmed_with_an_owner_whose_constraints_do_not_hold(cheater: int) -> None:
    """Its residual is not zero; a coordinator in league with it relays the messages all the same."""
    plans = [OwnerPlan(g) for g in gradients(3, 5)]
    plans[cheater] = OwnerPlan(plans[cheater].gradient, bits=native.from_ints([1] * 62))
    network = network_with(plans)
    transition, requests = run_until(network, Step.VALIDATE)
    messages = tuple(answered(network, p, r).message for p, r in requests.items())
    assert isinstance(transition.state, Validating)
    request = StepRequest(Step.CONFIRM, requests[0].session, relayed=messages)
    check_refused(network, request, InconsistentError, "validity test is not zero")


def test_a_prover_goes_on_from_the_projections_that_it_holds_itself() -> None:
    """Else a signature of its own over others, from whatever time, would bring it to open what it has not computed."""
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    mine, *rest = requests[0].relayed
    other = network.resign(0, mine, mine.body[32:] + mine.body[:32])
    request = replace(requests[0], relayed=(other, *rest))
    check_refused(network, request, WireError, "not its own")


# --- the coordinator relays, and can do nothing else ---------------------------------------------------------


@pytest.mark.parametrize("step", [s for s in ALL_STEPS if s not in (Step.COIN, Step.ATTEST)])
def test_a_relayed_message_that_was_changed_is_refused(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    first, *rest = requests[0].relayed
    flipped = replace(first, body=bytes([first.body[0] ^ 1]) + first.body[1:])
    check_refused(network, replace(requests[0], relayed=(flipped, *rest)), SignatureError, "is signed by|no key")
    if step is not Step.PROJECT:  # a quorum of coins suffices, they open one value whichever they are
        check_refused(network, replace(requests[0], relayed=tuple(rest)), WireError, "are needed")
    doubled = replace(requests[0], relayed=(first, first, *rest))
    check_refused(network, doubled, WireError, "are needed")


def test_a_message_of_another_session_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.VALIDATE)
    stale = replace(requests[0].relayed[1], session=b"x" * 32)
    relayed = (requests[0].relayed[0], stale, *requests[0].relayed[2:])
    check_refused(network, replace(requests[0], relayed=relayed), WireError, "another session")


def test_equivocation_about_broadcasts_ends_the_attempt_before_anything_is_combined() -> None:
    network = network_with(3, provers=3)
    transition, requests = run_until(network, Step.VALIDATE)
    forked = network.authorized(_other_products(network, requests[2]))
    replies = {p: network.deliver(p, forked if p == 0 else r) for p, r in requests.items()}
    messages = tuple(r.message for r in replies.values() if isinstance(r, StepReply))
    confirm = StepRequest(Step.CONFIRM, requests[0].session, relayed=messages)
    confirmations = []
    for p in range(3):
        try:
            confirmations.append(ask(network, p, confirm).message)
        except InconsistentError:
            continue
    assert len(confirmations) < 3 or len({m.body for m in confirmations}) > 1
    assert transition.outcome is None


def _other_products(network: Network, request: StepRequest) -> StepRequest:
    """Prover 2 is corrupt too: it signs other masked products for one victim."""
    theirs = request.relayed[2]
    body = theirs.body[:-32] + (native.R - 1).to_bytes(32, "big")
    return replace(request, relayed=(*request.relayed[:2], network.resign(2, theirs, body)))


def test_disagreeing_confirmations_are_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.COMBINE)
    theirs = requests[0].relayed[2]
    other = network.resign(2, theirs, theirs.body[:32] + bytes(32))
    relayed = (*requests[0].relayed[:2], other, *requests[0].relayed[3:])
    check_refused(network, replace(requests[0], relayed=relayed), RuleViolationError, "same broadcasts")


def test_requests_carry_no_challenge() -> None:
    """Provers compute rho, chi and the signs themselves: there is no field in which to send one."""
    assert {f.name for f in fields(StepRequest)} == {
        "step", "session", "cohort", "proposal", "authorization", "relayed", "payload", "owner",
    }  # fmt: skip


@pytest.mark.parametrize("step", ALL_STEPS)
def test_a_request_that_the_coordinator_did_not_sign_is_refused(step: Step) -> None:
    """Nobody else moves a prover on: its own request would find it one step too far."""
    network = network_with(3)
    _, requests = run_until(network, step)
    stranger = replace(requests[0], authorization=sign_digest(seed_of("stranger"), requests[0].asked))
    check_refused(network, stranger, SignatureError, "the request is signed by", signed=False)
    if requests[0].relayed:
        reordered = replace(requests[0], relayed=requests[0].relayed[::-1])
        check_refused(network, reordered, SignatureError, "the request is signed by", signed=False)


@pytest.mark.parametrize("step", ALL_STEPS)
def test_a_coordinator_that_was_replaced_moves_no_prover_on(step: Step) -> None:
    """Its key may be the reason; from the change on only the next one's word counts, also in an attempt under way."""
    network = network_with(3)
    _, requests = run_until(network, step)
    network.coordinator = address_of(seed_of("the next coordinator"))
    check_refused(network, requests[0], SignatureError, "the request is signed by", signed=False)
    network.coordinator_key = seed_of("the next coordinator")
    ask(network, 0, requests[0])


def test_a_cohort_with_an_owner_that_has_no_part_in_the_round_binds_nobody() -> None:
    """It leaves, or registered when all seats were taken: the market would pay for nothing with it.  Everybody else is
    proven without it.
    """
    network = network_with(3)
    seatless = network.headers[2].owner_index
    network.left.add(seatless)
    _, requests = run_until(network, Step.COIN)
    for prover in range(4):
        check_refused(network, requests[prover], ClosedError, f"owners \\[{seatless}\\] have no part", prover)
    network.headers, network.plans = network.headers[:2], network.plans[:2]
    network.check(network.run(), range(2))


def test_an_owner_that_lost_its_part_in_the_round_is_not_attested() -> None:
    """After a reorganisation, say, in which it left before the round was opened."""
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    network.left.add(network.headers[0].owner_index)
    check_refused(network, requests[0], ClosedError, "no part in this round")
    assert not network.memories[0].ledger.locks


def test_all_that_is_asked_is_signed() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    request = requests[0]
    changes: list[dict[str, object]] = [
        {"step": Step.PROBE_MASK}, {"session": bytes(32)}, {"relayed": request.relayed[1:]}, {"payload": b"x"},
        {"owner": 1},
    ]  # fmt: skip
    assert len({request.asked} | {with_parts(request, **change).asked for change in changes}) == 6


@pytest.mark.parametrize("step", [Step.PROJECT, Step.MASK])
def test_a_coin_that_is_asked_for_again_undoes_nothing(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    before = network.parties[0].cohorts[network.cohort.cohort_id]
    assert isinstance(network.deliver(0, coin_request(network, network.cohort)), StepReply)
    assert network.parties[0].cohorts[network.cohort.cohort_id] is before
    assert isinstance(network.deliver(0, requests[0]), StepReply)


def test_a_tasks_work_is_not_pushed_out_by_another_tasks() -> None:
    network = network_with(3)
    run_until(network, Step.MASK)
    party = network.parties[0]
    state = party.cohorts[network.cohort.cohort_id]
    other = replace(network.context, task_id=8)
    for nth in range(200):
        headers = tuple(replace(h, task_id=8) for h in network.headers)
        stranger = replace(state, cohort=Cohort(other, headers))
        party = party.with_cohort(nth.to_bytes(32, "big"), stranger)
    assert party.cohorts[network.cohort.cohort_id] is state
    assert len(party.cohorts) == 64


@pytest.mark.parametrize("step", [Step.COIN])
def test_a_session_opens_with_its_cohort(step: Step) -> None:
    network = network_with(3)
    _, requests = run_until(network, step)
    check_refused(network, replace(requests[0], cohort=None), WireError, "comes with its cohort")


# --- headers -------------------------------------------------------------------------------------------------


def coin_request(network: Network, cohort: Cohort) -> StepRequest:
    return network.authorized(StepRequest(Step.COIN, cohort.cohort_id, cohort=cohort))


@pytest.mark.parametrize(
    ("forged", "named"),
    [
        (("signature", "dealing_signature"), "the submission is signed by"),
        (("signature",), "the submission is signed by"),
        (("dealing_signature",), "the dealing is signed by"),
    ],
)
def test_a_forged_header_is_refused(forged: tuple[str, ...], named: str) -> None:
    network = network_with([OwnerPlan(g, forged=forged if i == 1 else ()) for i, g in enumerate(gradients(3, 5))])
    check_refused(network, coin_request(network, network.cohort), SignatureError, named)


@pytest.mark.parametrize(
    ("name", "named"),
    [("signature", "the submission is signed by|no key"), ("dealing_signature", "the dealing is signed by|no key")],
)
def test_a_header_with_a_signature_over_something_else_is_refused(name: str, named: str) -> None:
    """Both signatures are the owner's own, but one is of what it handed in for another round."""
    network = network_with(3)
    first, *rest = network.headers
    key = partial(sign_digest, seed_of("owner", 0))
    elsewhere = replace(first, round=1).signed(network.context, key)
    mixed = with_parts(first, **{name: getattr(elsewhere, name)})
    cohort = Cohort(network.context, (mixed, *rest))
    check_refused(network, coin_request(network, cohort), SignatureError, named)


def test_a_header_replayed_in_another_round_is_refused() -> None:
    network = network_with(3)
    moved = tuple(replace(h, round=1) for h in network.headers)
    cohort = Cohort(replace(network.context, round=1), moved)
    check_refused(network, coin_request(network, cohort), SignatureError, "the submission is signed by")


@pytest.mark.parametrize(
    "change",
    [
        {"market": replace(MARKET, chain_id=1)}, {"market": replace(MARKET, address=b"m" * 20)},
        {"market": replace(MARKET, deployment=bytes(32))}, {"terms_hash": bytes(32)}, {"model_digest": bytes(32)},
        {"policy_key_hash": bytes(32)}, {"bound": 1}, {"dimension": 6},
    ],
)  # fmt: skip
def test_a_context_that_the_chain_does_not_state_is_refused(change: dict[str, object]) -> None:
    network = network_with(3)
    cohort = Cohort(with_parts(network.context, **change), tuple(network.headers))
    check_refused(network, coin_request(network, cohort), WireError, "not the one that the chain states")


def test_a_header_under_another_owners_index_is_refused() -> None:
    network = network_with(3)
    stolen = replace(network.headers[0], owner=network.headers[1].owner)
    cohort = Cohort(network.context, (stolen, network.headers[2]))
    check_refused(network, coin_request(network, cohort), SignatureError, "is not owner 1")


def test_owners_out_of_order_or_twice_are_no_cohort() -> None:
    network = network_with(3)
    for headers in (network.headers[::-1], [network.headers[0]] * 2):
        with pytest.raises(WireError, match="strictly ascending"):
            Cohort(network.context, tuple(headers))
    twice = replace(network.headers[2], owner=network.headers[0].owner)  # a node may list an owner under two indices
    with pytest.raises(WireError, match="an owner is in a cohort once"):
        Cohort(network.context, (*network.headers[:2], twice))


def test_a_submission_that_another_owner_signs_is_another_submission() -> None:
    """Its shares are the first owner's: used for both they would be projected and summed twice."""
    network = network_with(3)
    key = seed_of("thief")
    stolen = replace(network.headers[0], owner=address_of(key), owner_index=100)
    stolen = stolen.signed(network.context, partial(sign_digest, key))
    network.owner_addresses[100] = stolen.owner
    assert stolen.digest(network.context) != network.submission(0)
    cohort = Cohort(network.context, (network.headers[1], stolen))
    check_refused(network, coin_request(network, cohort), UnknownError, "no share of this submission")


def test_a_submission_without_a_share_here_is_refused() -> None:
    network = network_with(3)
    network.memories[0].payloads.clear()
    check_refused(network, coin_request(network, network.cohort), UnknownError, "no share")


# --- releases ------------------------------------------------------------------------------------------------


def test_nothing_is_released_about_fewer_owners_than_the_task_allows() -> None:
    network = network_with(3, least_owners=4)
    _, requests = run_until(network, Step.PROVE)
    check_refused(network, requests[0], RuleViolationError, "fewer than 4 owners")


def test_a_share_is_revealed_only_on_proof_that_it_fits_nothing() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    others = tuple(m for m in requests[0].relayed if m.sender != 0)
    cohort_id = network.cohort.cohort_id
    check_refused(network, StepRequest(Step.REVEAL, cohort_id, relayed=others), RuleViolationError, "fits the others")
    check_refused(
        network, StepRequest(Step.REVEAL, cohort_id, relayed=others[:2]), RuleViolationError, "3 other provers"
    )
    liar: Message = others[2]
    forged = network.resign(liar.sender, liar, bytes(len(liar.body)))
    check_refused(network, StepRequest(Step.REVEAL, cohort_id, relayed=(*others[:2], forged)), InconsistentError, "fit")


# --- secrets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Step.VALIDATE, Step.COMBINE, Step.ATTEST])
def test_no_state_shows_a_share_in_its_repr(step: Step) -> None:
    network = network_with(3)
    run_until(network, step)
    shown = "".join(repr(p) + repr(list(p.attempts.values())) + repr(list(p.cohorts.values())) for p in network.parties)
    assert "array" not in shown
    keys: PrssKeys = network.parties[0].keys
    assert all(k.hex() not in shown and repr(k) not in shown for k in keys.keys.values())


def test_a_commitment_is_projected_with_the_keys_of_one_list_of_members() -> None:
    """The nodes say, after PROJECT, that the round was opened with others: their keys give the cohort another coin.

    The difference of both projections would be (R - R') g, for the owner's masks cancel.
    """
    network = network_with(3)
    run_until(network, Step.MASK)
    later = replace(network.committee, members=(*network.committee.members[:3], b"\x77" * 20))
    reference = CommitteeReference(MARKET.chain_id, REGISTRY, later).digest
    keys = replace(network.parties[0].keys, committee=later)  # this prover's are alike: those of the others need not be
    before = deepcopy(network.memories[0].ledger)
    for nonce in (network.parties[0].nonce, b"\x78" * 32):
        network.parties[0] = Party.new(0, later, reference, keys, nonce)
        check_refused(network, coin_request(network, network.cohort), RuleViolationError, "another cohort")
    assert network.memories[0].ledger == before


def test_a_commitment_is_projected_with_one_set_of_shared_keys() -> None:
    """A keystore comes back from a copy of before the members agreed on keys, and its ledger is as it was.

    Of 2t + 1 provers there are sets with one honest member.  A corrupt dealer gives it another key, nobody who is left
    can tell, and the cohort has another coin: by that the third prover, which lost nothing, would project it again.
    """
    network = network_with(2, provers=3, threshold=1)
    _, first = run_until(network, Step.MASK)
    dealer, victim, third = 1, 2, 0
    for member in (dealer, victim):
        keys = network.parties[member].keys
        network.parties[member] = network.started(
            member, replace(keys, keys={**keys.keys, (dealer, victim): b"\x79" * 32})
        )
    coins = [ask(network, third, coin_request(network, network.cohort)).message]
    network.memories[dealer].ledger = LedgerState()  # it does as it likes
    coins.append(ask(network, dealer, coin_request(network, network.cohort)).message)
    check_refused(network, coin_request(network, network.cohort), RuleViolationError, "another cohort", victim)
    assert len(first) == 3 and len(coins) < network.committee.quorum


def test_a_cohort_that_an_earlier_release_wrote_down_without_its_members_is_not_joined_again() -> None:
    """Nothing tells with whose keys its coin was tossed."""
    network = network_with(3)
    members = members_of(network.context, network.headers)
    network.memories[0].ledger.apply(CohortJoined(network.cohort.cohort_id, members))
    check_refused(network, coin_request(network, network.cohort), RuleViolationError, "another cohort")


def test_the_ledger_outlives_a_restart() -> None:
    network = network_with(3)
    result = network.run()
    network.check(result, range(3))
    rebuilt = LedgerState()
    assert rebuilt.locks != network.memories[0].ledger.locks
    restart(network, 0)
    again = coin_request(network, Cohort(network.context, tuple(network.headers[:2])))
    check_refused(network, again, RuleViolationError, "another cohort")
