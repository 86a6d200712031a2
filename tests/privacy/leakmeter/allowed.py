"""What the adversary may learn: the sums of accepted batches, and what the tests of validity say.

Two tests of an owner's constraints are opened, and both are zero for an honest owner: the residual of VALIDATE, and,
in the Groth16 element C, the remainder of the division by the vanishing polynomial.  Both depend on bits and norm to
first order.  Their functionals, and no others, are what may leak beside the sums.

Of a graded set to which its provers are bound one number of each owner may be known, which its noise is part of; the
check of all bits opens two values more that are zero (B and Z of COMBINE).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import native
from commons.protocol.messages import Step
from native import FrArray, R
from tests.privacy.leakmeter.bitchecks import BitCheck, bits_of
from tests.privacy.leakmeter.kernel import Bases
from tests.privacy.leakmeter.linear import RowSpace, span
from tests.privacy.leakmeter.stage import Stage, Submission
from tests.privacy.leakmeter.toy import BOUND, DIMENSION, NOISE_BITS, SLACK_BITS, slack_of
from tests.privacy.leakmeter.world import World

_COSET = 5
"""Shift of the coset on which the joint prover divides."""


def excess(world: World, accepted: Iterable[Sequence[int]]) -> int:
    """Dimensions of the leak beyond what may leak.  Schedules that come to the same are looked at once.

    Args:
        accepted: the sets of owners whose sum has been released by right.
    """
    sets, known = tuple(map(tuple, accepted)), world.stage.excesses
    mappings = (world.challenges, world.checks, world.weights)
    key = (sets, world.seen, world.asked, world.numbered, *(frozenset(m.items()) for m in mappings))
    if key not in known:
        known[key] = _excess(world, sets)
    return known[key]


def _excess(world: World, accepted: Iterable[Sequence[int]]) -> int:
    permitted = permitted_space(world, accepted)
    before = permitted.dimension
    for row in world.leak():
        permitted.add(row)
    return permitted.dimension - before


def bared(world: World) -> int:
    """Dimensions of what leaks about gradients and bits of norms alone, beyond what may: noise counts as randomness."""
    columns = world.stage.gradients
    permitted = span(permitted_space(world, world.accepted).below(columns))
    before = permitted.dimension
    for row in world.view.below(columns):
        permitted.add(row)
    return permitted.dimension - before


def permitted_space(world: World, accepted: Iterable[Sequence[int]]) -> RowSpace:
    """The sums, numbers, and each session's tests as far as an honest prover has taken part in them."""
    stage = world.stage
    rows = [row for owners in accepted for row in sum_rows(stage, owners, world.weights.get(tuple(owners)))]
    rows += [row for session in world.numbered for row in number_rows(world, session)]
    for session, step, _ in sorted(world.asked):
        if step is Step.VALIDATE:
            chi = world.challenges[session]
            rows += [residual_row(stage, s, chi) for s in world.kept(session) if s.secrets is not None]
        if step is Step.COMBINE and session in world.checks:
            rows += check_rows(world, session)
        if step is Step.PROVE:
            rows.append(remainder_row(stage, world.kept(session), world.checks.get(session)))
    return span(rows)


def sum_rows(stage: Stage, owners: Sequence[int], weights: Sequence[int] | None = None) -> list[FrArray]:
    """One functional a coordinate: the sum over the honest ones among some owners, each once or by its weight."""
    factors = [1] * len(owners) if weights is None else weights
    drawn = [(stage.submissions[i].secrets, factor) for i, factor in zip(owners, factors, strict=True)]
    return [_row([(own.gradient[j], factor) for own, factor in drawn if own is not None]) for j in range(DIMENSION)]


def number_rows(world: World, session: bytes) -> list[FrArray]:
    """Derivative of each owner's number F <g, reference> + n in a graded set."""
    stage, proposal = world.stage, world.proposals[session]
    reference, *owners = world.kept(session)
    assert stage.noise is not None
    assert stage.terms.grading_rule is not None
    scale, columns, out = stage.terms.grading_rule.scale(BOUND), stage.noise.columns(proposal.cohort_id), []
    for owner, row in zip(owners, proposal.kept[1:], strict=True):
        terms = [(columns[k], 1 << e) for e, k in enumerate(bits_of([row - 1]))]
        for secrets, factors in ((owner.secrets, reference.values), (reference.secrets, owner.values)):
            if secrets is not None:
                terms += [(c, scale * g) for c, g in zip(secrets.gradient, factors, strict=True)]
        out.append(_row(terms))
    return out


def check_rows(world: World, session: bytes) -> list[FrArray]:
    """Derivatives of B = sum_k psi^k (R_k^2 - R_k) and of Z = sum_i lambda^i (BOUND - |g_i|^2 - sum_e 2^e bit_ie)."""
    check, kept = world.checks[session], world.kept(session)
    weights = [pow(check.psi, k, R) for k in range(SLACK_BITS * len(kept) + len(check.columns))]
    bits: list[tuple[int, int]] = []
    slack: list[tuple[int, int]] = []
    for nth, submission in enumerate(kept):
        if submission.secrets is not None:
            own = weights[SLACK_BITS * nth : SLACK_BITS * (nth + 1)]
            bits += _constraints(submission, own, 0)
            slack += _constraints(submission, [0] * SLACK_BITS, -pow(check.combination, nth + 1, R))
    return [_row(bits + _noise(check, weights[SLACK_BITS * len(kept) :])), _row(slack)]


