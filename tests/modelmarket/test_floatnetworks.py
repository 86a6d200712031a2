"""Networks as frameworks keep them."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

from circuits.errors import InvalidInputError
from commons.artifacts.networkfiles import NetworkArrays
from gradroll.modelmarket.floatnetworks import FloatNetwork

RNG = np.random.default_rng(4)
PARTS = (RNG.normal(size=(5, 4)), RNG.normal(size=4), RNG.normal(size=(4, 3)), RNG.normal(size=3))
ROWS = RNG.normal(size=(20, 5))


def expected() -> Any:
    return np.maximum(ROWS @ PARTS[0] + PARTS[1], 0) @ PARTS[2] + PARTS[3]


def fitted(classes: int, **options: Any) -> tuple[MLPClassifier, Any, Any]:
    x, y = make_classification(120, 5, n_informative=4, n_redundant=0, n_classes=classes, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier((8,), max_iter=40, random_state=1, **options).fit(x, y), x, y


@pytest.mark.parametrize("classes", [2, 3])
def test_a_network_of_scikit_learn_answers_as_it_does(classes: int) -> None:
    trained, x, y = fitted(classes)
    network = FloatNetwork.of_sklearn(trained)
    assert network.shape == (5, 8, classes)
    assert np.array_equal(network.scores(x).argmax(1), trained.predict(x))
    assert network.count_right(x, y) == round(trained.score(x, y) * len(y))


def test_other_networks_of_scikit_learn_are_refused() -> None:
    trained, x, y = fitted(3, activation="tanh")
    with pytest.raises(InvalidInputError, match="ReLU"):
        FloatNetwork.of_sklearn(trained)
    with pytest.raises(InvalidInputError, match="call its fit"):
        FloatNetwork.of_sklearn(MLPClassifier())
    deep = SimpleNamespace(coefs_=[1, 2, 3], intercepts_=[1, 2, 3], activation="relu")
    with pytest.raises(InvalidInputError, match="other layers"):
        FloatNetwork.of_sklearn(deep)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for labels in (np.array(["a", "b", "c"])[y], y + 1):
            with pytest.raises(InvalidInputError, match="0, 1, 2"):
                FloatNetwork.of_sklearn(MLPClassifier((8,), max_iter=5).fit(x, labels))


class Tensor:
    """What a tensor of torch has of an array: on some device, with a gradient behind it."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> Any:
        return self._values


def test_a_state_of_torch_is_read_in_its_order() -> None:
    state = {
        "0.weight": Tensor(PARTS[0].T), "0.bias": Tensor(PARTS[1]), "2.weight": PARTS[2].T, "2.bias": PARTS[3],
    }  # fmt: skip
    assert np.allclose(FloatNetwork.of_torch(state).scores(ROWS), expected())
    for wrong in (dict(list(state.items())[:3]), {"x.weight": PARTS[0], **state}, {}):
        with pytest.raises(InvalidInputError, match="Linear"):
            FloatNetwork.of_torch(wrong)


def test_torch_itself_agrees() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    scores = model(torch.tensor(ROWS, dtype=torch.float32)).detach().numpy()
    assert np.allclose(FloatNetwork.of_torch(model.state_dict()).scores(ROWS), scores, atol=1e-5)


def test_plain_arrays_and_files_are_read() -> None:
    assert np.allclose(FloatNetwork.of_arrays(*PARTS).scores(ROWS), expected())
    stacked = NetworkArrays(np.vstack([PARTS[0], PARTS[1]]), np.vstack([PARTS[2], PARTS[3]]))
    assert np.allclose(FloatNetwork.of_file(stacked).scores(ROWS), expected())
    integers = NetworkArrays(np.ones((6, 4), np.int16), np.ones((5, 3), np.int16))
    with pytest.raises(InvalidInputError, match="quantised already"):
        FloatNetwork.of_file(integers)


@pytest.mark.parametrize(
    "parts",
    [
        (*PARTS[:3], PARTS[3][:2]), (PARTS[0].T, *PARTS[1:]), (PARTS[0], PARTS[1][:3], *PARTS[2:]),
        (*PARTS[:2], PARTS[2][:, :1], PARTS[3][:1]), (PARTS[0] * np.nan, *PARTS[1:]), (*PARTS[:3], PARTS[3] * np.inf),
        ("a", *PARTS[1:]), (PARTS[0][:0], *PARTS[1:]),
    ],
)  # fmt: skip
def test_other_parts_are_refused(parts: Any) -> None:
    with pytest.raises(InvalidInputError):
        FloatNetwork.of_arrays(*parts)


def test_a_tie_is_wrong() -> None:
    zero = FloatNetwork.of_arrays(*(0 * part for part in PARTS))
    assert zero.count_right(ROWS, np.zeros(20, np.int64)) == 0
