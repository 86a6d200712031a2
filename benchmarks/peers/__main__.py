"""`python -m benchmarks.peers`: measure other provers and write benchmarks/results/peers-*.json."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import results
from benchmarks.machine import facts
from benchmarks.peers import circom, groth16
from benchmarks.peers.tools import PeerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("part", choices=("circom", "groth16"), nargs="*", help="what to measure (everything)")
    parser.add_argument("--runs", type=int, help="proofs of each kind; figures are medians (5; groth16: 7)")
    parser.add_argument("--large", action="store_true", help="circom with 16,384 coordinates too: minutes")
    chosen = parser.parse_args(arguments)
    os.environ["GRADROLL_DEVELOPMENT"] = "1"
    parts: dict[str, Callable[[], Mapping[str, Any]]] = {
        "circom": lambda: circom.measure(chosen.runs or 5, large=chosen.large),
        "groth16": lambda: groth16.measure(chosen.runs or 7),
    }
    options = (f" --runs {chosen.runs}" if chosen.runs else "") + (" --large" if chosen.large else "")
    for part in chosen.part or parts:
        machine = facts()
        try:
            figures = parts[part]()
        except PeerError as error:
            sys.stderr.write(f"{part}: {error}\n")
            return 1
        path = results.save(f"peers-{part}", f"python -m benchmarks.peers {part}{options}", machine, figures)
        sys.stdout.write(f"{part}: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
