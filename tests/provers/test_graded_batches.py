"""Graded batches at the provers: the numbers that are opened, and everybody who would have others opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import native
from circuits import payload
from circuits.errors import GradrollError, WireError
from circuits.grading import NOISE_BITS, grades
from circuits.policies.gram import position
from circuits.statement import SLACK_BITS, Graded
from circuits.terms import Grading
from circuits.verify import verify_batch
from commons.protocol import noisebits
from commons.protocol.bodies import SignatureBody, scalars_to_bytes
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.certified import Attesters
from commons.protocol.gradedbodies import (
    GradedCombineBody,
    GradedMaskBody,
    GradedProjectBody,
    GradedValidateBody,
    LockBody,
    OpenBody,
)
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest
from commons.protocol.witness import Witness
from commons.sharing.prss import PrssKeys, Purpose
from commons.sharing.reconstruct import open_vector
from native import FrArray, R
from provers.foresight import Foresight, UnforeseenError
from provers.party import Acceptance, Party, handle, noising, vouching
from provers.party.ledger import CohortJoined, GradedLocked, GradedSet, Locked
from provers.party.memory import SetLocked, Validated
from provers.party.steps import members_of, selection_of
from provers.store import Store
from tests.support.gradedattempt import GradedAttempt, shown_instead
from tests.support.gradednetwork import MODEL_OWNER, GradedNetwork, along, graded_with
from tests.support.network import OwnerPlan, network_with, slack_bits
from tests.support.plain_batch import address_of, seed_of

COSINES = [1000, 500, -300, 0]
LIAR = 2
"""Prover that lies; with two others it makes 2t + 1, so what is opened at degree 2t is what it wants."""
FEW = (0, 1, LIAR)


def began(network: GradedNetwork, **options: Any) -> GradedAttempt:
    attempt = GradedAttempt(network, **options)
    attempt.begin()
    return attempt


def further(attempt: GradedAttempt, **options: Any) -> GradedAttempt:
    """Another attempt over the same cohort, whose projections are known."""
    other = GradedAttempt(attempt.network, **options)
    other.said = {step: dict(attempt.said[step]) for step in (Step.COIN,)}
    other.ask(Step.PROJECT, Step.COIN, provers=range(attempt.network.provers))
    return other


def require_refused(attempt: GradedAttempt, provers: tuple[int, ...], code: str, named: str) -> None:
    """Just these provers refused the last step, and said why."""
    assert set(attempt.refused) == set(provers)
    for failure in attempt.refused.values():
        assert failure.code == code and named in failure.message, failure


def exact(attempt: GradedAttempt) -> list[int]:
    """The noise of each owner: what its number is beyond its scaled inner product."""
    network = attempt.network
    scale = network.rule.scale(network.terms.bound)
    chosen = [network.products()[place - 1] for place in attempt.kept[1:]]
    return [value - scale * w for value, w in zip(attempt.values, chosen, strict=True)]


def attested(attempt: GradedAttempt, bundle: AuditBundle) -> Certificate:
    attempt.ask(Step.ATTEST, None, payload=bundle.encode_to_attest())
    attempt.require_no_refusal()
    said = attempt.said[Step.ATTEST]
    return bundle.certificate.attested_by([(p, SignatureBody.decode(m.body).signature) for p, m in said.items()])


def accept(network: GradedNetwork, certificate: Certificate) -> None:
    indices = tuple(h.owner_index for h in certificate.statement.owners)
    for memory in network.memories:
        memory.acceptances[certificate.batch_id] = Acceptance(indices, certificate.proof.commitment_sum)
        memory.challenges[certificate.batch_id] = 0


# --- the whole way --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "provers", "active"), [(1, 4, ()), (1, 3, ()), (1, 4, (0, 2, 3)), (2, 7, ())])
def test_numbers_are_scaled_products_under_noise_and_weights_follow(
    threshold: int, provers: int, active: tuple[int, ...]
) -> None:
    network = graded_with(COSINES, threshold=threshold, provers=provers)
    attempt = began(network, active=active)
    attempt.through(Step.PROVE)
    noise = exact(attempt)
    assert all(0 <= n < 1 << NOISE_BITS for n in noise) and len(set(noise)) == len(noise)
    bundle = attempt.bundle()
    statement = bundle.statement
    assert verify_batch(statement, bundle.proof, network.setup.verifying) == bundle.certificate.batch_id
    assert statement.weights == grades(network.rule, attempt.values).weights
    assert 0 in statement.weights and len(set(statement.weights)) > 1
    certificate = attested(attempt, bundle)
    with pytest.raises(GradrollError):
        network.open_sum(certificate)
    accept(network, certificate)
    released = network.open_sum(certificate)
    assert not released.verdicts
    expected = sum(w * p.gradient for w, p in zip(statement.weights, network.plans, strict=True))
    assert np.array_equal(payload.decode(released.payload, network.dimension).values, expected)
    for prover in attempt.active:
        memory = network.memories[prover]
        assert vouching.attest_availability(memory, memory.sign, certificate)


def test_nobody_with_a_weight_is_a_fallback_in_which_all_count_once() -> None:
    network = graded_with([-900, -500, -100])
    attempt = began(network)
    attempt.through(Step.PROVE)
    statement = attempt.bundle().statement
    assert statement.graded is not None and statement.graded.grades.fallback and statement.weights == (1, 1, 1)
    certificate = attested(attempt, attempt.bundle())
    accept(network, certificate)
    opened = payload.decode(network.open_sum(certificate).payload, network.dimension)
    assert np.array_equal(opened.values, np.sum([p.gradient for p in network.plans], axis=0))


def test_a_certificate_has_one_encoding_and_says_everything() -> None:
    attempt = began(graded_with(COSINES))
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    raw = bundle.encode()
    again = AuditBundle.decode(raw)
    assert raw[0] == 4 and again.encode() == raw
    assert again.certificate.statement == bundle.statement and again.statement.rows == bundle.statement.rows
    assert again.certificate.batch_id == bundle.certificate.batch_id != again.certificate.rho_state
    again.certificate.require_dealings()
    for change in (
        lambda g: replace(g, values=(g.values[0] + 1, *g.values[1:])),
        lambda g: replace(g, rule=replace(g.rule, step=g.rule.step - 1)),
        lambda g: replace(g, rule=replace(g.rule, min_owners=3)),
    ):
        other = replace(bundle.certificate, statement=changed(bundle, change))
        assert Certificate.decode(other.encode()).batch_id == other.batch_id != bundle.certificate.batch_id
        assert other.rho_state == bundle.certificate.rho_state


def test_a_certificate_that_is_none_is_refused() -> None:
    attempt = began(graded_with(COSINES))
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    raw = bundle.certificate.encode()
    rule = raw.index(bytes((4, 4)) + (2).to_bytes(4, "big"))
    for wrong in (bytes((5, 4)), bytes((0, 4)), bytes((4, 65)), bytes((4, 4, 0, 0, 0, 0))):
        with pytest.raises(WireError, match="grading is none"):
            Certificate.decode(raw[:rule] + wrong + raw[rule + len(wrong) :])
    owner = replace(
        bundle.certificate, statement=changed(bundle, lambda g: replace(g, reference=attempt.cohort.owners[0]))
    )
    with pytest.raises(WireError, match="which is an owner's"):
        Certificate.decode(owner.encode())
    for wrong in (b"\x03" + raw[1:], raw[:-1], raw + b"\0"):
        with pytest.raises(WireError):
            Certificate.decode(wrong)


def changed(bundle: AuditBundle, change: Callable[[Graded], Graded]) -> Any:
    """The batch's statement, graded otherwise."""
    graded = bundle.statement.graded
    assert graded is not None
    return replace(bundle.statement, graded=change(graded))


