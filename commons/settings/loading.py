"""Settings: a TOML file, then variables GRADROLL_<SECTION>_<KEY>, then command-line options; the last one wins.

Every key is checked when the settings are read and an error names the key and where it came from.  Unknown keys are
refused, so a typing error is never a silent default.  Relative paths are relative to the file that holds them, from
elsewhere to the working directory.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from circuits.errors import ConfigError, InsecureSetupError
from commons.settings.describing import Setting, all_settings, closest, section_name, settings_of
from commons.settings.hosts import HintError
from commons.settings.section import Section
from commons.settings.sections import SECTIONS
from commons.settings.variables import DEVELOPMENT, set_by_variables

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class _Value:
    """What was given for a key, from where, and the directory that a relative path is meant from."""

    value: Any
    origin: str
    base: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked keys, and whether insecure development setups are allowed.

    Attributes:
        development: true allows seeded SRS and key files, which protect nothing.
    """

    development: bool
    _values: Mapping[str, object] = field(repr=False)
    _options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def section(self, kind: type[S], *names: str) -> S:
        """One section.

        Args:
            names: the keys that will be read, by default all; others may be missing.

        Raises:
            ConfigError: a key without default is missing; the message names it and the ways to set it.
        """
        given: dict[str, Any] = {}
        for setting in settings_of(section_name(kind)).values():
            if setting.key in self._values:
                given[setting.name] = self._values[setting.key]
            elif setting.default is None and (not names or setting.name in names):
                raise self._missing(setting)
        return kind.model_construct(**given)

    def _missing(self, setting: Setting) -> ConfigError:
        ways = [f"put it under [{setting.section}] in the file given by --config", f"set {setting.variable}"]
        if setting.key in self._options:
            ways.append(f"pass {self._options[setting.key]}")
        return ConfigError(f"{setting.key} is missing: {', '.join(ways[:-1])}, or {ways[-1]}")

    def get(self, key: str) -> object:
        """The checked value of one "section.key", or None."""
        return self._values.get(key)

    def changed(self, values: Mapping[str, object]) -> Settings:
        """The same settings with other values by "section.key", checked.  Raises ConfigError."""
        checked = {key: _checked(key, _Value(value, "the program", _here())) for key, value in values.items()}
        return replace(self, _values={**self._values, **checked})

    def require_development(self, what: str) -> None:
        """Raises InsecureSetupError unless development mode is on."""
        if not self.development:
            raise InsecureSetupError(
                f"{what} is insecure by design and only for development; "
                f"pass --development or set {DEVELOPMENT}=1 if that is what you want"
            )


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    options: Mapping[str, str] | None = None,
    development: bool = False,
) -> Settings:
    """Read and check settings.

    Args:
        path: the TOML file, or None for environment and overrides alone.
        environment: defaults to the process's.
        overrides: values by "section.key" from the command line; None values are ignored.
        options: the command's option by "section.key", for the message that a key is missing.
        development: the --development flag.

    Raises:
        ConfigError: unreadable file, unknown key, or a value of the wrong kind or out of range; the key is named.
    """
    raw: dict[str, _Value] = {} if path is None else _from_file(path)
    raw |= _from_environment(os.environ if environment is None else environment)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    raw |= {key: _Value(value, "the command line", _here()) for key, value in given.items()}
    flag = raw.pop("development", None)
    values = {key: _checked(key, value) for key, value in raw.items()}
    return Settings(development or (flag is not None and _boolean("development", flag)), values, options or {})


def _from_file(path: Path) -> dict[str, _Value]:
    document, base = _parsed(path), path.resolve().parent
    found: dict[str, _Value] = {}
    for name, content in document.items():
        if name == "development":
            found[name] = _Value(content, str(path), base)
        elif name not in SECTIONS:
            raise ConfigError(f"{path}: {name} is no known section; known are {', '.join(SECTIONS)}")
        elif not isinstance(content, dict):
            raise ConfigError(f"{path}: {name} is a section; its keys stand below a line [{name}]")
        else:
            found |= {f"{name}.{key}": _Value(value, str(path), base) for key, value in content.items()}
    return found


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a byte-order mark
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; correct --config, or its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # a NUL in the path, an endless number, nesting without end
        raise ConfigError(f"{path} is not valid TOML: {error}; correct it there") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Value]:
    found = set_by_variables(environment)
    return {key: _Value(environment[variable], variable, _here()) for key, variable in found.items()}


def _here() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError("the working directory is gone; change to one that exists") from error


def _checked(key: str, found: _Value) -> object:
    section, _, name = key.partition(".")
    known = settings_of(section)
    if name not in known:
        raise ConfigError(
            f"{key} (from {found.origin}) is unknown; {closest(key, [each.key for each in all_settings()])}"
        )
    try:
        return known[name].checked(found.value, found.base)
    except ValueError as error:
        raise _wrong(known[name], found, error) from None


def _wrong(setting: Setting, found: _Value, error: ValueError) -> ConfigError:
    value = str(found.value) if isinstance(found.value, Path) else found.value
    secret = setting.secret or "://" in str(value)  # a node's address under another name, say
    shown = "" if secret else f", not {value!r}"
    hint = f": {error}" if isinstance(error, HintError) else ""
    return ConfigError(f"{setting.key} (from {found.origin}) must be {setting.wanted}{shown}{hint}")


def _boolean(key: str, found: _Value) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if isinstance(found.value, bool):
        return found.value
    if isinstance(found.value, str) and found.value.lower() in words:
        return words[found.value.lower()]
    raise ConfigError(f"{key} (from {found.origin}) must be true or false, not {found.value!r}")
