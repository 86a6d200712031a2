"""JSON that somebody else wrote, with numbers as they stand there: no float comes between a decimal and its step."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from circuits.errors import InvalidInputError
from circuits.foreignjson import parse_json

__all__ = ["exact_json"]

_DIGITS = 15
"""Before the point."""
_DECIMALS = 12
_TOKEN = 40
"""Characters of a number."""


def exact_json(data: bytes, what: str, most: int) -> Any:
    """The value of a JSON text (RFC 8259) of so many bytes at most; numbers are ``int`` or ``Decimal``.

    Raises:
        InvalidInputError: it is none, an object has a name twice, a number is NaN or has more than 15 digits before the
            point or 12 after it, or it is nested deeper than some two hundred levels.
    """
    if len(data) > most:
        raise InvalidInputError(f"{what} has at most {most} bytes, not {len(data)}")
    try:
        parse_json(data)  # has a limit of its own to nesting, which the standard library's parser has not
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole, parse_float=_decimal,
            parse_constant=_decimal,
        )  # fmt: skip
    except _NumberError as error:
        raise InvalidInputError(f"{what} has {error}") from None
    except ValueError:
        raise InvalidInputError(f"{what} is JSON in UTF-8, and these bytes are not; save it again as JSON") from None


class _NumberError(Exception):
    """Well-formed JSON that is not taken."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _NumberError("an object with the same name twice; name each thing once")
    return made


def _whole(token: str) -> int:
    if len(token.lstrip("-")) > _DIGITS:
        raise _NumberError(f"a number of more than {_DIGITS} digits; use another unit")
    return int(token)


def _decimal(token: str) -> Decimal:
    made = Decimal(token) if len(token) <= _TOKEN else Decimal("NaN")
    exponent = made.as_tuple().exponent
    if not made.is_finite() or not isinstance(exponent, int) or made.adjusted() >= _DIGITS or exponent < -_DECIMALS:
        raise _NumberError(f"a number with more than {_DIGITS} digits before the point or {_DECIMALS} after it")
    return made