def test_each_shared_vector_has_one_name_and_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over two attempts of other sets, by other provers, in one cohort."""
    drawn: dict[tuple[str, bytes, Purpose], set[int]] = {}
    for name in ("random", "zero"):
        real = getattr(PrssKeys, name)

        def recorded(
            self: PrssKeys, session: bytes, purpose: Purpose, count: int, real: Any = real, name: str = name
        ) -> FrArray:
            drawn.setdefault((name, session, purpose), set()).add(count)
            shares: FrArray = real(self, session, purpose, count)
            return shares

        monkeypatch.setattr(PrssKeys, name, recorded)
    attempt = began(graded_with(COSINES), kept=(0, 1, 2, 3))
    attempt.through(Step.COMBINE)
    further(attempt, number=2, active=FEW).through(Step.PROVE)
    assert all(len(counts) == 1 for counts in drawn.values())
    assert {purpose for _, _, purpose in drawn} == set(Purpose)
    names = [(session, purpose) for _, session, purpose in drawn]
    assert len(set(names)) == len(names), "a value and a zero under one name"


def test_noise_is_uniform() -> None:
    """Half of its bits are set, and nobody's are another's, over some cohorts."""
    keys, bits = graded_with(COSINES).parties, []
    for number in range(12):
        shares = {p: k.keys.random(seed_of("cohort", number), Purpose.NOISE, 160) for p, k in enumerate(keys)}
        opened = open_vector(shares, 1, 1, "noise").reshape(4, NOISE_BITS, 4)
        squares = native.mul(opened.reshape(-1, 4), opened.reshape(-1, 4)).reshape(opened.shape)
        bits += native.to_ints(noisebits.noise_bits(opened, squares).reshape(-1, 4))
    assert set(bits) == {0, 1} and 0.45 < sum(bits) / len(bits) < 0.55


def test_shares_of_degree_2t_say_nothing_but_what_is_opened() -> None:
    """Of the squares and of the products of the check: each carries a share of zero, and products masks as well."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.VALIDATE)
    session, cohort = attempt.proposal.digest, attempt.cohort
    for prover in range(4):
        keys = attempt.network.parties[prover].keys
        randoms = keys.random(cohort.cohort_id, Purpose.NOISE, 160)
        sent = GradedProjectBody.decode(attempt.said[Step.PROJECT][prover].body, 5).squares.reshape(-1, 4)
        hidden = native.sub(sent, native.mul(randoms, randoms))
        assert np.array_equal(hidden, keys.zero(cohort.cohort_id, Purpose.SQUARE_ZERO, 160))
        state = attempt.network.parties[prover].attempts[session]
        assert isinstance(state, Validated) and state.masked.noise is not None
        slack = [attempt.network.memories[prover].shares(d).bits for d in cohort.digests]
        bits = noisebits.all_bits(slack, state.masked.noise.bits)
        psi = noisebits.check_challenge(state.masked.seed, session, state.masked.noise.squares)
        check = noisebits.CheckShares(keys.random(session, Purpose.CHECK_MASK, len(bits)), bits, psi)
        sent = GradedValidateBody.decode(attempt.said[Step.VALIDATE][prover].body, 5).products
        masks = native.sub(native.sub(sent, check.products), keys.random(session, Purpose.CHECK_PRODUCT_MASK, 3))
        assert np.array_equal(masks, keys.zero(session, Purpose.CHECK_PRODUCT_ZERO, 3))


