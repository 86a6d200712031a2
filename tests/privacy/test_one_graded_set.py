"""One set whose numbers are opened and one list of weights: what coordinators and makers of setup files try instead.

``test_one_sum`` has the attacks that graded and other batches have in common.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import pytest

import native
from circuits.policies.gram import position
from circuits.srs import unsafe_development_tau
from circuits.statement import TAIL, domain_size, sign_seed
from circuits.verify import verify_batch
from commons.protocol.bodies import CoinBody, SignatureBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.gradedbodies import GradedCombineBody, GradedMaskBody, LockBody
from commons.protocol.messages import Cohort, Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest
from commons.sharing.reconstruct import open_scalar
from native import FrArray, R
from provers.party import Acceptance
from provers.party.ledger import GradedSet
from provers.party.steps import members_of
from tests.support.gradedattempt import GradedAttempt
from tests.support.gradednetwork import MODEL_OWNER, GradedNetwork, along, graded_with
from tests.support.network import OwnerPlan
from tests.support.parts import with_parts
from tests.support.plain_batch import address_of, seed_of

COSINES = [1000, 500, -300, 0]
CORRUPT = 2
"""With two others it makes 2t + 1, so what is opened at degree 2t is what it wants."""
FEW = (0, 1, CORRUPT)


def certified(attempt: GradedAttempt, bundle: AuditBundle, provers: tuple[int, ...]) -> Certificate:
    """The batch with the signatures of those honest provers that sign, and of the corrupt one, which signs anything."""
    attempt.ask(Step.ATTEST, None, payload=bundle.encode_to_attest(), provers=provers)
    said, network = attempt.said[Step.ATTEST], attempt.network
    signed = {p: SignatureBody.decode(m.body).signature for p, m in said.items()}
    word = bundle.certificate.attested(network.policy.verifier_code, network.terms.committee_id)
    signed[CORRUPT] = sign_digest(network.prover_keys[CORRUPT], word.digest(network.context))
    return bundle.certificate.attested_by(sorted(signed.items()))


def release(network: GradedNetwork, prover: int, certificate: Certificate) -> StepReply | Failure:
    """RELEASE at one prover, whose nodes show the batch as accepted."""
    indices = tuple(h.owner_index for h in certificate.statement.owners)
    acceptance = Acceptance(indices, certificate.proof.commitment_sum)
    network.memories[prover].acceptances[certificate.batch_id] = acceptance
    request = StepRequest(Step.RELEASE, certificate.batch_id, payload=certificate.encode())
    return network.deliver(prover, request)


# --- a lock that comes to nothing ------------------------------------------------------------------------------


def test_a_prover_that_locked_a_set_alone_releases_the_one_that_was_certified() -> None:
    """Else a coordinator that asks one prover to LOCK a set of which nothing becomes has its fees stopped."""
    network = graded_with(COSINES)
    stray = GradedAttempt(network)
    stray.begin()
    stray.through(Step.COMBINE)
    stray.ask(Step.LOCK, Step.COMBINE, payload=stray.row_payload, provers=(3,))
    assert set(stray.said[Step.LOCK]) == {3}
    attempt = GradedAttempt(network, number=2, active=FEW, kept=(0, 1, 2, 3))
    attempt.begin()
    attempt.through(Step.PROVE)
    certificate = certified(attempt, attempt.bundle(), (0, 1))
    ledger = network.memories[3].ledger
    stray_set = GradedSet.of(members_of(network.context, network.cohort.headers))
    assert set(ledger.graded.values()) == {stray_set}
    for prover in range(4):
        reply = release(network, prover, certificate)
        assert isinstance(reply, StepReply) and reply.vector is not None, reply
    # the stray set is as dead as before: this prover signs nothing about it
    again = GradedAttempt(network, number=3, active=(0, 1, 3))
    again.begin()
    again.through(Step.COMBINE)
    again.ask(Step.LOCK, Step.COMBINE, payload=again.row_payload)
    assert {p: f.code for p, f in again.refused.items()} == dict.fromkeys((0, 1, 3), "rule-violation")


def test_an_old_coin_stops_a_locked_set_only_at_who_has_not_locked_it() -> None:
    """Who kept the request for the coin of a cohort that failed shows it to a prover that was not asked then.  It takes
    the earlier submission for the one that counts, so the set is left to the provers that were bound to it.
    """
    network = graded_with(COSINES, copies=[OwnerPlan(along(1000, 5))] * 2)
    failed = GradedAttempt(network)
    failed.ask(Step.COIN, None, provers=FEW)
    request = failed.request(Step.COIN)
    network.headers[:] = [network.submit_again(nth, plan) for nth, plan in enumerate(network.plans)]
    network.copy = 1
    attempt = GradedAttempt(network, active=FEW)
    attempt.begin()
    attempt.through(Step.OPEN)
    assert isinstance(failed.deliver(3, request), StepReply)
    with_it = GradedAttempt(network, number=2, active=(0, 1, 3))
    with_it.said = {step: dict(attempt.said[step]) for step in (Step.COIN, Step.PROJECT)}
    with_it.ask(Step.COIN, None, provers=(3,))
    assert "is retired" in with_it.refused[3].message
    for prover in FEW:
        reply = failed.deliver(prover, request)
        assert isinstance(reply, Failure) and reply.code == "rule-violation"
    again = GradedAttempt(network, number=3, active=FEW)
    again.said = {Step.COIN: dict(attempt.said[Step.COIN])}
    again.ask(Step.PROJECT, Step.COIN, provers=FEW)
    again.through(Step.PROVE)
    assert again.values == attempt.values


# --- two lists of weights for one set ---------------------------------------------------------------------------


@dataclass(eq=False)
class Forged(GradedAttempt):
    """An attempt whose inner product of reference and first owner a corrupt prover shifts, by one who knows tau: the
    row that is shown has the squared norm that follows, combines the projections, and opens the same commitment.

    Attributes:
        shift: what is added to K_12.
    """

    shift: int = 0

    def mask(self, relay: object = None) -> None:
        super().mask()
        rows = len(self.kept)
        body = GradedMaskBody.decode(self.said[Step.MASK][CORRUPT].body, rows)
        weights = native.lagrange_coefficients([p + 1 for p in self.active])
        added = self.shift * pow(weights[list(self.active).index(CORRUPT)], -1, R)
        values = native.to_ints(body.products)
        values[position(1, 2, rows + 1)] += added
        lied = with_parts(body, products=native.from_ints([v % R for v in values]))
        self.lie(Step.MASK, CORRUPT, lambda _: lied.encode())

    @property
    def row(self) -> FrArray:
        """The opened row, moved along a direction of norm zero until its own fits, with a tail that covers it."""
        true = super().row
        values = native.to_ints(true[:-TAIL])
        root = pow(5, (R - 1) // 4, R)
        wanted = (self._square_norm() - sum(v * v for v in values)) % R
        step = wanted * pow(2 * (values[0] + root * values[1]), -1, R) % R
        moved = [step, step * root % R, *[0] * (len(values) - 2)]
        signs = native.to_ints(native.project([native.from_ints(moved)], self._seed())[0])
        masks = [-s % R for s in signs]
        tau, n = unsafe_development_tau(seed_of("srs")), domain_size(len(values))
        vanishing = (pow(tau, n, R) - 1) % R
        basis = native.to_ints(native.lagrange_scalars(tau, n))[:2]
        off = sum(m * b for m, b in zip(moved, basis, strict=False)) * pow(vanishing, -1, R)
        blinder = -(off + sum(m * pow(tau, k + 1, R) for k, m in enumerate(masks)))
        changes = [*moved, blinder % R, *masks]
        return native.add(true, native.from_ints(changes))

    def _square_norm(self) -> int:
        said, rows = self.said[Step.COMBINE], len(self.kept)
        shares = {p: GradedCombineBody.decode(m.body, rows).square_norm for p, m in said.items()}
        return open_scalar(shares, self.t, self.t, "T")

    def _seed(self) -> bytes:
        shares = {p: CoinBody.decode(m.body).share for p, m in self.said[Step.COIN].items()}
        return sign_seed(self.cohort.cohort_id, open_scalar(shares, self.t, self.t, "coin"))


@pytest.mark.parametrize("active", [FEW, (0, CORRUPT, 3)])
def test_who_knows_tau_has_one_list_of_weights_certified(active: tuple[int, ...]) -> None:
    """By a string whose tau is known numbers and weights can be forged, and be others in another attempt.  A second
    list has no quorum all the same: by both of them the sums of two would say what one of them hides.
    """
    network = graded_with([1000, 1000, 1000, 0])
    attempts = []
    for number, (shift, provers) in enumerate(((-(1 << 30), FEW), (-(1 << 34), active)), 1):
        attempt = Forged(network, number=number, active=provers, shift=shift)
        attempt.begin()
        attempt.through(Step.PROVE)
        attempts.append(attempt)
    one, two = attempts
    bundles = [attempt.bundle() for attempt in attempts]
    for bundle in bundles:
        assert verify_batch(bundle.statement, bundle.proof, network.setup.verifying) == bundle.certificate.batch_id
    scale = network.rule.scale(network.terms.bound)
    assert one.values[0] - two.values[0] == 15 * scale << 30 and one.values[1:] == two.values[1:]
    assert (one.statement.weights, two.statement.weights) == ((3, 3, 3, 0), (0, 3, 3, 0))
    locks = {LockBody.decode(m.body).selection for attempt in attempts for m in attempt.said[Step.LOCK].values()}
    assert len(locks) == 1, "it is one set"
    first = certified(one, bundles[0], (0, 1))
    second = certified(two, bundles[1], tuple(p for p in active if p != CORRUPT))
    refused = {p: failure.message for p, failure in two.refused.items()}
    assert set(refused) == set(active) & {0, 1}
    assert all("locked to another set" in message for message in refused.values()), refused
    assert len(second.attestations) < network.committee.quorum <= len(first.attestations)
    for prover in range(4):
        assert isinstance(release(network, prover, second), Failure)
        assert isinstance(release(network, prover, first), StepReply)


# --- a copy of the reference that passes as an owner's gradient -------------------------------------------------


def test_a_copy_of_the_reference_is_in_no_cohort_as_the_gradient_of_its_dealer() -> None:
    """Attack: the model owner is registered as an owner too, signs the copy as an owner's, and provers have its shares.

    The copy would be projected with the signs of two cohorts, or be in a sum of which the others are the coordinator's.
    """
    network = graded_with([900, 800], copies=[OwnerPlan(along(731, 5))] * 2)
    network.owner_addresses[9] = address_of(MODEL_OWNER)
    copy, context = network.references[0], network.context
    as_owner = replace(copy, owner_index=9).signed(context, partial(sign_digest, MODEL_OWNER))
    for memory in network.memories:
        memory.payloads[as_owner.digest(context)] = memory.payloads[copy.digest(context)]
    attack = Cohort(network.context, (network.references[1], *network.headers, as_owner))
    for cohort, refused in ((attack, True), (network.cohort, False)):
        request = network.authorized(StepRequest(Step.COIN, cohort.cohort_id, cohort=cohort))
        answer = network.deliver(0, request)
        assert isinstance(answer, Failure) is refused
        assert not isinstance(answer, Failure) or "a copy of the round's reference" in answer.message
