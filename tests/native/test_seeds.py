"""Expansion of seeds against vectors from OpenSSL's ChaCha20, and projections against their definition."""

import json
from pathlib import Path

import numpy as np
import pytest

import native
from tests.native.reference import elements

VECTORS = Path(__file__).parents[1] / "vectors" / "v1"


def files(folder: str, pattern: str) -> list[Path]:
    found = sorted((VECTORS / folder).glob(pattern))
    assert found, "the vectors are missing"
    return found


@pytest.mark.parametrize("path", files("expand", "uniform_*.json"), ids=lambda p: p.stem)
def test_uniform_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    expected = [int(x) for x in vector["elements"]]
    got = native.expand(bytes.fromhex(vector["seed"]), len(expected), vector["offset"])
    assert native.to_ints(got) == expected


@pytest.mark.parametrize("path", files("expand", "bounded_*.json"), ids=lambda p: p.stem)
def test_bounded_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    expected = [int(x) for x in vector["elements"]]
    got = native.expand_bounded(bytes.fromhex(vector["seed"]), len(expected), vector["bits"])
    assert native.to_ints(got) == expected


@pytest.mark.parametrize("path", files("signs", "*.json"), ids=lambda p: p.stem)
def test_sign_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    signs = native.signs(bytes.fromhex(vector["seed"]), vector["row"], len(vector["signs"]))
    assert "".join("-0+"[s + 1] for s in signs) == vector["signs"]


def test_expansion_is_random_access_across_blocks() -> None:
    whole = native.expand(b"\7" * 32, 10_000)
    for offset, n in ((0, 0), (1, 1), (4090, 20), (4096, 4096), (9999, 1)):
        assert (native.expand(b"\7" * 32, n, offset) == whole[offset : offset + n]).all()


def test_bounds_of_expansion() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        native.expand(bytes(31), 1)
    with pytest.raises(ValueError, match="beyond"):
        native.expand(bytes(32), 1, 2**32 - 1)
    with pytest.raises(ValueError, match="129"):
        native.expand_bounded(bytes(32), 1, 129)
    assert not native.expand_bounded(bytes(32), 3, 0).any()


@pytest.mark.parametrize("d", [0, 1, 8, 255, 257, 4096, 9003])
def test_projection_is_the_product_with_the_sign_matrix(d: int) -> None:
    seed, k = b"\5" * 32, 6
    rows = [elements("first", d), elements("second", d)[::-1]]
    matrix = [native.signs(seed, i, d).tolist() for i in range(k)]
    got = native.project([native.from_ints(row) for row in rows], seed, k)
    for row, z in zip(rows, got, strict=True):
        expected = [sum(s * v for s, v in zip(line, row, strict=True)) % native.R for line in matrix]
        assert native.to_ints(z) == expected


def test_projection_of_small_integers_stays_small() -> None:
    gradient = np.arange(-500, 500, dtype=np.int64)
    [z] = native.project([native.from_int64(gradient)], b"\1" * 32)
    assert z.shape == (128, 4)
    signs = np.stack([native.signs(b"\1" * 32, i, 1000) for i in range(128)]).astype(np.int64)
    assert (native.to_int64(z) == signs @ gradient).all()
    assert native.project([], b"\1" * 32) == []