# --- squares --------------------------------------------------------------------------------------------------


def at_zero(active: tuple[int, ...], prover: int, change: int) -> int:
    """By how much a prover moves its share so that what 2t + 1 provers open moves by so much."""
    weights = native.lagrange_coefficients([p + 1 for p in active])
    return change * pow(weights[active.index(prover)], -1, R) % R


def moved(vector: FrArray, place: int, change: int) -> FrArray:
    """The vector with one element changed by so much."""
    values = native.to_ints(vector)
    return native.from_ints([(v + change) % R if k == place else v for k, v in enumerate(values)])


def true_square(network: GradedNetwork, cohort: Cohort, place: int) -> int:
    keys = {p: party.keys for p, party in enumerate(network.parties)}
    count = NOISE_BITS * len(cohort.owners)
    shares = {p: k.random(cohort.cohort_id, Purpose.NOISE, count) for p, k in keys.items()}
    t = network.committee.threshold
    return pow(native.to_ints(open_vector(shares, t, t, "noise"))[place], 2, R)


def shifting(attempt: GradedAttempt, place: int, factor: int) -> Callable[[bytes], bytes]:
    """A PROJECT body by which 2t + 1 provers open another square in place of one: so many times the true one."""
    square = true_square(attempt.network, attempt.cohort, place)
    change = at_zero(FEW, LIAR, (factor - 1) * square)

    def bent(raw: bytes) -> bytes:
        body = GradedProjectBody.decode(raw, len(attempt.cohort.headers))
        flat = moved(body.squares.reshape(-1, 4), place, change)
        return GradedProjectBody(body.shares, flat.reshape(body.squares.shape)).encode()

    return bent


def test_a_prover_that_shows_one_another_square_is_found_before_anything_follows_from_it() -> None:
    """Its bit would be 3/4 or 1/4 for prover 0, and what that sends next would lay open which."""
    attempt = began(graded_with(COSINES), active=FEW)
    lie = attempt.rewritten(Step.PROJECT, LIAR, shifting(attempt, 39, 4))
    attempt.mask(shown_instead(0, lie))
    attempt.require_no_refusal()
    attempt.ask(Step.VALIDATE, Step.MASK)
    require_refused(attempt, FEW, "rule-violation", "the same squares")


@pytest.mark.parametrize("factor", [0, 5])
def test_what_is_no_square_is_refused(factor: int) -> None:
    attempt = began(graded_with(COSINES), active=FEW)
    attempt.mask(shown_instead(0, attempt.rewritten(Step.PROJECT, LIAR, shifting(attempt, 3, factor))))
    require_refused(attempt, (0,), "inconsistent", "zero or none")


def test_a_lie_about_a_square_that_does_not_fit_names_its_sender() -> None:
    """With 4t + 1 provers; with fewer nobody goes on, and nobody can say who lied."""
    for provers, code in ((5, "prover-blamed"), (4, "inconsistent")):
        attempt = began(graded_with(COSINES, provers=provers))
        attempt.lie(Step.PROJECT, LIAR, shifting(attempt, 3, 4))
        attempt.mask()
        assert "not its own" in attempt.refused.pop(LIAR).message
        assert len(attempt.refused) == provers - 1
        assert {failure.code for failure in attempt.refused.values()} == {code}
        assert code != "prover-blamed" or all("prover 2" in f.message for f in attempt.refused.values())


def with_shifted_square(monkeypatch: pytest.MonkeyPatch) -> GradedAttempt:
    """An attempt behind VALIDATE in which a liar moved a square for all alike, and goes on as if it were true."""
    attempt, real = began(graded_with(COSINES), active=FEW), noising._own_squares
    network, cohort = attempt.network, attempt.cohort
    change = at_zero(FEW, LIAR, 3 * true_square(network, cohort, 39))

    def lying(party: Party, of: Cohort) -> FrArray:
        squares = real(party, of)
        bent = moved(squares.reshape(-1, 4), 39, change if party.index == LIAR else 0)
        return bent.reshape(squares.shape)

    monkeypatch.setattr(noising, "_own_squares", lying)
    attempt = began(network, active=FEW)
    attempt.through(Step.VALIDATE)
    return attempt


def opened_products(attempt: GradedAttempt) -> list[int]:
    """What VALIDATE opens of the check of the bits, masks included."""
    said = attempt.said[Step.VALIDATE]
    shares = {p: GradedValidateBody.decode(m.body, len(attempt.kept)).products for p, m in said.items()}
    return native.to_ints(open_vector(shares, 2, 1, "products"))


def test_a_square_that_was_moved_for_all_is_found_before_anything_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = with_shifted_square(monkeypatch)
    attempt.onward(Step.CONFIRM, Step.COMBINE)
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, FEW, "proof-invalid", "a bit of the batch is none")
    assert not any(memory.ledger.graded for memory in attempt.network.memories)


