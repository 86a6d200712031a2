"""What there is to know of each setting: for checks, for messages, for the reference page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from annotated_types import Interval
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from commons.settings.hosts import HintError
from commons.settings.section import Section
from commons.settings.sections import SECTIONS
from commons.settings.values import Kind, Unit

PREFIX = "GRADROLL_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of one section.

    Attributes:
        wanted: what its value must be, in words.
        default: its text; None when it must be given.
        why: what it is for, and when to change it.
        kinds: what its value is, from the general to the particular.
    """

    section: str
    name: str
    wanted: str
    unit: str
    default: str | None
    why: str
    kinds: tuple[Kind, ...]
    adapter: TypeAdapter[Any]

    @property
    def key(self) -> str:
        """section.name, as messages name it."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{PREFIX}{self.section}_{self.name}".upper()

    @property
    def secret(self) -> bool:
        """Whether no message may show its value."""
        return any(kind.secret for kind in self.kinds)

    def checked(self, value: object, base: Path) -> object:
        """The value in its own type; text is parsed, and a relative path put below a directory.

        Raises:
            ValueError: it is none; a ``HintError`` where there is more to say than what is wanted.
        """
        try:
            typed = self.adapter.validate_python(value, strict=not isinstance(value, str))
            placed = next((kind.placed for kind in reversed(self.kinds) if kind.placed), None)
            return placed(typed, base) if placed else typed
        except ValidationError as error:
            raise next(_hints(error), ValueError(self.wanted)) from None
        except OverflowError:  # a number beyond all floats
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


def closest(word: str, known: Iterable[str]) -> str:
    """What to say to somebody who wrote a name that nobody knows: the one that was meant, if any is like it."""
    alike = get_close_matches(word, known, 1, cutoff=0.8)
    return f"did you mean {alike[0]}?" if alike else "docs/settings.md lists what there is"


def _describe(section: str, name: str, field: FieldInfo) -> Setting:
    notes = [*_notes(field.annotation), *field.metadata]
    kinds = tuple(note for note in notes if isinstance(note, Kind))
    limits = next((note for note in notes if isinstance(note, Interval)), None)
    return Setting(
        section,
        name,
        _range(field.annotation, limits) if limits else kinds[-1].words,
        next((note.name for note in notes if isinstance(note, Unit)), ""),
        None if field.is_required() else _default(field.default),
        " ".join((field.description or "").split()),
        kinds,
        TypeAdapter(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation),  # type: ignore[arg-type]
    )


def _default(value: object) -> str:
    """A default as a settings file would have it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(annotation: object, limits: Interval) -> str:
    kind = "a whole number" if int in (annotation, *_parts(annotation)) else "a number"
    return f"{kind} from {limits.ge} to {limits.le}"


def _hints(error: ValidationError) -> Iterator[HintError]:
    causes = (found.get("ctx", {}).get("error") for found in error.errors(include_input=False, include_url=False))
    return (cause for cause in causes if isinstance(cause, HintError))


def _parts(annotation: object) -> Iterator[object]:
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _notes(annotation: object) -> list[object]:
    return [part for part in _parts(annotation) if isinstance(part, Kind | Unit | Interval)]