def _noise(check: BitCheck, weights: Sequence[int]) -> list[tuple[int, int]]:
    """Derivative of sum_k weights[k] (b_k^2 - b_k) over the bits of noise."""
    moved = zip(check.columns, check.weights, weights, strict=True)
    return [(column, weight * by % R) for column, by, weight in moved]


def residual_row(stage: Stage, submission: Submission, chi: int) -> FrArray:
    """Derivative of sum_e chi^e (b_e^2 - b_e) + chi^SLACK_BITS (BOUND - |g|^2 - sum_e 2^e b_e), and of what the policy
    adds with the powers of chi that follow."""
    weights = [pow(chi, e, R) for e in range(SLACK_BITS)]
    further = [pow(chi, SLACK_BITS + 1 + k, R) for k in range(_further_count(stage))]
    own = _constraints(submission, weights, -pow(chi, SLACK_BITS, R))
    return _row([*own, *_further(stage, submission, further)])


def remainder_row(stage: Stage, kept: Sequence[Submission], check: BitCheck | None = None) -> FrArray:
    """Derivative, by the honest owners' bits and norms and the noise, of what is wrong with the proof's equation.

    With V the polynomial of degree below n that takes the constraints' values A z B z - C z on the domain, the joint
    prover divides on a coset, where the divisor is the constant v: its quotient is off by V / v but for the top
    coefficient, and the remainder V is missing.
    """
    circuit, capacity = stage.toy.proving.circuit, stage.toy.proving.policy.capacity
    size = SLACK_BITS + 1 + _further_count(stage)
    noise = NOISE_BITS + 1
    behind = (capacity - 1) * (noise + 2) + 1 if check is not None else 0  # noise, and Horner with two factors a slot
    first = circuit.constraint_count - 1 - behind - capacity * size
    weights = _remainder_weights(stage)
    terms: list[tuple[int, int]] = []
    for slot, submission in enumerate(kept):
        start = first + slot * size
        bits, norm = weights[start : start + SLACK_BITS], weights[start + SLACK_BITS]
        if submission.secrets is not None:
            terms += _constraints(submission, bits, norm)
            terms += _further(stage, submission, weights[start + SLACK_BITS + 1 : start + size])
    if check is not None:
        start = first + capacity * size
        drawn = [weights[start + noise * nth + e] for nth in range(len(kept) - 1) for e in range(NOISE_BITS)]
        terms += _noise(check, drawn)
    return _row(terms)


def _remainder_weights(stage: Stage) -> list[int]:
    """Weight of each constraint's value in the proof's equation, at the trapdoor's point; kept by the stage itself, so
    that it goes with it."""
    if not stage.remainder_weights:
        stage.remainder_weights = _weights_at_the_trapdoor(stage)
    return stage.remainder_weights


def _weights_at_the_trapdoor(stage: Stage) -> list[int]:
    n, quotient = stage.toy.proving.circuit.domain_size, stage.toy.proving.quotient
    assert isinstance(quotient, Bases)
    first, second = native.to_ints(quotient.exponents[:2])
    point = second * pow(first, -1, R) % R
    ratio = (pow(point, n, R) - 1) * pow(pow(_COSET, n, R) - 1, -1, R) % R
    lagrange = native.to_ints(native.lagrange_scalars(point, n))
    top, root = ratio * pow(point, n - 1, R) * pow(n, -1, R) % R, native.root_of_unity(n)
    return [(value * (ratio - 1) - top * pow(root, k, R)) % R for k, value in enumerate(lagrange)]


def _constraints(submission: Submission, bits: Sequence[int], norm: int) -> list[tuple[int, int]]:
    """Derivative of sum_e bits[e] (b_e^2 - b_e) + norm (|g|^2 + sum_e 2^e b_e - BOUND), column by column."""
    assert submission.secrets is not None
    slack = slack_of(submission.values)
    of_bits = [
        (column, weight * (2 * (slack >> e & 1) - 1) + norm * (1 << e))
        for e, (column, weight) in enumerate(zip(submission.secrets.bits, bits, strict=True))
    ]
    return of_bits + [(c, norm * 2 * g) for c, g in zip(submission.secrets.gradient, submission.values, strict=True)]


def _further_count(stage: Stage) -> int:
    per_owner = stage.toy.proving.policy.per_owner
    return 0 if per_owner is None else per_owner.constraint_count


def _further(stage: Stage, submission: Submission, weights: Sequence[int]) -> list[tuple[int, int]]:
    """Derivative by the owner's bits of the weighted sum of what the policy adds: exact, as that is quadratic."""
    circuit, half = stage.toy.proving.policy.per_owner, pow(2, -1, R)
    assert submission.secrets is not None
    if circuit is None:
        return []
    bits = [slack_of(submission.values) >> e & 1 for e in range(SLACK_BITS)]

    def at(moved: int, by: int) -> int:
        z = circuit.assign((BOUND,), native.zeros(0), native.from_ints(
            [(b + by * (e == moved)) % R for e, b in enumerate(bits)]
        ))  # fmt: skip
        return native.inner(circuit.defects(z), native.from_ints(list(weights)))

    return [(c, (at(e, 1) - at(e, -1)) * half % R) for e, c in enumerate(submission.secrets.bits)]


def _row(terms: Iterable[tuple[int, int]]) -> FrArray:
    total: dict[int, int] = {}
    for column, value in terms:
        total[column] = (total.get(column, 0) + value) % R
    out = native.zeros(1 + max(total, default=0))
    out[list(total)] = native.from_ints(list(total.values()))
    return out