def test_a_liar_cannot_cover_for_a_bit_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows by how much <psi R, R> is off, and moves it by that; P then is not the square of what is opened."""
    attempt = with_shifted_square(monkeypatch)
    state = attempt.network.parties[0].attempts[attempt.proposal.digest]
    assert isinstance(state, Validated) and state.masked.noise is not None
    psi = noisebits.check_challenge(state.masked.seed, attempt.proposal.digest, state.masked.noise.squares)
    place = SLACK_BITS * len(attempt.kept) + 39
    # b^2 - b for b = (r / (2 r) + 1) / 2 and b = (1 - r / (2 r)) / 2 alike
    off = (pow(4, -1, R) * (pow(4, -1, R) - 1)) % R
    change = at_zero(FEW, LIAR, -off * pow(psi, place, R))
    body = GradedValidateBody.decode(attempt.said[Step.VALIDATE][LIAR].body, len(attempt.kept))
    attempt.lie(Step.VALIDATE, LIAR, lambda _: replace(body, products=moved(body.products, 2, change)).encode())
    attempt.onward(Step.CONFIRM, Step.COMBINE)
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, FEW, "proof-invalid", "not the one that was masked")


# --- what locks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(1, 2), (1, 4), (2, 3), (0, 1)])
def test_inner_products_that_were_moved_are_found_before_anything_is_locked(pair: tuple[int, int]) -> None:
    attempt = began(graded_with(COSINES), active=FEW)
    attempt.mask()
    rows = len(attempt.kept)
    body = GradedMaskBody.decode(attempt.said[Step.MASK][LIAR].body, rows)
    bent = moved(body.products, position(*pair, rows + 1), at_zero(FEW, LIAR, 1))
    attempt.lie(Step.MASK, LIAR, lambda _: replace(body, products=bent).encode())
    attempt.onward(Step.VALIDATE, Step.COMBINE)
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, FEW, "proof-invalid", "squared norm")
    assert not any(memory.ledger.graded for memory in attempt.network.memories)


def covered(plan: OwnerPlan) -> GradedAttempt:
    """A corrupt owner whose residual is not zero, and a prover that moves it to zero."""
    attempt = began(graded_with([1000, plan, 0]), active=FEW)
    attempt.through(Step.VALIDATE)
    said = {p: GradedValidateBody.decode(m.body, 4) for p, m in attempt.said[Step.VALIDATE].items()}
    residuals = native.to_ints(open_vector({p: b.residuals for p, b in said.items()}, 2, 1, "residuals"))
    assert [bool(r) for r in residuals] == [False, False, True, False]
    bent = moved(said[LIAR].residuals, 2, at_zero(FEW, LIAR, -residuals[2]))
    attempt.lie(Step.VALIDATE, LIAR, lambda _: replace(said[LIAR], residuals=bent).encode())
    attempt.onward(Step.CONFIRM, Step.COMBINE)
    return attempt


def test_bits_of_a_norm_that_are_none_are_found_before_anything_is_locked() -> None:
    gradient = along(500, 5)
    slack = (1 << 34) - sum(int(v) ** 2 for v in gradient)
    bits = native.to_ints(slack_bits(slack))
    place = bits.index(1, 1)
    bits[place], bits[place - 1] = 0, bits[place - 1] + 2
    attempt = covered(OwnerPlan(gradient, bits=native.from_ints(bits)))
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, FEW, "proof-invalid", "a bit of the batch is none")


def test_a_norm_beyond_the_bound_is_found_before_anything_is_locked() -> None:
    attempt = covered(OwnerPlan(2 * along(1000, 5), bits=slack_bits(12345)))
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, FEW, "proof-invalid", "do not make up")
    assert not any(memory.ledger.graded for memory in attempt.network.memories)


def _other(body: bytes, _: bytes) -> bytes:
    return body


@pytest.mark.parametrize("name", ["square_norm", "product", "not_bits", "slack", "combined"])
def test_what_combine_opens_cannot_be_moved(name: str) -> None:
    """At degree t: with all provers the liar is named, with 2t + 1 nobody goes on."""
    for active, codes in (((), {"prover-blamed"}), (FEW, {"inconsistent"})):
        attempt = began(graded_with(COSINES), active=active)
        attempt.through(Step.COMBINE)
        body = GradedCombineBody.decode(attempt.said[Step.COMBINE][LIAR].body, len(attempt.kept))
        value = getattr(body, name)
        bent = moved(value, 7, 1) if name == "combined" else (value + 1) % R
        changes: dict[str, Any] = {name: bent}
        attempt.lie(Step.COMBINE, LIAR, partial(_other, replace(body, **changes).encode()))
        attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
        assert {failure.code for failure in attempt.refused.values()} == codes
        assert set(attempt.refused) == set(attempt.active)


@pytest.mark.parametrize("place", [0, 4, 5, 20, -1])
def test_another_row_locks_nothing(place: int) -> None:
    """On a coordinate, in the blinder, or in a mask."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.COMBINE)
    row = attempt.row
    bent = moved(row, place % len(row), 1)
    for wrong in (scalars_to_bytes(bent), scalars_to_bytes(row)[:-32], scalars_to_bytes(row) + bytes(32), b""):
        attempt.ask(Step.LOCK, Step.COMBINE, payload=wrong)
        assert len(attempt.refused) == 4
        assert {failure.code for failure in attempt.refused.values()} <= {"proof-invalid", "bad-message"}
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    attempt.require_no_refusal()


