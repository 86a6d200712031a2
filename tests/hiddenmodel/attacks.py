"""What somebody who sees views tries, to get at the secret scalars or at what they hide; no secret goes in here."""

from __future__ import annotations

import numpy as np

from circuits.arrays import FloatArray
from commons.protocol.hidingschemes import HidingScheme
from gradroll.hiddenmodel.network import forward, split


def by_labels(scheme: HidingScheme, view: FloatArray, samples: FloatArray, targets: FloatArray) -> FloatArray:
    """Scalars that fit an owner's own data best: y^_k - t_k is rho gamma_k alpha and what the model is wrong by."""
    run = forward(scheme, view, samples)
    found = []
    for group in range(scheme.group_count):
        own = list(scheme.outputs_of(group))
        slope = (run.alpha[:, None] * np.array(scheme.gamma)[own]).ravel()
        found.append(slope @ (run.outputs - targets)[:, own].ravel() / (slope @ slope))
    return np.array(found)


def by_sum_of_outputs(scheme: HidingScheme, view: FloatArray, samples: FloatArray) -> FloatArray:
    """One group, no labels: a network that was taught to name one class of K has outputs that add up to about 1."""
    run = forward(scheme, view, samples)
    return np.array([run.alpha @ (run.outputs.sum(axis=1) - 1.0) / (run.alpha @ run.alpha) / np.sum(scheme.gamma)])


def by_medians(scheme: HidingScheme, view: FloatArray) -> FloatArray:
    """No data at all: true weights of an output lie around 0, so those of the view lie around rho gamma_k."""
    rows, _ = split(view, scheme.weights[-1])
    relative = rows / np.array(scheme.gamma)[:, None]
    return np.array([np.median(relative[list(scheme.outputs_of(s))]) for s in range(scheme.group_count)])


def by_two_views(scheme: HidingScheme, first: FloatArray, second: FloatArray) -> FloatArray:
    """Scalars of the first of two views of one model, or nearly one, whose factors differ.

    The layers below give q_j, by what factors changed; then (q_j rho' - rho) gamma_k is what a last row changed by.
    NaN where factors did not change at all: the equations then give rho' - rho only.
    """
    changed = np.ones(scheme.input[0])
    for where in scheme.weights[:-1]:
        rows, later = split(first, where)[0], split(second, where)[0]
        changed = np.median(later / rows * changed, axis=1)
    (rows, biases), (later, later_biases) = (split(view, scheme.weights[-1]) for view in (first, second))
    factors = np.append(changed, 1.0)
    steps = np.column_stack((later, later_biases)) * factors - np.column_stack((rows, biases))
    gamma, found = np.array(scheme.gamma), []
    for group in range(scheme.group_count):
        own = list(scheme.outputs_of(group))
        unknowns = np.stack([-np.outer(gamma[own], np.ones_like(factors)), np.outer(gamma[own], factors)], axis=-1)
        solution, _, rank, _ = np.linalg.lstsq(unknowns.reshape(-1, 2), steps[own].ravel(), rcond=1e-9)
        found.append(solution[0] if rank == 2 else np.nan)
    return np.array(found)


def by_public_sum(scheme: HidingScheme, first: FloatArray, second: FloatArray, terms: FloatArray) -> FloatArray:
    """One group: two views with a plain step between them, and the sum that it was made along, or what stands for it.

    For each neuron of the first layer the second view's row is a V - b (G - rho S + c rho^2 B): four known vectors.
    The median over neurons.
    """
    where, below = scheme.weights[0], scheme.weights[-1].start
    parts = [terms[: where.length], terms[scheme.model_length :][: where.length], terms[-below:][: where.length]]
    table = [_rows(first, where.shape), *(_rows(part, where.shape) for part in parts)]
    goal, found = _rows(second, where.shape), []
    for neuron in range(where.shape[0]):
        columns = np.stack([-rows[neuron] for rows in table], axis=1)
        solution = _solved(columns, goal[neuron])
        if solution is not None:
            found.append(-solution[2] / solution[1])
    return np.array([np.median(found)])


def by_public_sum_of_each(scheme: HidingScheme, first: FloatArray, second: FloatArray, terms: FloatArray) -> FloatArray:
    """The same for one hidden layer and a group an output.

    G is then a combination of the S_k and B, so the factor of S_k comes out as b (rho_k - V_ki / gamma_k), and any two
    outputs' factors in any two neurons give two equations for their scalars.
    """
    where, below, groups = scheme.weights[0], scheme.weights[-1].start, scheme.group_count
    blocks = dict(
        zip((n for n, _ in scheme.blocks()),
            np.split(terms, np.cumsum([length for _, length in scheme.blocks()])[:-1]), strict=True)
    )  # fmt: skip
    table = [_rows(first, where.shape), *(_rows(blocks[f"sigma.{s}.0"], where.shape) for s in range(groups))]
    table.append(_rows(terms[-below:], where.shape))
    goal, factors, seen, trust = _rows(second, where.shape), [], [], []
    last = split(first, scheme.weights[-1])[0] / np.array(scheme.gamma)[:, None]
    for neuron in range(where.shape[0]):
        columns = np.stack([rows[neuron] for rows in table], axis=1)
        solution = _solved(columns, goal[neuron])
        if solution is not None:
            factors.append(solution[1:-1] / np.linalg.norm(solution[1:-1]))
            seen.append(last[:, neuron])
            trust.append(_conditioning(columns))
    f, v = np.array(factors) * np.array(trust)[:, None] ** 2, np.array(seen)
    equations, goals = [], []
    for k in range(groups):
        other = (k + 1) % groups
        # f_k / (rho_k - v_k) is the same b for every output of a neuron
        rows = np.zeros((len(f), groups))
        rows[:, k], rows[:, other] = -f[:, other], f[:, k]
        equations.append(rows)
        goals.append(f[:, k] * v[:, other] - f[:, other] * v[:, k])
    scalars: FloatArray = np.linalg.lstsq(np.concatenate(equations), np.concatenate(goals), rcond=None)[0]
    return scalars


def _solved(columns: FloatArray, goal: FloatArray) -> FloatArray | None:
    """Least squares; None where a neuron is active for so few samples that its vectors depend on each other."""
    sizes = np.linalg.norm(columns, axis=0)
    if not np.all(sizes > 0.0):
        return None
    solution, _, rank, _ = np.linalg.lstsq(columns / sizes, goal, rcond=1e-9)
    coefficients: FloatArray = solution / sizes
    return coefficients if rank == columns.shape[1] else None


def _conditioning(columns: FloatArray) -> float:
    singular = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), compute_uv=False)
    return float(singular[-1] / singular[0])


def _rows(flat: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Weights of each neuron with its bias, from the beginning of a flat vector."""
    outputs, inputs = shape
    return np.column_stack((flat[: outputs * inputs].reshape(shape), flat[outputs * inputs :][:outputs]))


def without_noise(scheme: HidingScheme, view: FloatArray, samples: FloatArray, scalars: FloatArray) -> FloatArray:
    """Outputs of a view less what scalars, found or guessed, make of them."""
    run = forward(scheme, view, samples)
    outputs: FloatArray = run.outputs - run.alpha[:, None] * scalars[list(scheme.groups)] * np.array(scheme.gamma)
    return outputs
