"""Arrays that lie in read-only maps of files: how many of their pages are in memory at a time.

The pages of such an array are the file's. Letting them go loses nothing: they stay in the system's cache while there
is room, and whoever reads them gets them back.
"""

import mmap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from native._types import FrArray

PART = 1 << 15
"""Elements of a row that are read at once: 1 MB."""


def release(data: npt.NDArray[Any] | memoryview) -> None:
    """Let go of the pages behind an array or a view of a read-only map; anything else is left alone."""
    array = np.frombuffer(data, np.uint8) if isinstance(data, memoryview) else data
    held = _map_of(array)
    if held is None or not hasattr(held, "madvise"):
        return
    base = np.frombuffer(held, np.uint8).__array_interface__["data"][0]
    low, high = np.lib.array_utils.byte_bounds(array)
    start = (low - base) // mmap.PAGESIZE * mmap.PAGESIZE
    if low < high:
        held.madvise(mmap.MADV_DONTNEED, start, high - base - start)


def worthwhile(rows: Sequence[FrArray]) -> bool:
    """Whether rows of one length are longer than a part, and some are mapped."""
    return (
        len({len(row) for row in rows}) == 1 and len(rows[0]) > PART and any(_map_of(row) is not None for row in rows)
    )


def parts(rows: Sequence[FrArray]) -> Iterator[tuple[int, list[FrArray]]]:
    """Rows part by part, with the position of each part's first element; pages are let go behind it."""
    for start in range(0, len(rows[0]), PART):
        part = [row[start : start + PART] for row in rows]
        yield start, part
        for each in part:
            release(each)


def _map_of(array: npt.NDArray[Any]) -> mmap.mmap | None:
    """The map of a file that an array lies in; None for memory of any other kind, also for what may be written to."""
    held: object = array
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, memoryview):
        held = held.obj
    # A map of no file would lose its content, but nobody can write to one that is read-only.
    return held if isinstance(held, mmap.mmap) and memoryview(held).readonly else None
