"""The meter's own instruments: tangents are derivatives, row spaces are spaces, and nothing goes by unfollowed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping
from itertools import count

import numpy as np
import pytest

import native
from circuits.hashing import challenge
from circuits.policies.graded import REFERENCE
from circuits.policies.norm import NORM
from circuits.statement import sign_seed
from commons.protocol import noisebits, rules
from commons.protocol.messages import Step
from commons.sharing.prss import Purpose
from commons.sharing.reconstruct import open_vector
from native import FrArray, R
from provers.party import masking, projecting
from tests.privacy.leakmeter.adversary import ATTEMPT, Coordinator
from tests.privacy.leakmeter.allowed import excess
from tests.privacy.leakmeter.answers import Answers
from tests.privacy.leakmeter.linear import RowSpace, span
from tests.privacy.leakmeter.schedules import Plan, Trial, enumerate_stops, random_schedule, squeeze
from tests.privacy.leakmeter.stage import Shape, Stage, WatchedKeys
from tests.privacy.leakmeter.tangents import Tangent, Tracker, UntrackedError, heading
from tests.privacy.leakmeter.toy import DIMENSION, toy
from tests.privacy.leakmeter.world import World
from tests.support.tiers import deepened

DEGREE = 6
"""More than the degree of anything that is sent, as a polynomial in the secrets with challenges held constant."""
LINES = [Shape(), Shape(4, 1, frozenset({2})), Shape(copies=1), Shape(4, 1, frozenset({2}), copies=1)]
_WATCHED_SEED = WatchedKeys._seed


class Replay:
    """Answers of functions of the transcript, the same in every run, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._answers: dict[int, object] = {}
        self._next = count()

    def rewind(self) -> None:
        """Begin another run."""
        self._next = count()

    def of(self, function: Callable[..., object]) -> Callable[..., object]:
        """The function, with what it said in the first run."""
        return lambda *arguments: self._answers.setdefault(next(self._next), function(*arguments))


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Replay:
    """Challenges and shared randomness stand still, and provers accept owners off the manifold of valid ones."""
    replay = Replay()
    for module in (masking, rules, noisebits):
        monkeypatch.setattr(module, "challenge", replay.of(challenge))
    monkeypatch.setattr(projecting, "sign_seed", replay.of(sign_seed))
    monkeypatch.setattr(masking, "small", lambda _: True)

    def opened(shares: Mapping[int, FrArray], degree: int, liars: int, what: str) -> FrArray:
        values = open_vector(shares, degree, liars, what)
        return native.zeros(len(values)) if what == "validity test" else values

    def seed(self: WatchedKeys, members: tuple[int, ...], session: bytes, purpose: Purpose) -> bytes:
        return _WATCHED_SEED(self, members, bytes(32), purpose)

    monkeypatch.setattr(masking, "open_vector", opened)
    monkeypatch.setattr(WatchedKeys, "_seed", seed)
    return replay


def seen_at(step: int, shape: Shape, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[Tangent]]:
    """Everything the adversary sees of a batch up to PROVE, with all secrets moved by so many steps.

    Bits of noise stay, and a graded batch goes up to COMBINE: LOCK looks at what the bits of norms have become.
    """
    graded = shape.copies > 0
    values: list[int] = []
    tangents: list[Tangent] = []

    def known(self: Tracker, value: bytes) -> Tangent:
        values.append(int.from_bytes(value, "little"))
        tangents.append(tangent := self._values[value])
        return tangent

    def known_point(self: Tracker, point: bytes) -> Tangent:
        values.append(self._points[point].value)
        tangents.append(tangent := self._points[point].tangent)
        return tangent

    with toy(REFERENCE if graded else NORM) as made, monkeypatch.context() as patches:
        patches.setattr(Tracker, "known", known)
        patches.setattr(Tracker, "known_point", known_point)
        made.tracker.step = step
        adversary = Coordinator(World(Stage(made, shape)))
        session = adversary.propose(adversary.open_cohort((0, 1, 2)), range(3 + graded), range(shape.size))
        for each in ATTEMPT[: ATTEMPT.index(Step.COMBINE if graded else Step.PROVE) + 1]:
            assert adversary.ask_all(session, each)
    return values, tangents


def line_for(shape: Shape) -> list[int]:
    """Components of the line along which secrets move."""
    with toy(REFERENCE if shape.copies else NORM) as made:
        stage = Stage(made, shape)
    return [0 if stage.gradients <= column < stage.secrets else heading(column) for column in range(1000)]


