"""Machines that are lost and restored from backups: a coordinator goes on with all that was accepted since."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commons.protocol.status import SubmissionState
from commons.settings.sections import CoordinatorSettings
from commons.storage.eventlog import EventLog
from commons.storage.redisplace import NAME, RedisPlace
from coordinator.backups import LOG, back_up
from coordinator.coordinator import MODELS, RESULTS
from coordinator.journal import VERSIONS
from tests.simulation.world.invariants import always, in_the_end
from tests.simulation.world.schedule import Schedule
from tests.simulation.world.world import NEXT_ROUND, World
from tests.support.redisserver import RedisServer, leading_log

ROOT = Path(__file__).resolve().parents[2]
OWNERS = 3
MOST_TURNS = 60


class Drill(World):
    """Two rounds, one after the other, in which nothing goes wrong but what the drill does."""

    def __init__(self) -> None:
        super().__init__(Schedule(3, OWNERS, rounds=2))
        self.peace = True
        self.turn = NEXT_ROUND + 1  # the second round is opened by hand
        self.home = self.directory / "coordinator"

    def until(self, reached: Callable[[], bool]) -> None:
        """Take turns until it is so."""
        for _ in range(MOST_TURNS):
            if reached():
                return
            self._turn()
            always(self)
        raise AssertionError("it does not come to that")

    def take_round(self) -> None:
        """A round from its opening until it is in the log that its batch is accepted."""
        number = self.chain.open_round()
        self.until(lambda: self.is_accepted(number))

    def is_accepted(self, number: int) -> bool:
        if self.coordinator is None:
            return False
        with self.coordinator.journal.reading() as state:
            return any(batch.accepted for batch in state.batches.values() if batch.round_key[1] == number)

    def is_mined(self) -> bool:
        return bool(self.chain.batches(1))

    def has_headers(self) -> bool:
        return all(owner.entered for owner in self.owners)

    def back_up(self, to: Path) -> None:
        settings = CoordinatorSettings(
            listen="h:1", log=f"sqlite://{self.home}/{LOG}", account=self.home, state=self.home
        )
        done = back_up(settings, to)
        assert (done.rounds, done.batches) == (1, 1)

    def lose(self) -> None:
        """The coordinator's machine burns down."""
        self._stop_coordinator()
        shutil.rmtree(self.home)

    def restore(self, backup: Path) -> None:
        """What docs/operations.md says, word for word."""
        page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
        said = page.partition("*Restoring.*")[2].partition("```console\n")[2].partition("```")[0]
        for place, own in {"/backup/gradroll-2026-11-26": backup, "/var/lib/gradroll/state": self.home}.items():
            assert place in said
            said = said.replace(place, str(own))
        subprocess.run(["bash", "-ec", said.replace("/var/lib/gradroll", str(self.home))], check=True)
        self._start_coordinator()

    def hand_in_again(self) -> None:
        """What owners' clients do whose submission the coordinator does not know."""
        with self._coordinator().journal.reading() as state:
            for owner in self.owners:
                assert owner.header is not None
                digest = owner.header.digest(self.chain.context(owner.round))
                owner.entered = state.status_of(digest) is not None

    def finish(self) -> None:
        """Both rounds to their ends, then everything that is true of every run."""
        self.until(lambda: self.is_accepted(1))
        self.clock.advance(self.chain.terms.windows.submit + self.chain.terms.windows.settle)
        self.until(lambda: self.ended)
        self._settle_fees()
        in_the_end(self)
        assert [len(self.chain.batches(number)) for number in range(2)] == [1, 1], "something was handed in twice"
        told = self.ends.values()
        assert [state for state, _ in told] == [SubmissionState.ACCEPTED] * 2 * OWNERS


MOMENTS: dict[str, Callable[[Drill], bool]] = {
    "accepted": lambda drill: drill.is_accepted(1), "mined": Drill.is_mined, "handed in": Drill.has_headers,
}  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_restored_coordinator_goes_on_with_what_came_after_its_backup(moment: str, tmp_path: Path) -> None:
    """Everybody is told the truth and paid once, however far the next round had come when the machine was lost."""
    with Drill() as drill:
        drill.take_round()
        drill.back_up(tmp_path / "backup")
        drill.chain.open_round()
        drill.until(lambda: MOMENTS[moment](drill))
        drill.lose()
        drill.restore(tmp_path / "backup")
        drill.hand_in_again()
        drill.finish()


