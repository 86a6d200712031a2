"""What an owner computes on the view of a hidden model: the gradient there, and the terms that the noise calls for.

With outputs y^, targets t and alpha of the view, derivatives by its numbers, and means over the samples:

    gradient = sum_k (y^_k - t_k) dy^_k
    sigma_s  = sum_{k in s} gamma_k [(y^_k - t_k) dalpha + alpha dy^_k]
    beta     = alpha dalpha

The loss of a sample is half the squared error, summed over outputs.  All of it is a function of the view, the scheme
and the owner's samples, and says nothing of the noise that these do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError
from commons.protocol.hidingschemes import HidingScheme
from gradroll.hiddenmodel.network import backward, forward, split

Derivative = Callable[[FloatArray, FloatArray], FloatArray]
"""Of a weighted sum of outputs, float64[n, K], and alphas, float64[n], by the view's numbers: float64[model_length]."""
Terms = Callable[[HidingScheme, FloatArray, FloatArray, FloatArray], FloatArray]
"""`owner_terms`, or what gives the same."""
_AT_ONCE = 1 << 22
"""Numbers of the largest layer's outputs, of all samples that are computed on together."""


def owner_terms(scheme: HidingScheme, view: FloatArray, samples: FloatArray, targets: FloatArray) -> FloatArray:
    """The vector that an owner hands in, float64[handed_in], in the order of `HidingScheme.blocks`.

    Args:
        view: float64[model_length], the model that the round publishes.
        samples: float64[n, ...] of the scheme's input.
        targets: float64[n, K].

    Raises:
        InvalidInputError: another shape.
    """
    run = forward(scheme, view, samples)
    return combine(scheme, run.outputs, run.alpha, targets, lambda y, a: backward(scheme, view, run, y, a))


def combine(
    scheme: HidingScheme, outputs: FloatArray, alpha: FloatArray, targets: FloatArray, derivative: Derivative
) -> FloatArray:
    """The same from outputs and alphas, however their derivatives are had."""
    if targets.shape != outputs.shape:
        raise InvalidInputError(f"targets have shape {targets.shape}, the outputs {outputs.shape}")
    errors = outputs - targets
    nothing = np.zeros_like(alpha)
    parts = [derivative(errors, nothing)]
    weights, count = scheme.weights, len(alpha)
    below = weights[-1].start
    for group in range(scheme.group_count):
        gamma = np.where(np.array(scheme.groups) == group, np.array(scheme.gamma), 0.0)
        whole = derivative(alpha[:, None] * gamma, errors @ gamma)
        rows, biases = split(whole, weights[-1])
        own = list(scheme.outputs_of(group))
        parts += [whole[:below], rows[own].ravel(), biases[own]]
    parts.append(derivative(np.zeros_like(outputs), alpha)[:below])
    return np.concatenate(parts) / count


def in_parts(
    terms: Terms, scheme: HidingScheme, view: FloatArray, samples: FloatArray, targets: FloatArray
) -> FloatArray:
    """The same over any number of samples, in memory that does not grow with them; arguments are `owner_terms`'.

    Raises:
        InvalidInputError: another shape, or other targets than samples.
    """
    count = len(samples) if samples.ndim else 0
    if not count or targets.ndim != 2 or len(targets) != count:
        raise InvalidInputError(
            f"there are samples of shape {samples.shape} and targets of shape {targets.shape}: one row of outputs for "
            "each sample, of which there is at least one"
        )
    step = max(1, _AT_ONCE // max(math.prod(shape) for shape in scheme.shapes()))
    total = np.zeros(scheme.handed_in)
    for start in range(0, count, step):
        part = slice(start, start + step)
        total += terms(scheme, view, samples[part], targets[part]) * len(samples[part])
    return total / count


def plain_gradient(scheme: HidingScheme, model: FloatArray, samples: FloatArray, targets: FloatArray) -> FloatArray:
    """Mean gradient of half the squared error on a model that nobody hides, float64[model_length]."""
    run = forward(scheme, model, samples)
    return backward(scheme, model, run, run.outputs - targets, np.zeros(len(samples))) / len(samples)