def derivative(values: list[int]) -> int:
    """Derivative at 0 of the polynomial with these values at 0, 1, 2, ..."""
    size, total = len(values), 0
    for i, value in enumerate(values):
        others = [j for j in range(size) if j != i]
        below = 1
        for j in others:
            below = below * (i - j) % R
        above = 0
        for left in others:
            term = 1
            for j in others:
                term = term if j == left else term * -j % R
            above += term
        total += value * above * pow(below, -1, R)
    return total % R


@pytest.mark.parametrize("shape", deepened(LINES, fast=[LINES[0], LINES[2]]), ids=["3-1", "4-1", "3-1-g", "4-1-g"])
def test_tangents_are_derivatives(shape: Shape, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along a line through the point of the run, by interpolation and so exactly."""
    runs = []
    for step in range(DEGREE + 1):
        replay.rewind()
        runs.append(seen_at(step, shape, monkeypatch))
    line = line_for(shape)
    assert len({len(values) for values, _ in runs}) == 1
    assert len(runs[0][0]) > 100
    for at, tangent in enumerate(runs[0][1]):
        along = sum(t * h for t, h in zip(native.to_ints(np.ascontiguousarray(tangent)), line, strict=False)) % R
        assert derivative([values[at] for values, _ in runs]) == along


def test_a_space_knows_its_members() -> None:
    rows = [native.from_ints(v) for v in ([1, 2, 3], [0, 1, 1], [1, 3, 4])]
    space = RowSpace()
    assert [space.add(row) for row in rows] == [True, True, False]
    assert space.dimension == 2
    assert space.contains(native.from_ints([2, 5, 7]))
    assert not space.contains(native.from_ints([0, 0, 1]))
    (hidden_by_nothing,) = space.below(2)
    assert space.contains(hidden_by_nothing)
    assert span(rows).dimension == 2


def test_what_is_not_followed_is_an_error() -> None:
    """A value that was computed past the metered kernel does not count as a constant."""
    with toy() as made:
        made_by = Stage(made, Shape())
        share = next(iter(made_by.submissions)).shares[1]
        beside = native._vectors.add(share, share)
        with pytest.raises(UntrackedError):
            made.tracker.known(beside[0].tobytes())
        assert made.tracker.known(native.add(share, share)[0].tobytes()).any()


def test_remembered_answers_are_those_of_the_party(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same schedule with every question put to the party itself."""

    def play() -> tuple[set[tuple[bytes, Step, int]], int, int]:
        with toy() as made:
            played = random_schedule(Stage(made, Shape(4, 1, frozenset({1}))), Plan(moves=60), 7)
            return set(played.world.asked), played.refused, played.world.view.dimension

    remembered = play()
    monkeypatch.setattr(Answers, "get", lambda self, party, request, env, _: self._ask(party, request, env))
    assert play() == remembered


def test_what_is_remembered_of_a_leak_is_what_is_found_anew() -> None:
    """Sums count as leaks here, so that there is something to find."""

    def found(forgetful: bool) -> list[int]:
        out: list[int] = []

        def end(adversary: Coordinator, _: str) -> None:
            if forgetful:
                adversary.world.stage.excesses.clear()
            out.append(excess(adversary.world, ()))

        with toy() as made:
            adversary = Coordinator(World(Stage(made, Shape())))
            enumerate_stops(adversary, adversary.open_cohort((0, 1, 2)), [Trial((0, 1, 2))], end)
        return out

    remembered = found(forgetful=False)
    assert set(remembered) == {0, DIMENSION}
    assert remembered == found(forgetful=True)


def test_nothing_keeps_a_stage_whose_schedules_are_over() -> None:
    """Thousands are played one after the other, and each holds all that was computed in it."""
    with toy() as made:
        stage = Stage(made, Shape())
        played = Coordinator(World(stage))
        squeeze(played, [played.propose(played.open_cohort((0, 1, 2)), (0, 1, 2), range(3))])
        assert excess(played.world, played.world.accepted) == 0
        assert stage.remainder_weights, "no proof was looked at"
        gone = weakref.ref(stage)
    del played, stage
    gc.collect()
    assert gone() is None


def test_one_value_has_one_tangent() -> None:
    tracker = Tracker()
    value = native.from_ints([12345])
    tracker.note(value, native.from_ints([1])[None])
    tracker.note(value, native.from_ints([1, 0])[None])
    with pytest.raises(AssertionError, match="one value with two tangents"):
        tracker.note(value, native.from_ints([1, 1])[None])
