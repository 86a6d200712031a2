"""How long a batch that somebody else handed in is asked for, when those that attested it are not in a hurry."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from circuits.errors import FullError, UnavailableError
from circuits.statement import Committee
from commons.chain.nodeagreement import NoAgreementError
from commons.protocol.bundle import AuditBundle, Certificate
from commons.runtime.pieces import Pieces
from commons.runtime.watchdog import Condition, Watchdog
from coordinator.adoption import Adoption
from coordinator.events import BatchProven
from coordinator.fleet import Fleet
from tests.coordinator.fleets import state_of, watch_in
from tests.coordinator.markets import hand_in, proven
from tests.coordinator.test_driver import World
from tests.simulation.world.network import InOrder
from tests.support.parameters import DevelopmentParameters

TIMEOUT, MANY = 120.0, 32


class Crowd:
    """Many provers that all have every batch's certificate, and hang when they are asked for a bundle.

    Attributes:
        given: seconds that each was given, by batch, prover by prover.
        honest: those that give the bundle.
        slow: seconds that it takes them.
        hang: what part of the time the others take to give nothing.
        lost: batches that nobody gives.
        after: called when a question is over.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.given: dict[bytes, dict[int, float]] = {}
        self.honest: Collection[int] = ()
        self.slow, self.hang = 0.0, 1.0
        self.lost: Collection[bytes] = ()
        self.after: Callable[[], object] = lambda: None

    @property
    def fleet(self) -> Fleet:
        return cast(Fleet, self)

    @property
    def committee(self) -> Committee:
        return self._world.network.committee

    @property
    def asked(self) -> int:
        return sum(map(len, self.given.values()))

    def certificates(self, batch_id: bytes, timeout: float) -> dict[int, Certificate]:
        (found,) = (done.bundle for done in proven() if done.batch_id == batch_id)
        return dict.fromkeys(range(MANY), found.certificate)

    def audit_bundles(
        self, provers: Iterable[int], batch_id: bytes, dimension: int, timeout: float
    ) -> dict[int, AuditBundle]:
        asked = set(provers)
        self.given.setdefault(batch_id, {}).update(dict.fromkeys(asked, timeout))
        (found,) = (done.bundle for done in proven() if done.batch_id == batch_id)
        quick = set() if batch_id in self.lost or self.slow > timeout else asked & set(self.honest)
        self._world.clock.sleep(self.slow if quick == asked else timeout * self.hang)
        self.after()
        return dict.fromkeys(quick, found)


class Asking:
    """A coordinator that takes over what a market has, from such a crowd."""

    def __init__(self, directory: Path) -> None:
        self.world = World(directory, InOrder(), round_age=0)
        self.crowd = Crowd(self.world)
        self.key = (self.world.task, 0)
        self.adoption = Adoption(
            self.world.market, self.world.journal, self.world.coordinator.results,
            DevelopmentParameters(self.world.network.setup), watch_in(directory), self.world.clock,
            self.world.stopping, timeout=TIMEOUT,
        )  # fmt: skip

    def adopt(self) -> float:
        """Take over what there is; seconds that it took."""
        begun = self.world.clock.monotonic()
        with suppress(UnavailableError):
            self.adoption.adopt(self.key, self.crowd.fleet)
        return self.world.clock.monotonic() - begun

    @property
    def taken(self) -> list[bytes]:
        return [event.batch_id for event in self.world.log.of(BatchProven)]


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    made = Asking(tmp_path)
    for done in proven():
        hand_in(made.world.market, done)
    return made


def test_provers_that_hang_have_the_time_of_one_together(asking: Asking) -> None:
    """Anybody makes a task that names this coordinator, with a committee of his own."""
    assert asking.adopt() <= TIMEOUT
    assert asking.crowd.asked == MANY


def test_the_round_is_left_at_the_first_batch_that_they_do_not_give(asking: Asking) -> None:
    asking.crowd.hang = 0.0
    asking.adopt()
    assert asking.crowd.asked == MANY
    assert len(asking.crowd.given) == 1


