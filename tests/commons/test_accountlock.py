"""Two processes of a user take turns with an account; where there can be no lock, nobody is stopped."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from commons.storage import accountlock

IDENTITY = b"\x07" * 32


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path / f"gradroll-{os.getuid()}"


class BusyError(Exception):
    """Somebody else has the lock."""


def give_up() -> None:
    raise BusyError


def hold(place: str, held: Event, done: Event) -> None:
    tempfile.tempdir = place
    with accountlock.alone(IDENTITY, give_up):
        held.set()
        done.wait()


def test_another_process_waits_and_another_account_does_not(place: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), held, done))
    process.start()
    held.wait()
    with pytest.raises(BusyError), accountlock.alone(IDENTITY, give_up):
        pytest.fail("two have the lock")
    with accountlock.alone(b"\x08" * 32, give_up):
        pass
    with accountlock.alone(IDENTITY, done.set):
        assert done.is_set()
    process.join()


def test_a_killed_process_leaves_no_lock(place: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), held, done))
    process.start()
    held.wait()
    process.kill()
    process.join()
    with accountlock.alone(IDENTITY, give_up):
        pass


def test_nothing_is_left_and_only_the_user_sees_it(place: Path) -> None:
    with accountlock.alone(IDENTITY, give_up):
        assert place.stat().st_mode & 0o777 == 0o700
        (lock,) = place.iterdir()
        assert lock.stat().st_mode & 0o777 == 0o600
    assert list(place.iterdir()) == []


def test_who_waited_for_a_lock_that_was_removed_takes_the_new_one(place: Path) -> None:
    """Else two would hold a lock each, one of them on a file that has no name any more."""
    with accountlock.alone(IDENTITY, give_up):
        (lock,) = place.iterdir()
        waiting = os.open(lock, os.O_RDWR)
    assert not accountlock._is_held(waiting)
    os.close(waiting)


@pytest.mark.parametrize("kind", ["shared", "link", "file"])
def test_a_place_that_others_could_have_made_is_not_used(
    place: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    if kind == "shared":
        place.mkdir()
        place.chmod(0o777)
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.touch()
    for _ in range(2):
        with accountlock.alone(IDENTITY, give_up), accountlock.alone(IDENTITY, give_up):
            pass
    assert "event=account-not-locked" in caplog.text
    assert [found.name for found in tmp_path.rglob("*.lock")] == []
