"""What of a folder an image's builder is sent, by the rules of a `.dockerignore`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what it names, itself or by a folder above it, is left out, or taken in again."""

    pattern: re.Pattern[str]
    text: str
    taken: bool


def rules(ignore_file: Path) -> list[Rule]:
    """The rules of a file; comments and empty lines are none.

    Source: https://docs.docker.com/build/concepts/context/#dockerignore-files (`*`, `**/`, `!`; the last match wins).
    """
    lines = (line.strip() for line in ignore_file.read_text(encoding="utf-8").splitlines())
    return [_rule(line) for line in lines if line and not line.startswith("#")]


def files(root: Path) -> Iterator[str]:
    """Every file of the context, relative to the root."""
    listed = rules(root / ".dockerignore")
    for folder, folders, names in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if _entered(listed, (here / name).as_posix())]
        for name in names:
            path = (here / name).as_posix()
            if _taken(listed, path):
                yield path


def _rule(line: str) -> Rule:
    text = line.removeprefix("!").strip("/")
    anywhere, name = text.startswith("**/"), text.removeprefix("**/")
    named = re.escape(name).replace(r"\*", "[^/]*")
    return Rule(re.compile(f"{'(?:.*/)?' if anywhere else ''}{named}(?:/.*)?"), text, line.startswith("!"))


def _taken(listed: list[Rule], path: str) -> bool:
    matching = [rule.taken for rule in listed if rule.pattern.fullmatch(path)]
    return matching[-1] if matching else True


def _entered(listed: list[Rule], folder: str) -> bool:
    """Whether anything below a folder may be taken."""
    return _taken(listed, folder) or any(rule.taken and rule.text.startswith(f"{folder}/") for rule in listed)
