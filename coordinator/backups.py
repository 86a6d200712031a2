"""A copy of what a coordinator cannot do without, taken while it runs.  Its keys are none of it: they never change.

The log is copied first.  What its events speak of was durable before them, so it is there to be copied; what comes in
afterwards, a coordinator that is restored learns from the chain and the provers (``catchingup``).
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import StorageError
from commons.settings.sections import CoordinatorSettings
from commons.storage import evidencefiles, logwitness, marketbinding
from commons.storage.database import copy_database
from commons.storage.eventlog import SqliteLog, log_file
from commons.storage.files import make_directory, sync_directory, sync_file
from coordinator.coordinator import MODELS, RESULTS
from coordinator.journal import VERSIONS, Journal
from coordinator.leading import OUTBOX

LOG, FILES = "events.sqlite", "files"
"""What the copy of the log is called, and the folder of everything else."""
_FOLDERS = (MODELS, RESULTS, evidencefiles.FOLDER)
_UNFINISHED = "."
"""Files whose names begin so are being written."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied.

    Attributes:
        rounds, batches: that the log knows, and of which all is in the copy.  None where the log is in Redis: whether
            what it speaks of was copied, nobody has looked.
        files: their number, without the log; ``size`` is the bytes of all.
    """

    rounds: int | None
    batches: int | None
    files: int
    size: int

    @property
    def has_log(self) -> bool:
        """Whether the log is in the copy: not one in Redis, which keeps copies of its own."""
        return self.rounds is not None


def back_up(own: CoordinatorSettings, out: Path) -> Backup:
    """Copy log, models, sums, bundles, evidence, and which transactions are under way into a new folder.

    The folder is there as a whole or not at all, and the log in it was read.  Of a log in Redis the files alone are
    copied, and are looked for in no log.

    Raises:
        StorageError: the folder exists, something cannot be read or written, what the log speaks of is not there, or
            the folder is not that of the log in Redis.
    """
    if out.exists():
        raise StorageError(f"{out} exists already; it is not overwritten, so choose another name")
    new = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    with storing(f"cannot write {new}"):
        make_directory(out.parent)
        new.mkdir(mode=0o700)
    try:
        done = _filled(own, new)
        with storing(f"cannot write {out}"):
            new.rename(out)
            sync_directory(out.parent)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return done


def _filled(own: CoordinatorSettings, new: Path) -> Backup:
    log, files, home = log_file(own.log), new / FILES, own.shared or own.state
    if not home.is_dir():
        raise StorageError(f"{home} is no directory; look at coordinator.shared and coordinator.state")
    if log is not None:
        copy_database(log, new / LOG)
    else:
        _require_witness(home)
    with storing(f"cannot copy files to {files}"):
        make_directory(files)
        for source, place in _sources(own):
            with suppress(FileNotFoundError):  # deleted since, as its round is over for good
                _copy(source, files / place)
    copied = [path for path in new.rglob("*") if path.is_file()]
    rounds, batches = (None, None) if log is None else _read(new / LOG, {path.name for path in copied})
    size = sum(path.stat().st_size for path in copied)
    return Backup(rounds, batches, len(copied) - (log is not None), size)


def _require_witness(home: Path) -> None:
    """Make sure that a folder is one of a log in Redis: of such a log nothing else tells that files are missing."""
    if not (home / logwitness.FILE).is_file():
        raise StorageError(
            f"{home} has no {logwitness.FILE}, as the folder of every log in Redis has; is it mounted, and is it that "
            "of coordinator.shared?"
        )


def _sources(own: CoordinatorSettings) -> Iterator[tuple[Path, Path]]:
    """Files, and where they are in the copy.  Raises StorageError for a folder that cannot be read."""
    home = own.shared or own.state
    for folder in _FOLDERS:
        for parent, _, names in os.walk(home / folder, onerror=_unless_gone):
            for name in names:
                if not name.startswith(_UNFINISHED):
                    path = Path(parent, name)
                    yield path, path.relative_to(home)
    yield home / marketbinding.FILE, Path(marketbinding.FILE)
    yield own.state / OUTBOX, Path(OUTBOX)


def _unless_gone(error: OSError) -> None:
    """Say that a folder cannot be read, where the walk would go on; one that is not there has nothing to be copied."""
    if not isinstance(error, FileNotFoundError):
        raise StorageError(
            f"cannot read {error.filename}: {error.strerror}; check the permissions, and the disk"
        ) from error


def _copy(source: Path, target: Path) -> None:
    """Copy a file with the time of its last change, by which it is deleted one day."""
    make_directory(target.parent)
    shutil.copy2(source, target, follow_symlinks=False)
    if not target.is_symlink():
        sync_file(target)
    sync_directory(target.parent)


def _read(log: Path, names: set[str]) -> tuple[int, int]:
    """How many rounds and batches a copied log knows.

    Raises StorageError where it cannot be read, or the results of a batch were not copied.
    """
    with closing(Journal(SqliteLog(log, VERSIONS))) as journal, journal.reading() as state:
        for batch in state.batches.values():
            digests = [digest for digest in (batch.bundle_digest, batch.payload_digest) if digest is not None]
            if any(digest.hex() not in names for digest in digests):
                raise StorageError(
                    f"the log has batch 0x{batch.batch_id.hex()}, and its sum or bundle is not in the state directory; "
                    "if its round was just deleted try again, else restore the missing file from an older backup"
                )
        return len(state.rounds), len(state.batches)