def test_nothing_is_locked_while_submissions_may_follow() -> None:
    """By each prover's own node; the attempt waits, and goes on."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.COMBINE)
    late = attempt.network.memories[1]
    late.over = False
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    require_refused(attempt, (1,), "not-ready", "may still be handed in")
    assert not late.ledger.graded
    attempt.ask(Step.OPEN, Step.LOCK, provers=(0, 2, 3))
    require_refused(attempt, (0, 2, 3), "bad-message", "each once")
    late.over = True
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload, provers=(1,))
    attempt.onward(Step.OPEN, Step.PROVE)


@pytest.mark.parametrize("why", ["closed", "few", "restored", "context"])
def test_a_set_that_can_never_be_accepted_is_not_locked(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = graded_with(COSINES, least_owners=3)
    attempt = began(network, kept=(0, 1, 2) if why == "few" else ())
    attempt.through(Step.COMBINE)
    memory = network.memories[0]
    if why == "closed":
        memory.closed = "the round is over"
    if why == "restored":
        memory.ledger.restored_at = memory.opened + 1
    if why == "context":
        shown = replace(network.context, bound=1 << 33)
        monkeypatch.setattr(memory, "context", lambda task_id, round_number: shown)
    attempt.ask(Step.LOCK, Step.COMBINE, payload=attempt.row_payload)
    assert attempt.refused[0].code == {"closed": "closed", "context": "bad-message"}.get(why, "rule-violation")
    assert set(attempt.refused) == ({0, 1, 2, 3} if why == "few" else {0})
    assert not memory.ledger.graded


def test_a_set_is_locked_once() -> None:
    """Another set that meets it is locked by nobody who locked the first, so by no quorum."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.LOCK)
    smaller = further(attempt, number=2, kept=(0, 1, 2, 3))
    smaller.through(Step.COMBINE)
    smaller.ask(Step.LOCK, Step.COMBINE, payload=smaller.row_payload)
    require_refused(smaller, (0, 1, 2, 3), "rule-violation", "graded in another set")
    again = further(attempt, number=3, active=(0, 1, 3))
    again.through(Step.PROVE)
    assert {LockBody.decode(m.body).selection for m in again.said[Step.LOCK].values()} == {
        LockBody.decode(m.body).selection for m in attempt.said[Step.LOCK].values()
    }


def test_what_graded_steps_ask_of_the_chain_is_asked_before_they_run() -> None:
    """References, and whether submissions are over, like all facts that a node may keep back."""
    network = graded_with(COSINES)
    attempt = GradedAttempt(network)
    coin = network.authorized(attempt.request(Step.COIN))
    assert "references" in foreseen(network, coin)
    attempt.begin()
    attempt.through(Step.COMBINE)
    lock = network.authorized(attempt.request(Step.LOCK, payload=attempt.row_payload, before=Step.COMBINE))
    assert "submissions_over" in foreseen(network, lock)


def foreseen(network: GradedNetwork, request: StepRequest) -> set[str]:
    """The facts that prover 0 has to learn for a step, until it runs."""
    foresight = Foresight(network.memories[0])
    learned: set[str] = set()
    while True:
        try:
            handle(network.parties[0], request, foresight)
            return learned
        except UnforeseenError as missing:
            learned.add(missing.fact[0])
            foresight.learn(missing)


def test_a_lock_is_durable_before_its_word_leaves() -> None:
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.COMBINE)
    request = network.authorized(attempt.request(Step.LOCK, payload=attempt.row_payload, before=Step.COMBINE))
    outcome = handle(network.parties[0], request, network.memories[0])
    (entry,) = outcome.entries
    assert isinstance(entry, GradedLocked)
    assert entry.selection.digest == LockBody.decode(outcome.reply.message.body).selection
    assert entry.selection.submissions == attempt.cohort.digests[1:]
    assert entry.selection.reference == attempt.cohort.digests[0]


# --- what opens -----------------------------------------------------------------------------------------------


def test_numbers_are_opened_when_all_are_bound_to_the_set() -> None:
    attempt = began(graded_with(COSINES))
    attempt.through(Step.LOCK)
    attempt.ask(Step.OPEN, Step.LOCK, relay=lambda _, shown: shown[:3])
    require_refused(attempt, (0, 1, 2, 3), "bad-message", "each once")
    other = attempt.rewritten(Step.LOCK, LIAR, lambda _: LockBody(b"\x01" * 32).encode())
    attempt.ask(Step.OPEN, Step.LOCK, relay=shown_instead(0, other))
    require_refused(attempt, (0,), "rule-violation", "not all bound")


@pytest.mark.parametrize("skipped", [Step.LOCK, Step.OPEN])
def test_no_step_is_left_out(skipped: Step) -> None:
    """PROVE without numbers, numbers without a lock: both would prove or open what nobody has looked at."""
    attempt = began(graded_with(COSINES))
    before = Step.COMBINE if skipped is Step.LOCK else Step.LOCK
    attempt.through(before)
    for step in (Step.OPEN, Step.PROVE) if skipped is Step.LOCK else (Step.PROVE,):
        attempt.ask(step, before)
        require_refused(attempt, (0, 1, 2, 3), "not-ready", "this step follows")


