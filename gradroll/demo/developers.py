"""The demo's developers: two train on their own, one hands a start to the gradient rollup and takes what follows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuits.accuracy.inference import Int64Array
from circuits.accuracy.sizeclasses import SMALL
from circuits.arrays import FloatArray
from commons.runtime.extras import require
from gradroll.modelmarket.floatnetworks import FloatNetwork
from gradroll.modelmarket.linearform import LinearForm
from gradroll.modelmarket.quantising import quantise

FORM = LinearForm(SMALL, feature_scale=16)
"""Digits have 8x8 features from 0 to 16: x / 16 is in the network."""
SIZE = SMALL
GRADIENT_BITS = 16
_WARM, _RATE, _DECAY = 400, 0.125, 1e-4


@dataclass(frozen=True, slots=True)
class Images:
    """Labelled digits.

    Attributes:
        features: int16 (rows, 64), 0 to 16.
        labels: uint8 (rows,).
    """

    features: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]

    def part(self, which: slice) -> Images:
        """Some of the rows."""
        return Images(self.features[which], self.labels[which])


def load_images() -> Images:
    """All digits, in an order that is always the same."""
    require("the digits data", "demo", "sklearn")
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # noqa: PLC0415 - slow import

    data = load_digits()
    order = np.random.default_rng(2027).permutation(len(data.target))
    return Images(data.data[order].astype(np.int16), data.target[order].astype(np.uint8))


def alone(train: Images, hidden: int, seed: int, passes: int = 60, before: Images | None = None) -> Int64Array:
    """A model of a developer that trains with scikit-learn, quantised.

    Args:
        passes: over the data at most.
        before: what it is trained on before that, with the same classes.
    """
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]  # noqa: PLC0415 - slow import
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]  # noqa: PLC0415 - slow import

    network = MLPClassifier((hidden,), max_iter=passes, random_state=seed)
    if before is not None:  # the best loss is that on other data: it is nothing to stop by
        network.set_params(warm_start=True, n_iter_no_change=passes)
    values = train.features / 16.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops early on purpose
        if before is not None:
            network.fit(before.features / 16.0, before.labels)
        network.fit(values, train.labels)
    return quantise(FloatNetwork.of_sklearn(network), SIZE, values, train.labels, scale=16.0).weights


def public_start(train: Images) -> Int64Array:
    """m, int64[d]: the public integers that the rollup's training begins with, warmed up on data that all have."""
    random = np.random.default_rng(7)
    parameters = random.normal(0, 0.2, SIZE.weights)
    for _ in range(_WARM):
        parameters = parameters - _RATE * gradient(parameters, train)
    return FORM.integers(np.clip(parameters, -1.9, 1.9))


def parameters_of(integers: Int64Array) -> FloatArray:
    """The network's parameters, exactly."""
    return np.ldexp(integers.astype(np.float64), -FORM.fraction_bits)


def gradient(parameters: FloatArray, images: Images) -> FloatArray:
    """Mean gradient of the cross entropy, float64[d], with some weight decay."""
    size, rows = FORM.size, len(images.labels)
    first, second = np.split(parameters, [size.first_weights])
    outer = second.reshape(size.hidden + 1, size.classes)
    inputs = np.hstack([images.features / 16.0, np.full((rows, 1), FORM.hidden_bias_input)])
    before = inputs @ first.reshape(size.inputs + 1, size.hidden)
    hidden = np.hstack([np.maximum(before, 0), np.full((rows, 1), FORM.output_bias_input)])
    scores = hidden @ outer
    wrong = np.exp(scores - scores.max(axis=1, keepdims=True))
    wrong /= wrong.sum(axis=1, keepdims=True)
    wrong[np.arange(rows), images.labels] -= 1.0
    wrong /= rows
    back = (wrong @ outer[:-1].T) * (before > 0)
    found: FloatArray = np.concatenate([(inputs.T @ back).ravel(), (hidden.T @ wrong).ravel()]) + _DECAY * parameters
    return found


def coefficient(owners: int) -> int:
    """c of a round: a step of the rate along the mean of so many gradients, in units of 2^-F over 2^-f."""
    return round(_RATE * (1 << (FORM.fraction_bits - GRADIENT_BITS)) / owners)
