"""Pin everything that an application installs: `make lock` writes a file with hashes for each use of the project.

`pyproject.toml` says what the library works with; the files beside this script say what was tested together.  A pin
stays as it is while it fits; `make lock LOCK_FLAGS=--upgrade` takes newer ones.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
EXTRAS = {"operator": ("redis", "traces"), "demo": ("demo",), "dev": ("dev",), "torch": ("dev", "torch")}
"""Locks of the project itself, by the extras that they hold; an operator may choose a log in Redis, and traces."""
TOOLS = ("analysis", "docs", "fuzz", "robustness")
"""Extras that are installed on their own, each into an environment of its own."""


def inputs(document: dict[str, Any]) -> dict[str, list[str]]:
    """The requirements behind each lock."""
    project = document["project"]
    optional = project["optional-dependencies"]

    def resolved(texts: list[str]) -> list[str]:
        """Requirements without those that name an extra of ours."""
        prefix = f"{project['name']}["
        inner = [name for text in texts if text.startswith(prefix) for name in text[len(prefix) : -1].split(",")]
        return [t for t in texts if not t.startswith(prefix)] + [t for name in inner for t in resolved(optional[name])]

    locks = {
        name: [*project["dependencies"], *(text for extra in extras for text in resolved(optional[extra]))]
        for name, extras in EXTRAS.items()
    }
    tools = {name: resolved(optional[name]) for name in TOOLS}
    return locks | tools | {"build": document["build-system"]["requires"]}


def main(flags: list[str]) -> int:
    """Write every lock; exit status of the first failure."""
    document = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = document["project"]["requires-python"].removeprefix(">=")
    for name, texts in inputs(document).items():
        command = [
            "uv", "pip", "compile", "-", "--quiet", "--universal", "--generate-hashes", "--python-version", oldest,
            "--custom-compile-command", "make lock", "--output-file", str(FOLDER / f"{name}.txt"), *flags,
        ]  # fmt: skip
        status = subprocess.run(command, input="\n".join(texts), text=True, check=False).returncode  # noqa: S603
        if status != 0:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
