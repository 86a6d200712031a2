"""Commitments to rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import native
from circuits.commitment import CommitmentKey, commitment_key, unsafe_development_key
from circuits.errors import InvalidInputError, KeyMismatchError
from circuits.srs import Srs, unsafe_development_srs
from circuits.statement import TAIL
from tests.support.plain_batch import seed_of

DIMENSION = 5


@pytest.fixture(scope="module")
def srs() -> Srs:
    return unsafe_development_srs(seed_of("srs"), 8)


@pytest.fixture(scope="module")
def key(srs: Srs) -> CommitmentKey:
    return commitment_key(srs, DIMENSION)


def row(name: str) -> tuple[native.FrArray, native.FrArray]:
    return native.expand(seed_of(name), DIMENSION), native.expand(seed_of(name, "tail"), TAIL)


def test_commitment_is_the_polynomial_at_tau(srs: Srs, key: CommitmentKey) -> None:
    """sum v_j L_j + Z_H * tail, from its coefficients over the plain powers."""
    values, tail = row("a")
    padded = native.zeros(8)
    padded[:DIMENSION] = values
    coefficients = native.to_ints(native.ntt(padded, inverse=True)) + [0] * TAIL
    tail_values = native.to_ints(tail)
    for degree, value in enumerate(tail_values):
        coefficients[degree] = (coefficients[degree] - value) % native.R
        coefficients[degree + 8] = (coefficients[degree + 8] + value) % native.R
    assert key.commit(values, tail) == srs.commit(native.from_ints(coefficients))


def test_commitments_add(key: CommitmentKey) -> None:
    first, second = row("a"), row("b")
    both = [native.add(x, y) for x, y in zip(first, second, strict=True)]
    assert key.commit(*both) == native.g1_add(key.commit(*first), key.commit(*second))


def test_a_directory_that_cannot_be_written_costs_a_key_nothing_but_its_file(
    srs: Srs, key: CommitmentKey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").touch()  # below a file nothing can be written, by nobody
    made = commitment_key(srs, DIMENSION, cache=tmp_path / "keys")
    assert made.bases.to_raw() == key.bases.to_raw()
    assert [record.getMessage().split()[0] for record in caplog.records] == ["event=commitment-key-not-kept"]


def test_small_values_and_long_rows_give_the_same_commitment(key: CommitmentKey) -> None:
    small = np.array([0, 1, -1, 2**40, -(2**61)], dtype=np.int64)
    tail = row("a")[1]
    expected = key.commit(native.from_int64(small), tail)
    assert key.commit_small(small, tail) == expected
    assert key.commit_long(np.concatenate((native.from_int64(small), tail))) == expected


def test_every_coordinate_and_tail_entry_counts(key: CommitmentKey) -> None:
    values, tail = row("a")
    expected = key.commit(values, tail)
    for position in (0, DIMENSION - 1, DIMENSION, DIMENSION + 1, DIMENSION + TAIL - 1):
        long_row = np.concatenate((values, tail))
        long_row[position] = native.from_ints([1])[0]
        assert key.commit_long(long_row) != expected


def test_cache_is_used_checked_and_rebuilt(tmp_path: Path, srs: Srs, key: CommitmentKey) -> None:
    commitment_key(srs, DIMENSION, tmp_path)
    (path,) = tmp_path.iterdir()
    stamp = path.stat().st_mtime_ns
    cached = commitment_key(srs, DIMENSION, tmp_path)
    assert path.stat().st_mtime_ns == stamp
    assert cached.commit(*row("a")) == key.commit(*row("a"))
    path.write_bytes(path.read_bytes()[:-1])
    assert commitment_key(srs, DIMENSION, tmp_path).commit(*row("a")) == key.commit(*row("a"))
    other = unsafe_development_srs(seed_of("other"), 8)
    assert commitment_key(other, DIMENSION, tmp_path).commit(*row("a")) != key.commit(*row("a"))


def test_key_from_the_secret_is_the_derived_one(tmp_path: Path, srs: Srs, key: CommitmentKey) -> None:
    direct = unsafe_development_key(seed_of("srs"), DIMENSION, tmp_path)
    assert direct.bases.to_bytes() == key.bases.to_bytes()
    (path,) = tmp_path.iterdir()
    stamp = path.stat().st_mtime_ns
    assert commitment_key(srs, DIMENSION, tmp_path).bases.to_bytes() == key.bases.to_bytes()
    assert path.stat().st_mtime_ns == stamp


def test_shapes_and_sizes_are_checked(srs: Srs, key: CommitmentKey) -> None:
    values, tail = row("a")
    with pytest.raises(InvalidInputError):
        key.commit(values[:-1], tail)
    with pytest.raises(InvalidInputError):
        key.commit_small(np.zeros(DIMENSION, dtype=np.int64), tail[:-1])
    with pytest.raises(InvalidInputError):
        key.commit_long(values)
    with pytest.raises(InvalidInputError):
        commitment_key(srs, 0)
    with pytest.raises(KeyMismatchError):
        commitment_key(srs, 9)
