"""Networks of one hidden layer as files: W1 and W2 in safetensors, biases in their last rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.accuracy.inference import Int64Array, layers
from circuits.accuracy.sizeclasses import MAX_WIDTH, SizeClass
from circuits.errors import InvalidInputError
from commons.artifacts.tensorfiles import MAX_HEADER, Wanted, read_file, read_tensors, write_tensors
from commons.storage.files import write_durably

_KINDS = ("int16", "float32", "float64")
_WANTED = {"W1": Wanted(_KINDS, 2), "W2": Wanted(_KINDS, 2)}
_WHAT = "model"
MAX_BYTES = 16 * (MAX_WIDTH + 1) * MAX_WIDTH + MAX_HEADER + 8
"""Of the largest network of any size class, in float64."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkArrays:
    """A network's two matrices, both of integers (of 16 bits) or both of floats.

    Attributes:
        first: (P + 1, H).
        second: (H + 1, C).  In both the last row has the biases.

    Raises:
        InvalidInputError: other shapes or kinds of numbers, NaN or infinity.
    """

    first: npt.NDArray[Any] = field(repr=False)
    second: npt.NDArray[Any] = field(repr=False)

    def __post_init__(self) -> None:
        kinds = {self.first.dtype.name, self.second.dtype.name}
        if len(kinds) != 1 or not kinds <= set(_KINDS) or self.first.ndim != 2 or self.second.ndim != 2:
            raise InvalidInputError(f"a model has two matrices W1 and W2 of one kind: {', '.join(_KINDS)}")
        inputs, hidden, classes = self.first.shape[0] - 1, self.first.shape[1], self.second.shape[1]
        if self.second.shape[0] != hidden + 1 or not all(1 <= each <= MAX_WIDTH for each in (inputs, hidden, classes)):
            raise InvalidInputError("a model has W1 (P + 1, H) and W2 (H + 1, C), with the biases in their last rows")
        if not all(np.isfinite(each).all() for each in (self.first, self.second)):
            raise InvalidInputError("the model has weights that are no finite numbers; train it again")

    @classmethod
    def of_weights(cls, size: SizeClass, weights: Int64Array) -> NetworkArrays:
        """Those of a quantised model, int64[d]."""
        first, second = layers(size, weights)
        return cls(first.astype(np.int16), second.astype(np.int16))

    def weights(self, size: SizeClass) -> Int64Array:
        """int64[d] of a quantised model.

        Raises:
            InvalidInputError: it is of floats, of another size class, or a weight is out of range.
        """
        if self.first.dtype != np.int16:
            raise InvalidInputError("the model is of floats; quantise it first")
        if (self.first.shape[0] - 1, *self.second.shape) != (size.inputs, size.hidden + 1, size.classes):
            raise InvalidInputError(f"the model has not the shape of class {size.name}; quantise it for that class")
        flat = np.concatenate([self.first.ravel(), self.second.ravel()]).astype(np.int64)
        if flat.min() < -size.half or flat.max() >= size.half:
            raise InvalidInputError(f"weights lie from {-size.half} to {size.half - 1}; quantise the model again")
        return flat


def decode_network(data: bytes) -> NetworkArrays:
    """The network in a file's bytes.  Raises InvalidInputError."""
    found = read_tensors(data, _WANTED, _WHAT)
    return NetworkArrays(found["W1"], found["W2"])


def read_network(path: Path) -> NetworkArrays:
    """The network in a file.  Raises UnknownError, InvalidInputError, StorageError."""
    return decode_network(read_file(path, _WHAT, MAX_BYTES))


def write_network(path: Path, network: NetworkArrays) -> None:
    """Write a network, whole or not at all, for its owner alone to read.  Raises StorageError."""
    write_durably(path, write_tensors({"W1": network.first, "W2": network.second}))
