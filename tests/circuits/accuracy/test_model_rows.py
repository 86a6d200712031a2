"""Models as committed rows, what their openings say, and smaller networks in larger classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import native
from circuits.accuracy.inference import layers
from circuits.accuracy.modelrows import MAX_OPENINGS, ModelRow
from circuits.errors import InvalidInputError
from circuits.statement import TAIL, domain_size
from native import R
from tests.support.accuracymodels import TOY, accuracy_scene, scalars


def test_the_polynomial_is_what_the_commitment_commits_to() -> None:
    scene = accuracy_scene()
    polynomial = scene.model.polynomial()
    assert scene.srs.commit(polynomial) == scene.model.commit(scene.commitment)
    root = native.root_of_unity(domain_size(TOY.weights))
    at_domain = [native.evaluate(polynomial, pow(root, j, R)) for j in range(3)]
    assert at_domain == [int(weight) % R for weight in scene.model.weights[:3]]


def test_any_values_of_as_many_openings_fit_any_model() -> None:
    """128 openings and C_M itself: for another model there is exactly one tail that gives the same 129 values."""
    scene, domain = accuracy_scene(), domain_size(TOY.weights)
    draw = scalars("openings")
    points = [draw() for _ in range(MAX_OPENINGS + 1)]  # the last stands for tau, at which C_M is W
    values = [native.evaluate(scene.model.polynomial(), x) for x in points]
    other = ModelRow(np.zeros(TOY.weights, dtype=np.int64) + 3, native.zeros(TAIL))
    missing = [
        (value - native.evaluate(other.polynomial(), x)) * pow(pow(x, domain, R) - 1, -1, R) % R
        for x, value in zip(points, values, strict=True)
    ]
    tail = interpolated(points, missing)
    explained = replace(other, tail=native.from_ints(tail))
    assert [native.evaluate(explained.polynomial(), x) for x in points] == values
    assert not np.array_equal(explained.weights, scene.model.weights)


def test_one_opening_more_would_tell_models_apart() -> None:
    scene, domain, draw = accuracy_scene(), domain_size(TOY.weights), scalars("openings")
    points = [draw() for _ in range(TAIL + 1)]
    values = [native.evaluate(scene.model.polynomial(), x) for x in points]
    other = ModelRow(np.zeros(TOY.weights, dtype=np.int64) + 3, native.zeros(TAIL))
    missing = [
        (value - native.evaluate(other.polynomial(), x)) * pow(pow(x, domain, R) - 1, -1, R) % R
        for x, value in zip(points, values, strict=True)
    ]
    explained = replace(other, tail=native.from_ints(interpolated(points[:-1], missing[:-1])))
    assert native.evaluate(explained.polynomial(), points[-1]) != values[-1]


def interpolated(points: list[int], values: list[int]) -> list[int]:
    """Coefficients of the polynomial of least degree with these values, by Newton's divided differences."""
    differences = list(values)
    for step in range(1, len(points)):
        for k in range(len(points) - 1, step - 1, -1):
            gap = pow(points[k] - points[k - step], -1, R)
            differences[k] = (differences[k] - differences[k - 1]) * gap % R
    out = [0]
    for point, difference in zip(reversed(points), reversed(differences), strict=True):
        shifted = [0, *out]
        scaled = [*(-point * c for c in out), 0]
        out = [(a + b) % R for a, b in zip(shifted, scaled, strict=True)]
        out[0] = (out[0] + difference) % R
    return out[: len(points)]


def test_rows_are_well_formed() -> None:
    tail = native.zeros(TAIL)
    for weights in (np.zeros(3), np.zeros((2, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)):
        with pytest.raises(InvalidInputError, match="quantise"):
            ModelRow(weights, tail)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="tail"):
        ModelRow(np.zeros(3, dtype=np.int64), native.zeros(TAIL - 1))


def test_neither_weights_nor_tail_are_printed() -> None:
    model = accuracy_scene().model
    assert repr(model) == "ModelRow()"


def test_weights_are_those_of_the_class() -> None:
    with pytest.raises(InvalidInputError, match="has 27 weights, got"):
        layers(TOY, accuracy_scene().model.weights[:-1])
