"""Models as content-addressed bytes: the parameters as float64 in numpy's format, found by their Keccak-256."""

from __future__ import annotations

import io

import numpy as np

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError


def encode_model(parameters: FloatArray) -> bytes:
    """Bytes of a model, float64[d]."""
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(parameters, dtype="<f8"), allow_pickle=False)
    return out.getvalue()


def _head(dimension: int) -> bytes:
    """What numpy writes before the parameters."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (dimension,)})
    return out.getvalue()


def decode_model(data: bytes, dimension: int) -> FloatArray:
    """The parameters in `encode_model`'s bytes.

    Raises:
        InvalidInputError: another format or dimension; nothing in the bytes is executed.
    """
    head = _head(dimension)
    if len(data) != len(head) + 8 * dimension or not data.startswith(head):  # numpy never parses a stranger's header
        raise InvalidInputError(f"these bytes are no model in numpy's format, float64 of {dimension} coordinates")
    return np.frombuffer(data, "<f8", offset=len(head)).copy()
