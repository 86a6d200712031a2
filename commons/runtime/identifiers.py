"""Identifiers of tasks and committees: 64 bits of a hash, as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from circuits.errors import InvalidInputError, UnknownError

DIGITS = 16
"""Hexadecimal digits of a whole identifier."""
FEWEST = 4
"""Hexadecimal digits that name one in short; fewer are meant for a number more often than not."""
_HEXADECIMAL = re.compile(rf"0[xX]([0-9a-fA-F]{{{FEWEST},{DIGITS}}})")
_LIMIT = 1 << 4 * DIGITS


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first digits of an identifier, lowercase and without 0x.

    Anybody who creates tasks can give one any beginning, for some thousands of tries: a prefix finds nothing where
    several begin with it, and what it found is shown whole.
    """

    digits: str

    def __str__(self) -> str:
        return f"0x{self.digits}.."

    def fits(self, identifier: int) -> bool:
        """Whether an identifier begins with these digits."""
        return identifier >> 4 * (DIGITS - len(self.digits)) == int(self.digits, 16)


def shown(identifier: int) -> str:
    """An identifier as it is written everywhere: 0x and sixteen digits."""
    return f"0x{identifier:0{DIGITS}x}"


def parse(text: str) -> int | Prefix:
    """An identifier in full (0x and sixteen digits, or decimal), or its first digits (0x and at least four).

    Raises:
        InvalidInputError: it is neither.
    """
    found = _HEXADECIMAL.fullmatch(text.strip())
    if found:
        digits = found[1].lower()
        return int(digits, 16) if len(digits) == DIGITS else Prefix(digits)
    number = text.strip()
    if number.isascii() and number.isdigit() and len(number) <= len(str(_LIMIT)) and int(number) < _LIMIT:
        return int(number)
    raise InvalidInputError(
        f"{text[:40]!r} is no identifier: write 0x and its sixteen digits, or at least the first {FEWEST} of them"
    )


def resolve(named: int | Prefix, known: Iterable[int], kind: str) -> int:
    """The one identifier that is meant; a whole one is taken as it is, whether it is known or not.

    Args:
        known: asked for only where a prefix was given.
        kind: what it identifies, in words: "task".

    Raises:
        UnknownError: none begins with the prefix.
        InvalidInputError: several do.
    """
    if isinstance(named, int):
        return named
    found = sorted(set(filter(named.fits, known)))
    if not found:
        raise UnknownError(f"no {kind} begins with {named}; look at the list of all, or give all of its digits")
    if len(found) > 1:
        raise InvalidInputError(
            f"{len(found)} {kind}s begin with {named}, {shown(found[0])} and {shown(found[1])} among them; give more "
            "digits"
        )
    return found[0]
