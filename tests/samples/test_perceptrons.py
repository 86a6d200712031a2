"""The reference perceptron: against one written out in plain numbers, on digits, and at the ends of its weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

from circuits.errors import InvalidInputError
from commons.samples.canonicalsamples import array_sample, features_of, label_of
from commons.samples.perceptrons import Perceptron
from commons.samples.sampleschemas import SampleSchema

SMALL = SampleSchema.array(3, [5, 9], 2, 1)
DIGITS = SampleSchema.array(10, [16], 64, 1)


def plainly(schema: SampleSchema, samples: list[bytes], margin: int) -> list[list[int]]:
    """Weights after training, without numpy."""
    weights = [[0] * (schema.width + 1) for _ in range(schema.classes)]
    for sample in samples:
        row, label = [*features_of(schema, sample), 1], label_of(sample)
        scores = [sum(w * x for w, x in zip(each, row, strict=True)) for each in weights]
        rival = max((c for c in range(schema.classes) if c != label), key=lambda c: (scores[c], -c))
        if scores[label] <= scores[rival] + margin:
            weights[label] = [w + x for w, x in zip(weights[label], row, strict=True)]
            weights[rival] = [w - x for w, x in zip(weights[rival], row, strict=True)]
    return weights


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 9)), max_size=40),
    st.sampled_from((0, 1, 70)),
)
def test_it_is_the_rule_written_out(rows: list[tuple[int, int, int]], margin: int) -> None:
    samples = [array_sample(SMALL, label, features) for label, *features in rows]
    model = Perceptron(SMALL, margin=margin)
    model.train(samples)
    assert model.weights.tolist() == plainly(SMALL, samples, margin)


def digits() -> list[bytes]:
    """1,797 samples."""
    data, labels = load_digits(return_X_y=True)
    return [array_sample(DIGITS, int(label), row.astype(int).tolist()) for row, label in zip(data, labels, strict=True)]


def test_digits_are_learnt_in_one_pass_and_better_with_a_margin() -> None:
    samples = digits()
    trained = [Perceptron(DIGITS, 16), Perceptron(DIGITS, 16, margin=5000)]
    changed = [model.train(samples[:1200]) for model in trained]
    plain, wide = (model.right(samples[1200:]) / 597 for model in trained)
    assert changed[0] < changed[1] < 1200
    assert plain > 0.8
    assert wide > max(plain, 0.85)
    assert all(int(np.abs(model.weights).max()) < 1 << 12 for model in trained)


def test_weights_stay_at_the_ends_of_their_width() -> None:
    wide = SampleSchema.array(2, [65535], 1, 2)
    model = Perceptron(wide, 16)
    model.train([array_sample(wide, 1, [65535])])
    assert model.weights.tolist() == [[-(1 << 15), -1], [(1 << 15) - 1, 1]]
    free = Perceptron(wide, 32)
    free.train([array_sample(wide, 1, [65535])])
    assert free.weights.tolist() == [[-65535, -1], [65535, 1]]


def test_what_cannot_be_trained_on_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="texts"):
        Perceptron(SampleSchema.text(2, 1, 9))
    with pytest.raises(InvalidInputError, match="at most 1024 weights"):
        Perceptron(SampleSchema.array(16, [1], 64, 1))
    with pytest.raises(InvalidInputError, match="two classes"):
        Perceptron(SampleSchema.array(1, [1], 4, 1))
    with pytest.raises(InvalidInputError, match="16 or 32"):
        Perceptron(SMALL, 64)
    for margin in (-1, 2**32):
        with pytest.raises(InvalidInputError, match="a margin is"):
            Perceptron(SMALL, margin=margin)
    for sample in (b"\0\0\6\0", b"\0\3\0\0", b"\0\0\0"):
        with pytest.raises(InvalidInputError, match="fit its schema"):
            Perceptron(SMALL).train([sample])
        with pytest.raises(InvalidInputError, match="fit its schema"):
            Perceptron(SMALL).predict([sample])
