"""Evidence against provers, as files that anybody can report: one for each culprit, and not more than so many."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import GradrollError
from circuits.statement import Committee
from circuits.terms import TaskTerms
from commons.protocol.bundle import Certificate
from commons.protocol.certified import Attesters
from commons.protocol.codec import Codec
from commons.protocol.evidence import Evidence, in_words
from commons.protocol.messages import StepReply
from commons.protocol.witness import Witness
from commons.runtime.identifiers import shown
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.recordfiles import no_record, read_record, write_record

VERSION = 2
FOLDER = "evidence"
_WHAT, _CURE = "evidence", "get the file from whoever noticed it, or use the release that wrote it"
_MOST_BYTES = 1 << 18
"""Two batches of 256 owners take some 120 KB."""
_MOST_FILES = 1024
"""A membership has one bond, so one file does for a culprit.  Anybody may register committees and tasks, and have their
members sign against themselves."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _File:
    """What a file holds."""

    evidence: Evidence
    version: int = VERSION


_CODEC: Codec[_File] = Codec(_File)


class EvidenceFiles:
    """A directory of evidence."""

    def __init__(self, directory: Path, disk: Disk = LOCAL_DISK) -> None:
        self._directory, self._disk = directory, disk

    def keep(self, evidence: Evidence) -> Path | None:
        """Write a file, unless there is one against its culprit; tells of a new one in the log.

        Returns:
            where it is, None where the directory is full.

        Raises:
            InvalidInputError: it is no evidence.
            StorageError: it cannot be written.
        """
        culprit, committee = evidence.culprit(), shown(evidence.committee_id)
        path = self._directory / f"{committee}-0x{culprit.hex()}.json"
        if self._is_there(path):
            return path
        kept = not self._is_full()
        if kept:
            write_record(path, _CODEC, _File(evidence), disk=self._disk)
        _log.warning(
            "event=evidence committee=%s prover=0x%s what=%r file=%s", committee, culprit.hex(), in_words(evidence),
            path if kept else "none advice='the directory is full: report what is there, and move it away'",
        )  # fmt: skip
        return path if kept else None

    def _is_there(self, path: Path) -> bool:
        with storing(f"cannot read {self._directory}"):
            return path.exists()

    def _is_full(self) -> bool:
        with storing(f"cannot read {self._directory}"):
            return self._directory.exists() and sum(1 for _ in self._directory.iterdir()) >= _MOST_FILES


class Watch:
    """Notices what provers sign against themselves, and keeps it in files.  Thread-safe, and never in the way."""

    def __init__(self, files: EvidenceFiles) -> None:
        self._files = files
        self._witness = Witness()
        self._lock = threading.Lock()

    def replies(self, committee: Committee, replies: Mapping[int, object]) -> None:
        """Look at members' answers to a step, by prover."""
        for prover, reply in replies.items():
            if isinstance(reply, StepReply):
                with self._undisturbed():
                    found = self._witness.message(committee, prover, reply.message)
                    self._keep([found] if found else [])

    def certificates(self, found: Iterable[Certificate], attesters: Attesters, terms: TaskTerms) -> None:
        """Look at batches with attestations."""
        for certificate in found:
            self.certificate(certificate, attesters, terms)

    def certificate(self, certificate: Certificate, attesters: Attesters, terms: TaskTerms) -> bool:
        """Look at a batch with attestations; whether that succeeded, so that nobody has to look again."""
        with self._undisturbed():
            self._keep(self._witness.certificate(certificate, attesters, terms))
            return True
        return False

    def _keep(self, found: Iterable[Evidence]) -> None:
        for evidence in found:
            self._files.keep(evidence)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """One at a time; whatever goes wrong, a full disk or a mistake in here, is no trouble of who is looking."""
        with self._lock:
            try:
                yield
            except GradrollError as error:
                _log.warning("event=evidence-not-kept code=%s reason=%r", error.code, str(error))
            except Exception:
                _log.exception("event=evidence-error")


def load_evidence(path: Path) -> Evidence:
    """What a file holds; ``culprit`` checks it.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it is no evidence of this release.
    """
    read = read_record(path, _CODEC, _WHAT, most=_MOST_BYTES, cure=_CURE)
    if read.version != VERSION:
        raise no_record(path, _WHAT, _CURE)
    return read.evidence
