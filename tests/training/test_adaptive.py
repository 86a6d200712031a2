"""Adam in float64: the bits of the vectors, with every numpy, and those of Python's own floats."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits.errors import InvalidInputError
from commons.protocol.trainingrules import Adam, Dyadic, TrainingRule
from gradroll.training.adaptive import Moments, adam_step, float_mean
from gradroll.training.stepping import advance, begin, nearest_model
from tests.training.reference import PlainBlock
from tests.training.scalaradam import BITS, BLOCK, DIMENSION, HERE, RULES, STEPS, WEIGHT, ScalarAdam, sums, vectors

BLOCKS = (PlainBlock(BLOCK, BITS[0]), PlainBlock(DIMENSION - BLOCK, BITS[1]))
FLOATS = st.floats(-1e150, 1e150, allow_nan=False)
STORED: dict[str, Any] = json.loads(HERE.read_text(encoding="utf-8"))


def hexadecimal(values: np.ndarray) -> list[str]:
    return [value.hex() for value in values.tolist()]


@pytest.mark.parametrize("name", RULES)
def test_numpy_gives_the_bits_of_the_vectors(name: str) -> None:
    rule, stored = RULES[name], STORED[name]
    state = begin(rule, BLOCKS, np.array([float.fromhex(text) for text in stored["initial"]]))
    assert len(stored["steps"]) == STEPS
    for total, expected in zip(sums(), stored["steps"], strict=True):
        state = advance(rule, BLOCKS, state, np.array(total), WEIGHT)
        assert isinstance(state.memory, Moments)
        found = {"model": state.model, "first": state.memory.first, "second": state.memory.second}
        assert {key: hexadecimal(values) for key, values in found.items()} == expected


def test_pythons_floats_give_the_vectors() -> None:
    assert vectors() == STORED


@given(
    st.lists(st.tuples(FLOATS, FLOATS, FLOATS), min_size=1, max_size=67),
    st.floats(0, 0.9999), st.floats(0, 0.9999), st.floats(1e-30, 1), st.floats(1e-9, 10), st.floats(0, 0.5),
)  # fmt: skip
def test_arrays_are_reckoned_as_single_floats_are(
    rows: list[tuple[float, float, float]], beta1: float, beta2: float, epsilon: float, rate: float, decay: float
) -> None:
    """Whatever the length, so whichever of numpy's loops is taken."""
    method = Adam(abs(beta1), abs(beta2), epsilon)
    model, *means = (list(column) for column in zip(*rows, strict=True))
    slow = ScalarAdam(method, model)
    found, moments = np.array(model), Moments.zero(len(model))
    exact, part = Fraction(rate), Fraction(decay)
    for mean in means:
        slow.step(mean, rate, float(exact * part) if part else None)
        found, moments = adam_step(method, moments, found, np.array(mean), exact, part)
        assert hexadecimal(found) == [value.hex() for value in slow.model]
        assert hexadecimal(moments.first) == [value.hex() for value in slow.first]
        assert hexadecimal(moments.second) == [value.hex() for value in slow.second]


def test_the_first_step_is_the_rate_against_the_gradients_sign() -> None:
    """By the bias correction, as the paper says, whatever the gradient's size."""
    rule = TrainingRule(Adam(), Dyadic(1, 3), 1)
    block = (PlainBlock(3, 10),)
    state = advance(rule, block, begin(rule, block, np.zeros(3)), np.array([1 << 20, -5000, 0]), 1)
    assert np.allclose(state.model, [-0.125, 0.125, 0.0], atol=1e-6)


def test_a_number_that_leaves_float64_is_named() -> None:
    method = Adam(0.0, 0.0, 2.0**-200)
    wrong = (
        (np.array([0.0, 1e200]), np.zeros(2), Fraction(1)),  # its square
        (np.array([0.0, 1.0]), np.array([0.0, -1.7e308]), Fraction(1 << 1020)),  # the model
    )
    for mean, model, rate in wrong:
        with pytest.raises(InvalidInputError, match="coordinate 1 of the next model leaves the range"):
            adam_step(method, Moments.zero(2), model, mean, rate, Fraction(0))


def test_sums_that_float64_does_not_hold_are_refused() -> None:
    rule, block = RULES["plain"], (PlainBlock(1, 20),)
    assert float_mean(rule, block, np.array([1 << 53]), 1)[0] == 2.0**33
    with pytest.raises(InvalidInputError, match=r"beyond 2\^53"):
        float_mean(rule, block, np.array([(1 << 53) + 1]), 1)


def test_a_mean_is_rounded_once_without_clipping() -> None:
    rule = replace(RULES["plain"], divisor=3)
    mean = float_mean(rule, (PlainBlock(2, 7),), np.array([1, -5]), 1)
    assert mean.tolist() == [float(Fraction(1, 3 * 128)), float(Fraction(-5, 3 * 128))]


def test_adam_takes_every_finite_model() -> None:
    model = np.array([0.1, -0.0, 5e-324])
    assert nearest_model(RULES["plain"], model) is model
    assert begin(RULES["plain"], (PlainBlock(3, 0),), model).model.tobytes() == model.tobytes()
    with pytest.raises(InvalidInputError, match="NaN"):
        begin(RULES["plain"], (PlainBlock(1, 0),), np.array([math.nan]))


FLUSHING = """
#include <xmmintrin.h>
__attribute__((constructor)) static void flush(void) { _mm_setcsr(_mm_getcsr() | 0x8040); }
"""
"""What gcc links into libraries that are built with -ffast-math, up to release 12."""


@pytest.mark.skipif(platform.machine() != "x86_64" or shutil.which("cc") is None, reason="needs x86-64 and a compiler")
def test_a_process_that_takes_subnormal_numbers_for_zero_is_refused(tmp_path: Path, repository: Path) -> None:
    library = tmp_path / "flushing.so"
    compile_it = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(compile_it, input=FLUSHING, text=True, check=True)
    program = (
        "import ctypes, sys\n"
        "import numpy as np\n"
        "from fractions import Fraction\n"
        "from commons.protocol.trainingrules import Adam\n"
        "from gradroll.training.adaptive import Moments, adam_step\n"
        "if len(sys.argv) > 1: ctypes.CDLL(sys.argv[1])\n"
        "print(adam_step(Adam(), Moments.zero(1), np.zeros(1), np.ones(1), Fraction(1), Fraction(0))[0])\n"
    )
    for arguments, status in (([], 0), ([str(library)], 1)):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=repository, capture_output=True, text=True, check=False
        )
        assert (done.returncode, "ConfigError: this process takes subnormal" in done.stderr) == (status, status == 1)