def test_another_attempt_of_a_locked_set_opens_the_same_numbers() -> None:
    """By other provers, after numbers were seen, and after one of them has forgotten everything."""
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.OPEN)
    network.restart(3)
    again = began(network, number=2, active=(0, 1, 3))
    again.through(Step.PROVE)
    third = further(again, number=3, active=(0, 1, 2))
    third.through(Step.PROVE)
    assert attempt.values == again.values == third.values
    shares = [{p: m.body for p, m in one.said[Step.OPEN].items()} for one in (attempt, again)]
    assert shares[0][0] != shares[1][0], "shares of inner products are masked anew"
    assert attempt.statement.weights == again.statement.weights


def test_numbers_are_scaled_as_the_terms_say_that_the_context_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under two scales a number's noise could be taken off."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.LOCK)
    network = attempt.network
    other = replace(network.terms, rounds=11, grading=Grading(4, 8, seed_of("data")))
    monkeypatch.setattr(network.memories[0], "terms", lambda task_id: other)
    attempt.ask(Step.OPEN, Step.LOCK)
    require_refused(attempt, (0,), "bad-message", "other terms")


def test_a_share_of_a_number_that_was_moved_names_its_sender() -> None:
    attempt = began(graded_with(COSINES))
    attempt.through(Step.OPEN)
    body = OpenBody.decode(attempt.said[Step.OPEN][LIAR].body, len(COSINES))
    attempt.lie(Step.OPEN, LIAR, lambda _: OpenBody(moved(body.values, 0, 1)).encode())
    attempt.ask(Step.PROVE, Step.OPEN)
    assert {failure.code for failure in attempt.refused.values()} == {"prover-blamed"}


# --- what is attested and released -----------------------------------------------------------------------------


def test_other_numbers_another_row_or_another_rule_are_not_attested() -> None:
    attempt = began(graded_with(COSINES))
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    lies = (
        lambda g: replace(g, values=(g.values[0] + 1, *g.values[1:])),
        lambda g: replace(g, values=tuple(reversed(g.values))),
        lambda g: replace(g, rule=replace(g.rule, min_owners=1)),
    )
    for lie in lies:
        attempt.ask(Step.ATTEST, None, payload=attempt.bundle(changed(bundle, lie)).encode_to_attest())
        require_refused(attempt, (0, 1, 2, 3), "bad-message", "not the one that this attempt has proven")
    attempt.ask(Step.ATTEST, None, payload=replace(bundle, row=moved(bundle.row, len(bundle.row) - 1, 1)).encode())
    require_refused(attempt, (0, 1, 2, 3), "bad-message", "bytes too many")
    plain = replace(bundle, certificate=replace(bundle.certificate, statement=replace(bundle.statement, graded=None)))
    attempt.ask(
        Step.ATTEST, None, payload=replace(plain, projections=bundle.projections[1:], row=bundle.row[:0]).encode()
    )
    require_refused(attempt, (0, 1, 2, 3), "bad-message", "not of the graded batch whose row is here")
    heavier = replace(bundle.proof, commitment_sum=native.g1_add(bundle.proof.commitment_sum, native.g1_generator))
    wrong = replace(bundle, certificate=replace(bundle.certificate, proof=heavier))
    attempt.ask(Step.ATTEST, None, payload=wrong.encode_to_attest())
    assert {failure.code for failure in attempt.refused.values()} == {"proof-invalid"}
    assert not any(memory.ledger.locks for memory in attempt.network.memories)
    attested(attempt, bundle)
    lock = attempt.network.memories[0].ledger.locks
    assert {selection.weights for selection in lock.values()} == {bundle.statement.weights}


def test_the_row_comes_once_and_is_part_of_what_is_attested() -> None:
    """With LOCK: later nothing takes its place, and what a prover keeps of the batch is whole."""
    attempt = began(graded_with(COSINES))
    attempt.through(Step.LOCK)
    network, row = attempt.network, attempt.row
    state = network.parties[0].attempts[attempt.proposal.digest]
    assert isinstance(state, SetLocked) and np.array_equal(state.row, row)
    for repeated in (moved(row, 0, 1), row):
        attempt.ask(Step.LOCK, Step.COMBINE, payload=scalars_to_bytes(repeated))
        require_refused(attempt, (0, 1, 2, 3), "not-ready", "stands at SetLocked")
    attempt.onward(Step.OPEN, Step.PROVE)
    bundle = attempt.bundle()
    request = network.authorized(attempt.request(Step.ATTEST, payload=bundle.encode_to_attest()))
    assert len(request.payload) == bundle.size - 32 * len(row)
    outcome = handle(network.parties[0], request, network.memories[0])
    own = (0, SignatureBody.decode(outcome.reply.message.body).signature)
    assert outcome.attested is not None
    assert outcome.attested.encode() == bundle.attested_by([own]).encode()
    assert len(outcome.attested.encode()) == outcome.attested.size


def test_a_prover_holds_one_vector_as_long_as_the_model_at_a_time() -> None:
    """Of an attempt: row 0 until COMBINE, then, where owners are graded, the combined row until ATTEST."""
    attempt = began(graded_with(COSINES))
    attempt.mask()
    session, parties = attempt.proposal.digest, attempt.network.parties
    long = len(attempt.network.setup.commitment.bases)

    def held() -> int:
        return sum(len(each) == long for each in vectors_in(parties[0].attempts[session]))

    counts = {Step.MASK: held()}
    for step in (Step.VALIDATE, Step.CONFIRM, Step.COMBINE, Step.LOCK, Step.OPEN, Step.PROVE):
        attempt.onward(step, step)
        counts[step] = held()
    attested(attempt, attempt.bundle())
    assert held() == 0
    assert counts == {step: int(step is not Step.COMBINE) for step in counts}


