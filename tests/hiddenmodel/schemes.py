"""Networks, models and samples for the tests of hidden models."""

from __future__ import annotations

import numpy as np

from circuits.arrays import FloatArray
from commons.protocol.hidingschemes import AVERAGE_POOL, CONV, FLATTEN, LINEAR, MAX_POOL, HidingScheme, Layer

KEY = bytes(range(32))


def perceptron(*widths: int, groups: int = 1) -> HidingScheme:
    """Linear layers of these widths, the first one the input's; outputs are dealt to the groups in turn."""
    layers = tuple(Layer(LINEAR, outputs) for outputs in widths[1:])
    return HidingScheme((widths[0],), layers, *directions(widths[-1], groups))


def convolutional(groups: int = 1) -> HidingScheme:
    """Two convolutions, both sorts of pools with windows that overlap and that do not, two linear layers."""
    layers = (
        Layer(CONV, 4, kernel=3, stride=1, padding=1), Layer(MAX_POOL, kernel=2, stride=2),
        Layer(CONV, 5, kernel=3, stride=2, padding=2), Layer(AVERAGE_POOL, kernel=2, stride=1), Layer(FLATTEN),
        Layer(LINEAR, 7), Layer(LINEAR, 3),
    )  # fmt: skip
    return HidingScheme((2, 9, 8), layers, *directions(3, groups))


def directions(outputs: int, groups: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Groups and public directions of outputs, directions drawn once and for all."""
    drawn = np.random.default_rng(outputs).uniform(0.5, 1.5, outputs)
    return tuple(k % groups for k in range(outputs)), tuple(float(g) for g in drawn)


def random_model(scheme: HidingScheme, seed: int = 1) -> FloatArray:
    """Weights and biases as a network begins with, in their layer's usual scale."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal(0.0, (np.prod(w.shape[1:])) ** -0.5, w.length) for w in scheme.weights]
    return np.concatenate(parts)


def random_samples(scheme: HidingScheme, count: int, seed: int = 2) -> tuple[FloatArray, FloatArray]:
    """Samples in [0, 1) and targets, one output of each sample 1 and the others 0."""
    rng = np.random.default_rng(seed)
    outputs = scheme.layers[-1].outputs
    return rng.uniform(0.0, 1.0, (count, *scheme.input)), np.eye(outputs)[rng.integers(0, outputs, count)]
