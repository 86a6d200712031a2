"""The models that a seller keeps: weights and tail of each, in files that only the seller reads.

Who has the tail can open C_M, and who has the weights needs no sale.  A file that is lost cannot be made again: the
tail is random, so nobody could prove or sell the listed model any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

import native
from circuits.errors import KeyFileError, StorageError, UnknownError
from circuits.hashing import keccak
from circuits.statement import TAIL
from commons.storage.secretfiles import hexadecimal, read_secret_file, write_secret_file
from commons.storage.unlock import LOCKED, Unlock
from native import G1, FrArray, R

_KIND = "market-model"
_WEIGHT = np.dtype("<i2")
_SCALAR = 32


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model as its seller has it.

    Attributes:
        size_class: name of its size class.
        weights: int64[d].
        tail: (129, 4), the random entries behind the weights in the committed row.
    """

    commitment: G1
    size_class: str
    weights: npt.NDArray[np.int64] = field(repr=False)
    tail: FrArray = field(repr=False)


class ModelVault:
    """The models in a directory, one file each, mode 0600.

    Args:
        unlock: opens files that are encrypted.
        encrypting: encrypts what is written; without it nothing is.
    """

    def __init__(self, directory: Path, unlock: Unlock = LOCKED, encrypting: Unlock | None = None) -> None:
        self._directory, self._unlock, self._encrypting = directory / "models", unlock, encrypting

    def add(self, model: KeptModel) -> Path:
        """Write a model to a new file, durable on return; returns the file.  Raises StorageError."""
        content = {
            "commitment": model.commitment.hex(),
            "size_class": model.size_class,
            "weights": model.weights.astype(_WEIGHT, casting="same_kind").tobytes().hex(),
            "tail": b"".join(value.to_bytes(_SCALAR, "big") for value in native.to_ints(model.tail)).hex(),
        }
        path = self._path(model.commitment)
        write_secret_file(path, _KIND, content, replace=False, unlock=self._encrypting)
        return path

    def has(self, commitment: G1) -> bool:
        """Whether the model with a commitment is here."""
        return self._path(commitment).exists()

    def load(self, commitment: G1) -> KeptModel:
        """The model with a commitment.

        That the row is the committed one is for whoever has a commitment key to check, before anything is made of it.

        Raises:
            UnknownError: it is not here.
            KeyFileError: its file is damaged, readable by others, or locked.
        """
        path = self._path(commitment)
        if not path.exists():
            raise UnknownError(
                f"the model 0x{commitment.hex()[:16]}.. is not in {self._directory}: only who committed to it can "
                "prove or sell it; name the state directory in which it was committed (models.state)"
            )
        content = read_secret_file(path, _KIND, self._unlock)
        if content.get("commitment") != commitment.hex():
            raise KeyFileError(f"{path}: it holds another model than its name says; put a copy of it back")
        weights = hexadecimal(path, content.get("weights"))
        tail = hexadecimal(path, content.get("tail"))
        if len(weights) % _WEIGHT.itemsize or len(tail) != TAIL * _SCALAR:
            raise KeyFileError(f"{path}: the model is cut off; put a copy of it back")
        scalars = [int.from_bytes(tail[at : at + _SCALAR], "big") for at in range(0, len(tail), _SCALAR)]
        if max(scalars) >= R:
            raise KeyFileError(f"{path}: the tail is damaged; put a copy of the file back")
        return KeptModel(
            commitment, str(content.get("size_class")), np.frombuffer(weights, _WEIGHT).astype(np.int64),
            native.from_ints(scalars),
        )  # fmt: skip

    def require_writable(self) -> None:
        """Raise StorageError where nothing could be kept, before anything rests on it."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot write {self._directory}: {error.strerror}") from error

    def _path(self, commitment: G1) -> Path:
        return self._directory / f"{keccak(commitment).hex()}.json"
