"""Long rows in mapped files: the same results, and no more of them in memory than a part of each."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import native
from native import FrArray, paging

LENGTH = 3 * paging.PART + 517


def mapped(path: Path, row: FrArray) -> FrArray:
    """The row from a file, in a read-only map."""
    path.write_bytes(row.tobytes())
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), "<u8").reshape(-1, 4)


def resident(path: Path) -> int:
    """Bytes of a file's maps in this process's memory."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


@pytest.fixture
def rows() -> list[FrArray]:
    return [native.expand(bytes([i]) * 32, LENGTH) for i in range(3)]


@pytest.fixture
def files(rows: list[FrArray], tmp_path: Path) -> list[FrArray]:
    return [mapped(tmp_path / str(i), row) for i, row in enumerate(rows)]


def test_results_are_those_of_rows_in_memory(rows: list[FrArray], files: list[FrArray]) -> None:
    seed, weights = bytes(range(32)), [5, native.R - 1, 1 << 200]
    for length in (LENGTH, paging.PART, paging.PART + 1, 10):
        plain = [row[:length] for row in rows]
        for given in ([row[:length] for row in files], [plain[0], files[1][:length], plain[2]]):
            assert paging.worthwhile(given) == (length > paging.PART)
            assert np.array_equal(native.gram(given), native.gram(plain))
            assert np.array_equal(native.linear_combination(given, weights), native.linear_combination(plain, weights))
            for ours, theirs in zip(native.project(given, seed), native.project(plain, seed), strict=True):
                assert np.array_equal(ours, theirs)


def test_rows_that_fit_together_badly_are_refused(rows: list[FrArray], files: list[FrArray]) -> None:
    for bad in ([files[0], files[1][1:]], [files[0], rows[1][:5]]):
        with pytest.raises(ValueError, match="length"):
            native.gram(bad)
        with pytest.raises(ValueError, match="length"):
            native.linear_combination(bad, [1, 2])
        with pytest.raises(ValueError, match="length"):
            native.project(bad, bytes(32))
    with pytest.raises(ValueError, match="coefficients"):
        native.linear_combination(files, [1, 2])


def test_pages_are_let_go_behind_a_pass(files: list[FrArray], tmp_path: Path) -> None:
    first = tmp_path / "0"
    _ = int(files[0].sum())
    assert resident(first) > files[0].nbytes - mmap.PAGESIZE
    for work in (
        lambda: native.gram(files),
        lambda: native.project(files, bytes(32)),
        lambda: native.linear_combination(files, [1, 2, 3]),
    ):
        work()
        assert resident(first) <= mmap.PAGESIZE
    before = files[0].copy()
    native.release(files[0][1000:1001])
    pages: Any = files[0]
    while isinstance(pages, np.ndarray):
        pages = pages.base
    native.release(memoryview(pages))
    assert resident(first) == 0
    assert np.array_equal(files[0], before)


def test_other_memory_keeps_its_content(rows: list[FrArray], tmp_path: Path) -> None:
    own = mmap.mmap(-1, 1 << 20)
    written = np.frombuffer(own, np.uint8)
    written[:] = 7
    path = tmp_path / "private"
    path.write_bytes(bytes(1 << 16))
    with path.open("r+b") as file:
        private = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.uint8)
    private[:] = 9
    before = rows[0].copy()
    for each in (written, private, rows[0], rows[0][5:9], np.zeros(0, np.uint8)):
        native.release(each)
    native.release(memoryview(b"bytes"))
    assert np.all(written == 7)
    assert np.all(private == 9)
    assert np.array_equal(rows[0], before)
