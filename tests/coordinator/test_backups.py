"""Copies of a coordinator's log and files: whole or not at all, without keys, taken while it runs."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from circuits.errors import StorageError
from commons.settings.sections import CoordinatorSettings
from commons.storage.eventlog import SqliteLog
from coordinator.backups import FILES, LOG, back_up
from coordinator.events import BatchProven
from coordinator.journal import VERSIONS, Journal
from tests.coordinator.fleets import state_of
from tests.coordinator.markets import proven
from tests.coordinator.test_driver import World
from tests.simulation.world.network import InOrder

SECRETS = ("account.json", "tls.pem", "lock", "uploads/1", "results/.new-1234")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "coordinator"


@pytest.fixture
def world(home: Path) -> World:
    """A coordinator that runs, with a batch in its log and its bundle on disk."""
    made = World(home, InOrder(), log=SqliteLog(home / LOG, VERSIONS))
    made.prove(proven()[0], [0, 1])
    for name in SECRETS:
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("secret", encoding="utf-8")
    return made


REDIS = "redis://localhost:6379/0"


def own(home: Path, log: str = "", *, shared: Path | None = None) -> CoordinatorSettings:
    return CoordinatorSettings(
        listen="h:1", log=log or f"sqlite://{home / LOG}", account=home, state=home, shared=shared
    )


def test_a_copy_has_what_the_log_speaks_of_and_no_key(world: World, home: Path, tmp_path: Path) -> None:
    (home / "market.json").write_text("{}", encoding="utf-8")
    done = back_up(own(home), tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    (proof,) = world.log.of(BatchProven) or state_of(world.journal).batches.values()
    bundle = f"{FILES}/results/{world.task:064x}/{proof.bundle_digest.hex()}"
    assert copied == {LOG, bundle, f"{FILES}/market.json"}
    assert (done.rounds, done.batches, done.files) == (1, 1, 2)
    assert done.size == sum((tmp_path / "copy" / name).stat().st_size for name in copied)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "copy" / LOG).stat().st_mode) == 0o600
    with closing(Journal(SqliteLog(tmp_path / "copy" / LOG, VERSIONS))) as restored:
        assert state_of(restored).batches == state_of(world.journal).batches


def test_what_is_recorded_later_is_not_in_it(world: World, home: Path, tmp_path: Path) -> None:
    back_up(own(home), tmp_path / "copy")
    world.enter([2])
    with closing(Journal(SqliteLog(tmp_path / "copy" / LOG, VERSIONS))) as restored:
        assert len(state_of(restored).submissions) == 2


def test_no_folder_is_replaced(world: World, home: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(StorageError, match=r"exists already.*choose another name"):
        back_up(own(home), tmp_path / "copy")
    assert not list((tmp_path / "copy").iterdir())


@pytest.mark.parametrize("trouble", ["no log", "a damaged log", "a bundle that is gone"])
def test_of_a_copy_that_would_not_do_nothing_stays(world: World, home: Path, tmp_path: Path, trouble: str) -> None:
    if trouble == "a bundle that is gone":
        shutil.rmtree(home / "results")
    else:
        world.journal.close()
        for path in home.glob(f"{LOG}*"):
            path.unlink()
        if trouble == "a damaged log":
            (home / LOG).write_bytes(b"no database" * 500)
    with pytest.raises(StorageError):
        back_up(own(home), tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["coordinator"]


def test_of_a_log_in_redis_the_files_alone_are_copied(world: World, home: Path, tmp_path: Path) -> None:
    (home / "log-witness.json").touch()
    done = back_up(own(home, REDIS), tmp_path / "copy")
    assert not done.has_log
    assert (done.rounds, done.batches) == (None, None), "nobody has looked what the log speaks of"
    assert not (tmp_path / "copy" / LOG).exists()
    assert done.files == 1


def test_of_a_log_in_redis_a_folder_that_is_not_its_own_is_not_taken_for_it(
    world: World, home: Path, tmp_path: Path
) -> None:
    """A network file system that is not mounted is an empty folder."""
    (tmp_path / "share").mkdir()
    settings = own(home, REDIS, shared=tmp_path / "share")
    with pytest.raises(StorageError, match=r"has no log-witness\.json, .*is it mounted"):
        back_up(settings, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("folder", ["results", "models", "evidence"])
def test_a_folder_that_cannot_be_read_is_told_and_not_taken_for_empty(
    world: World, home: Path, tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also root would be refused: by a file system that is broken, or belongs to another machine."""
    (home / folder).mkdir(exist_ok=True)
    (home / "log-witness.json").touch()
    scandir = os.scandir

    def broken(path: str | int) -> Any:
        if path == str(home / folder):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", broken)
    for log in ("", REDIS):
        with pytest.raises(StorageError, match=rf"cannot read .*{folder}: Input/output error"):
            back_up(own(home, log), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_folder_whose_round_is_deleted_meanwhile_is_no_trouble(
    world: World, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, scandir = home / "models" / f"{9:064x}", os.scandir
    gone.mkdir(parents=True)

    def deleting(path: str | int) -> Any:
        if path == str(gone):
            gone.rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deleting)
    assert back_up(own(home), tmp_path / "copy").batches == 1
    assert not gone.exists()


def test_without_its_directory_there_is_nothing_to_copy(world: World, home: Path, tmp_path: Path) -> None:
    settings = CoordinatorSettings(listen="h:1", log=own(home).log, account=home, state=tmp_path / "lost")
    with pytest.raises(StorageError, match=r"lost is no directory; look at"):
        back_up(settings, tmp_path / "copy")


def test_a_copy_of_what_was_restored_tells_the_same(world: World, home: Path, tmp_path: Path) -> None:
    """So a drill needs neither chain nor provers."""
    done = back_up(own(home), tmp_path / "copy")
    shutil.copytree(tmp_path / "copy" / FILES, tmp_path / "elsewhere")
    shutil.copy2(tmp_path / "copy" / LOG, tmp_path / "elsewhere" / LOG)
    again = back_up(own(tmp_path / "elsewhere"), tmp_path / "again")
    assert (again.rounds, again.batches, again.files) == (done.rounds, done.batches, done.files)
    (tmp_path / "elsewhere" / "results" / f"{world.task:064x}").rename(tmp_path / "lost")
    with pytest.raises(StorageError, match=r"sum or bundle is not in the state directory"):
        back_up(own(tmp_path / "elsewhere"), tmp_path / "incomplete")