def vectors_in(state: Any) -> Iterator[FrArray]:
    """All vectors of a state, however deep."""
    if isinstance(state, np.ndarray):
        yield state
    elif is_dataclass(state) or isinstance(state, tuple):
        parts = state if isinstance(state, tuple) else [getattr(state, each.name) for each in fields(state)]
        for part in parts:
            yield from vectors_in(part)


def test_a_sum_has_the_weights_that_were_attested() -> None:
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    certificate = attested(attempt, bundle)
    accept(network, certificate)
    for change in (
        lambda g: replace(g, values=(-g.values[0], *g.values[1:])),
        lambda g: replace(g, rule=replace(g.rule, step=1)),
        lambda g: replace(g, reference=replace(g.reference, owner=address_of(seed_of("a stranger")))),
    ):
        other = replace(certificate, statement=changed(bundle, change))
        accept(network, other)
        reply = network.deliver(0, StepRequest(Step.RELEASE, other.batch_id, payload=other.encode()))
        assert isinstance(reply, Failure)
    request = StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode())
    reply = network.deliver(0, request)
    assert isinstance(reply, StepReply)
    expected = network.memories[0].summed(selection_of(certificate.statement))
    assert reply.vector is not None and np.array_equal(reply.vector, expected)


def test_a_reference_of_another_dealing_releases_nothing() -> None:
    network = graded_with(COSINES, copies=[OwnerPlan(along(1000, 5))] * 2)
    attempt = began(network)
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    certificate = attested(attempt, bundle)
    swapped = replace(certificate, statement=changed(bundle, lambda g: replace(g, reference=network.references[1])))
    accept(network, swapped)
    reply = network.deliver(0, StepRequest(Step.RELEASE, swapped.batch_id, payload=swapped.encode()))
    assert isinstance(reply, Failure) and "are not those of its cohort" in reply.message


def test_a_batch_is_graded_by_the_rule_of_its_task() -> None:
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.PROVE)
    certificate = attested(attempt, attempt.bundle())
    accept(network, certificate)
    network.terms = replace(network.terms, grading=Grading(3, 4, seed_of("data")))
    reply = network.deliver(0, StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode()))
    assert isinstance(reply, Failure) and reply.code == "bad-message"
    network.terms = replace(network.terms, grading=None)
    reply = network.deliver(0, StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode()))
    assert isinstance(reply, Failure) and reply.code == "bad-message"


def test_what_provers_attest_of_graded_batches_is_no_evidence() -> None:
    """Their sums are weighted: by the rules for others every honest prover would have attested a wrong one."""
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.PROVE)
    certificate = attested(attempt, attempt.bundle())
    attesters = Attesters(network.committee, network.policy.verifier_code)
    assert len(attesters.valid(certificate)) == 4
    assert not Witness().certificate(certificate, attesters, network.terms)


def test_a_store_serves_graded_batches_and_keeps_their_sums(tmp_path: Path) -> None:
    """The weights are written down when the batch is attested, so that its sum is there when the shares are gone."""
    network = graded_with(COSINES)
    attempt = began(network)
    attempt.through(Step.PROVE)
    bundle = attempt.bundle()
    certificate = attested(attempt, bundle)
    store = Store(tmp_path, max_bytes=1 << 24)
    store.put_batch(bundle.attested_by(certificate.attestations))
    batch_id = certificate.batch_id
    assert store.batches_of(network.context.task_id, 0) == [batch_id]
    assert store.certificate(batch_id) == certificate.encode()
    assert AuditBundle.decode(store.audit_bundle(batch_id)).certificate.batch_id == batch_id
    joined = CohortJoined(b"\x01" * 32, members_of(network.context, attempt.cohort.headers))
    chosen = selection_of(certificate.statement)
    graded = GradedLocked(GradedSet.of(members_of(network.context, certificate.statement.rows)))
    for entry in (joined, graded, Locked(chosen)):
        store.commit([entry], (network.context.task_id, 0))
    assert store._rows.selections() == {chosen.digest: chosen}
    assert store._rows.sets_of((network.context.task_id, 0)) == {chosen.digest}
    store.close()
    again = Store(tmp_path, max_bytes=1 << 24)
    assert again.ledger.graded == dict.fromkeys(graded.selection.owners, graded.selection)
    assert again.ledger.locks == dict.fromkeys(chosen.owners, chosen)
    again.close()


# --- cohorts and proposals -------------------------------------------------------------------------------------


def coin_refused(network: Any, cohort: Cohort, named: str, code: str = "bad-message") -> None:
    reply = network.deliver(0, network.authorized(StepRequest(Step.COIN, cohort.cohort_id, cohort=cohort)))
    assert isinstance(reply, Failure) and reply.code == code and named in reply.message, reply
    assert not network.memories[0].ledger.cohorts


