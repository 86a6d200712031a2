"""An account's submissions on disk, so that a retry continues where the last try stopped.

One file a round, or one for each copy of a reference.  It holds the seeds, and what was sealed with which key, until
the coordinator has the header: with them a retry sends the same bytes again, and goes on where an upload broke off.
Then they are wiped and only the receipts stay.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from circuits.errors import StorageError
from circuits.foreignjson import parse_json
from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.codec import Codec
from commons.storage.files import DirectoryLock, write_durably
from native import G1

VERSION = 3
_MAX_BYTES = 1 << 20
"""Of a file: seeds, parts and receipts of the largest committee take half of it."""


@dataclass(frozen=True, slots=True)
class SavedSubmission:
    """One submission under way or done.

    Attributes:
        gradient_digest: SHA-256 of the quantised gradient; a retry must bring the same one.
        seeds: all randomness of the submission, empty once the header was handed in.
        receipts: 65-byte signatures by prover index.
        upload_key: with which its bodies are sealed; empty before they are, and when the header was handed in.
        parts: as they were sealed, by prover; empty as the key is.
        earlier: identifiers of the submissions before it in its round, all of which expired.
    """

    header: SubmissionHeader
    gradient_digest: bytes
    seeds: bytes = field(repr=False)
    receipts: Mapping[int, bytes]
    earlier: tuple[bytes, ...] = ()
    upload_key: bytes = field(default=b"", repr=False)
    parts: tuple[bytes, ...] = field(default=(), repr=False)

    def with_receipt(self, prover: int, receipt: bytes) -> SavedSubmission:
        """The same submission with one more receipt."""
        return replace(self, receipts={**self.receipts, prover: receipt})

    def finished(self) -> SavedSubmission:
        """The same submission without its seeds."""
        return replace(self, seeds=b"", upload_key=b"", parts=())

    def sealed(self, upload_key: bytes, parts: tuple[bytes, ...]) -> SavedSubmission:
        """The same submission with what makes its upload the same again."""
        return replace(self, upload_key=upload_key, parts=parts)

    @property
    def is_finished(self) -> bool:
        """Whether the coordinator has the header."""
        return not self.seeds


class SubmissionStore:
    """The submissions of one owner account in a directory, mode 0600."""

    def __init__(self, directory: Path, market: MarketId) -> None:
        self._home, self._market = directory, f"{market.chain_id}-{market.address.hex()}"
        # Nothing that was signed for one deployment is of use in another.
        self._directory = directory / f"{self._market}-{market.deployment.hex()[:16]}"

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep other processes off the directory: two at once could draw two sets of masks for one round.

        Raises:
            StorageError: another process has it, or it cannot be written.
        """
        lock = DirectoryLock(self._home)
        try:
            yield
        finally:
            lock.release()

    def begins_on_another_chain(self) -> bool:
        """Whether all that is here of this market, by chain number and address, is of other deployments of it."""
        return not self._directory.exists() and any(self._home.glob(f"{self._market}-*"))

    def load(self, task_id: int, round_number: int, owner: bytes, copy: int | None = None) -> SavedSubmission | None:
        """The submission for a round, or None.

        Args:
            copy: of a model owner's reference, its number.

        Raises:
            StorageError: the file is there but not readable as a submission.
        """
        path = self._path(task_id, round_number, owner, copy)
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        try:
            if len(content) > _MAX_BYTES:
                raise ValueError("too long")
            return _decode(parse_json(content))
        except ValueError as error:
            raise StorageError(
                f"{path} holds no submission of a version up to {VERSION}; do not submit another gradient for this "
                "round, restore the file or skip the round"
            ) from error

    def save(self, submission: SavedSubmission) -> None:
        """Write or replace a submission durably.  Raises StorageError."""
        header = submission.header
        copy = header.owner_index - REFERENCE_INDEX if header.is_reference else None
        path = self._path(header.task_id, header.round, header.owner, copy)
        write_durably(path, json.dumps(_encode(submission), indent=1).encode())

    def _path(self, task_id: int, round_number: int, owner: bytes, copy: int | None) -> Path:
        which = "" if copy is None else f"-copy-{copy}"
        return self._directory / f"{owner.hex()}-task-{task_id}-round-{round_number}{which}.json"


@dataclass(frozen=True, slots=True)
class _Saved:
    """What the file holds, in its order; receipts by prover index."""

    version: int
    task: int
    round: int
    owner: bytes
    owner_index: int
    commitment: G1
    share_digests: tuple[bytes, ...]
    signature: bytes
    dealing_signature: bytes
    gradient: bytes
    seeds: bytes = field(repr=False)
    receipts: dict[str, bytes]
    earlier: tuple[bytes, ...]
    upload_key: bytes = field(repr=False)
    parts: tuple[bytes, ...] = field(repr=False)


_CODEC: Codec[_Saved] = Codec(_Saved)


def _encode(submission: SavedSubmission) -> dict[str, object]:
    header, receipts = submission.header, {str(p): receipt for p, receipt in submission.receipts.items()}
    return _CODEC.encode(
        _Saved(
            VERSION, header.task_id, header.round, header.owner, header.owner_index, header.commitment,
            header.share_digests, header.signature, header.dealing_signature, submission.gradient_digest,
            submission.seeds, receipts, submission.earlier, submission.upload_key, submission.parts,
        )
    )  # fmt: skip


def _decode(raw: Any) -> SavedSubmission:
    if isinstance(raw, dict) and raw.get("version") == 1:  # of before an owner could submit again in a round
        raw = {**raw, "version": 2, "earlier": []}
    if isinstance(raw, dict) and raw.get("version") == 2:  # of before the parts were kept: nothing of it is sealed yet
        raw = {**raw, "version": VERSION, "upload_key": "", "parts": []}
    saved = _CODEC.decode(raw)
    if saved.version != VERSION:
        raise ValueError("another version")
    header = SubmissionHeader(
        saved.task, saved.round, saved.owner, saved.owner_index, saved.commitment, saved.share_digests,
        saved.signature, saved.dealing_signature,
    )  # fmt: skip
    receipts = {int(prover): receipt for prover, receipt in saved.receipts.items()}
    return SavedSubmission(header, saved.gradient, saved.seeds, receipts, saved.earlier, saved.upload_key, saved.parts)