class SharedDrill(Drill):
    """The log is in a real Redis server; what it speaks of is in a folder that coordinators share, with the witness."""

    def __init__(self, redis: RedisServer) -> None:
        self.redis = redis
        super().__init__()

    def _log(self, home: Path) -> EventLog:
        home.mkdir(exist_ok=True)
        return leading_log(RedisPlace(self.redis.url), home, VERSIONS)

    def rows(self) -> list[bytes]:
        rows: list[bytes] = self.redis.client.lrange(NAME, 0, -1)
        return rows

    def hand_in_first(self) -> None:
        """One owner's submission to the second round."""
        first = next(owner for owner in self.owners if owner.round == 1)
        self._submit(first)
        assert first.entered

    def is_refused(self) -> bool:
        """Whether a coordinator that starts now does not, and leaves the log as it is."""
        before, count = self.rows(), self.events["coordinator-start: storage"]
        self._stop_coordinator()
        self._start_coordinator()
        if self.coordinator is not None:
            return False
        assert self.events["coordinator-start: storage"] == count + 1
        assert self.rows() == before
        return True


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedDrill]:
    with RedisServer(tmp_path) as redis, SharedDrill(redis) as drill:
        yield drill


def test_a_leader_beneath_which_an_older_copy_of_redis_is_put_writes_nothing(shared: SharedDrill) -> None:
    """The copy has its lease, which it could renew: no event that builds on lost ones gets into the log."""
    shared.take_round()
    old = shared.redis.append_only_file()
    shared.chain.open_round()
    shared.hand_in_first()
    newest, leader = shared.redis.append_only_file(), shared.coordinator
    shared.redis.restore(old)
    before = shared.rows()
    for _ in range(5):
        shared._turn()
        always(shared)
    assert shared.coordinator is leader, "it was not begun anew"
    assert shared.rows() == before
    assert sum(owner.entered for owner in shared.owners if owner.round == 1) == 1, "nobody else was told that it is in"
    assert not shared.is_mined()
    assert shared.is_refused()
    shared.redis.restore(newest)
    assert not shared.is_refused()
    shared.finish()


def test_an_older_copy_of_redis_is_refused_and_an_emptied_one_is_caught_up(shared: SharedDrill) -> None:
    """What the folder knows of the log is newer: by the older one a second cohort would be opened in the round.

    Without a newer copy it is as docs/operations.md says: an empty database, another folder with models and sums.
    """
    shared.take_round()
    old = shared.redis.snapshot()
    shared.chain.open_round()
    shared.until(shared.is_mined)
    shared.redis.restore(old)
    assert shared.is_refused()
    shared.redis.client.flushdb()
    assert shared.is_refused(), "the folder still knows more"
    former = shared.home.rename(shared.directory / "former")
    for kept in (MODELS, RESULTS):
        if (former / kept).is_dir():
            shutil.copytree(former / kept, shared.home / kept)
    assert not shared.is_refused()
    shared.hand_in_again()
    shared.finish()


def test_a_prover_whose_state_was_restored_is_found_out_and_silent_in_rounds_that_were_open(tmp_path: Path) -> None:
    """Its peers hold a later head of its ledger; the others finish without it."""
    with Drill() as drill:
        drill._start_prover(0)
        drill._stop_prover(0)
        state = drill.directory / "prover-0" / "state"
        shutil.copytree(state, tmp_path / "old")
        drill.take_round()
        drill._stop_prover(0)
        shutil.rmtree(state)
        shutil.copytree(tmp_path / "old", state)
        drill.take_round()
        prover = drill.provers[0]
        assert prover is not None
        assert prover.store.ledger.restored_at >= drill.chain.opened[1].at
        ((_, batch),) = drill.chain.batches(1)
        assert {member for member, _ in batch.attestations} == {1, 2, 3}
