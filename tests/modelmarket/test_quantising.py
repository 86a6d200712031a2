"""A trained network in a size class: what it loses, its ranges, and classes and units that it lacks."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

from circuits.accuracy.inference import forward, right
from circuits.accuracy.sizeclasses import LARGE, SMALL, SizeClass
from circuits.errors import InvalidInputError
from gradroll.modelmarket.floatnetworks import FloatNetwork
from gradroll.modelmarket.quantising import Quantised, feature_scale, quantise, quantise_features


@pytest.fixture(scope="module")
def digits() -> tuple[FloatNetwork, Any, Any]:
    """A network trained on scikit-learn's digits, and the rows that it has not seen."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / 16, y[order]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        trained = MLPClassifier((SMALL.hidden,), max_iter=60, random_state=1).fit(x[:1200], y[:1200])
    return FloatNetwork.of_sklearn(trained), x[1200:], y[1200:]


def check(found: Quantised, features: Any, labels: Any) -> None:
    """What is reported is what the integers do, and they can be proven."""
    size, report = found.size, found.report
    assert found.weights.min() >= -size.half
    assert found.weights.max() < size.half
    scores = forward(size, found.features(features).astype(np.int64), found.weights)
    assert report.right == int(right(scores.scores, labels).sum())
    assert report.largest_before == np.abs(scores.before).max() < size.hidden_limit
    assert report.largest_spread == (scores.scores.max(1) - scores.scores.min(1)).max() < size.margin_limit
    assert report.largest_before <= report.largest_possible


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_digits_lose_nearly_nothing(size: SizeClass, digits: tuple[FloatNetwork, Any, Any]) -> None:
    network, x, y = digits
    found = quantise(network, size, x, y)
    check(found, x, y)
    assert found.report.float_right > 0.9 * len(y)
    assert abs(found.report.loss) < 0.01
    assert found.report.before_room > 2
    assert found.report.spread_room > 2
    assert found.report.alike >= 0.99 * len(y)
    assert found.feature_scale == 128


def test_of_scales_that_answer_alike_the_one_with_most_room_is_taken(digits: tuple[FloatNetwork, Any, Any]) -> None:
    """Two bits of the weights at most are given for it."""
    network, x, y = digits
    found = quantise(network, SMALL, x, y)
    widest = 2047 / max(np.abs(network.first).max(), np.abs(network.first_bias).max() * found.feature_scale / 128)
    assert widest / 4 * 0.999 <= found.first_scale < widest


def test_integers_are_the_network_up_to_rounding(digits: tuple[FloatNetwork, Any, Any]) -> None:
    network, x, y = digits
    found = quantise(network, SMALL, x, y)
    scores = forward(SMALL, found.features(x).astype(np.int64), found.weights).scores
    unit = found.feature_scale * found.first_scale * found.second_scale
    wanted = network.scores(x)
    assert np.abs(scores / unit - wanted).max() < 0.1 * np.abs(wanted).max()


def random_network(rng: np.random.Generator, inputs: int, hidden: int, classes: int) -> FloatNetwork:
    return FloatNetwork.of_arrays(
        rng.normal(size=(inputs, hidden)), rng.normal(size=hidden), rng.normal(size=(hidden, classes)),
        rng.normal(size=classes) - 5,
    )  # fmt: skip


def test_a_class_that_does_not_exist_never_wins() -> None:
    """Not even where all real scores are lower than a bias goes, and for features that nobody had thought of."""
    rng = np.random.default_rng(6)
    parts = random_network(rng, 7, 5, 3)
    low = replace(parts, second=-np.abs(parts.second))
    x = rng.normal(size=(50, 7))
    found = quantise(low, SMALL, x, rng.integers(0, 3, 50))
    wild = rng.integers(-(1 << 15), 1 << 15, (2000, SMALL.inputs))
    scores = forward(SMALL, wild, found.weights).scores
    assert (scores[:, 3:].max(1) < scores[:, :3].min(1)).all()
    assert (scores[:, :3].max(1) < -2048 * SMALL.second_bias).any(), "a bias alone would be the best score there"


