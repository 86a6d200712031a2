"""Nothing but the sum: attacks of a coordinator that shows each prover something else, and asks only some of them.

Each test plays an attack that worked before owners were locked to one set at ATTEST, and sees it fail now.  The
coordinator holds its own key, relays what it likes and starts as many attempts as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import native
from circuits import payload
from circuits.errors import (
    GradrollError,
    NotReadyError,
    RuleViolationError,
    SignatureError,
    StorageError,
    UnavailableError,
    WireError,
)
from circuits.statement import TAIL, BatchStatement, SubmissionHeader
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import Cohort, Message, Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest
from coordinator.machine import Attesting, Completed, Transition, advance, begin
from coordinator.machine.state import Masking
from provers.party import Acceptance, proving
from provers.party.ledger import Selection
from provers.party.masking import validity_challenge
from provers.party.memory import Projected
from provers.party.steps import members_of
from tests.privacy.test_rules import ask, check_refused, coin_request, own, propose, run_until
from tests.support.network import Network, OwnerPlan, gradients, network_with
from tests.support.parts import with_parts
from tests.support.tiers import deepened

COMMITTEES = [(3, 1), (4, 1), (5, 1), (6, 1), (5, 2), (7, 2), (8, 2), (10, 3)]


def attempt(network: Network, number: int, kept: tuple[int, ...], active: tuple[int, ...]) -> Transition:
    """Drive one attempt of the cohort up to the requests of ATTEST, with honest provers."""
    reachable = frozenset(active)
    transition = begin(network.resources, network.cohort, attempt_number=number, reachable=reachable)
    while True:
        step = next(iter(transition.requests.values())).step
        if step is Step.MASK:
            assert isinstance(transition.state, Masking)
            if transition.state.run.ground.kept != frozenset(kept):
                transition = _other_set(network, transition, kept)
        if step is Step.ATTEST:
            return transition
        replies = {p: network.deliver(p, r) for p, r in transition.requests.items()}
        transition = advance(network.resources, transition.state, replies)
        assert transition.outcome is None, transition.outcome


def _other_set(network: Network, transition: Transition, kept: tuple[int, ...]) -> Transition:
    """The same MASK requests over the owners that the coordinator chooses."""
    state = transition.state
    assert isinstance(state, Masking)
    proposal = replace(state.run.proposal, kept=kept)
    requests = {
        p: network.authorized(replace(r, session=proposal.digest, proposal=proposal))
        for p, r in transition.requests.items()
    }
    ground = replace(state.run.ground, kept=frozenset(kept))
    run = replace(state.run, proposal=proposal, ground=ground)
    return replace(transition, state=replace(state, run=run), requests=requests)


def signatures(network: Network, transition: Transition, provers: Iterable[int]) -> dict[int, bytes]:
    """The attestations of those of the asked provers that sign."""
    out = {}
    for p in provers:
        reply = network.deliver(p, transition.requests[p])
        if isinstance(reply, StepReply):
            out[p] = reply.message.body
    return out


def certificate(transition: Transition, signed: Mapping[int, bytes]) -> Certificate:
    state = transition.state
    assert isinstance(state, Attesting)
    return state.bundle.certificate.attested_by(signed.items())


def corrupt_signature(network: Network, transition: Transition, prover: int) -> bytes:
    """A corrupt prover signs whatever batch it is shown, whether it took part or not."""
    state = transition.state
    assert isinstance(state, Attesting)
    attested = state.bundle.certificate.attested(network.policy.verifier_code, network.terms.committee_id)
    return sign_digest(network.prover_keys[prover], attested.digest(network.context))


def released(network: Network, made: Certificate, provers: Iterable[int]) -> dict[int, native.FrArray]:
    """Shares of the sum that honest provers hand out, when every node shows the batch as accepted."""
    acceptance = Acceptance(tuple(h.owner_index for h in made.statement.owners), made.proof.commitment_sum)
    out = {}
    for p in provers:
        network.memories[p].acceptances[made.batch_id] = acceptance
        reply = network.deliver(p, StepRequest(Step.RELEASE, made.batch_id, payload=made.encode()))
        if isinstance(reply, StepReply) and reply.vector is not None:
            out[p] = reply.vector
    return out


# --- two aggregates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provers", "threshold"), deepened([(4, 1), (7, 2), (10, 3)], fast=[(4, 1)]))
def test_two_sets_asked_of_different_provers_are_not_both_certified(provers: int, threshold: int) -> None:
    """The first attempt is over all owners, the second leaves the victim out; t corrupt provers sign both, and as few
    honest ones as possible are in both."""
    network = network_with(3, provers=provers, threshold=threshold)
    quorum, corrupt = network.committee.quorum, tuple(range(threshold))
    here = (*corrupt, *range(threshold, quorum))
    there = (*corrupt, *range(provers - quorum + threshold, provers))
    one, two = attempt(network, 1, (0, 1, 2), here), attempt(network, 2, (0, 1), there)
    first, second = (
        signatures(network, t, set(t.requests) - set(corrupt)) | {p: corrupt_signature(network, t, p) for p in corrupt}
        for t in (one, two)
    )
    assert set(first) == set(here)
    assert set(second) == set(there) - (set(here) - set(corrupt))
    assert len(second) < quorum
    assert len(released(network, certificate(one, first), range(provers))) == provers
    assert not released(network, certificate(two, second), range(provers))


@pytest.mark.parametrize(("provers", "threshold"), COMMITTEES)
def test_no_split_of_the_provers_certifies_two_sets_that_meet(provers: int, threshold: int) -> None:
    """Counting, over all splits: honest provers sign once, corrupt ones both; Q signatures on both sides never meet."""
    network = network_with(2, provers=provers, threshold=threshold)
    quorum = network.committee.quorum
    honest = provers - threshold
    assert all(
        min(here + threshold, honest - here + threshold) < quorum for here in range(honest + 1)
    )  # one honest prover on one side only


def test_a_corrupt_prover_that_signs_twice_does_not_help() -> None:
    network = network_with(3, provers=4)
    one = attempt(network, 1, (0, 1, 2), (0, 1, 3))
    first = signatures(network, one, (0, 1)) | {3: corrupt_signature(network, one, 3)}
    two = attempt(network, 2, (0, 1), (1, 2, 3))
    second = signatures(network, two, (1, 2)) | {3: corrupt_signature(network, two, 3)}
    assert set(first) == {0, 1, 3}
    assert set(second) == {2, 3}
    assert len(released(network, certificate(one, first), range(4))) == 4
    assert not released(network, certificate(two, second), range(4))


def test_nodes_that_lie_about_acceptance_open_no_second_sum() -> None:
    """Two honest provers signed one set, one and a corrupt one another; each is told that its own was accepted."""
    network = network_with(3, provers=4)
    one = attempt(network, 1, (0, 1, 2), (0, 1, 3))
    two = attempt(network, 2, (0, 1), (1, 2, 3))
    first = signatures(network, one, (0,)) | {3: corrupt_signature(network, one, 3)}
    second = signatures(network, two, (2,)) | {3: corrupt_signature(network, two, 3)}
    assert (set(first), set(second)) == ({0, 3}, {2, 3})
    assert not released(network, certificate(one, first), range(4))
    assert not released(network, certificate(two, second), range(4))
    assert set(signatures(network, two, (1,))) == {1}  # the second becomes the one set
    second |= {1: corrupt_signature(network, two, 1)}
    assert len(released(network, certificate(two, second), range(4))) == 4
    assert not signatures(network, one, (1,))


def test_the_same_set_may_be_tried_again_with_other_provers() -> None:
    network = network_with(3, provers=4)
    one = attempt(network, 1, (0, 1, 2), (0, 1, 2))
    signatures(network, one, (0, 1))
    two = attempt(network, 2, (0, 1, 2), (1, 2, 3))
    second = signatures(network, two, (1, 2, 3))
    assert set(second) == {1, 2, 3}
    assert len(released(network, certificate(two, second), range(4))) == 4


# --- release --------------------------------------------------------------------------------------------------


def finished(network: Network) -> Completed:
    done = network.run().transition.outcome
    assert isinstance(done, Completed)
    return done


def release_request(made: Certificate) -> StepRequest:
    return StepRequest(Step.RELEASE, made.batch_id, payload=made.encode())


def test_nothing_is_released_before_the_market_has_accepted() -> None:
    network = network_with(3)
    made = finished(network).bundle.certificate
    check_refused(network, release_request(made), NotReadyError, "has not accepted this batch yet")


def test_nothing_is_released_below_a_quorum_of_attestations() -> None:
    network = network_with(3)
    done = finished(network)
    network.accept(done)
    made = done.bundle.certificate
    few = made.attested_by(made.attestations[:2])
    check_refused(network, release_request(few), RuleViolationError, "before 3 have")
    doubled = replace(made, attestations=(made.attestations[0],) * 3)
    check_refused(network, release_request(doubled), WireError, "ascending")
    stolen = made.attested_by([*made.attestations[:2], (3, made.attestations[2][1])])
    check_refused(network, release_request(stolen), SignatureError, "attestation of prover 3")


def test_a_sum_is_released_by_the_word_of_the_rounds_members_not_the_present_ones() -> None:
    network = network_with(3)
    done = finished(network)
    network.accept(done)
    made = done.bundle.certificate
    stranger = bytes(20)
    for prover, party in enumerate(network.parties):
        members = (*party.committee.members[:3], stranger) if prover == 0 else party.committee.members[::-1]
        network.parties[prover] = replace(party, committee=replace(party.committee, members=members))
    assert len(released(network, made, range(4))) == 4
    network.committee = network.parties[1].committee  # the round's, says a node
    check_refused(network, release_request(made), SignatureError, "attestation of prover 0")


def test_a_batch_that_the_market_recorded_with_other_owners_or_sum_is_not_released() -> None:
    network = network_with(3)
    done = finished(network)
    made = done.bundle.certificate
    for acceptance in (
        Acceptance((1, 3), made.proof.commitment_sum),
        Acceptance((1, 3, 5), native.g1_generator),
    ):
        network.memories[0].acceptances[made.batch_id] = acceptance
        check_refused(network, release_request(made), RuleViolationError, "recorded other owners or another sum")


def changed_certificates(made: Certificate) -> dict[str, tuple[Certificate, str]]:
    """Certificates with one part changed, and what they are refused for."""
    owners, proof = made.statement.owners, made.proof
    dealt = replace(owners[0], share_digests=owners[1].share_digests)
    junk = bytes(64) + b"\x1b"
    unsigned = replace(owners[0], dealing_signature=junk)
    return {
        "owners": (with_owners(made, owners[:2]), "attestation of prover 0"),
        "dealing": (with_owners(made, (dealt, *owners[1:])), "not those of its cohort"),
        "signature": (with_owners(made, (unsigned, *owners[1:])), "no key belongs|dealing is signed by"),
        "coin": (replace(made, coin=made.coin + 1), "behind its signs"),
        "cohort": (replace(made, cohort=made.cohort[::-1]), "behind its signs"),
        "norm": (replace(made, proof=replace(proof, square_norm=proof.square_norm + 1)), "attestation of prover 0"),
        "groth": (
            replace(made, proof=replace(proof, groth=replace(proof.groth, a=native.g1_generator))),
            "Groth16 equation|policy proof",
        ),
        "model": (replace(made, statement=in_context(made, model_digest=bytes(32))), "chain states"),
        "round": (replace(made, statement=in_context(made, round=1)), "chain states|not those of its cohort|behind"),
    }


def with_owners(made: Certificate, owners: tuple[SubmissionHeader, ...]) -> Certificate:
    return replace(made, statement=replace(made.statement, owners=owners))


def in_context(made: Certificate, **changes: object) -> BatchStatement:
    return replace(made.statement, context=with_parts(made.statement.context, **changes))


@pytest.mark.parametrize(
    "part", ["owners", "dealing", "signature", "coin", "cohort", "norm", "groth", "model", "round"]
)
def test_a_certificate_with_a_changed_part_is_refused(part: str) -> None:
    network = network_with(3)
    done = finished(network)
    network.accept(done)
    changed, reason = changed_certificates(done.bundle.certificate)[part]
    for memory in network.memories:  # whatever the nodes say
        memory.acceptances[changed.batch_id] = memory.acceptances[done.batch_id]
    with pytest.raises((GradrollError, ValueError), match=reason):
        ask(network, 0, release_request(changed))


def test_a_certificate_of_another_batch_than_was_asked_for_is_refused() -> None:
    network = network_with(3)
    done = finished(network)
    network.accept(done)
    request = replace(release_request(done.bundle.certificate), session=bytes(32))
    check_refused(network, request, WireError, "another batch than the request names")


def test_nothing_is_released_about_fewer_owners_than_the_task_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_with(3, least_owners=4)
    with monkeypatch.context() as lenient:
        lenient.setattr(proving, "require_enough_owners", lambda *_: None)
        done = finished(network)
    network.accept(done)
    check_refused(network, release_request(done.bundle.certificate), RuleViolationError, "fewer than 4 owners")


def test_a_prover_that_was_not_in_the_batch_serves_the_sum_and_is_locked_by_it() -> None:
    network = network_with(3)
    result = network.run(reachable=(0, 1, 2))
    done = result.completed
    network.accept(done)
    late = network.deliver(3, release_request(done.bundle.certificate))
    assert isinstance(late, StepReply)
    assert not network.memories[3].ledger.locks
    selection = Selection.plain(members_of(network.context, done.statement.owners))
    assert set(network.memories[3].ledger.released) == set(selection.owners)


@pytest.mark.parametrize(("provers", "threshold"), deepened([(4, 1), (7, 2)], fast=[(4, 1)]))
def test_any_t_plus_1_provers_open_the_sum_when_the_coordinator_is_gone(provers: int, threshold: int) -> None:
    network = network_with(3, provers=provers, threshold=threshold)
    done = finished(network)
    network.accept(done)
    expected = np.sum([plan.gradient for plan in network.plans], axis=0)
    for chosen in combinations(range(provers), threshold + 1):
        opened = network.open_sum(done.bundle.certificate, chosen)
        assert np.array_equal(payload.decode(opened.payload, network.dimension).values, expected)
    with pytest.raises(UnavailableError, match=f"{threshold + 1} provers"):
        network.open_sum(done.bundle.certificate, range(threshold))


def test_a_prover_lost_after_the_lock_does_not_lose_the_round() -> None:
    """One prover signs and disappears; the same set is proven again by the others, and its sum opened."""
    network = network_with(3, provers=4)
    first = attempt(network, 1, (0, 1, 2), (0, 1, 2))
    assert set(signatures(network, first, (0,))) == {0}
    result = network.run(first_attempt=5, reachable=(1, 2, 3))
    network.check(result, range(3))


def test_a_set_that_was_signed_is_not_made_smaller() -> None:
    network = network_with(3, provers=4)
    signatures(network, attempt(network, 1, (0, 1, 2), (0, 1, 2)), (0, 1, 2))
    second = attempt(network, 2, (0, 1), (0, 1, 2))
    check_refused(network, second.requests[0], RuleViolationError, "locked to another set")


# --- attest ---------------------------------------------------------------------------------------------------


def changed_bundles(bundle: AuditBundle) -> dict[str, tuple[AuditBundle, str]]:
    """Bundles with one part changed, and what they are refused for."""
    made = bundle.certificate
    proof, statement = made.proof, made.statement
    row = bundle.row.copy()
    row[-1] = native.add(row[-1:], native.from_ints([1]))[0]
    other = "not the one that this attempt has proven"
    norm = replace(proof, square_norm=proof.square_norm + 1)
    groth = replace(proof, groth=replace(proof.groth, a=native.g1_generator))
    total = replace(proof, commitment_sum=native.g1_generator)
    fewer = replace(bundle.certificate, statement=replace(statement, owners=statement.owners[:2]))
    return {
        "row": (replace(bundle, row=row), "does not combine the projections"),
        "projections": (replace(bundle, projections=bundle.projections[::-1]), other),
        "square_norm": (replace(bundle, certificate=replace(made, proof=norm)), other),
        "groth": (replace(bundle, certificate=replace(made, proof=groth)), "policy proof does not hold"),
        "sum": (replace(bundle, certificate=replace(made, proof=total)), "stated sum is not the sum"),
        "coin": (replace(bundle, certificate=replace(made, coin=made.coin + 1)), other),
        "cohort": (replace(bundle, certificate=replace(made, cohort=made.cohort[::-1])), other),
        "owners": (replace(bundle, certificate=fewer, projections=bundle.projections[:-1]), other),
        "attestations": (bundle.attested_by([(0, bytes(65))]), other),
    }


@pytest.mark.parametrize(
    "part", ["row", "projections", "square_norm", "groth", "sum", "coin", "cohort", "owners", "attestations"]
)
def test_a_batch_that_is_not_the_proven_one_is_not_signed(part: str) -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    changed, reason = changed_bundles(AuditBundle.decode(requests[0].payload))[part]
    with pytest.raises(GradrollError, match=reason):
        ask(network, 0, replace(requests[0], payload=changed.encode()))
    assert not network.memories[0].ledger.locks


@pytest.mark.parametrize("step", [Step.ATTEST, Step.RELEASE])
def test_a_round_that_the_chain_states_otherwise_meanwhile_is_neither_signed_nor_released(step: Step) -> None:
    """A reorganisation may have put another model, or other terms, in its place."""
    network = network_with(3)
    if step is Step.ATTEST:
        _, requests = run_until(network, step)
        request = requests[0]
    else:
        done = finished(network)
        network.accept(done)
        request = release_request(done.bundle.certificate)
    other = replace(network.context, model_digest=bytes(32))
    network.memories[0].context = lambda *_: other  # type: ignore[method-assign]
    check_refused(network, request, WireError, "not the one that the chain states")


def test_nothing_is_signed_about_fewer_owners_than_the_task_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_with(3, least_owners=4)
    with monkeypatch.context() as lenient:
        lenient.setattr(proving, "require_enough_owners", lambda *_: None)
        _, requests = run_until(network, Step.ATTEST)
    check_refused(network, requests[0], RuleViolationError, "fewer than 4 owners")


@pytest.mark.parametrize("step", [Step.PROVE, Step.ATTEST, Step.RELEASE])
def test_a_node_that_states_other_terms_than_a_batch_binds_has_nothing_signed_or_released(step: Step) -> None:
    """The context binds the terms that allow more owners only, and an attestation under it would cost the bond."""
    network = network_with(3, least_owners=3)
    if step is Step.RELEASE:
        done = finished(network)
        network.accept(done)
        request = release_request(done.bundle.certificate)
    else:
        _, requests = run_until(network, step)
        request = requests[0]
    network.memories[0].terms = lambda task_id: replace(network.terms, min_owners=2)  # type: ignore[method-assign]
    network.memories[0].context = lambda *_: network.context  # type: ignore[method-assign]
    check_refused(network, request, WireError, "other terms of the task")


def test_a_row_of_another_masking_is_not_signed() -> None:
    """Commitments alone would pass: the projections are what shows that entries are small."""
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    bundle = AuditBundle.decode(requests[0].payload)
    row = bundle.row.copy()
    row[0] = native.add(row[:1], native.from_ints([1]))[0]
    request = replace(requests[0], payload=replace(bundle, row=row).encode())
    check_refused(network, request, GradrollError, "does not combine the projections")


def test_a_row_that_fits_the_projections_but_opens_nothing_is_not_signed() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    bundle = AuditBundle.decode(requests[0].payload)
    row = bundle.row.copy()
    row[-TAIL] = native.add(row[-TAIL][None], native.from_ints([1]))[0]  # the blinder, which no projection holds
    request = replace(requests[0], payload=replace(bundle, row=row).encode())
    check_refused(network, request, GradrollError, "does not open the combination")


def test_a_batch_that_the_market_would_refuse_is_not_signed() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.ATTEST)
    network.memories[0].closed = "owner 1 is in an accepted batch of this round already"
    check_refused(network, requests[0], GradrollError, "accepted batch of this round already")


def test_the_signature_is_over_the_verifier_that_the_provers_own_node_names() -> None:
    network = network_with(3)
    transition, requests = run_until(network, Step.ATTEST)
    elsewhere = corrupt_signature(network, transition, 0)
    network.policy = replace(network.policy, verifier_code=b"\x01" * 32)
    body = ask(network, 0, requests[0]).message.body
    assert body == corrupt_signature(network, transition, 0)
    assert body != elsewhere


# --- equivocation in VALIDATE -----------------------------------------------------------------------------------


def test_a_corrupt_prover_that_signs_two_mask_bodies_gets_no_second_challenge() -> None:
    """Before, chi followed from the broadcasts that a prover saw, so two of them gave an affine function of bits."""
    network = network_with(2, provers=4)
    _, requests = run_until(network, Step.VALIDATE)
    theirs = requests[0].relayed[3]
    forked = theirs.body[:-32] + (native.R - 1).to_bytes(32, "big")
    relayed = (*requests[0].relayed[:3], network.resign(3, theirs, forked))
    equivocated = replace(requests[0], relayed=relayed)
    with pytest.raises(GradrollError):  # four shares of degree two: one wrong share shows at once
        ask(network, 0, equivocated)
    three = network_with(2, provers=3)
    _, requests = run_until(three, Step.VALIDATE)
    theirs = requests[0].relayed[2]
    products = int.from_bytes(theirs.body[-32:], "big")
    shift = 12345
    forked = theirs.body[:-32] + ((products + shift) % native.R).to_bytes(32, "big")
    other = replace(requests[0], relayed=(*requests[0].relayed[:2], three.resign(2, theirs, forked)))
    plain, seen = (_residuals(ask(three, 0, r).message) for r in (requests[0], other))
    projected = three.parties[0].cohorts[three.cohort.cohort_id]
    assert isinstance(projected, Projected)
    chi = validity_challenge(projected.seed, requests[0].session)
    weight = native.lagrange_coefficients([1, 2, 3])[2]
    known = -shift * weight * pow(chi, 62, native.R) % native.R
    assert (seen[1] - plain[1]) % native.R == known  # what the adversary put in comes out, and nothing else
    assert seen[0] == plain[0]


def _residuals(message: Message) -> list[int]:
    return [int.from_bytes(message.body[at : at + 32], "big") for at in (0, 32)]


# --- REVEAL -----------------------------------------------------------------------------------------------------


def revelation(network: Network, prover: int = 0) -> StepRequest:
    """REVEAL of owner 0's share, with the other provers' honest projections."""
    _, requests = run_until(network, Step.MASK)
    others = tuple(m for m in requests[prover].relayed if m.sender != prover)
    return StepRequest(Step.REVEAL, network.cohort.cohort_id, relayed=others)


def test_a_share_damaged_in_memory_does_not_lay_the_sealed_one_open() -> None:
    network = network_with(3)
    request = revelation(network)
    party = network.parties[0]
    state = party.cohorts[network.cohort.cohort_id]
    assert isinstance(state, Projected)
    damaged = state.own.copy()
    damaged[0, 0, 0] ^= np.uint64(1)
    network.parties[0] = party.with_cohort(network.cohort.cohort_id, replace(state, own=damaged))
    check_refused(network, request, RuleViolationError, "fits the others")


def test_a_payload_that_the_owner_did_not_sign_is_not_revealed() -> None:
    network = network_with(3)
    request = revelation(network)
    submission = network.submission(0)
    network.memories[0].payloads[submission] = network.memories[0].payloads[submission][:-1] + b"\x00"
    check_refused(network, request, StorageError, "not the one that its owner signed")


# --- two dealings of one commitment, and submissions that come again ----------------------------------------------


def test_two_dealings_of_one_commitment_enter_one_cohort_only() -> None:
    """Two sign matrices over one set of masks give every coordinate; ledgers key on owner and commitment."""
    network = network_with(2)
    first = network.cohort
    for p in range(4):
        assert isinstance(network.deliver(p, coin_request(network, first)), StepReply)
    again = network.deal_again(0)
    second = Cohort(network.context, (again, network.headers[1]))
    alone = Cohort(network.context, (again,))
    for cohort in (second, alone):
        check_refused(network, coin_request(network, cohort), RuleViolationError, "already belongs to another cohort")


def test_an_owner_submits_again_before_it_is_locked_and_its_earlier_submission_is_retired() -> None:
    network = network_with(3)
    transition, requests = run_until(network, Step.VALIDATE)
    fresh = network.submit_again(0, OwnerPlan(gradients(1, network.dimension, seed=9)[0]))
    others = [network.headers[i] for i in (1, 2)]
    alone = Cohort(network.context, (fresh,))
    assert isinstance(network.deliver(0, coin_request(network, alone)), StepReply)
    check_refused(network, requests[0], RuleViolationError, "is retired")
    check_refused(network, coin_request(network, network.cohort), RuleViolationError, "is retired")
    mixed = Cohort(network.context, (fresh, *others))
    check_refused(network, coin_request(network, mixed), RuleViolationError, "already belongs to another cohort")
    assert transition.outcome is None


def test_a_locked_owner_waits_for_the_next_round() -> None:
    network = network_with(3)
    network.check(network.run(), range(3))
    fresh = network.submit_again(0, OwnerPlan(gradients(1, network.dimension, seed=9)[0]))
    request = coin_request(network, Cohort(network.context, (fresh,)))
    check_refused(network, request, RuleViolationError, "locked to another submission in this round")


@pytest.mark.parametrize("coins", [0, 1, 2])
def test_a_prover_projects_only_when_a_quorum_has_joined(coins: int) -> None:
    """Two cohorts with one commitment need two quorums of coins, and these share an honest prover."""
    network = network_with(3)
    _, requests = run_until(network, Step.PROJECT)
    few = replace(requests[0], relayed=requests[0].relayed[:coins])
    check_refused(network, few, WireError, "the coin needs the shares of 3 provers")


def test_a_retired_submission_is_not_projected() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.PROJECT)
    fresh = network.submit_again(0, OwnerPlan(gradients(1, network.dimension, seed=9)[0]))
    network.deliver(0, coin_request(network, Cohort(network.context, (fresh,))))
    check_refused(network, requests[0], RuleViolationError, "is retired")


# --- sessions ---------------------------------------------------------------------------------------------------


def test_a_prover_that_started_again_is_not_led_through_an_older_session() -> None:
    """Restored from a backup it has forgotten the attempt; what it drew at this start is in no session from before."""
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    network.deliver(0, requests[0])
    network.restart(0)
    network.memories[0].ledger.attempts.clear()  # an old copy of the ledger
    replies = [network.deliver(p, coin_request(network, network.cohort)) for p in range(4)]
    coins = tuple(r.message for r in replies if isinstance(r, StepReply))
    network.deliver(0, network.authorized(StepRequest(Step.PROJECT, network.cohort.cohort_id, relayed=coins)))
    with pytest.raises(GradrollError, match="before it started again"):
        ask(network, 0, requests[0])


def test_a_nonce_of_somebody_elses_making_is_refused() -> None:
    network = network_with(3)
    _, requests = run_until(network, Step.MASK)
    proposal = own(requests[0])
    forged = replace(proposal, nonces=(bytes(32), *proposal.nonces[1:]))
    request = replace(requests[0], proposal=forged, session=forged.digest)
    with pytest.raises(GradrollError, match="before it started again"):
        ask(network, 0, request)
    assert propose(network, 1, (0, 1, 2), (0, 1, 2, 3)) == proposal


def test_a_failure_is_no_answer() -> None:
    network = network_with(3)
    assert isinstance(network.deliver(0, StepRequest(Step.RELEASE, bytes(32), payload=b"")), Failure)
