"""Settings: a TOML file, then variables GRADROLL_<SECTION>_<KEY>, then command-line options; the last one wins.

Every key is checked when the settings are read and an error names the key and where it came from.  Unknown keys are
refused, so a typing error is never a silent default.  Relative paths are relative to the file that holds them.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NewType, TypeVar, get_type_hints

from circuits.errors import ConfigError, InsecureSetupError

Address = NewType("Address", bytes)
"""20 bytes, written 0x... in settings."""

PREFIX = "GRADROLL_"


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """[chain]: which node, which chain, which market contract; no event is searched before `from_block`."""

    url: str
    chain_id: int
    market: Address
    from_block: int = 0


@dataclass(frozen=True, slots=True)
class KeySettings:
    """[keys]: public parameters on disk; `srs` is a file, `directory` holds proving and verifying keys."""

    srs: Path
    directory: Path


@dataclass(frozen=True, slots=True)
class ProverSettings:
    """[prover]: `endpoint` is what the registry announces, `keystore` holds the signing and the HPKE key.

    A sum is released once `confirmations` blocks vouch for its batch, at the node of [chain] and at `second_node`.
    """

    listen: str
    endpoint: str
    keystore: Path
    state: Path
    committee: int
    confirmations: int = 12
    second_node: str = ""
    retention_days: int = 90
    max_workers: int = 8
    max_dimension: int = 1 << 26
    max_store_bytes: int = 1 << 40
    clock_skew: int = 30
    tls_certificate: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True)
class CoordinatorSettings:
    """[coordinator]: `log` is sqlite:///path or redis://host; `account` is a key file that pays for transactions."""

    listen: str
    log: str
    account: Path
    state: Path
    step_timeout: float = 120.0
    poll_interval: float = 1.0
    parallel_rounds: int = 4
    max_model_bytes: int = 1 << 30
    max_store_bytes: int = 1 << 38
    clock_skew: int = 30
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    prover_roots: Path | None = None


@dataclass(frozen=True, slots=True)
class OwnerSettings:
    """[owner]: a data owner's key file, the coordinator it reports to, and where receipts are kept."""

    account: Path
    coordinator: str
    state: Path


@dataclass(frozen=True, slots=True)
class ModelOwnerSettings:
    """[model_owner]: the key file that pays for the task, and a coordinator that serves models and aggregates."""

    account: Path
    coordinator: str


SECTIONS: dict[str, type] = {
    "chain": ChainSettings,
    "keys": KeySettings,
    "prover": ProverSettings,
    "coordinator": CoordinatorSettings,
    "owner": OwnerSettings,
    "model_owner": ModelOwnerSettings,
}

S = TypeVar("S")


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
    _values: Mapping[str, _Value]

    def section(self, kind: type[S]) -> S:
        """One section as a dataclass.

        Raises:
            ConfigError: a key without default is missing; the message names it and the ways to set it.
        """
        name = next(section for section, known in SECTIONS.items() if known is kind)
        given = {}
        for field in fields(kind):  # type: ignore[arg-type]
            found = self._values.get(f"{name}.{field.name}")
            if found is not None:
                given[field.name] = found.value
            elif field.default is MISSING:
                variable = f"{PREFIX}{name}_{field.name}".upper()
                raise ConfigError(
                    f"{name}.{field.name} is missing: put it under [{name}] in the file given by --config, "
                    f"set {variable}, or use the command's own option"
                )
        return kind(**given)

    def get(self, key: str) -> object:
        """The checked value of one "section.key", or None."""
        found = self._values.get(key)
        return None if found is None else found.value

    def require_development(self, what: str) -> None:
        """Raises InsecureSetupError unless development mode is on."""
        if not self.development:
            raise InsecureSetupError(
                f"{what} is insecure by design and only for development; "
                f"pass --development or set {PREFIX}DEVELOPMENT=1 if that is what you want"
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
        ConfigError: unreadable file, unknown key, or a value of the wrong type; the key is named.
    """
    raw: dict[str, _Value] = {}
    environment = os.environ if environment is None else environment
    base = Path.cwd()
    if path is not None:
        raw.update(_from_file(path))
        base = path.resolve().parent
    raw.update(_from_environment(environment))
    for key, value in (overrides or {}).items():
        if value is not None:
            raw[key] = _Value(value, "the command line")
    flag = raw.pop("development", _Value(False, ""))
    values = {key: _checked(key, value, base) for key, value in raw.items()}
    return Settings(development or _boolean("development", flag), values)


def _from_file(path: Path) -> dict[str, _Value]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
    known = {f"{PREFIX}{s}_{f.name}".upper(): f"{s}.{f.name}" for s, kind in SECTIONS.items() for f in fields(kind)}
    known[f"{PREFIX}DEVELOPMENT"] = "development"
    found = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise ConfigError(f"{variable} is no known setting; the variables are {', '.join(sorted(known))}")
        found[known[variable]] = _Value(text, variable)
    return found


def _checked(key: str, found: _Value, base: Path) -> _Value:
    section, _, name = key.partition(".")
    kind = SECTIONS[section]
    hints = get_type_hints(kind)
    if name not in hints:
        raise ConfigError(f"{key} (from {found.origin}) is unknown; [{section}] has {', '.join(sorted(hints))}")
    # A path from the file is relative to the file; from anywhere else, to the working directory.
    from_file = not (found.origin == "the command line" or found.origin.startswith(PREFIX))
    return _Value(_convert(key, found, hints[name], base if from_file else Path.cwd()), found.origin)


def _convert(key: str, found: _Value, hint: Any, base: Path) -> object:
    value = found.value
    if hint in (Path, Path | None):
        return base / Path(_text(key, found)).expanduser()
    if hint is Address:
        return _address(key, found)
    if hint in (int, float):
        return _number(key, found, hint)
    if isinstance(value, str):
        return _text(key, found)
    raise _wrong(key, found, "text")


def _text(key: str, found: _Value) -> str:
    if not isinstance(found.value, str | Path) or not str(found.value):
        raise _wrong(key, found, "text")
    return str(found.value)


def _number(key: str, found: _Value, kind: type[int] | type[float]) -> int | float:
    value = found.value
    wanted = "a whole number" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(key, found, wanted)
    try:
        number = kind(value)
    except ValueError:
        raise _wrong(key, found, wanted) from None
    if number < 0 or (kind is int and number != float(value)):
        raise _wrong(key, found, f"{wanted} of at least 0")
    return number


def _address(key: str, found: _Value) -> bytes:
    value = found.value
    if isinstance(value, bytes) and len(value) == 20:
        return value
    try:
        raw = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise _wrong(key, found, "an address, 0x and 40 hexadecimal digits")
    return raw


def _boolean(key: str, found: _Value) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if isinstance(found.value, bool):
        return found.value
    if isinstance(found.value, str) and found.value.lower() in words:
        return words[found.value.lower()]
    raise _wrong(key, found, "true or false")


def _wrong(key: str, found: _Value, wanted: str) -> ConfigError:
    return ConfigError(f"{key} (from {found.origin}) must be {wanted}, not {found.value!r}")
