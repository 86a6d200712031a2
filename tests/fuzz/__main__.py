"""Fuzzing with coverage guidance: `make fuzz`, or `python -m tests.fuzz TARGET [SECONDS]` where atheris is to be had.

New inputs stay in build/fuzz; one on which a target fails is printed, and belongs into the corpus with its fix.
"""

from __future__ import annotations

import sys
from importlib import import_module

from tests.fuzz.harness import CORPUS, check

SECONDS = 60


def main(arguments: list[str]) -> None:
    """Fuzz one target for some seconds; libFuzzer ends the process."""
    atheris = import_module("atheris")  # of no environment but that of `make fuzz`
    with atheris.instrument_imports(include=["circuits", "commons", "coordinator", "gradroll", "provers"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    name, *rest = arguments or [""]
    if name not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    found = CORPUS.parents[2] / "build" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={int(rest[0]) if rest else SECONDS}", "-rss_limit_mb=2048", "-timeout=10"]
    atheris.Setup(
        ["fuzz", *limits, f"-artifact_prefix={found}/failed-", str(found), str(CORPUS / name)],
        lambda raw: check(TARGETS[name], raw) and None,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
