"""Models as content-addressed bytes: the parameters as float64 in numpy's format, found by their Keccak-256."""

from __future__ import annotations

import io

import numpy as np

from circuits.errors import InvalidInputError
from circuits.quantize import FloatArray


def encode_model(parameters: FloatArray) -> bytes:
    """Bytes of a model, float64[d]."""
    out = io.BytesIO()
    np.save(out, np.ascontiguousarray(parameters, dtype="<f8"), allow_pickle=False)
    return out.getvalue()


def decode_model(data: bytes, dimension: int) -> FloatArray:
    """The parameters in `encode_model`'s bytes.

    Raises:
        InvalidInputError: another format or dimension; nothing in the bytes is executed.
    """
    try:
        parameters = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInputError(f"these bytes are no model in numpy's format: {error}") from error
    if not isinstance(parameters, np.ndarray) or parameters.shape != (dimension,) or parameters.dtype != "<f8":
        raise InvalidInputError(f"the model is not float64 of {dimension} coordinates")
    return parameters
