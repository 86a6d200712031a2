"""After a power failure stores hold what they said they did, and go on from what they find."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import native
from circuits.errors import StorageError
from circuits.statement import share_length
from commons.sharing.sharepayloads import encode_dense, payload_digest
from commons.storage.blobs import Blobs
from commons.storage.eventlog import SqliteLog
from commons.storage.files import Disk, write_durably
from coordinator.journal import VERSIONS, Journal
from provers.sharefiles import ShareRecord
from provers.store import Store
from tests.coordinator.test_keeping import of_round
from tests.provers.test_ledgerrows import TASK, play
from tests.provers.test_store import DIMENSION, HOLDER, signed_by
from tests.simulation.world.disk import CrashError, SimulatedDisk
from tests.support.powerloss import PowerLoss

ROOM = 1 << 24


@pytest.fixture
def before(tmp_path: Path) -> Path:
    path = tmp_path / "before"
    path.mkdir()
    return path


@pytest.fixture
def after(tmp_path: Path) -> Path:
    path = tmp_path / "after"
    path.mkdir()
    return path


@pytest.fixture
def power(before: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerLoss]:
    watched = PowerLoss(before, monkeypatch, torn=True)
    yield watched
    watched.close()


def test_what_was_only_written_is_lost(before: Path, after: Path, power: PowerLoss) -> None:
    """Else nothing that follows would be shown by it."""
    (before / "unsynced").write_bytes(b"unsynced")
    with (before / "synced").open("wb") as file:
        file.write(b"synced")
        file.flush()
        os.fsync(file.fileno())
    power.strike(after)
    assert not list(after.iterdir()), "no directory was synced"


def test_a_name_that_was_synced_before_its_file_stands_for_half_of_it(
    before: Path, after: Path, power: PowerLoss
) -> None:
    (before / "torn").write_bytes(b"whole")
    handle = os.open(before, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    power.strike(after)
    assert (after / "torn").read_bytes() == b"wh"


def test_a_rename_and_a_deletion_that_were_not_synced_are_undone(before: Path, after: Path, power: PowerLoss) -> None:
    for name in ("renamed", "deleted"):
        write_durably(before / name, name.encode())
    (before / "renamed").rename(before / "other")
    (before / "deleted").unlink()
    power.strike(after)
    assert {path.name: path.read_bytes() for path in after.iterdir()} == {"renamed": b"renamed", "deleted": b"deleted"}


def test_a_file_that_is_written_durably_is_there_in_a_folder_that_is_new_too(
    before: Path, after: Path, power: PowerLoss
) -> None:
    write_durably(before / "new" / "newer" / "file", b"there")
    power.strike(after)
    assert (after / "new" / "newer" / "file").read_bytes() == b"there"


def keep(store: Store, submission: bytes) -> None:
    payload = encode_dense(native.expand(submission, share_length(DIMENSION)))
    with store.receive(DIMENSION, HOLDER) as writer:
        writer.write(payload)
        received = writer.finish(payload_digest(payload))
        store.adopt(
            ShareRecord(submission, TASK, 1, submission[:20], DIMENSION, received.form, received.size, 100), received
        )


def prover_lives(directory: Path, disk: Disk, said: list[str]) -> None:
    """A prover's life, in which each thing that it has said counts."""
    store = Store(directory, max_bytes=ROOM, disk=disk)
    try:
        keep(store, b"\x0a" * 32)
        said.append("share")
        play(store, 0)
        said.append("locked")
        store.put_batch(signed_by(2))
        said.append("batch")
        store.close_round((TASK, 0))
        said.append("closed")
        store.forget_closed()
        said.append("forgotten")
        store.discard_settled(101)
        said.append("deleted")
    finally:
        store.close()


def require_kept(store: Store, said: list[str]) -> None:
    """What was said before the power failed is so."""
    if store.find(b"\x0a" * 32) is not None:
        assert np.array_equal(store.share(b"\x0a" * 32), native.expand(b"\x0a" * 32, share_length(DIMENSION)))
    assert "share" not in said or "forgotten" in said or store.find(b"\x0a" * 32) is not None
    assert "locked" not in said or "closed" in said or len(store.ledger.locks) == 2
    assert "batch" not in said or store.audit_bundle(signed_by(2).certificate.batch_id) == signed_by(2).encode()
    assert "closed" not in said or store.ledger.closed == {TASK: 0}
    assert "forgotten" not in said or not store.ledger.locks
    assert "deleted" not in said or not list(store._shares.iterdir())


def writes(tmp_path: Path) -> int:
    """Durable steps of that life."""
    seen: list[None] = []
    prover_lives(tmp_path / "counted", SimulatedDisk(lambda: seen.append(None)), [])
    return len(seen)


def test_a_prover_that_loses_power_at_any_write_holds_what_it_said(
    tmp_path: Path, before: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = writes(tmp_path)
    assert total > 10
    for write in range(total + 1):
        for kind in ("crash-before", "crash-after"):
            directory, after = before / f"{write}-{kind}", tmp_path / f"after-{write}-{kind}"
            directory.mkdir()
            after.mkdir()
            strikes: list[tuple[str, int] | None] = [*[None] * write, (kind, 0), *[None] * total]
            said: list[str] = []
            with monkeypatch.context() as patch:
                power = PowerLoss(directory, patch, torn=True)
                with suppress(CrashError):
                    prover_lives(directory, SimulatedDisk(partial(strikes.pop, 0)), said)
                power.strike(after)
                power.close()
            store = Store(after, max_bytes=ROOM)
            require_kept(store, said)
            store.forget_closed()
            store.close()


def test_a_coordinators_bundle_of_a_task_that_is_new_is_there_when_the_log_says_so(
    before: Path, after: Path, power: PowerLoss
) -> None:
    log = SqliteLog(before / "events.sqlite", VERSIONS)
    journal, results = Journal(log), Blobs(before / "results", max_bytes=ROOM, what="sums and bundles")
    digest = results.put(b"bundle", TASK)
    journal.record(*of_round(0), *of_round(1))
    journal.forget({TASK: 0})
    power.strike(after)
    journal.close()
    assert Blobs(after / "results", max_bytes=ROOM).get(digest) == b"bundle"
    again = Journal(SqliteLog(after / "events.sqlite", VERSIONS))
    assert set(again._state.rounds) == {(TASK, 1)}
    again.close()


def test_a_store_that_finds_the_disk_full_at_the_start_says_so_and_starts_when_there_is_room(tmp_path: Path) -> None:
    strikes: list[tuple[str, int]] = [("full", 0)]
    disk = SimulatedDisk(lambda: strikes.pop() if strikes else None)
    with pytest.raises(StorageError, match="is there space"):
        Store(tmp_path, max_bytes=ROOM, disk=disk)
    store = Store(tmp_path, max_bytes=ROOM, disk=disk)
    keep(store, b"\x0b" * 32)
    store.close()
