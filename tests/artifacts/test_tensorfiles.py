"""Data sets and models in files, and what else such a file may hold."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from circuits.accuracy.sizeclasses import SMALL
from circuits.errors import InvalidInputError, StorageError, UnknownError
from commons.artifacts.datasetfiles import Dataset, read_dataset, write_dataset
from commons.artifacts.networkfiles import NetworkArrays, decode_network, read_network, write_network
from commons.artifacts.tensorfiles import MAX_HEADER

FEATURES = np.arange(12, dtype=np.int16).reshape(4, 3) - 5
LABELS = np.array([0, 1, 2, 255], dtype=np.uint8)
GOOD = Dataset(FEATURES, LABELS).encode()


def with_header(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def test_a_data_set_is_read_back(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", Dataset(FEATURES, LABELS))
    found = read_dataset(tmp_path / "set")
    assert np.array_equal(found.features, FEATURES)
    assert np.array_equal(found.labels, LABELS)
    assert found.samples == 4


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


HEADER = {"features": entry("I16", [4, 3], 0, 24), "labels": entry("U8", [4], 24, 28)}
BODY = FEATURES.tobytes() + LABELS.tobytes()
BAD = {
    "empty": b"",
    "short": GOOD[:7],
    "cut": GOOD[:-1],
    "longer": GOOD + b"\0",
    "pickle": pickle.dumps({"features": FEATURES, "labels": LABELS}),
    "no JSON": with_header(b"{" * 50),
    "a list": with_header(b"[]"),
    "nested": with_header(b"[" * 5000),
    "a header without end": (1 << 62).to_bytes(8, "little") + b"{}",
    "a long header": with_header({"__metadata__": {"x": "y" * MAX_HEADER}} | HEADER, BODY),
    "another array": save({"features": FEATURES, "labels": LABELS, "more": LABELS}),
    "one array": save({"features": FEATURES}),
    "notes": save({"features": FEATURES, "labels": LABELS}, {"a": "b"}),
    "floats": save({"features": FEATURES.astype(np.float32), "labels": LABELS}),
    "wide labels": save({"features": FEATURES, "labels": LABELS.astype(np.int16)}),
    "flat features": save({"features": FEATURES.ravel(), "labels": LABELS}),
    "fewer labels": save({"features": FEATURES, "labels": LABELS[:3]}),
    "no samples": save({"features": FEATURES[:0], "labels": LABELS[:0]}),
    "other order": with_header({"features": entry("I16", [4, 3], 4, 28), "labels": entry("U8", [4], 0, 4)}, BODY),
    "spaces": with_header(json.dumps(HEADER, indent=1).encode(), BODY),
    "overlap": with_header(HEADER | {"labels": entry("U8", [4], 20, 24)}, BODY[:24]),
    "beyond": with_header(HEADER | {"labels": entry("U8", [4], 24, 99)}, BODY),
    "huge": with_header(HEADER | {"features": entry("I16", [1 << 40, 1 << 40], 0, 24)}, BODY),
    "negative": with_header(HEADER | {"features": entry("I16", [-4, -3], 0, 24)}, BODY),
    "not an entry": with_header(HEADER | {"labels": 7}, BODY),
    "twice": with_header(json.dumps(HEADER)[:-1].encode() + b"," + json.dumps(HEADER)[1:].encode(), BODY),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_other_files_are_no_data_sets(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Dataset.decode(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_another_data_set(at: int, change: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= change
    try:
        found = Dataset.decode(bytes(data))
    except InvalidInputError:
        return
    assert found.encode() == data


def test_a_file_that_is_too_large_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownError):
        read_dataset(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError):
        read_dataset(tmp_path / "pipe")
    write_dataset(tmp_path / "set", Dataset(FEATURES, LABELS))
    monkeypatch.setattr("commons.artifacts.datasetfiles.MAX_BYTES", len(GOOD) - 1)
    with pytest.raises(InvalidInputError, match="more than"):
        read_dataset(tmp_path / "set")


def test_a_quantised_model_is_read_back(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).integers(-2048, 2048, SMALL.weights)
    write_network(tmp_path / "model", NetworkArrays.of_weights(SMALL, weights))
    assert np.array_equal(read_network(tmp_path / "model").weights(SMALL), weights)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_model_of_floats_is_read_as_a_framework_saves_it(kind: type[np.floating[Any]]) -> None:
    first, second = np.ones((4, 2), kind), np.ones((3, 5), kind)
    found = decode_network(save({"W1": first, "W2": second}, {"format": "pt"}))
    assert np.array_equal(found.first, first)
    with pytest.raises(InvalidInputError, match="quantise"):
        found.weights(SMALL)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.ones((4, 2)), np.ones((2, 5))), (np.ones((1, 2)), np.ones((3, 5))), (np.ones((4, 2)), np.ones((3, 0))),
        (np.ones((4, 2)), np.ones((3, 5), np.float32)), (np.full((4, 2), np.nan), np.ones((3, 5))),
        (np.ones((4, 2)), np.full((3, 5), np.inf)), (np.ones((4, 2), np.int32), np.ones((3, 5), np.int32)),
        (np.ones((2000, 2)), np.ones((3, 5))), (np.ones(4), np.ones((3, 5))),
    ],
)  # fmt: skip
def test_other_matrices_are_no_model(first: Any, second: Any) -> None:
    with pytest.raises(InvalidInputError):
        decode_network(save({"W1": first, "W2": second}))


def test_weights_out_of_range_or_of_another_class_are_refused() -> None:
    weights = np.zeros(SMALL.weights, np.int64)
    weights[5] = 2048
    with pytest.raises(InvalidInputError, match="-2048 to 2047"):
        NetworkArrays.of_weights(SMALL, weights).weights(SMALL)
    with pytest.raises(InvalidInputError, match="shape of class small"):
        NetworkArrays(np.ones((4, 2), np.int16), np.ones((3, 5), np.int16)).weights(SMALL)
