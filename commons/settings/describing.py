"""What there is to know of each setting: for checks, for messages, for the reference page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args

from annotated_types import Interval
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from commons.settings.sections import SECTIONS, Section
from commons.settings.values import Kind, Unit

PREFIX = "GRADROLL_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of one section.

    Attributes:
        wanted: what its value must be, in words.
        default: its text; None when it must be given.
        why: what it is for, and when to change it.
        secret: its value is shown in no message.
    """

    section: str
    name: str
    wanted: str
    unit: str
    default: str | None
    why: str
    secret: bool
    adapter: TypeAdapter[Any]

    @property
    def key(self) -> str:
        """section.name, as messages name it."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}_{self.name}".upper()

    def checked(self, value: object) -> object:
        """The value in its own type; text is parsed.  Raises ValueError when it is none."""
        try:
            return self.adapter.validate_python(value, strict=not isinstance(value, str))
        except (ValidationError, OverflowError):
            raise ValueError(self.wanted) from None


@cache
def settings_of(section: str) -> dict[str, Setting]:
    """The settings of a section by name, in order."""
    fields = SECTIONS[section].model_fields
    return {name: _describe(section, name, field) for name, field in fields.items()}


def all_settings() -> Iterator[Setting]:
    """Every setting."""
    for section in SECTIONS:
        yield from settings_of(section).values()


def section_name(kind: type[Section]) -> str:
    """The name under which a section stands in a file."""
    return next(name for name, known in SECTIONS.items() if known is kind)


def _describe(section: str, name: str, field: FieldInfo) -> Setting:
    notes = [*_notes(field.annotation), *field.metadata]
    kinds = [note for note in notes if isinstance(note, Kind)]
    limits = next((note for note in notes if isinstance(note, Interval)), None)
    return Setting(
        section,
        name,
        _range(field.annotation, limits) if limits else kinds[-1].words,
        next((note.name for note in notes if isinstance(note, Unit)), ""),
        None if field.is_required() else "none" if field.default is None else str(field.default),
        " ".join((field.description or "").split()),
        any(kind.secret for kind in kinds),
        TypeAdapter(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation),  # type: ignore[arg-type]
    )


def _range(annotation: object, limits: Interval) -> str:
    kind = "a whole number" if annotation is int else "a number"
    return f"{kind} from {limits.ge} to {limits.le}"


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _notes(annotation: object) -> list[object]:
    return [part for part in _parts(annotation) if isinstance(part, Kind | Unit | Interval)]
