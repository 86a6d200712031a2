"""Let everything go wrong with a market of real processes, and see that its books balance: `python -m tests.chaos`.

A chain (anvil), a coordinator, four provers and owners run as processes of their own; a model owner opens rounds and
checks every sum. A seed gives the faults, the same each time; what the processes make of them is theirs.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.campaign import Campaign, Orders, Outcome
from tests.chaos.chronicle import Chronicle
from tests.chaos.faultplan import KINDS, OF_PAIRS, drawn, kinds_of
from tests.chaos.supervised import ROOT

_RANGES = {"seed": (0, 2**63), "minutes": (0.1, 10_000), "every": (0.5, 3600), "owners": (2, 16), "tasks": (1, 4)}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the faults and the gradients (default 0)")
    parser.add_argument("--minutes", type=float, default=5.0, help="in which things go wrong (default 5)")
    parser.add_argument("--every", type=float, default=4.0, help="mean seconds between two faults (default 4)")
    parser.add_argument("--owners", type=int, default=5, help="2 to 16 (default 5)")
    parser.add_argument("--tasks", type=int, default=1, help="1 to 4 that run beside each other (default 1)")
    parser.add_argument(
        "--redis", choices=("auto", "on", "off"), default="auto",
        help="two coordinators that share a log in Redis; auto, the default: with odd seeds",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", choices=(*KINDS, *OF_PAIRS), help="faults of this kind only; may be repeated"
    )
    parser.add_argument("--out", type=Path, help="file for the result as JSON, beside that in build/chaos/SEED")
    given = parser.parse_args(arguments)
    for name, (low, high) in _RANGES.items():
        if not low <= getattr(given, name) <= high:
            parser.error(f"--{name} must lie in [{low}, {high}]")
    given.pair = given.redis == "on" or (given.redis == "auto" and given.seed % 2 == 1)
    if given.only and not given.pair and set(given.only) <= set(OF_PAIRS):
        parser.error("--only names faults of two coordinators, and this market has one; pass --redis on")
    return given


def table(outcome: Outcome) -> str:
    """What is printed in the end."""
    largest = max((slope.largest for slope in outcome.slopes), default=0)
    judged = sum(slope.judged for slope in outcome.slopes)
    rows = [
        *(f"  {kind:24} {count:6}" for kind, count in sorted(outcome.counts.items())),
        f"  {outcome.rounds} rounds, {outcome.batches} batches, {outcome.accepted} gradients accepted, "
        f"{outcome.sums} sums read and compared",
        f"  owners were told: {', '.join(f'{what} {count}' for what, count in sorted(outcome.told.items()))}",
        f"  {len(outcome.slopes)} processes, the largest {largest >> 20} MiB; {judged} ran long enough to judge leaks",
        f"  {len(outcome.violations)} violations",
        *(f"    {violation.kind}: {violation.text}" for violation in outcome.violations),
    ]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 when nothing was violated, 1 when anything was, 130 when it was interrupted."""
    given = parsed(arguments)
    os.environ["GRADROLL_DEVELOPMENT"] = "1"
    directory = ROOT / "build" / "chaos" / str(given.seed)
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "logs").mkdir(parents=True)
    logging.basicConfig(filename=directory / "logs" / "model-owner.log", level="INFO")
    kinds = tuple(kind for kind in kinds_of(pair=given.pair) if given.only is None or kind in given.only)
    faults = drawn(given.seed, 60 * given.minutes, given.owners, every=given.every, kinds=kinds, pair=given.pair)
    chronicle = Chronicle(directory / "events.jsonl")
    orders = Orders(given.seed, 60 * given.minutes, directory, faults, given.owners, given.tasks, pair=given.pair)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
    outcome = Campaign(orders, chronicle).run()
    chronicle.close()
    command = shlex.join(["python", "-m", "tests.chaos", *(sys.argv[1:] if arguments is None else arguments)])
    record = outcome.record(
        command=command, seed=given.seed, minutes=given.minutes, seconds=round(chronicle.seconds, 1)
    )
    for path in filter(None, (directory / "result.json", given.out)):
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    sys.stderr.write(f"{command}\n{table(outcome)}\n  logs and result in {directory}\n")
    if outcome.interrupted:
        return 130
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