def test_whoever_watches_the_coordinator_does_not_take_it_for_stuck_meanwhile(asking: Asking) -> None:
    clock = asking.world.clock
    pieces = Pieces(clock.monotonic)
    dog = Watchdog(1800.0, 300.0, clock.monotonic)
    dog.pieces("beside", pieces, allowed=2 * TIMEOUT)
    looks: list[Condition] = []
    asking.crowd.after = lambda: looks.append(dog.look())
    with pieces.piece():
        asking.adopt()
    assert set(looks) == {Condition.WORKING}


def test_each_batch_that_is_taken_over_is_progress(asking: Asking) -> None:
    clock = asking.world.clock
    pieces, idle = Pieces(clock.monotonic), list[float]()
    asking.crowd.honest, asking.crowd.slow = range(MANY), TIMEOUT / 3
    asking.crowd.after = lambda: idle.append(pieces.longest())
    with pieces.piece():
        asking.adopt()
    assert len(asking.taken) == 2
    assert idle == [TIMEOUT / 3] * 2


def test_an_honest_one_behind_many_that_hang_has_its_turn(asking: Asking) -> None:
    asking.crowd.honest = [MANY - 1]
    for _ in proven():
        assert asking.adopt() <= 2 * TIMEOUT
    assert sorted(asking.taken) == sorted(done.batch_id for done in proven())
    assert min(min(given.values()) for given in asking.crowd.given.values()) >= TIMEOUT / 20


def test_another_prover_has_half_of_the_time_at_each_try(asking: Asking) -> None:
    """A large bundle takes longer than a small part of it."""
    asking.crowd.honest, asking.crowd.slow = [1], TIMEOUT / 3
    first, second = (done.batch_id for done in proven())
    asking.crowd.lost = [second]
    for _ in range(4):
        assert asking.adopt() <= 2 * TIMEOUT
    assert asking.taken == [first]
    assert asking.crowd.given[first][1] == TIMEOUT / 2


def test_a_batch_that_nobody_gives_does_not_hold_up_the_others_of_its_round(asking: Asking) -> None:
    asking.crowd.honest = range(MANY)
    first, second = sorted(done.batch_id for done in proven())
    asking.crowd.lost = [first]
    asking.adopt()
    assert not asking.taken
    asking.adopt()
    assert asking.taken == [second]
    asking.crowd.lost = []
    asking.adopt()
    assert asking.taken == [second, first]


def test_no_batch_is_begun_once_time_is_up(asking: Asking) -> None:
    """A round may have a batch for each of very many owners, and its provers give each of them at the last moment."""
    asking.crowd.honest = [MANY - 1]
    assert asking.adopt() <= TIMEOUT
    assert len(asking.taken) == 1
    assert asking.crowd.given.keys() == set(asking.taken)


def test_a_coordinator_that_stops_asks_nobody_else(asking: Asking) -> None:
    asking.crowd.after = asking.world.stopping.set
    asking.adopt()
    assert asking.crowd.asked == 1
    asking.adopt()
    assert asking.crowd.asked == 1


def test_what_finds_no_room_does_not_hold_up_the_others_and_is_told(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.crowd.honest = range(MANY)
    require, full = asking.world.coordinator.results.require, [True]

    def once(task_id: int, size: int) -> None:
        if full:
            raise FullError(f"no room after {full.pop()}")
        require(task_id, size)

    monkeypatch.setattr(asking.world.coordinator.results, "require", once)
    with pytest.raises(FullError):
        asking.adoption.adopt(asking.key, asking.crowd.fleet)
    assert len(asking.taken) == 1
    assert len(state_of(asking.world.journal).batches) == 1


@pytest.mark.parametrize(("method", "hidden"), [("accepted_ids", frozenset()), ("recorded", None)])
def test_what_one_of_two_nodes_hides_is_not_taken_for_what_is_not_there(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, method: str, hidden: object
) -> None:
    """Whoever asks would not ask again."""
    market = asking.world.market
    asking.crowd.honest, market.count = range(MANY), 2
    told = getattr(market, method)
    monkeypatch.setattr(market, method, lambda *given: hidden if market._node in (None, 0) else told(*given))
    with pytest.raises(NoAgreementError):
        asking.adoption.adopt(asking.key, asking.crowd.fleet)
    monkeypatch.setattr(market, method, told)
    asking.adopt()
    assert len(asking.taken) == 2
