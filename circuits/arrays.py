"""Arrays from outside: what users of numpy, torch and plain Python hand over is taken exactly, or refused in words.

Nothing is cast before it is checked: numpy turns dates into numbers, drops imaginary parts with a warning at most, and
makes raw bytes of types that it does not know.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]

_EXACT = 1 << 53
"""Largest integer up to which float64 holds all."""
_REFUSED = {
    "c": "complex numbers; take the real part, if that is what you mean",
    "b": "truth values, no numbers; convert them to floats",
    "U": "text, no numbers; convert it to floats",
    "S": "bytes, no numbers; convert them to floats",
    "M": "dates, no numbers; save the values that you trained",
    "m": "durations, no numbers; save the values that you trained",
    "O": "Python objects; make one array of floats of them",
    "V": "raw bytes (bfloat16, perhaps); convert them to float32 before you save them",
}


def float_vector(
    values: Any, dimension: int, what: str, error: type[InvalidInputError] = InvalidInputError
) -> FloatArray:
    """The values as float64[d], exactly.

    Args:
        values: a numpy array, a torch tensor, a list or whatever numpy takes for an array, of floats or integers.
        dimension: d.
        what: what messages call it, "gradient".
        error: raised for everything that is refused.

    Raises:
        InvalidInputError: another shape, another kind of values, NaN or infinity, or an integer beyond 2^53.
    """
    array = _as_array(values, what, error)
    if array.dtype.kind in _REFUSED:
        raise error(f"the {what} holds {_REFUSED[array.dtype.kind]}")
    if array.shape != (dimension,):
        raise error(
            f"the {what} has shape {array.shape}, the task is for {dimension} coordinates; {_fitting(array, dimension)}"
        )
    if array.dtype.kind in "iu" and array.size and max(abs(int(array.min())), abs(int(array.max()))) > _EXACT:
        raise error(f"the {what} holds integers beyond 2^53, which float64 does not hold; scale it")
    with np.errstate(over="ignore"):  # a long double beyond float64 is infinite, and refused as that
        vector: FloatArray = array.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(vector))
    if len(bad):
        raise error(
            f"{len(bad)} coordinates of the {what} are NaN or infinite, the first is {int(bad[0])}; fix the training"
        )
    return vector


def _as_array(values: Any, what: str, error: type[InvalidInputError]) -> npt.NDArray[Any]:
    if callable(getattr(values, "detach", None)):  # a torch tensor: off the graph, off the device, whatever its type
        values = values.detach().cpu()
        values = values.double().numpy() if values.is_floating_point() else values.numpy()
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise error(f"the {what} has masked values; fill them first")
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as refused:
        raise error(f"the {what} is no array of numbers ({str(refused)[:200]})") from refused


def _fitting(array: npt.NDArray[Any], dimension: int) -> str:
    return "flatten it with .ravel()" if array.size == dimension else "is it meant for another task?"
