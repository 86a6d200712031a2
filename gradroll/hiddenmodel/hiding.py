"""The model owner's side: noise for a model, the view that owners are shown, and the true gradient out of their sum.

Hidden neuron or channel i of layer l has a secret factor r_i > 0, outputs of group s a secret scalar rho_s:

    hidden layers   W^_ij = r_i / r_j W_ij           b^_i = r_i b_i
    last layer      W^_kj = W_kj / r_j + n_k         b^_k = b_k + n_k,      n_k = rho_s gamma_k

and the true gradient is ratio o (gradient - sum_s rho_s sigma_s + (sum_s rho_s^2 sum_{k in s} gamma_k^2) beta), where
ratio has for each number what its true derivative is of that by the view's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray, float_vector
from circuits.errors import InvalidInputError
from circuits.hashing import tag
from commons.protocol.hidingschemes import FLATTEN, HidingScheme
from gradroll.hiddenmodel.network import split

KEY_BYTES = 32
SPREAD = 4.0
"""Secret factors lie in (1/4, 4)."""
_SAME = 1e-9
"""Largest difference of a view from itself, computed elsewhere, by its largest number; another secret's is near 1."""
_FACTORS, _SCALARS = tag("gradroll/v1/hidden-model/factors"), tag("gradroll/v1/hidden-model/scalars")


@dataclass(frozen=True, eq=False, slots=True)
class Noise:
    """The secrets that make a model's view; never printed.

    Attributes:
        factors: for each layer with weights but the last, float64[outputs], positive.
        scalars: float64[m], rho of each group, not 0.
    """

    factors: tuple[FloatArray, ...] = field(repr=False)
    scalars: FloatArray = field(repr=False)


def draw_noise(scheme: HidingScheme, model: FloatArray, key: bytes, context: bytes = b"") -> Noise:
    """Noise for a model: factors are the task's, scalars are fresh for every model.

    Factors stay, as fresh ones would give the scalars away: between two views of one model under two sets of factors
    each last row changes by (q_j rho' - rho) gamma_k with q_j known from the layers below, which is solved for both,
    and between two rounds it is solved almost as well.  With the same factors it is (rho' - rho) gamma_k alone.

    Args:
        model: float64[model_length].
        key: 32 secret random bytes.
        context: the task, so that tasks with one key have other noise.
    """
    if len(key) != KEY_BYTES:
        raise InvalidInputError(f"the key of a hidden model has {KEY_BYTES} bytes, not {len(key)}")
    model = float_vector(model, scheme.model_length, "model")
    seed = key + hashlib.sha256(context).digest()
    sizes = [weights.shape[0] for weights in scheme.weights[:-1]]
    drawn, inverted = _drawn(_FACTORS + seed, sum(sizes))
    factors = np.split(np.where(inverted, 1.0 / drawn, drawn), np.cumsum(sizes)[:-1])
    scalars, negative = _drawn(_SCALARS + seed + model.astype("<f8").tobytes(), scheme.group_count)
    rows, _ = split(model, scheme.weights[-1])
    scale = float(np.sqrt(np.mean(np.square(rows)))) or 1.0
    return Noise(tuple(factors), np.where(negative, -scale, scale) * scalars)


def _drawn(seed: bytes, count: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Sizes in (1, SPREAD) and truth values, that many, by SHAKE-256."""
    drawn = np.frombuffer(hashlib.shake_256(seed).digest(8 * count), "<u8")
    units = ((drawn >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return 1.0 + (SPREAD - 1.0) * units, (drawn & np.uint64(1)).astype(bool)


def hide(scheme: HidingScheme, model: FloatArray, noise: Noise) -> FloatArray:
    """The view of a model that a round publishes, float64[model_length]."""
    model = float_vector(model, scheme.model_length, "model")
    return model * _ratio(scheme, noise) + _offset(scheme, noise)


def unhide(scheme: HidingScheme, view: FloatArray, noise: Noise) -> FloatArray:
    """The model of a view, to rounding."""
    view = float_vector(view, scheme.model_length, "view")
    return (view - _offset(scheme, noise)) / _ratio(scheme, noise)


def recover(scheme: HidingScheme, terms: FloatArray, noise: Noise) -> FloatArray:
    """The true gradient, float64[model_length], out of owners' terms on the view.

    Args:
        terms: float64[handed_in], of one owner, or a sum or mean of any number: the gradient is of the same.
    """
    terms = float_vector(terms, scheme.handed_in, "sum of a hidden model")
    length, below = scheme.model_length, scheme.weights[-1].start
    gradient, rest = terms[:length].copy(), terms[length:]
    rows, biases = split(gradient, scheme.weights[-1])
    gamma, squares = np.array(scheme.gamma), 0.0
    for group, rho in enumerate(noise.scalars):
        own = list(scheme.outputs_of(group))
        ends = np.cumsum((below, len(own) * rows.shape[1], len(own)))
        lower, own_rows, own_biases, rest = np.split(rest, ends)
        gradient[:below] -= rho * lower
        rows[own] -= rho * own_rows.reshape(len(own), -1)
        biases[own] -= rho * own_biases
        squares += float(rho * rho * np.sum(gamma[own] ** 2))
    gradient[:below] += squares * rest
    result: FloatArray = gradient * _ratio(scheme, noise)
    return result


def is_view(scheme: HidingScheme, model: FloatArray, view: FloatArray, noise: Noise) -> bool:
    """Whether a view is a model's by this noise, to the rounding of another machine; float64[model_length] each."""
    difference = np.abs(hide(scheme, model, noise) - float_vector(view, scheme.model_length, "view"))
    return bool(np.max(difference) <= _SAME * np.max(np.abs(view)))


def unhidden(model: FloatArray, view: FloatArray) -> int:
    """How many numbers of a model its view shows as they are: a hidden weight of zero stays zero."""
    return int(np.count_nonzero(model == view))


def _ratio(scheme: HidingScheme, noise: Noise) -> FloatArray:
    """By what the view multiplies each number of the model, float64[model_length]."""
    result, before = np.empty(scheme.model_length), np.ones(scheme.input[0])
    weights, factors = iter(scheme.weights), iter((*noise.factors, np.ones(scheme.layers[-1].outputs)))
    for layer, (shape, _) in zip(scheme.layers, pairwise(scheme.shapes()), strict=True):
        if layer.kind == FLATTEN:
            before = np.repeat(before, int(np.prod(shape[1:])))
        if layer.weighted:
            where, after = next(weights), next(factors)
            rows, biases = split(result, where)
            rows[...] = (after[:, None] / before).reshape(*where.shape[:2], *[1] * (len(where.shape) - 2))
            biases[...] = after
            before = after
    return result


def _offset(scheme: HidingScheme, noise: Noise) -> FloatArray:
    """What the view adds, float64[model_length]: nothing below the last layer."""
    result = np.zeros(scheme.model_length)
    rows, biases = split(result, scheme.weights[-1])
    biases[...] = noise.scalars[list(scheme.groups)] * np.array(scheme.gamma)
    rows[...] = biases[:, None]
    return result
