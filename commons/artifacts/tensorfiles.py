"""Arrays in files of safetensors: named beforehand, bounded, and nothing in them is executed.

Source: the format of Hugging Face's safetensors, whose own library reads and writes it.  What a stranger's header says
is held against what is wanted before an array is made of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from circuits.errors import InvalidInputError, UnknownError
from circuits.foreignjson import parse_json
from commons.storage.files import open_regular

_LENGTH = 8
MAX_HEADER = 1 << 14
"""Bytes of a header: names, kinds and shapes of a few arrays, and what a framework notes beside them."""
_NAMES = {"int16": "I16", "uint8": "U8", "float32": "F32", "float64": "F64"}
_NOTES = "__metadata__"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An array that a file must have.

    Attributes:
        kinds: names of numpy's types, of which it has one.
        dimensions: how many.
    """

    kinds: tuple[str, ...]
    dimensions: int


def read_tensors(data: bytes, wanted: Mapping[str, Wanted], what: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays in a file's bytes: those that are wanted, and no others.

    Args:
        what: the file should be, "data set".

    Raises:
        InvalidInputError: another format, name, kind or shape, or bytes that no array has.
    """
    header = _header(data, what)
    names = header.keys() - {_NOTES}
    if names != wanted.keys():
        raise InvalidInputError(f"a {what} has the arrays {', '.join(wanted)} and no others; save it with these")
    for name, each in wanted.items():
        entry = header[name]
        kind, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
        if kind not in [_NAMES[known] for known in each.kinds]:
            raise InvalidInputError(f"{name} of a {what} is of {' or '.join(each.kinds)}; convert it")
        if not isinstance(shape, list) or len(shape) != each.dimensions:
            raise InvalidInputError(f"{name} of a {what} has {each.dimensions} dimensions; save it so")
    try:
        found: dict[str, npt.NDArray[Any]] = load(data)
    except (SafetensorError, ValueError, OverflowError):
        raise InvalidInputError(f"the {what} is cut off or damaged; get it again") from None
    return found


def write_tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The one file of arrays, the same bytes for the same arrays."""
    written: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return written


def read_file(path: Path, what: str, most: int) -> bytes:
    """A file's bytes.

    Raises:
        UnknownError: there is none.
        InvalidInputError: it has more than ``most`` bytes, or cannot be read.
        StorageError: it is no file.
    """
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise UnknownError(f"there is no {what} {path}; correct the path") from None
    except OSError as error:
        raise InvalidInputError(f"the {what} {path} cannot be read ({error.strerror}); correct the path") from None
    if len(data) > most:
        raise InvalidInputError(f"{path} has more than the {most} bytes of a {what}; name another file")
    return data


def _header(data: bytes, what: str) -> dict[str, Any]:
    size = int.from_bytes(data[:_LENGTH], "little")
    if len(data) < _LENGTH or not 0 < size <= min(MAX_HEADER, len(data) - _LENGTH):
        raise InvalidInputError(f"this is no {what}: no safetensors file, or one with a header that is too long")
    try:
        header = parse_json(data[_LENGTH : _LENGTH + size])
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise InvalidInputError(f"this is no {what}: its header is no object of JSON")
    return header
