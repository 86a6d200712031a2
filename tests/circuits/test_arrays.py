"""Arrays from outside are taken exactly or refused in words; nothing is cast before it is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from circuits.arrays import float_vector
from circuits.errors import GradientError, InvalidInputError

ROW = np.array([0.5, -1.0, 0.25])


class Tensor:
    """What torch's tensors answer to, as far as it is asked."""

    def __init__(self, values: npt.NDArray[Any], *, floating: bool = True) -> None:
        self.values, self.floating = values, floating

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def is_floating_point(self) -> bool:
        return self.floating

    def double(self) -> Tensor:
        return Tensor(self.values.astype(np.float64))

    def numpy(self) -> npt.NDArray[Any]:
        return self.values


@pytest.mark.parametrize(
    "given",
    [
        ROW, ROW.astype(np.float32), ROW.astype(np.float16), ROW.astype(">f8"), ROW.astype(np.longdouble), list(ROW),
        tuple(ROW), Tensor(ROW.astype(np.float32)), np.ma.MaskedArray(ROW), np.stack((ROW, ROW))[0],
    ],
)  # fmt: skip
def test_floats_of_every_kind_are_taken(given: Any) -> None:
    taken = float_vector(given, 3, "gradient")
    assert taken.dtype == np.float64
    assert np.array_equal(taken, ROW)


@pytest.mark.parametrize("given", [[1, -2, 3], np.array([1, -2, 3]), Tensor(np.array([1, -2, 3]), floating=False)])
def test_integers_are_taken_where_float64_holds_them(given: Any) -> None:
    assert np.array_equal(float_vector(given, 3, "gradient"), [1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([np.nan, 0.0, np.inf], "2 coordinates of the model are NaN or infinite, the first is 0"),
        (np.array([np.longdouble("1e4900"), 0, 0]), "NaN or infinite"),
        ([1 + 2j, 0, 0], "complex"),
        ([True, False, True], "truth values"),
        (list("abc"), "text"),
        ([b"a", b"b", b"c"], "bytes"),
        (np.array([1, 2, 3], "datetime64[s]"), "dates"),
        (np.array([1, 2, 3], "timedelta64[s]"), "durations"),
        (np.array([1, 2, 3], "<u2").view("V2"), "bfloat16"),
        ([None, 0, 0], "objects"),
        ([10**30, 0, 0], "objects"),
        ([2**53 + 1, 0, 0], "beyond 2"),
        (np.array([-(2**63), 0, 0]), "beyond 2"),
        ([[1.0], [2.0, 3.0]], "no array of numbers"),
        (object(), "objects"),
        ({"a": 1.0}, "objects"),
        (1.0, "shape"),
        ([0.0, 0.0], "shape"),
        (np.zeros((3, 1)), "ravel"),
        (np.ma.MaskedArray(ROW, mask=[True, False, False]), "masked"),
    ],
)
def test_everything_else_is_refused_in_words(given: Any, words: str) -> None:
    for error in (InvalidInputError, GradientError):
        with pytest.raises(error, match=words) as refused:
            float_vector(given, 3, "model", error)
        assert type(refused.value) is error


def test_an_empty_vector_is_one_of_no_coordinates() -> None:
    assert float_vector([], 0, "gradient").shape == (0,)
