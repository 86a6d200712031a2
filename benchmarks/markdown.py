"""Tables in Markdown, and how figures are written in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Three digits that count, thousands apart."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain(value: float) -> str:
    """Three digits that count, never in powers of ten: amounts of money are read by people."""
    return f"{value:,.0f}" if abs(value) >= 100 else format(Decimal(f"{value:.3g}"), "f")
