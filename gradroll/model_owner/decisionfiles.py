"""Where a model owner keeps what it decided about its trainings: one file a task, which auditors and cards are given.

A second value for a round would be on record for good, so nothing that was decided is taken back or decided again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import InvalidInputError, StorageError, UnknownError
from commons.protocol.decisionlists import MAX_DECISION_FILE, decode_decisions, encode_decisions
from commons.protocol.trainingdecisions import SignedDecision
from commons.runtime.identifiers import shown
from commons.storage.files import make_directory, write_durably


@dataclass(frozen=True, slots=True)
class DecisionFiles:
    """The files of one model owner.

    Attributes:
        directory: made when something is decided.
    """

    directory: Path

    @classmethod
    def within(cls, state: Path) -> DecisionFiles:
        """Those of a model owner with a directory (model_owner.state)."""
        return cls(state / "decisions")

    def path(self, task_id: int) -> Path:
        """The file of a task."""
        return self.directory / f"{shown(task_id)}.json"

    def read(self, task_id: int) -> tuple[SignedDecision, ...]:
        """What was decided about a task's training.  Raises InvalidInputError, StorageError."""
        path = self.path(task_id)
        return read_decisions(path) if path.exists() else ()

    def add(self, signed: SignedDecision) -> Path:
        """Keep a decision; returns the file.

        Raises:
            InvalidInputError: something else was decided of the same round.
            StorageError: it cannot be written.
        """
        own, known = signed.decision, self.read(signed.decision.task_id)
        same = [each for each in known if (each.decision.round, each.decision.kind) == (own.round, own.kind)]
        if any(each.decision != own for each in same):
            raise InvalidInputError(
                f"another {own.kind.name.lower()} of round {own.round} is signed already; two of them would show to "
                "everybody that one is false"
            )
        if not same:
            make_directory(self.directory)
            write_durably(self.path(own.task_id), encode_decisions((*known, signed)))
        return self.path(own.task_id)


def read_decisions(path: Path) -> tuple[SignedDecision, ...]:
    """The decisions in a file; nobody has checked their signatures.

    Raises:
        UnknownError: there is no such file.
        StorageError: it cannot be read.
        InvalidInputError: it holds something else.
    """
    return decode_decisions(read_bounded(path, "file of decisions", MAX_DECISION_FILE))


def read_bounded(path: Path, what: str, most: int) -> bytes:
    """A file's bytes, one more than ``most`` of them at most, so that whoever reads them sees that there are too many.

    Raises:
        UnknownError: there is no such file.
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except FileNotFoundError:
        raise UnknownError(f"there is no {what} {path}; correct the path") from None
    except OSError as error:
        raise StorageError(f"the {what} {path} cannot be read ({error.strerror or error})") from error
