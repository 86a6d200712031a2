"""Two models in plain numpy, with the gradients of many owners at once.

Parameters are one float64[d].  Features are float64[owners, n, k], labels int64[owners, n]; gradients of the mean cross
entropy over each owner's n samples are float64[owners, d].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.robustness.settings import CHANNELS, HIDDEN
from circuits.arrays import FloatArray
from circuits.quantize import IntArray

_SIDE, _KERNEL = 8, 3
_CONVOLVED = _SIDE - _KERNEL + 1
_POOLED = _CONVOLVED // 2


class Model(Protocol):
    """What training needs of a model."""

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """Random parameters to start from."""
        ...

    def logits(self, parameters: FloatArray, features: FloatArray) -> FloatArray:
        """float64[n, classes] for features float64[n, k]."""
        ...

    def gradients(self, parameters: FloatArray, features: FloatArray, labels: IntArray) -> FloatArray:
        """float64[owners, d]."""
        ...


@dataclass(frozen=True, slots=True)
class Mlp:
    """One hidden layer of rectified units."""

    inputs: int
    classes: int

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """He's initialisation; biases are zero."""
        first = rng.normal(0, np.sqrt(2 / self.inputs), self.inputs * HIDDEN)
        second = rng.normal(0, np.sqrt(1 / HIDDEN), HIDDEN * self.classes)
        return np.concatenate([first, np.zeros(HIDDEN), second, np.zeros(self.classes)])

    def logits(self, parameters: FloatArray, features: FloatArray) -> FloatArray:
        """See `Model`."""
        w1, b1, w2, b2 = self._parts(parameters)
        result: FloatArray = np.maximum(features @ w1 + b1, 0) @ w2 + b2
        return result

    def gradients(self, parameters: FloatArray, features: FloatArray, labels: IntArray) -> FloatArray:
        """See `Model`."""
        w1, b1, w2, b2 = self._parts(parameters)
        hidden = np.maximum(features @ w1 + b1, 0)
        above = _residual(hidden @ w2 + b2, labels)
        below = (above @ w2.T) * (hidden > 0)
        return _flat(_dense(features, below), below.sum(axis=1), _dense(hidden, above), above.sum(axis=1))

    def _parts(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        sizes = np.cumsum([self.inputs * HIDDEN, HIDDEN, HIDDEN * self.classes])
        w1, b1, w2, b2 = np.split(parameters, sizes)
        return w1.reshape(self.inputs, HIDDEN), b1, w2.reshape(HIDDEN, self.classes), b2


@dataclass(frozen=True, slots=True)
class Cnn:
    """A 3x3 convolution with rectified units, means over 2x2, and a dense layer, on images of 8x8 pixels."""

    classes: int

    def initial(self, rng: np.random.Generator) -> FloatArray:
        """He's initialisation; biases are zero."""
        pooled = _POOLED * _POOLED * CHANNELS
        kernel = rng.normal(0, np.sqrt(2 / _KERNEL**2), _KERNEL**2 * CHANNELS)
        dense = rng.normal(0, np.sqrt(1 / pooled), pooled * self.classes)
        return np.concatenate([kernel, np.zeros(CHANNELS), dense, np.zeros(self.classes)])

    def logits(self, parameters: FloatArray, features: FloatArray) -> FloatArray:
        """See `Model`."""
        kernel, bias, dense, last = self._parts(parameters)
        result: FloatArray = _pool(np.maximum(_patches(features) @ kernel + bias, 0)) @ dense + last
        return result

    def gradients(self, parameters: FloatArray, features: FloatArray, labels: IntArray) -> FloatArray:
        """See `Model`."""
        kernel, bias, dense, last = self._parts(parameters)
        patches = _patches(features)
        active = np.maximum(patches @ kernel + bias, 0)
        pooled = _pool(active)
        above = _residual(pooled @ dense + last, labels)
        below = _spread(above @ dense.T) * (active > 0)
        owners = len(features)
        inner, outer = patches.reshape(owners, -1, _KERNEL**2), below.reshape(owners, -1, CHANNELS)
        return _flat(_dense(inner, outer), outer.sum(axis=1), _dense(pooled, above), above.sum(axis=1))

    def _parts(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        pooled = _POOLED * _POOLED * CHANNELS
        sizes = np.cumsum([_KERNEL**2 * CHANNELS, CHANNELS, pooled * self.classes])
        kernel, bias, dense, last = np.split(parameters, sizes)
        return kernel.reshape(_KERNEL**2, CHANNELS), bias, dense.reshape(pooled, self.classes), last


def model_of(name: str, inputs: int, classes: int) -> Model:
    """A model by its name in a cell."""
    return Mlp(inputs, classes) if name == "mlp" else Cnn(classes)


def _residual(logits: FloatArray, labels: IntArray) -> FloatArray:
    """Derivative of the mean cross entropy by the logits."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: FloatArray = powers / powers.sum(axis=-1, keepdims=True)
    result -= np.eye(logits.shape[-1])[labels]
    result /= labels.shape[-1]
    return result


def _dense(below: FloatArray, above: FloatArray) -> FloatArray:
    result: FloatArray = below.swapaxes(1, 2) @ above
    return result


def _flat(*parts: FloatArray) -> FloatArray:
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _patches(features: FloatArray) -> FloatArray:
    """float64[..., 36, 9], each place of the kernel on the image."""
    images = features.reshape(*features.shape[:-1], _SIDE, _SIDE)
    windows = np.lib.stride_tricks.sliding_window_view(images, (_KERNEL, _KERNEL), axis=(-2, -1))
    return np.ascontiguousarray(windows).reshape(*features.shape[:-1], _CONVOLVED**2, _KERNEL**2)


def _pool(active: FloatArray) -> FloatArray:
    """float64[..., 72]: means over 2x2 places, channel by channel."""
    lead = active.shape[:-2]
    blocks = active.reshape(*lead, _POOLED, 2, _POOLED, 2, CHANNELS)
    result: FloatArray = blocks.mean(axis=(-4, -2)).reshape(*lead, -1)
    return result


def _spread(pooled: FloatArray) -> FloatArray:
    """The derivative of `_pool`: every place's part of a mean."""
    lead = pooled.shape[:-1]
    blocks = pooled.reshape(*lead, _POOLED, 1, _POOLED, 1, CHANNELS) / 4
    full = np.broadcast_to(blocks, (*lead, _POOLED, 2, _POOLED, 2, CHANNELS))
    return full.reshape(*lead, _CONVOLVED**2, CHANNELS)
