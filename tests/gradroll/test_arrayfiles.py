"""Files of arrays: what is in them is read without executing it, what is none is told with the cure."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import InvalidInputError, UnknownError
from gradroll.commands.arrayfiles import read_array, write_array


def header_of(shape: tuple[int, ...]) -> bytes:
    """A file that says it holds an array of this shape, and ends there."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_an_array_is_read_as_it_was_saved(tmp_path: Path) -> None:
    np.save(tmp_path / "g.npy", np.ones(3, dtype=np.float32))
    assert read_array(tmp_path / "g.npy", "gradient").dtype == np.float32
    write_array(tmp_path / "sum.npy", np.ones(3))
    assert np.array_equal(read_array(tmp_path / "sum.npy", "sum"), np.ones(3))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0.5 -1.0 0.25\n", "another format"),
        (b"", "empty"),
        (b"PK\x03\x04rest", "several arrays"),
        (b"\x80\x04\x95pickle", "a pickle"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "cut off or damaged"),
        (header_of((1 << 40,)), "cut off or damaged"),
        (header_of((1 << 70,)), "cut off or damaged"),
        (header_of((-3,)), "cut off or damaged"),
        (header_of((1 << 31, 1 << 31, 1 << 31)), "cut off or damaged"),
    ],
)
def test_what_is_no_array_file_is_told_with_the_cure(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "g.npy"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=words) as refused:
        read_array(path, "gradient")
    assert "numpy.save" in str(refused.value)
    assert "pickle=" not in str(refused.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "g.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(InvalidInputError, match="Python objects") as refused:
        read_array(tmp_path / "g.npy", "gradient")
    assert "allow_pickle" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match=r"no gradient file .*absent\.npy"):
        read_array(tmp_path / "absent.npy", "gradient")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_array(tmp_path, "gradient")
