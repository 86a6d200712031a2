"""Identifiers of the model market as people type them: whole, or their first digits where the chain knows the rest.

Anybody who lists models gives a listing any beginning of a few digits, for some thousands of tries.  So a beginning
that fits several is refused, and what one has found is shown whole before anything else is done with it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradroll.session import Session

FEWEST = 6
"""Digits that name something in short."""
_DIGITS = 64
_NAME = re.compile(rf"0x([0-9a-fA-F]{{{FEWEST},{_DIGITS}}})")
_TOLD = 4
"""Candidates that an error names."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first digits of an identifier, lowercase and without 0x."""

    digits: str

    def __str__(self) -> str:
        return f"0x{self.digits}.."


def market_name(text: str) -> bytes | Beginning:
    """An argparse type: an identifier of the model market, 0x and its 64 digits, or at least the first 6 of them."""
    found = _NAME.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is no identifier: write 0x and its 64 digits, or at least the first {FEWEST} of them"
        )
    digits = found[1].lower()
    return bytes.fromhex(digits) if len(digits) == _DIGITS else Beginning(digits)


def resolve_names(arguments: argparse.Namespace, session: Session, *, own: bool = False) -> None:
    """Put whole identifiers in the place of beginnings among a command's arguments, and show each.

    Args:
        own: only listings of this account are meant; nobody else can make them ambiguous.

    Raises:
        UnknownError: nothing begins so.
        InvalidInputError: several do.
    """
    models = session.models
    known: dict[str, Callable[[], list[bytes]]] = {
        "listing": lambda: models.listings(seller=session.model_account.address if own else None),
        "bounty": models.bounties,
        "set": models.sets,
        "sale": lambda: _own_sales(session),
    }
    for kind, ask in known.items():
        named = getattr(arguments, kind, None)
        if isinstance(named, Beginning):
            whole = resolve(named, ask(), kind)
            arguments.console.note(f"{named} is the {kind} 0x{whole.hex()}")
            setattr(arguments, kind, whole)


def _own_sales(session: Session) -> list[bytes]:
    """Sales that this account made or paid for."""
    mine = session.model_account.address
    return [one.sale for one in session.models.sales_of() if mine in (one.seller, one.offer.buyer)]


def resolve(named: Beginning, known: Iterable[bytes], kind: str) -> bytes:
    """The one identifier that begins so.  Raises as ``resolve_names``."""
    from circuits.errors import InvalidInputError, UnknownError

    found = sorted({each for each in known if each.hex().startswith(named.digits)})
    if not found:
        raise UnknownError(f"no {kind} that is looked at here begins with {named}; write all of its digits")
    if len(found) > 1:
        some = ", ".join(f"0x{each.hex()}" for each in found[:_TOLD])
        raise InvalidInputError(
            f"{len(found)} {kind}s begin with {named}: {some}{' and others' if len(found) > _TOLD else ''}; write more "
            "digits"
        )
    return found[0]
