"""Columns of a table: from a JSON value to a whole number of steps, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from circuits.errors import InvalidInputError

__all__ = ["MAX_STEPS", "Column", "column_of"]

MAX_STEPS = 0xFFFF
"""Largest number of steps: two bytes."""
_NOTES = frozenset({"title", "description"})
_NUMBER = frozenset({"type", "minimum", "maximum", "multipleOf"})


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a table whose values are counted from 0.

    Attributes:
        name: the property's.
        most: the largest number of steps, at most 65,535.
        values: what each step stands for, of an enumeration; otherwise none.
        minimum, step: of a number: a value is ``minimum + steps * step``.
    """

    name: str
    most: int
    values: tuple[Any, ...] = ()
    minimum: Fraction = Fraction(0)
    step: Fraction = field(default=Fraction(1))

    def steps(self, value: Any) -> int:
        """The whole number that stands for a value.

        Raises:
            InvalidInputError: the value is none of the column's.
        """
        if self.values:
            for number, known in enumerate(self.values):
                if type(known) is type(value) and known == value:
                    return number
            raise InvalidInputError(f"{self.name!r:.80} has none of its values: {value!r:.80}")
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise InvalidInputError(f"{self.name!r:.80} is a number, not {value!r:.80}")
        steps = (Fraction(value) - self.minimum) / self.step
        if steps.denominator != 1 or not 0 <= steps <= self.most:
            raise InvalidInputError(f"{self.name!r:.80} is out of range, or between two steps: {value!r:.80}")
        return int(steps)

    def value(self, steps: int) -> Any:
        """The JSON value that so many steps stand for: of an enumeration its own, otherwise an int or a Decimal."""
        if self.values:
            return self.values[steps]
        value = self.minimum + steps * self.step
        return int(value) if value.denominator == 1 else Decimal(value.numerator) / Decimal(value.denominator)


def column_of(name: str, schema: Any) -> Column:
    """The column that a property's schema describes.

    Raises:
        InvalidInputError: its values cannot be counted: it has other keywords, no bounds, or too many values.
    """
    if not isinstance(schema, Mapping):
        raise InvalidInputError(f"the property {name!r:.80} has no schema")
    keywords = schema.keys() - _NOTES
    if keywords == {"enum"}:
        return _enumeration(name, schema["enum"])
    if keywords == {"type"} and schema["type"] == "boolean":
        return Column(name, 1, (False, True))
    if {"type", "minimum", "maximum"} <= keywords <= _NUMBER and schema["type"] in ("integer", "number"):
        return _number(name, schema)
    raise InvalidInputError(
        f"the property {name!r:.80} is an integer with minimum and maximum, a number with multipleOf too, a boolean "
        "or an enum; other keywords are not taken, since a contract could not check them"
    )


def _enumeration(name: str, values: Any) -> Column:
    kinds = {type(value) for value in values} if isinstance(values, list) else set()
    if kinds not in ({str}, {int}) or len(set(values)) < len(values) or len(values) > MAX_STEPS + 1:
        raise InvalidInputError(f"the enum of {name!r:.80} has texts or whole numbers, all different, 65536 at most")
    return Column(name, len(values) - 1, tuple(values))


def _number(name: str, schema: Mapping[str, Any]) -> Column:
    whole = schema["type"] == "integer"
    bounds = [
        schema["minimum"],
        schema["maximum"],
        schema.get("multipleOf", 1 if whole else None),
    ]
    if any(isinstance(each, bool) or not isinstance(each, int | Decimal) for each in bounds):
        raise InvalidInputError(
            f"minimum, maximum and multipleOf of {name!r:.80} are numbers, and a number has all three"
        )
    least, greatest, step = map(Fraction, bounds)
    if step <= 0 or (least / step).denominator != 1 or (whole and step.denominator != 1):
        raise InvalidInputError(f"the minimum of {name!r:.80} is a multiple of multipleOf, which is above 0")
    most = (greatest - least) // step
    if not 0 <= most <= MAX_STEPS:
        raise InvalidInputError(f"{name!r:.80} has 1 to {MAX_STEPS + 1} values from minimum to maximum, not {most + 1}")
    return Column(name, int(most), (), least, step)