def test_a_cohort_is_graded_if_its_task_is() -> None:
    graded, plain = graded_with(COSINES), network_with(3)
    coin_refused(graded, Cohort(graded.context, tuple(graded.headers)), "graded against a reference")
    alien = replace(graded.references[0])
    coin_refused(plain, Cohort(plain.context, (alien, *plain.headers)), "not graded")


def test_a_cohort_has_a_copy_that_its_round_was_opened_with() -> None:
    network = graded_with(COSINES, copies=[OwnerPlan(along(1000, 5)), OwnerPlan(along(-1000, 5))])
    first, second = network.references
    swapped = replace(first, owner_index=second.owner_index).signed(
        network.context, lambda digest: sign_digest(MODEL_OWNER, digest)
    )  # fmt: skip
    coin_refused(network, Cohort(network.context, (swapped, *network.headers)), "commitment or shares", "bad-signature")
    unsigned = replace(first, dealing_signature=second.dealing_signature)
    coin_refused(network, Cohort(network.context, (unsigned, *network.headers)), "the dealing", "bad-signature")


def test_a_copy_with_the_commitment_of_another_joins_no_cohort() -> None:
    """It would join two, with two sign matrices for one row; so the round has no batch."""
    network = GradedNetwork(copies=[OwnerPlan(along(1000, 5)), OwnerPlan(along(1000, 5))])
    network.open_with_twins()
    for cosine in COSINES:
        network.submit(OwnerPlan(along(cosine, network.dimension)))
    for copy in (0, 1):
        network.copy = copy
        coin_refused(network, network.cohort, "another copy of this round's reference")


def squares_of(attempt: GradedAttempt) -> list[int]:
    """The opened squares of a cohort's noise."""
    count, said = len(attempt.cohort.headers), attempt.said[Step.PROJECT]
    shares = {p: GradedProjectBody.decode(m.body, count).squares.reshape(-1, 4) for p, m in said.items()}
    return native.to_ints(open_vector(shares, 2, 1, "squares"))


def test_the_next_cohort_takes_the_next_copy() -> None:
    """And owners' submissions that are new: those of the first are bound to it, like its copy."""
    network = graded_with(COSINES, copies=[OwnerPlan(along(1000, 5)), OwnerPlan(along(-1000, 5))])
    first = began(network)
    network.copy = 1
    second = GradedAttempt(network)
    second.ask(Step.COIN, None)
    require_refused(second, (0, 1, 2, 3), "rule-violation", "already belongs to another cohort")
    network.headers[:] = [network.submit_again(i, plan) for i, plan in enumerate(network.plans)]
    third = began(network)
    third.through(Step.PROVE)
    assert all(0 <= n < 1 << NOISE_BITS for n in exact(third))
    assert not set(squares_of(first)) & set(squares_of(third)), "noise is the cohort's own"
    network.copy = 0
    with_used_copy = GradedAttempt(network)
    with_used_copy.ask(Step.COIN, None)
    assert set(with_used_copy.refused) == {0, 1, 2, 3}


@pytest.mark.parametrize("kept", [(1, 2), (0,), (1,)])
def test_owners_are_proven_with_their_reference(kept: tuple[int, ...]) -> None:
    attempt = began(graded_with(COSINES), kept=kept)
    attempt.mask()
    require_refused(attempt, (0, 1, 2, 3), "bad-message", "with its reference")


def test_owners_that_are_left_out_change_nobody_elses_number() -> None:
    network = graded_with(COSINES)
    attempt = began(network, kept=(0, 1, 3))
    attempt.through(Step.PROVE)
    assert len(attempt.values) == 2 and all(0 <= n < 1 << NOISE_BITS for n in exact(attempt))
    bundle = attempt.bundle()
    assert verify_batch(bundle.statement, bundle.proof, network.setup.verifying)
    noise = {p: attempt.network.parties[p].keys.random(attempt.cohort.cohort_id, Purpose.NOISE, 160) for p in range(4)}
    bits = [int(v <= R // 2) for v in native.to_ints(open_vector(noise, 1, 1, "noise"))]
    drawn = [sum(b << e for e, b in enumerate(bits[40 * o : 40 * o + 40])) for o in range(4)]
    assert exact(attempt) == [drawn[0], drawn[2]]


def bend(shares: list[FrArray]) -> None:
    """Two provers' shares of the first coordinate are others', so that no t left out make the rest fit."""
    for share in shares[:2]:
        share[0] = shares[3][1]


def test_a_reference_is_not_excluded() -> None:
    """No deposit of the model owner stands for it."""
    network = graded_with(COSINES, copies=[OwnerPlan(along(1000, 5), bend=bend)])
    attempt = began(network)
    relayed = tuple(attempt.said[Step.PROJECT].values())
    request = replace(attempt.request(Step.PROJECT), step=Step.EXCLUDE, owner=0, relayed=relayed)
    reply = attempt.deliver(1, request)
    assert isinstance(reply, Failure) and "no owner's" in reply.message


def test_an_owner_is_excluded_on_graded_projections() -> None:
    attempt = began(graded_with([1000, OwnerPlan(along(500, 5), bend=bend), 0]))
    relayed = tuple(attempt.said[Step.PROJECT].values())
    request = replace(attempt.request(Step.PROJECT), step=Step.EXCLUDE, owner=2, relayed=relayed)
    assert isinstance(attempt.deliver(1, request), StepReply)
    honest = attempt.deliver(1, replace(request, owner=1))
    assert isinstance(honest, Failure) and "no fault" in honest.message
