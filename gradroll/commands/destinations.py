"""Where commands put what they make: looked at before anything is computed or paid for."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import InvalidInputError, StorageError


def force_option(parser: argparse.ArgumentParser) -> None:
    """The option without which nothing that exists is replaced."""
    parser.add_argument("--force", action="store_true", help="replace what is there; it cannot be had again")


def require_free(path: Path, *, force: bool) -> None:
    """Make sure that a file can be written; its directory is made.

    Raises:
        StorageError: it exists and is not to be replaced, or cannot be written.
    """
    with storing(f"cannot write {path}"):
        if path.is_dir():
            raise StorageError(f"{path} is a directory; name a file")
        if path.exists() and not force:
            raise StorageError(f"{path} exists already; choose another name, or pass --force to replace it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-"):
            pass  # the file system may be read-only where permissions would allow it


def require_other(path: Path, *inputs: Path | None) -> None:
    """Make sure that what is written does not take the place of what is read.

    Raises:
        InvalidInputError: it is the same file, by whatever name.
    """
    for each in inputs:
        if each is not None and path.exists() and each.exists() and path.samefile(each):
            raise InvalidInputError(f"{path} is what is read, and would be replaced; choose another name")
