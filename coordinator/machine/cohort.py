"""COIN, PROJECT, REVEAL: fix the sign matrix, open every owner's projections, settle who dealt or sent wrong shares.

Corruption bound: at most t lying provers, any number of owners.  An owner is rejected here only when at most t liars
cannot have made it look guilty; where they can, it is set aside and nobody is accused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from circuits.errors import BlamedProversError, InconsistentError, UnknownError, WireError
from circuits.statement import Membership, sign_seed
from commons.protocol.bodies import CoinBody, DigestBody
from commons.protocol.gradedbodies import GradedProjectBody, project_form
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure, ProverAbsent, ProverNamed, ProverVerdict, blamed, collect
from commons.protocol.rules import checked_values, small
from commons.sharing.reconstruct import open_scalar, open_vector
from commons.sharing.sharepayloads import decode_payload
from commons.sharing.sharevector import ShareVector
from coordinator.machine.culprits import enough_provers, failed, resume, too_few_provers
from coordinator.machine.state import Batch, Case, Disputing, Ground, Projecting, Resources, Tossing, Transition
from coordinator.machine.verdicts import OwnerVerdict, Verdict, rejection, setting_aside
from native import FrArray

Replies = Mapping[int, StepReply | Failure]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A prover's share of one owner (cohort index) misses the polynomial of the agreeing provers' shares."""

    owner: int
    agreeing: frozenset[int]


def start(resources: Resources, batch: Batch) -> Transition:
    """COIN to everybody who can be reached."""
    session = batch.cohort.cohort_id
    request = StepRequest(Step.COIN, session, cohort=batch.cohort)
    return Transition(Tossing(batch), dict.fromkeys(sorted(batch.reachable), request))


def tossed(resources: Resources, state: Tossing, replies: Replies) -> Transition:
    """After COIN: open the coin and relay its shares."""
    session, t = state.batch.cohort.cohort_id, resources.committee.threshold
    answers = collect(resources.committee, replies, state.batch.reachable, session, Step.COIN, CoinBody.decode)
    batch, verdicts = state.batch.without(answers.fallen), answers.fallen
    while True:
        if not enough_provers(resources, batch):
            return failed(batch, verdicts, too_few_provers(resources, batch))
        shares = {p: answers.bodies[p].share for p in batch.reachable}
        try:
            coin = open_scalar(shares, t, batch.liars(t), "coin")
            break
        except BlamedProversError as error:
            named = blamed(error, Step.COIN)
            batch, verdicts = batch.without(named), verdicts + named
        except InconsistentError as error:
            return failed(batch, verdicts, f"{error}; with more provers the liar would be found")
    batch = replace(batch, nonces={p: answers.bodies[p].nonce for p in batch.reachable})
    relayed = tuple(answers.replies[p].message for p in sorted(batch.reachable))
    request = StepRequest(Step.PROJECT, session, relayed=relayed)
    following = Projecting(batch, coin, sign_seed(session, coin))
    return Transition(following, dict.fromkeys(sorted(batch.reachable), request), verdicts)


def projected(resources: Resources, state: Projecting, replies: Replies) -> Transition:
    """After PROJECT: judge every owner's dealing and projections."""
    cohort = state.batch.cohort
    count, form = len(cohort.headers), project_form(state.batch.is_graded)
    answers = collect(
        resources.committee,
        replies,
        state.batch.reachable,
        cohort.cohort_id,
        Step.PROJECT,
        lambda raw: form.decode(raw, count),
    )
    messages = {p: reply.message for p, reply in answers.replies.items()}
    shares = {p: body.shares for p, body in answers.bodies.items()}
    squares = {p: body.squares for p, body in answers.bodies.items() if isinstance(body, GradedProjectBody)}
    batch = state.batch.without(answers.fallen)
    case = Case(batch, state.coin, state.seed, messages, shares, squares, fallen=batch.out)
    return _judge(resources, case, answers.fallen)


