"""What must hold of every parser of bytes that strangers made, whatever the bytes are.

Only the declared errors come out, memory stays small, and what parses is written again as it was: there is one encoding
of a value, so nobody can show the same value under two digests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuits.errors import WireError

CORPUS = Path(__file__).resolve().parent / "corpus"
_INTERESTING = (b"", b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff" * 4, b"\x00" * 32, b"\xff" * 32, b"\xff" * 9 + b"\x01")
_MOST = 1 << 20
"""Bytes of a mutated input: the corpus is small, and what grows without end finds nothing new."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser, or several that are only reached together.

    Attributes:
        covers: dotted names of the entry points.
        errors: what it may raise.
        encode: writes a value; None where nothing does.
        canonical: whether it must write the very bytes that were parsed.  Otherwise, as of protobuf, what it writes
            must be read as the same value.
    """

    covers: tuple[str, ...]
    parse: Callable[[bytes], Any]
    encode: Callable[[Any], bytes] | None = None
    canonical: bool = True
    errors: tuple[type[Exception], ...] = (WireError,)


def check(target: Target, raw: bytes) -> bool:
    """Hold a target to its word on one input; whether it was parsed.

    Raises AssertionError, or what must not come out.
    """
    try:
        value = target.parse(raw)
    except target.errors:
        return False
    if target.encode is not None:
        again = target.encode(value)
        if target.canonical:
            assert again == raw, "there is another encoding of the same value"
        else:
            assert target.encode(target.parse(again)) == again, "what was parsed is written as something else"
    return True


def kept(name: str) -> list[bytes]:
    """The corpus of a target: honest encodings, and inputs on which it once failed."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def mutated(inputs: list[bytes], count: int, seed: str) -> Iterator[bytes]:
    """So many inputs that are not far from those; the same ones every time."""
    source = random.Random(seed)
    for _ in range(count):
        raw = source.choice(inputs)
        for _ in range(source.choice((1, 1, 2, 4))):
            raw = _changed(raw, source.choice(inputs), source)[:_MOST]
        yield raw


def _changed(raw: bytes, other: bytes, source: random.Random) -> bytes:
    at, length = source.randrange(len(raw) + 1), source.choice((1, 1, 2, 4, 32))
    before, after, past = raw[:at], raw[at:], raw[at + length :]
    ways = (
        lambda: before + bytes(byte ^ 1 << source.randrange(8) for byte in after[:1]) + after[1:],
        lambda: before + source.choice(_INTERESTING) + past,
        lambda: before + source.randbytes(length) + after,
        lambda: before + past,
        lambda: before,
        lambda: before + before[-length:] * source.choice((1, 2, 64)) + after,
        lambda: before + other[source.randrange(len(other) + 1) :],
    )
    return source.choice(ways)()
