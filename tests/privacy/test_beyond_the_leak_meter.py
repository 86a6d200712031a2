"""What the leak meter cannot see, because it holds challenges constant and counts every accepted sum as allowed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from circuits.errors import GradrollError, RuleViolationError
from commons.protocol import rules
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.sharing.prss import Purpose
from provers.party import masking, memory, probing, proving, releasing
from provers.party.ledger import AttemptStarted, Combined, LedgerState, Locked, Member, Selection
from tests.privacy.leakmeter.adversary import Coordinator
from tests.privacy.leakmeter.allowed import excess, sum_rows
from tests.privacy.leakmeter.linear import span
from tests.privacy.leakmeter.schedules import Plan, random_schedule, squeeze
from tests.privacy.leakmeter.stage import Shape, Stage
from tests.privacy.leakmeter.toy import DIMENSION, toy
from tests.privacy.leakmeter.world import World
from tests.privacy.test_leak_meter import spend_a_mask_twice, unchecked

Uses = dict[tuple[bytes, Purpose], set[object]]
"""Under which challenges shared randomness was used, by session and purpose, by all honest provers together."""


@contextmanager
def watched() -> Iterator[Uses]:
    """Notes, inside, under which challenges honest provers answer."""
    uses: Uses = defaultdict(set)
    ask = World.ask

    def noting(world: World, prover: int, request: StepRequest) -> StepReply | GradrollError:
        reply = ask(world, prover, request)
        if isinstance(reply, StepReply) and prover in world.stage.shape.honest:
            _note(uses, request, world.parties[prover].attempts.get(request.session))
        return reply

    def probe_rho(*arguments: bytes) -> int:
        rho = real_rho(*arguments)  # type: ignore[arg-type]
        uses[arguments[0], Purpose.MASK_ROW].add(rho)
        return rho

    with pytest.MonkeyPatch.context() as patches:
        real_rho = rules.probe_rho
        patches.setattr(World, "ask", noting)
        patches.setattr(probing, "probe_rho", probe_rho)
        yield uses


def _note(uses: Uses, request: StepRequest, after: object) -> None:
    match after:
        case memory.Validated() if request.step is Step.VALIDATE:
            chi = masking.validity_challenge(after.masked.seed, request.session)
            uses[request.session, Purpose.RESIDUAL_ZERO].add(chi)
        case memory.Combined():
            uses[request.session, Purpose.MASK_ROW].add(after.rho)
        case memory.Proved():
            public = (after.combined.rho, after.square_norm, after.combined.confirmed.gram_commitment)
            uses[request.session, Purpose.PROOF_BLINDERS].add(public)


@pytest.mark.parametrize(
    "shape", [Shape(), Shape(4, 1), Shape(4, 1, frozenset(), rewound=(2,)), Shape(7, 2, frozenset({1, 3}))], ids=str
)
def test_shared_randomness_is_used_under_one_challenge(shape: Shape) -> None:
    for seed in range(3):
        with toy() as made, watched() as uses:
            random_schedule(Stage(made, shape), Plan(probes=0.3), seed)
        assert all(len(challenges) == 1 for challenges in uses.values()), f"seed {seed}"


def test_a_mask_that_is_spent_twice_is_used_under_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LedgerState, "check", unchecked(AttemptStarted, Combined))
    with toy() as made, watched() as uses:
        spend_a_mask_twice(Coordinator(World(Stage(made, Shape()))))
    assert {purpose for (_, purpose), found in uses.items() if len(found) > 1} == {Purpose.MASK_ROW}


# --- a sum that says what its summands are ----------------------------------------------------------------------


def test_the_sum_of_one_is_a_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the meter it is an accepted sum like any other; ``min_owners`` is there for it."""

    def alone(made_by: Stage) -> Coordinator:
        adversary = Coordinator(World(made_by))
        squeeze(adversary, [adversary.propose(adversary.open_cohort((0, 1)), (0,), range(3))])
        return adversary

    with toy() as made:
        assert not alone(Stage(made, Shape(owners=2))).world.accepted
    for module in (proving, releasing):
        monkeypatch.setattr(module, "require_enough_owners", lambda *_: None)
    with toy() as made:
        world = alone(Stage(made, Shape(owners=2))).world
        assert excess(world, world.accepted) == 0
        assert all(span(world.leak()).contains(row) for row in sum_rows(world.stage, (0,)))


def test_weights_tell_small_integers_apart() -> None:
    """Gradients are small integers: one sum with growing weights is all of them.  So every weight is one."""
    gradients = np.random.default_rng(5).integers(-1000, 1000, (3, DIMENSION)).astype(object)
    base, half = 1 << 16, 1 << 15
    left, found = sum(base**i * g for i, g in enumerate(gradients)), []
    for _ in gradients:
        digit = (left + half) % base - half
        found.append(digit)
        left = (left - digit) // base
    assert np.array_equal(found, gradients)


def test_a_lock_binds_owners_to_their_weights() -> None:
    members = [Member(bytes([i]) * 32, bytes(32), bytes([16 + i]) * 32) for i in range(3)]
    plain = Selection.plain(members)
    assert plain.weights == (1, 1, 1)
    ledger = LedgerState(live={m.owner: m.submission for m in members})
    ledger.apply(Locked(plain))
    with pytest.raises(RuleViolationError, match="locked to another set"):
        ledger.check(Locked(Selection(plain.owners, plain.submissions, (1, 2, 4))))
