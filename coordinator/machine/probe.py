"""PROBE_MASK, PROBE_COMBINE: which submissions' shares do not open their commitments?

Halving: a masked combination of a group either opens the group's combined commitments, or some submission of the group
does not match; then its halves are probed, each under a fresh mask.  A verdict is sound against t lying provers: the
combination is opened at degree t from at least 2t + 1 provers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import native
from circuits.transcript import owners_hash, squarings
from commons.protocol.bodies import DigestBody, ProbeMaskBody
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure, collect, vectors
from commons.protocol.rules import probe_rho
from commons.sharing.reconstruct import open_g1, open_vector
from coordinator.machine.attempt import ask, new_run, rejected
from coordinator.machine.setbacks import OwnersFell, SetbackError, Unlocated, complete
from coordinator.machine.state import Batch, Ground, Hunt, ProbeCombining, ProbeMasking, Resources, Run, Transition

Replies = Mapping[int, StepReply | Failure]


def halves(group: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """A group cut in two; a single submission stays whole."""
    middle = len(group) // 2
    return tuple(part for part in (group[:middle], group[middle:]) if part)


def start(resources: Resources, batch: Batch, ground: Ground, active: frozenset[int], hunt: Hunt) -> Transition:
    """Probe the first pending group."""
    run = new_run(batch, ground, hunt.pending[0], active, probe=True)
    request = StepRequest(Step.PROBE_MASK, run.session, proposal=run.proposal)
    return Transition(ProbeMasking(run, hunt), dict.fromkeys(run.active, request))


def masked(resources: Resources, state: ProbeMasking, replies: Replies) -> Transition:
    """After PROBE_MASK: open the mask row's commitment."""
    run, t = state.run, resources.committee.threshold
    answers = complete(
        collect(resources.committee, replies, run.active, run.session, Step.PROBE_MASK, ProbeMaskBody.decode)
    )
    shares = {p: b.commitment for p, b in answers.bodies.items()}
    commitment = open_g1(shares, t, run.batch.liars(t), "probe's mask commitment")
    following = ProbeCombining(run, state.hunt, commitment)
    return Transition(following, ask(run, Step.PROBE_COMBINE, answers.messages))


def combined(resources: Resources, state: ProbeCombining, replies: Replies) -> Transition:
    """After PROBE_COMBINE: the group is clean, or is split, or is one submission and found out."""
    run, t = state.run, resources.committee.threshold
    answers = collect(resources.committee, replies, run.active, run.session, Step.PROBE_COMBINE, DigestBody.decode)
    answers, shares = vectors(answers, len(resources.commitment_key.bases), Step.PROBE_COMBINE)
    complete(answers)
    row = open_vector(shares, t, run.batch.liars(t), "probe's combined row")
    rho = probe_rho(run.session, owners_hash(run.headers), state.commitment)
    points = [state.commitment, *(h.commitment for h in run.headers)]
    expected = native.g1_linear_combination(points, squarings(rho, len(points)))
    group, rest = state.hunt.pending[0], state.hunt.pending[1:]
    hunt = replace(state.hunt, pending=rest)
    if resources.commitment_key.commit_long(row) != expected:
        if len(group) == 1:
            hunt = replace(hunt, bad=hunt.bad | frozenset(group))
        else:
            hunt = replace(hunt, pending=halves(group) + rest)
    if hunt.pending:
        return start(resources, run.batch, run.ground, frozenset(run.active), hunt)
    raise SetbackError(_found(run, hunt))


def _found(run: Run, hunt: Hunt) -> OwnersFell | Unlocated:
    if not hunt.bad:
        return Unlocated("no submission fails the probe, yet together they did not open their commitments")
    reason = "commitment: its shares do not open its commitment"
    return OwnersFell(hunt.bad, rejected(run, hunt.bad, reason))
