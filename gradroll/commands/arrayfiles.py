"""Arrays in numpy files, as users save them: read without executing anything, told apart from what they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from circuits.arrays import FloatArray
from circuits.errors import InvalidInputError, UnknownError
from commons.storage.files import write_durably
from commons.storage.modelfiles import encode_model

_NPY, _ZIP, _PICKLE = b"\x93NUMPY", b"PK\x03\x04", b"\x80"
_CURE = "save one array of floats with numpy.save(file, array)"


def read_array(path: Path, what: str) -> npt.NDArray[Any]:
    """The array in a .npy file; what it holds, the caller checks.

    Args:
        what: what it should be, "gradient".

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it is no .npy file, or is cut off.
    """
    try:
        with path.open("rb") as file:
            _require_npy(path, file.read(8), what)
        # Mapped first: a header that announces more than the file holds reserves no memory.
        array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise UnknownError(f"there is no {what} file {path}; correct the path") from None
    except OSError as error:
        raise InvalidInputError(
            f"the {what} {path} cannot be read ({error.strerror or error}); name a .npy file"
        ) from None
    except InvalidInputError:
        raise
    except Exception as error:  # numpy reads the header with Python's own tokenizer, which raises what it likes
        # numpy's own text would have users allow pickles.
        objects = any(word in str(error) for word in ("pickle", "Python objects"))
        reason = "it holds Python objects" if objects else "it is cut off or damaged"
        raise InvalidInputError(f"{path} is no {what}: {reason}; {_CURE}") from None
    found: npt.NDArray[Any] = array
    return found


def _require_npy(path: Path, begin: bytes, what: str) -> None:
    if begin.startswith(_NPY):
        return
    kinds = ((_ZIP, "an archive of several arrays (.npz), or of torch"), (_PICKLE, "a pickle"), (b"", "another format"))
    kind = next(words for magic, words in kinds if begin.startswith(magic)) if begin else "empty"
    raise InvalidInputError(f"{path} is no {what}: no .npy file, but {kind}; {_CURE}")


def write_array(path: Path, values: FloatArray) -> None:
    """Write float64[d] to a .npy file, whole or not at all.  Raises StorageError."""
    write_durably(path, encode_model(values))
