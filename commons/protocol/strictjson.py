"""What parsed JSON of a stranger's must be: objects of known keys, whole numbers within a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from circuits.errors import InvalidInputError


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
