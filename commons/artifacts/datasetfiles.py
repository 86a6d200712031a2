"""Data sets of accuracy proofs as files: 16-bit features and labels, in safetensors, one way of writing each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from circuits.accuracy.sizeclasses import MAX_WIDTH
from circuits.errors import InvalidInputError
from commons.artifacts.tensorfiles import Wanted, read_file, read_tensors, write_tensors
from commons.storage.files import write_durably

MAX_SAMPLES = 1 << 20
"""Rows of a file; a set has at most 64 groups of 4,096."""
MAX_BYTES = 1 << 30
_WANTED = {"features": Wanted(("int16",), 2), "labels": Wanted(("uint8",), 1)}
_WHAT = "data set"


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled samples.

    Attributes:
        features: int16 [samples, P].
        labels: uint8 [samples], the number of each sample's class.

    Raises:
        InvalidInputError: other shapes or kinds of numbers, no sample, or too many.
    """

    features: npt.NDArray[np.int16] = field(repr=False)
    labels: npt.NDArray[np.uint8] = field(repr=False)

    def __post_init__(self) -> None:
        kinds = (self.features.dtype, self.labels.dtype) == (np.dtype(np.int16), np.dtype(np.uint8))
        if not kinds or self.features.ndim != 2 or self.labels.shape != self.features.shape[:1]:
            raise InvalidInputError("a data set has features, int16 [samples, P], and as many labels, uint8 [samples]")
        samples, width = self.features.shape
        if not (1 <= samples <= MAX_SAMPLES and 1 <= width <= MAX_WIDTH):
            raise InvalidInputError(f"a data set has 1 to {MAX_SAMPLES} samples of 1 to {MAX_WIDTH} features")

    @property
    def samples(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def encode(self) -> bytes:
        """The file, the same for everybody who has these samples."""
        return write_tensors({"features": self.features, "labels": self.labels})

    @classmethod
    def decode(cls, data: bytes) -> Dataset:
        """The samples in a file's bytes.

        Raises:
            InvalidInputError: other arrays, or not written as ``encode`` does.
        """
        found = read_tensors(data, _WANTED, _WHAT)
        made = cls(found["features"], found["labels"])
        if made.encode() != data:
            raise InvalidInputError("the data set is not written as every writer would; write it with gradroll")
        return made


def read_dataset(path: Path) -> Dataset:
    """The data set in a file.  Raises UnknownError, InvalidInputError, StorageError."""
    return Dataset.decode(read_file(path, _WHAT, MAX_BYTES))


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Write a data set, whole or not at all.  Raises StorageError."""
    write_durably(path, dataset.encode())
