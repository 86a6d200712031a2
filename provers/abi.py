"""The contract ABI: values to calldata, and answers, events and revert data back to values.

Covers the types that contracts here have: ``uintN``, ``intN``, ``bool``, ``address``, ``bytesN``, ``bytes``,
``string``, arrays and tuples of them.  An address is its 20 bytes.  Decoding takes nothing but what an honest encoder
may write: offsets and lengths stay inside the data, and padding is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

WORD = 32


class AbiError(ValueError):
    """A value does not fit its type, a type is unknown, or data is not an encoding."""


def argument_types(signature: str) -> list[str]:
    """Types of a signature's arguments: ``f(a,(b,c)[])`` gives ``["a", "(b,c)[]"]``."""
    return _split(signature[signature.index("(") + 1 : -1])


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """The encoding of values, one behind the other.  Raises AbiError."""
    return _write_all([_parse(each) for each in types], values)


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """The values in an encoding; tuples and arrays come as tuples.  Raises AbiError."""
    return _read_all([_parse(each) for each in types], memoryview(data), 0)


@dataclass(frozen=True, slots=True)
class _Type:
    """A type that is written in place (``size`` bytes), or behind an offset when ``size`` is 0."""

    name: str
    size: int
    write: Callable[[Any], bytes]
    read: Callable[[memoryview, int], Any]


def _split(inner: str) -> list[str]:
    types, depth, current = [], 0, ""
    for character in inner:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            types.append(current)
            current = ""
        else:
            current += character
    return [*types, current] if current else types


@cache
def _parse(name: str) -> _Type:
    if name.endswith("]"):
        element, _, count = name[:-1].rpartition("[")
        return _array(name, _parse(element), _number(name, count) if count else None)
    if name.startswith("(") and name.endswith(")") and len(name) > 2:
        return _tuple(name, [_parse(each) for each in _split(name[1:-1])])
    if name in _PLAIN:
        return _PLAIN[name]
    for prefix, make, unit, most in (("uint", _uint, 8, 256), ("int", _int, 8, 256), ("bytes", _fixed_bytes, 1, 32)):
        if name.startswith(prefix):
            size = _number(name, name.removeprefix(prefix) or "256")
            if size % unit == 0 and 0 < size <= most:
                return make(name, size)
    raise AbiError(f"the ABI has no type {name!r} here")


def _number(name: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal()) or digits.startswith("0"):
        raise AbiError(f"the ABI has no type {name!r} here")
    return int(digits)


def _word(data: memoryview, at: int) -> int:
    return int.from_bytes(_part(data, at, WORD), "big")


def _part(data: memoryview, at: int, size: int) -> memoryview:
    if at + size > len(data):
        raise AbiError(f"an encoding of {len(data)} bytes is cut off: {size} bytes from {at} on are missing")
    return data[at : at + size]


def _misfit(name: str, value: object) -> AbiError:
    return AbiError(f"{value!r} is no value of type {name}")


def _integer(name: str, low: int, high: int, *, signed: bool) -> _Type:
    def write(value: Any) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
            raise _misfit(name, value)
        return value.to_bytes(WORD, "big", signed=signed)

    def read(data: memoryview, at: int) -> int:
        value = int.from_bytes(_part(data, at, WORD), "big", signed=signed)
        if not low <= value < high:
            raise AbiError(f"a word does not fit {name}")
        return value

    return _Type(name, WORD, write, read)


def _uint(name: str, bits: int) -> _Type:
    return _integer(name, 0, 1 << bits, signed=False)


def _int(name: str, bits: int) -> _Type:
    return _integer(name, -(1 << bits - 1), 1 << bits - 1, signed=True)


def _write_bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise _misfit("bool", value)
    return int(value).to_bytes(WORD, "big")


def _read_bool(data: memoryview, at: int) -> bool:
    word = _word(data, at)
    if word > 1:
        raise AbiError("a word does not fit bool")
    return word == 1


def _write_address(value: Any) -> bytes:
    if not isinstance(value, bytes) or len(value) != 20:
        raise _misfit("address", value)
    return value.rjust(WORD, b"\0")


def _read_address(data: memoryview, at: int) -> bytes:
    word = bytes(_part(data, at, WORD))
    if any(word[:12]):
        raise AbiError("a word does not fit address")
    return word[12:]


def _fixed_bytes(name: str, size: int) -> _Type:
    def write(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise _misfit(name, value)
        return value.ljust(WORD, b"\0")

    def read(data: memoryview, at: int) -> bytes:
        word = bytes(_part(data, at, WORD))
        if any(word[size:]):
            raise AbiError(f"a word does not fit {name}")
        return word[:size]

    return _Type(name, WORD, write, read)


def _write_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _misfit("bytes", value)
    return len(value).to_bytes(WORD, "big") + value + bytes(-len(value) % WORD)


def _read_bytes(data: memoryview, at: int) -> bytes:
    size = _word(data, at)
    padded = _part(data, at + WORD, size + -size % WORD)
    if any(padded[size:]):
        raise AbiError("bytes are not padded with zeros")
    return bytes(padded[:size])


def _write_string(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _misfit("string", value)
    return _write_bytes(value.encode())


def _read_string(data: memoryview, at: int) -> str:
    try:
        return _read_bytes(data, at).decode()
    except UnicodeDecodeError as error:
        raise AbiError("a string is not UTF-8") from error


def _tuple(name: str, members: list[_Type]) -> _Type:
    size = sum(member.size for member in members) if all(member.size for member in members) else 0
    return _Type(
        name, size, lambda values: _write_all(members, values), lambda data, at: _read_all(members, data[at:], 0)
    )


def _array(name: str, element: _Type, count: int | None) -> _Type:
    def write(values: Any) -> bytes:
        if not isinstance(values, list | tuple) or len(values) != (len(values) if count is None else count):
            raise _misfit(name, values)
        body = _write_all([element] * len(values), values)
        return body if count is not None else len(values).to_bytes(WORD, "big") + body

    def read(data: memoryview, at: int) -> tuple[Any, ...]:
        held, start = (_word(data, at), at + WORD) if count is None else (count, at)
        # Every element has at least a word, so a length that the data cannot hold costs nothing.
        _part(data, start, held * (element.size or WORD))
        return _read_all([element] * held, data[start:], 0)

    return _Type(name, (count or 0) * element.size, write, read)


def _write_all(members: Sequence[_Type], values: Any) -> bytes:
    if not isinstance(values, list | tuple) or len(values) != len(members):
        raise AbiError(f"{values!r} are not {len(members)} values")
    parts = [member.write(value) for member, value in zip(members, values, strict=True)]
    behind = sum(member.size or WORD for member in members)
    head, tail = bytearray(), bytearray()
    for member, part in zip(members, parts, strict=True):
        if member.size:
            head += part
        else:
            head += (behind + len(tail)).to_bytes(WORD, "big")
            tail += part
    return bytes(head + tail)


def _read_all(members: Sequence[_Type], data: memoryview, at: int) -> tuple[Any, ...]:
    """Members from ``at`` on; offsets count from the beginning of ``data``."""
    values = []
    for member in members:
        values.append(member.read(data, at if member.size else _word(data, at)))
        at += member.size or WORD
    return tuple(values)


_PLAIN = {
    "bool": _Type("bool", WORD, _write_bool, _read_bool),
    "address": _Type("address", WORD, _write_address, _read_address),
    "bytes": _Type("bytes", 0, _write_bytes, _read_bytes),
    "string": _Type("string", 0, _write_string, _read_string),
}
