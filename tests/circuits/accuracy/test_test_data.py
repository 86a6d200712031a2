"""Labelled data: chunks, their commitments and the digest of a group; what no set may hold is refused in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import native
from circuits.accuracy.inference import NO_LABEL, forward
from circuits.accuracy.testdata import chunks, commit_chunk, group_hash
from circuits.errors import InvalidInputError, KeyMismatchError
from circuits.hashing import keccak
from circuits.srs import unsafe_development_srs
from native import G1
from tests.support.accuracymodels import TOY, accuracy_scene

FEATURES, LABELS = (
    np.arange(40, dtype=np.int16).reshape(10, 4),
    np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], dtype=np.uint8),
)


def test_the_last_chunk_is_filled_with_rows_without_label() -> None:
    first, last = chunks(TOY, FEATURES, LABELS)
    assert np.array_equal(first.features, FEATURES[:8]) and np.array_equal(first.labels, LABELS[:8])
    assert np.array_equal(last.features[:2], FEATURES[8:]) and not last.features[2:].any()
    assert last.labels.tolist() == [2, 0, *[NO_LABEL] * 6]
    hot = last.columns(TOY)[TOY.inputs :]
    assert hot.T.tolist() == [[0, 0, 1], [1, 0, 0], *[[0, 0, 0]] * 6]


def test_a_commitment_is_to_the_columns_one_after_the_other() -> None:
    scene = accuracy_scene()
    chunk = scene.group[0]
    values = [int(v) for column in chunk.columns(TOY) for v in column]
    points = scene.srs.powers.slice(0, len(values)).to_bytes()
    one_by_one = native.g1_linear_combination(
        [G1(points[64 * k : 64 * k + 64]) for k in range(len(values))], [v % native.R for v in values]
    )
    assert commit_chunk(scene.srs, TOY, chunk) == one_by_one
    with pytest.raises(KeyMismatchError, match="does not fit the SRS"):
        commit_chunk(unsafe_development_srs(bytes(32), 2), BIGGER, chunks(BIGGER, WIDE, LABELS)[0])


BIGGER = type(TOY)("bigger", 40, 3, 3, 16)
WIDE = np.zeros((10, 40), dtype=np.int16)


def test_a_groups_digest_is_of_samples_and_points() -> None:
    points = accuracy_scene().statement(bytes(32)).data
    assert group_hash(14, points) == keccak((14).to_bytes(32, "big") + points[0] + points[1])
    assert len({group_hash(14, points), group_hash(13, points), group_hash(14, points[::-1])}) == 3
    for samples, some in ((0, points), (14, ()), (14, points[:1] * 17)):
        with pytest.raises(InvalidInputError, match="1..16 chunks" if samples else "at least one sample"):
            group_hash(samples, some)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (FEATURES.astype(np.float32), LABELS, "integers; round"),
        (FEATURES, LABELS.astype(np.float64), "integers"),
        (FEATURES[:, :3], LABELS, r"takes \(samples, 4\)"),
        (FEATURES, LABELS[:-1], "do not fit"),
        (FEATURES[:0], LABELS[:0], "1..128 samples"),
        (np.zeros((129, 4), dtype=np.int16), np.zeros(129, dtype=np.uint8), "1..128 samples"),
        (np.where(np.arange(40).reshape(10, 4) == 21, 1 << 15, 0), LABELS, "sample 5 has a feature outside 16 bits"),
        (np.where(np.arange(40).reshape(10, 4) == 21, -(1 << 15) - 1, 0), LABELS, "sample 5"),
        (np.full((10, 4), np.iinfo(np.uint64).max, dtype=np.uint64), LABELS, "sample 0"),
        (FEATURES, np.where(LABELS == 2, 3, LABELS), "sample 2 has the label 3; class toy has labels 0..2"),
        (FEATURES, np.where(LABELS == 2, -1, LABELS.astype(np.int8)), "sample 2 has the label -1"),
    ],
)  # fmt: skip
def test_what_is_no_group_is_refused(features: Any, labels: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        chunks(TOY, features, labels)


def test_features_of_another_width_are_not_scored() -> None:
    with pytest.raises(InvalidInputError, match="4 columns"):
        forward(TOY, np.zeros((2, 3), dtype=np.int64), accuracy_scene().model.weights)
