"""Arguments of functions in the ABI's encoding, with values that do not fit told in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError

from circuits.errors import InvalidInputError
from circuits.hashing import keccak

_MISFITS = (EncodingError, ValueError, TypeError, OverflowError)
_MAX_SHOWN = 80
_WORDS = {"address": "an address of 20 bytes", "bool": "true or false", "bytes": "bytes", "string": "text"}


def selector(signature: str) -> bytes:
    """First four bytes of a function's or error's signature hash."""
    return keccak(signature.encode("ascii"))[:4]


def argument_types(signature: str) -> list[str]:
    """Types of a signature's arguments: ``f(a,(b,c)[])`` gives ``["a", "(b,c)[]"]``."""
    inner = signature[signature.index("(") + 1 : -1]
    types, depth, current = [], 0, ""
    for character in inner:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            types.append(current)
            current = ""
        else:
            current += character
    return [*types, current] if current else types


class ViewCall(NamedTuple):
    """A call of a view function.

    Attributes:
        signature: as Solidity writes it.
        returns: types of what it returns.
    """

    signature: str
    arguments: Sequence[Any]
    returns: Sequence[str]


def call_data(signature: str, arguments: Sequence[Any]) -> bytes:
    """Selector and ABI-encoded arguments.  Raises InvalidInputError for an argument that its type does not hold."""
    return selector(signature) + encoded(signature.split("(", 1)[0], argument_types(signature), arguments)


def encoded(name: str, types: Sequence[str], values: Sequence[Any]) -> bytes:
    """ABI-encoded arguments of a function or constructor.

    Raises:
        InvalidInputError: a value that its type does not hold; named by the function and its position.
    """
    try:
        return encode(types, values)
    except _MISFITS:
        raise InvalidInputError(_misfit(name, types, values)) from None


def _misfit(name: str, types: Sequence[str], values: Sequence[Any], place: str = "") -> str:
    """Which argument does not fit, and what would.  Members of a tuple have a position in it: 1.3."""
    if len(types) != len(values):
        return f"argument {place or 'list'} of {name} has {len(types)} values, not {len(values)}; hand over all of them"
    for position, (kind, value) in enumerate(zip(types, values, strict=True), 1):
        here = f"{place}.{position}" if place else str(position)
        if _fits(kind, value):
            continue
        if kind.endswith(")") and isinstance(value, Sequence):
            return _misfit(name, argument_types(kind), value, here)
        return f"argument {here} of {name} has to be {_in_words(kind)}, not {value!r:.{_MAX_SHOWN}}; correct it"
    return f"the arguments of {name} do not fit its types ({', '.join(types)})"


def _fits(kind: str, value: Any) -> bool:
    try:
        encode([kind], [value])
    except _MISFITS:
        return False
    return True


def _in_words(kind: str) -> str:
    number = re.fullmatch(r"uint(\d+)", kind)
    if number:
        return f"a whole number from 0 to 2^{number[1]} - 1 ({kind})"
    fixed = re.fullmatch(r"bytes(\d+)", kind)
    if fixed:
        return f"{fixed[1]} bytes"
    return _WORDS.get(kind, f"a value of the type {kind}")