def _judge(resources: Resources, case: Case, verdicts: tuple[Verdict, ...]) -> Transition:
    """Open what can be opened; ask for a revelation wherever a share is located as wrong."""
    if not enough_provers(resources, case.batch):
        return failed(case.batch, verdicts, too_few_provers(resources, case.batch))
    opened: dict[int, FrArray] = {}
    disputes: dict[int, Dispute] = {}
    for owner in range(len(case.batch.cohort.headers)):
        if owner in case.fallen:
            continue
        verdict: Verdict | None = None
        try:
            opened[owner] = _open(resources, case, owner)
            if not small(opened[owner]):
                verdict = _reject(case, owner, "smallness: an entry is not a small integer, or a mask is out of range")
        except BlamedProversError as error:
            if owner in (case.batch.locked or ()):
                return _without_wrong_shares(resources, case, error.provers, verdicts)
            if _may_reveal(resources, case, error.provers):
                for prover in error.provers:
                    disputes.setdefault(prover, Dispute(owner, case.batch.reachable - set(error.provers)))
            else:
                verdict = _set_aside(case, owner)
        except InconsistentError:
            verdict = _unlocated(resources, case, owner)
        if verdict is not None:
            opened.pop(owner, None)
            verdicts, case = (*verdicts, verdict), replace(case, fallen=case.fallen | {owner})
    return _dispute(case, disputes, verdicts) if disputes else _judged(resources, case, opened, verdicts)


def _judged(
    resources: Resources, case: Case, opened: Mapping[int, FrArray], verdicts: tuple[Verdict, ...]
) -> Transition:
    """Begin with those whose projections are open; a set whose dealings were good before is tried again as it is."""
    if case.batch.is_cleared and case.fallen:
        return failed(case.batch, verdicts, _LIED)
    ground = Ground(case.coin, case.seed, case.messages, opened, frozenset(opened), case.squares)
    return resume(resources, case.batch, ground, verdicts)


def _without_wrong_shares(
    resources: Resources, case: Case, provers: tuple[int, ...], verdicts: tuple[Verdict, ...]
) -> Transition:
    """A set that provers have signed is finished with those whose shares fit, whoever is to blame for the others."""
    reason = "its share of an owner in a signed set does not fit; the set is finished without it"
    absent = tuple(ProverAbsent(p, Step.PROJECT, reason) for p in provers)
    return _judge(resources, replace(case, batch=case.batch.without(absent)), verdicts + absent)


def _open(resources: Resources, case: Case, owner: int) -> FrArray:
    """The owner's projections, FrArray (128, 4); the dealing check only has to fit."""
    t = resources.committee.threshold
    shares = {p: np.ascontiguousarray(case.shares[p][owner]) for p in case.batch.reachable}
    return open_vector(shares, t, case.batch.liars(t), f"projections of submission {owner}")[:-1].copy()


def _located(resources: Resources, case: Case, owner: int) -> tuple[int, ...]:
    """Provers whose values of an owner do not fit."""
    try:
        _open(resources, case, owner)
    except BlamedProversError as error:
        return error.provers
    return ()


def _may_reveal(resources: Resources, case: Case, wrong: tuple[int, ...]) -> bool:
    """A prover lays a share open only if 2t + 1 others agree without it (see ``provers.party.probing``)."""
    return len(case.batch.reachable - set(wrong)) >= 2 * resources.committee.threshold + 1


def _unlocated(resources: Resources, case: Case, owner: int) -> Verdict:
    """With 2t + 1 honest provers for certain, more shares are wrong than provers can lie: the dealing is."""
    t = resources.committee.threshold
    if len(case.batch.reachable) - case.batch.liars(t) >= 2 * t + 1:
        return _reject(case, owner, _DEALING)
    return _set_aside(case, owner)


_LIED = (
    "a prover's shares do not fit those of the others, though all dealings of this set were found good; with more "
    "provers the liar would be found"
)
_DEALING = "dealing: its shares do not lie on one polynomial"


