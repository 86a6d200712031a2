"""Settings: a TOML file, then variables GRADROLL_<SECTION>_<KEY>, then command-line options; the last one wins.

Every key is checked when the settings are read and an error names the key and where it came from.  Unknown keys are
refused, so a typing error is never a silent default.  Relative paths are relative to the file that holds them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from circuits.errors import ConfigError, InsecureSetupError
from commons.settings.describing import PREFIX, Setting, all_settings, section_name, settings_of
from commons.settings.sections import SECTIONS, Section

_DEVELOPMENT = f"{PREFIX}DEVELOPMENT"
_COMMAND_LINE = "the command line"
S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked keys, and whether insecure development setups are allowed.

    Attributes:
        development: true allows seeded SRS and key files, which protect nothing.
    """

    development: bool
    _values: Mapping[str, object] = field(repr=False)

    def section(self, kind: type[S]) -> S:
        """One section.

        Raises:
            ConfigError: a key without default is missing; the message names it and the ways to set it.
        """
        name = section_name(kind)
        given: dict[str, Any] = {}
        for setting in settings_of(name).values():
            if setting.key in self._values:
                given[setting.name] = self._values[setting.key]
            elif setting.default is None:
                raise ConfigError(
                    f"{setting.key} is missing: put it under [{name}] in the file given by --config, "
                    f"set {setting.variable}, or use the command's own option"
                )
        return kind.model_construct(**given)

    def get(self, key: str) -> object:
        """The checked value of one "section.key", or None."""
        return self._values.get(key)

    def changed(self, values: Mapping[str, object]) -> Settings:
        """The same settings with other values by "section.key", checked.  Raises ConfigError."""
        checked = {key: _checked(key, _Value(value, "the program"), Path.cwd()) for key, value in values.items()}
        return replace(self, _values={**self._values, **checked})

    def require_development(self, what: str) -> None:
        """Raises InsecureSetupError unless development mode is on."""
        if not self.development:
            raise InsecureSetupError(
                f"{what} is insecure by design and only for development; "
                f"pass --development or set {_DEVELOPMENT}=1 if that is what you want"
            )


def load(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    development: bool = False,
) -> Settings:
    """Read and check settings.

    Args:
        path: the TOML file, or None for environment and overrides alone.
        environment: defaults to the process's.
        overrides: values by "section.key" from the command line; None values are ignored.
        development: the --development flag.

    Raises:
        ConfigError: unreadable file, unknown key, or a value of the wrong kind or out of range; the key is named.
    """
    raw: dict[str, _Value] = {}
    base = Path.cwd()
    if path is not None:
        raw.update(_from_file(path))
        base = path.resolve().parent
    raw.update(_from_environment(os.environ if environment is None else environment))
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    raw.update({key: _Value(value, _COMMAND_LINE) for key, value in given.items()})
    flag = raw.pop("development", _Value(False, ""))
    values = {key: _checked(key, value, base) for key, value in raw.items()}
    return Settings(development or _boolean("development", flag), values)


def _from_file(path: Path) -> dict[str, _Value]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # a NUL in the path, an endless number, nesting without end
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    found: dict[str, _Value] = {}
    for name, content in document.items():
        if name == "development":
            found[name] = _Value(content, str(path))
        elif name not in SECTIONS or not isinstance(content, dict):
            raise ConfigError(f"{path}: {name} is no known section; known are {', '.join(SECTIONS)}")
        else:
            found |= {f"{name}.{key}": _Value(value, str(path)) for key, value in content.items()}
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Value]:
    known = {setting.variable: setting.key for setting in all_settings()} | {_DEVELOPMENT: "development"}
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise ConfigError(f"{variable} is no known setting; the variables are {', '.join(sorted(known))}")
        found[known[variable]] = _Value(text, variable)
    return found


def _checked(key: str, found: _Value, base: Path) -> object:
    section, _, name = key.partition(".")
    known = settings_of(section)
    if name not in known:
        raise ConfigError(f"{key} (from {found.origin}) is unknown; [{section}] has {', '.join(sorted(known))}")
    setting = known[name]
    try:
        value = setting.checked(found.value)
        if not isinstance(value, Path):
            return value
        value = value.expanduser()
    except (ValueError, RuntimeError):
        raise _wrong(setting, found) from None
    # A path from the file is relative to the file; from anywhere else, to the working directory.
    elsewhere = found.origin in (_COMMAND_LINE, "the program") or found.origin.startswith(PREFIX)
    return (Path.cwd() if elsewhere else base) / value


def _wrong(setting: Setting, found: _Value) -> ConfigError:
    secret = setting.secret or "://" in str(found.value)  # a node's address under another name, say
    shown = "" if secret else f", not {found.value!r}"
    return ConfigError(f"{setting.key} (from {found.origin}) must be {setting.wanted}{shown}")


def _boolean(key: str, found: _Value) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if isinstance(found.value, bool):
        return found.value
    if isinstance(found.value, str) and found.value.lower() in words:
        return words[found.value.lower()]
    raise ConfigError(f"{key} (from {found.origin}) must be true or false, not {found.value!r}")
