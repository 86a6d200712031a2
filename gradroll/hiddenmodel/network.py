"""The networks that can be hidden, in numpy: forwards, and backwards along given directions.

Shapes: n samples come first, then the layer's shape as `HidingScheme.shapes` has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from commons.protocol.hidingschemes import FLATTEN, LINEAR, MAX_POOL, HidingScheme, Layer, Weights


@dataclass(frozen=True, eq=False, slots=True)
class Pass:
    """What one pass forwards leaves for the passes backwards.

    Attributes:
        inputs: of each layer.
        outputs: float64[n, K] of the last layer.
        alpha: float64[n], 1 and the sum of the last layer's inputs: what a unit of noise does to an output.
    """

    inputs: tuple[FloatArray, ...] = field(repr=False)
    outputs: FloatArray = field(repr=False)
    alpha: FloatArray = field(repr=False)


def forward(scheme: HidingScheme, model: FloatArray, samples: FloatArray) -> Pass:
    """Run samples through a model or a view of one.

    Args:
        model: float64[model_length].
        samples: float64[n, ...] of the scheme's input.

    Raises:
        InvalidInputError: another shape.
    """
    if model.shape != (scheme.model_length,):
        raise InvalidInputError(f"the model has shape {model.shape}, its scheme is for {scheme.model_length} numbers")
    if samples.shape[1:] != scheme.input or not len(samples):
        raise InvalidInputError(f"samples have shape {samples.shape}, the scheme takes (n, *{scheme.input}), n > 0")
    weights, inputs, values = iter(scheme.weights), [], samples
    for layer, shape in zip(scheme.layers, scheme.shapes()[1:], strict=True):
        inputs.append(values)
        if layer.weighted:
            values = _apply(layer, next(weights), model, values, shape)
            if layer is not scheme.layers[-1]:
                values = np.maximum(values, 0.0)
        else:
            values = _reshaped_or_pooled(layer, values)
    return Pass(tuple(inputs), values, 1.0 + inputs[-1].sum(axis=1))


def backward(
    scheme: HidingScheme, model: FloatArray, run: Pass, of_outputs: FloatArray, of_alpha: FloatArray
) -> FloatArray:
    """Derivative by the model's numbers, float64[model_length], of a weighted sum over samples of outputs and alphas.

    Args:
        of_outputs: float64[n, K], weights of the outputs, held constant.
        of_alpha: float64[n], weights of alpha.
    """
    gradient = np.zeros(scheme.model_length)
    weights, flow = list(scheme.weights), of_outputs
    last = len(scheme.layers) - 1
    for at in range(last, -1, -1):
        layer, values = scheme.layers[at], run.inputs[at]
        if not layer.weighted:
            flow = _unpool(layer, values, flow)
            continue
        where = weights.pop()
        if at < last:
            flow = flow * (run.inputs[at + 1] > 0.0)  # its ReLU
        gradient[where.place] = _by_weights(layer, where, values, flow)
        if weights:
            flow = _by_inputs(layer, where, model, values, flow)
        if at == last:
            flow = flow + of_alpha[:, None]
    return gradient


def split(model: FloatArray, where: Weights) -> tuple[FloatArray, FloatArray]:
    """A layer's weights and biases, as views of a flat vector."""
    part = model[where.place]
    return part[: -where.shape[0]].reshape(where.shape), part[-where.shape[0] :]


def _apply(layer: Layer, where: Weights, model: FloatArray, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    weights, biases = split(model, where)
    if layer.kind == LINEAR:
        return values @ weights.T + biases
    columns = _windows(_padded(values, layer.padding), layer.kernel, layer.stride)
    result = np.tensordot(columns, weights, axes=((1, 4, 5), (1, 2, 3))) + biases
    return np.ascontiguousarray(np.moveaxis(result, 3, 1)).reshape(len(values), *shape)


def _by_weights(layer: Layer, where: Weights, values: FloatArray, flow: FloatArray) -> FloatArray:
    """Derivative by weights and biases, flat."""
    if layer.kind == LINEAR:
        return np.concatenate(((flow.T @ values).ravel(), flow.sum(axis=0)))
    columns = _windows(_padded(values, layer.padding), layer.kernel, layer.stride)
    weights = np.tensordot(flow, columns, axes=((0, 2, 3), (0, 2, 3)))
    return np.concatenate((weights.reshape(where.shape).ravel(), flow.sum(axis=(0, 2, 3))))


def _by_inputs(layer: Layer, where: Weights, model: FloatArray, values: FloatArray, flow: FloatArray) -> FloatArray:
    weights, _ = split(model, where)
    if layer.kind == LINEAR:
        return flow @ weights
    columns = np.moveaxis(np.tensordot(flow, weights, axes=((1,), (0,))), 3, 1)  # n, channels, rows, columns, k, k
    padded = _padded(np.zeros_like(values), layer.padding)
    _add_windows(padded, columns, layer.stride)
    inner = slice(layer.padding, -layer.padding or None)
    return padded[:, :, inner, inner]


def _reshaped_or_pooled(layer: Layer, values: FloatArray) -> FloatArray:
    if layer.kind == FLATTEN:
        return values.reshape(len(values), -1)
    windows = _windows(values, layer.kernel, layer.stride)
    pooled: FloatArray = windows.max(axis=(4, 5)) if layer.kind == MAX_POOL else windows.mean(axis=(4, 5))
    return pooled


def _unpool(layer: Layer, values: FloatArray, flow: FloatArray) -> FloatArray:
    if layer.kind == FLATTEN:
        return flow.reshape(values.shape)
    size = layer.kernel * layer.kernel
    if layer.kind == MAX_POOL:
        windows = _windows(values, layer.kernel, layer.stride)
        flat = windows.reshape(*windows.shape[:4], size)
        shares = flat.argmax(axis=4)[..., None] == np.arange(size)  # the first of equal ones
    else:
        shares = np.full((*flow.shape, size), 1.0 / size)
    result = np.zeros_like(values)
    _add_windows(result, (flow[..., None] * shares).reshape(*flow.shape, layer.kernel, layer.kernel), layer.stride)
    return result


def _padded(values: FloatArray, padding: int) -> FloatArray:
    return np.pad(values, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def _windows(values: FloatArray, kernel: int, stride: int) -> FloatArray:
    """A view of (n, channels, rows, columns, kernel, kernel)."""
    windows: FloatArray = np.lib.stride_tricks.sliding_window_view(values, (kernel, kernel), axis=(2, 3))
    return windows[:, :, ::stride, ::stride]


def _add_windows(result: FloatArray, windows: FloatArray, stride: int) -> None:
    """Add every window where it was taken from; windows may overlap."""
    rows, columns, kernel = windows.shape[2], windows.shape[3], windows.shape[4]
    for i in range(kernel):
        for j in range(kernel):
            place = result[:, :, i : i + rows * stride : stride, j : j + columns * stride : stride]
            place += windows[:, :, :, :, i, j]