def _reject(case: Case, owner: int, reason: str, *, out: tuple[int, ...] = (), payload: bytes = b"") -> OwnerVerdict:
    """A verdict with its evidence.

    Args:
        out: provers whose values do not fit.
        payload: one that was laid open.
    """
    cohort = case.batch.cohort
    relayed = tuple(case.messages[p] for p in sorted(case.batch.reachable - set(out)))
    evidence = StepRequest(Step.EXCLUDE, cohort.cohort_id, relayed=relayed, payload=payload, owner=owner)
    return rejection(cohort, owner, reason, evidence)


def _set_aside(case: Case, owner: int) -> OwnerVerdict:
    reason = "unattributed: its shares do not fit together, and too few provers answered to say who is at fault"
    return setting_aside(case.batch.cohort, owner, reason)


def _dispute(case: Case, disputes: Mapping[int, Dispute], verdicts: tuple[Verdict, ...]) -> Transition:
    """REVEAL to each prover whose share of an owner was located as wrong, with the signed values that exclude it."""
    session = case.batch.cohort.cohort_id
    requests = {}
    for prover, dispute in sorted(disputes.items()):
        relayed = tuple(case.messages[p] for p in sorted(dispute.agreeing))
        requests[prover] = StepRequest(Step.REVEAL, session, relayed=relayed, owner=dispute.owner)
    return Transition(Disputing(case, {p: d.owner for p, d in disputes.items()}), requests, verdicts)


def revealed(resources: Resources, state: Disputing, replies: Replies) -> Transition:
    """After REVEAL: the share that the owner signed decides between owner and prover."""
    case, session = state.case, state.case.batch.cohort.cohort_id
    answers = collect(resources.committee, replies, state.asked, session, Step.REVEAL, DigestBody.decode)
    verdicts: tuple[Verdict, ...] = ()
    fallen = tuple(_refusal(v, replies) for v in answers.fallen)
    for prover, body in answers.bodies.items():
        owner = state.asked[prover]
        holder = Membership(resources.committee, prover)
        fault = _dispute_fault(case, holder, owner, answers.replies[prover].raw, body.digest)
        if fault is not None:
            fallen += (fault,)
        elif owner not in case.fallen:
            out, raw = _located(resources, case, owner), answers.replies[prover].raw
            verdicts += (_reject(case, owner, _DEALING, out=out, payload=raw),)
            case = replace(case, fallen=case.fallen | {owner})
    case = replace(case, batch=case.batch.without(fallen))
    return _judge(resources, case, verdicts + fallen)


def _refusal(verdict: ProverVerdict, replies: Replies) -> ProverVerdict:
    """An honest prover lays the share open on this evidence, so a refusal is held against it; silence is not, nor is a
    restart that made it forget the cohort.
    """
    reply = replies.get(verdict.prover)
    if isinstance(reply, Failure) and reply.kind == "refused" and reply.code != UnknownError.code:
        return ProverNamed(verdict.prover, Step.REVEAL, f"revelation: {reply.code}: {reply.message}", proven=False)
    return verdict


def _dispute_fault(case: Case, holder: Membership, owner: int, raw: bytes, digest: bytes) -> ProverNamed | None:
    """What the prover did wrong, or None if it sent exactly what follows from the share that the owner signed."""
    header, prover = case.batch.cohort.headers[owner], holder.index
    if digest != header.share_digests[prover]:
        return ProverNamed(prover, Step.REVEAL, "revelation: it is not the share whose digest the owner signed")
    if sha256(raw).digest() != digest:
        return ProverNamed(prover, Step.REVEAL, "revelation: the share is not the one that it signs", proven=False)
    dimension = case.batch.cohort.context.dimension
    try:
        vector = ShareVector.of(decode_payload(raw, dimension, holder), dimension)
    except WireError as error:
        return ProverNamed(prover, Step.REVEAL, f"revelation: it took in a malformed share: {error}")
    if np.array_equal(checked_values([vector], case.seed)[0], case.shares[prover][owner]):
        return None
    return ProverNamed(prover, Step.PROJECT, "projection: its values do not follow from the share that it holds")
