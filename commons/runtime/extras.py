"""What an installation may lack: the optional dependencies, and the command that brings them."""

from __future__ import annotations

from importlib.util import find_spec

from circuits.errors import ConfigError


def missing(what: str, extra: str) -> ConfigError:
    """The error of something that needs an extra."""
    return ConfigError(f"{what} needs packages that are not installed: pip install 'gradroll[{extra}]'")


def require(what: str, extra: str, *modules: str) -> None:
    """Raise `missing` unless every module can be found; nothing is imported, so it costs nothing."""
    if any(find_spec(module) is None for module in modules):
        raise missing(what, extra)
