"""JSON that a stranger may have written: bounded, in one form, objects of known keys, whole numbers within a range."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from circuits.errors import InvalidInputError
from circuits.foreignjson import parse_json


def canonical(value: object, default: Callable[[Any], object] | None = None) -> bytes:
    """The one encoding of a value: ASCII, keys sorted, no spaces.  ``default`` is as for ``json.dumps``."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=default).encode("ascii")


def bounded_json(data: bytes, what: str, most: int) -> Any:
    """The value of a JSON text of so many bytes at most.

    Raises:
        InvalidInputError: it is longer, or none.
    """
    if len(data) > most:
        raise InvalidInputError(f"{what} has at most {most} bytes, not {len(data)}")
    try:
        return parse_json(data)
    except ValueError:
        raise InvalidInputError(f"{what} is JSON; these bytes are not") from None


def require_canonical(encoded: bytes, data: bytes, what: str) -> None:
    """Raise InvalidInputError unless what was read of ``data`` encodes to the same bytes."""
    if encoded != data:
        raise InvalidInputError(f"{what} is not in its canonical form: keys sorted, no spaces, nothing more")


def require_fields(value: Any, what: str, required: Sequence[str], optional: Sequence[str] = ()) -> Mapping[str, Any]:
    """The value, an object with these keys and no others.

    Raises:
        InvalidInputError: it is none.
    """
    if not isinstance(value, Mapping) or not set(required) <= set(value) <= {*required, *optional}:
        raise InvalidInputError(f"{what} is an object of {', '.join(required)}, and nothing that is not known")
    return value


def require_whole(what: str, value: Any, least: int, most: int) -> None:
    """Raise unless a value is a whole number in [least, most]; a truth value is none.

    Raises:
        InvalidInputError: it is something else.
    """
    if type(value) is not int or not least <= value <= most:
        raise InvalidInputError(f"{what} is no whole number from {least} to {most}")


def hex_float(value: Any, what: str) -> float:
    """A finite float of its one hexadecimal text, as ``float.hex`` writes it.

    Raises:
        InvalidInputError: it is something else.
    """
    try:
        number = float.fromhex(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number.hex() != value:
        raise InvalidInputError(f"{what} is a finite float, written as float.hex writes it")
    return number