def test_missing_inputs_and_units_do_nothing() -> None:
    rng = np.random.default_rng(7)
    network, x, y = random_network(rng, 7, 5, 3), rng.normal(size=(50, 7)), rng.integers(0, 3, 50)
    exact = SizeClass("exact", 7, 5, 3, 8)
    small, large = quantise(network, exact, x, y), quantise(network, LARGE, x, y)
    spread = large.report.largest_spread  # also of classes that do not exist
    assert replace(small.report, largest_spread=spread) == large.report
    check(large, x, y)


def test_ranges_that_cannot_be_proven_name_the_layer_and_a_cure() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(40, 64)), rng.integers(0, 10, 40)
    network = random_network(rng, 64, 32, 10)
    tight = SizeClass("tight", 64, 32, 10, 128, hidden_limbs=1)
    with pytest.raises(InvalidInputError, match=r"layer 1: .* exceed 4096 .*smaller feature scale"):
        quantise(network, tight, x, y, scale=2000)
    narrow = SizeClass("narrow", 64, 32, 10, 128, margin_limbs=2)
    with pytest.raises(InvalidInputError, match=r"layer 2: .* weight decay"):
        quantise(network, narrow, x, y, headroom=1e6)
    biased = replace(network, first_bias=np.full(32, 1e6))
    with pytest.raises(InvalidInputError, match=r"layer 1: its biases .*larger feature scale"):
        quantise(biased, SMALL, x, y, scale=128)
    with pytest.raises(InvalidInputError, match="no weights but zeros"):
        quantise(replace(network, first=np.zeros((64, 32))), SMALL, x, y)


def test_headroom_is_kept_for_rows_that_are_not_known() -> None:
    """Sums of these rows fit at every scale; with headroom only smaller ones do."""
    rng = np.random.default_rng(9)
    network, x, y = random_network(rng, 64, 32, 10), rng.normal(size=(40, 64)), rng.integers(0, 10, 40)
    for headroom in (1.0, 2.0, 8.0):
        report = quantise(network, SMALL, x, y, scale=4096, headroom=headroom).report
        assert min(report.largest_possible, headroom * report.largest_before) < report.before_limit


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": np.full(40, 10)}, "labels"), ({"y": np.full(40, -1)}, "labels"), ({"y": np.zeros(39, int)}, "rows"),
        ({"y": np.zeros(40)}, "labels"), ({"x": np.zeros((40, 63))}, "rows"),
        ({"x": np.full((40, 64), np.nan)}, "finite"),
        ({"x": np.zeros((0, 64)), "y": np.zeros(0, int)}, "rows"), ({"scale": 0.0}, "positive"),
        ({"scale": np.inf}, "positive"), ({"scale": 1e9}, "16 bits"), ({"headroom": 0.5}, "headroom"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(change: dict[str, Any], said: str) -> None:
    rng = np.random.default_rng(10)
    given = {"x": rng.normal(size=(40, 64)), "y": rng.integers(0, 10, 40), "scale": None, "headroom": 2.0} | change
    network = random_network(rng, 64, 32, 10)
    with pytest.raises(InvalidInputError, match=said):
        quantise(network, SMALL, given["x"], given["y"], scale=given["scale"], headroom=given["headroom"])


def test_a_network_that_is_too_large_is_refused() -> None:
    network = random_network(np.random.default_rng(1), 64, 33, 10)
    with pytest.raises(InvalidInputError, match="larger class"):
        quantise(network, SMALL, np.zeros((1, 64)), np.zeros(1, int))


def test_features_are_rounded_by_a_stated_scale() -> None:
    values = np.array([[0.5, -1.26], [0.0, 1.0]])
    assert feature_scale(values) == 128
    assert feature_scale(np.array([[255.0]])) == 1
    assert feature_scale(np.array([[0.0]])) == 1
    assert quantise_features(values, 4, 3).tolist() == [[2, -5, 0], [0, 4, 0]]
    assert quantise_features(np.array([[32767.0, -32767]]), 1, 2).tolist() == [[32767, -32767]]
    for bad in (np.array([[32768.0]]), np.array([[np.nan]]), np.zeros((1, 4)), np.zeros(3)):
        with pytest.raises(InvalidInputError):
            quantise_features(bad, 1, 3)
