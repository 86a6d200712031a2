"""Networks of one hidden layer in floats, as scikit-learn and PyTorch train them.

    scores = relu(x W1 + b1) W2 + b2

Nothing of either framework is imported: what they call weights is read by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from commons.artifacts.networkfiles import NetworkArrays


@dataclass(frozen=True, slots=True, eq=False)
class FloatNetwork:
    """Weights and biases, float64.

    Attributes:
        first: (P, H), and its biases (H,).
        second: (H, C), and its biases (C,).

    Raises:
        InvalidInputError: the shapes do not fit, there are fewer than two classes, or a weight is NaN or infinite.
    """

    first: FloatArray = field(repr=False)
    first_bias: FloatArray = field(repr=False)
    second: FloatArray = field(repr=False)
    second_bias: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        parts = (self.first, self.first_bias, self.second, self.second_bias)
        if [part.ndim for part in parts] != [2, 1, 2, 1] or not all(part.size for part in parts):
            raise InvalidInputError("a network has W1 (P, H), b1 (H,), W2 (H, C) and b2 (C,)")
        hidden, classes = self.second.shape
        if self.first.shape[1] != hidden or self.first_bias.shape != (hidden,) or self.second_bias.shape != (classes,):
            raise InvalidInputError("the layers do not fit each other: W1 (P, H), b1 (H,), W2 (H, C), b2 (C,)")
        if classes < 2:
            raise InvalidInputError("the network has one output; give it a score for each class, at least two")
        for layer, part in zip((1, 1, 2, 2), parts, strict=True):
            if not np.isfinite(part).all():
                raise InvalidInputError(f"layer {layer} has weights that are no finite numbers; train it again")

    @property
    def shape(self) -> tuple[int, int, int]:
        """P, H, C."""
        return (*self.first.shape, self.second.shape[1])

    @classmethod
    def of_arrays(cls, *parts: Any) -> FloatNetwork:
        """Of W1, b1, W2, b2 in whatever numpy makes arrays of.  Raises InvalidInputError."""
        try:
            first, first_bias, second, second_bias = (np.asarray(part, dtype=np.float64) for part in parts)
        except (TypeError, ValueError):
            raise InvalidInputError("W1, b1, W2 and b2 are arrays of numbers; save them as such") from None
        return cls(first, first_bias, second, second_bias)

    @classmethod
    def of_file(cls, arrays: NetworkArrays) -> FloatNetwork:
        """Of a file of floats, whose last rows are the biases.  Raises InvalidInputError."""
        if arrays.first.dtype == np.int16:
            raise InvalidInputError("the model is quantised already; use it as it is")
        return cls.of_arrays(arrays.first[:-1], arrays.first[-1], arrays.second[:-1], arrays.second[-1])

    @classmethod
    def of_sklearn(cls, trained: Any) -> FloatNetwork:
        """Of a fitted ``MLPClassifier`` with one hidden layer of ReLU; of two classes too, which it has one output for.

        Raises:
            InvalidInputError: another network, or classes that are not called 0, 1, 2, ..
        """
        weights, biases = getattr(trained, "coefs_", None), getattr(trained, "intercepts_", None)
        if weights is None or biases is None:
            raise InvalidInputError("this is no fitted MLPClassifier; call its fit first")
        if len(weights) != 2 or trained.activation != "relu":
            raise InvalidInputError("the network has other layers than one hidden one of ReLU; train such a one")
        names = np.asarray(trained.classes_)
        if names.dtype.kind not in "iu" or not np.array_equal(names, np.arange(len(names))):
            raise InvalidInputError("the classes are not called 0, 1, 2, ..; train with such labels")
        if len(names) == 2 and weights[1].shape[1] == 1:  # its one output is the logit of class 1
            first, (second,) = weights[0], weights[1].T
            return cls.of_arrays(first, biases[0], np.stack([0 * second, second], 1), [0.0, biases[1][0]])
        return cls.of_arrays(weights[0], biases[0], weights[1], biases[1])

    @classmethod
    def of_torch(cls, state: Mapping[str, Any]) -> FloatNetwork:
        """Of the ``state_dict()`` of Linear, ReLU, Linear: a weight and a bias each, in order, by any name.

        Raises:
            InvalidInputError: it has other parts.
        """
        parts = [np.asarray(_plain(part), dtype=np.float64) for part in state.values()]
        if [part.ndim for part in parts] != [2, 1, 2, 1]:
            raise InvalidInputError(
                "the state has not just weight, bias, weight and bias of two Linear layers; pass that of Linear, ReLU, "
                "Linear alone"
            )
        return cls.of_arrays(parts[0].T, parts[1], parts[2].T, parts[3])

    def scores(self, features: FloatArray) -> FloatArray:
        """(rows, C) of features (rows, P)."""
        hidden = np.maximum(features @ self.first + self.first_bias, 0)
        found: FloatArray = hidden @ self.second + self.second_bias
        return found

    def count_right(self, features: FloatArray, labels: npt.NDArray[np.integer[Any]]) -> int:
        """Rows whose label has strictly the best score."""
        scores, rows = self.scores(features), np.arange(len(labels))
        mine = scores[rows, labels]
        others = scores.copy()
        others[rows, labels] = -np.inf
        return int((mine > others.max(1)).sum())


def _plain(tensor: Any) -> Any:
    """A tensor of torch as an array, wherever it is kept."""
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor
