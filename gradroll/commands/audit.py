"""`gradroll audit`: anybody re-checks what was published."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands.options import Subparsers, chain_options, leaf, natural, roots_option, settings
from gradroll.console import Console


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "audit",
        "Check a round again from public data, trusting nobody: proof, signatures, cohort, sign seed, projections, the "
        "opened row, attestations, aggregate. Names the first check that fails and exits with 7.",
        "gradroll audit 0 --round 2 --coordinator 127.0.0.1:7100 --config auditor.toml",
        run,
    )
    parser.add_argument("task", type=natural, help="the task's number")
    parser.add_argument("--round", type=natural, help="only this round (default: all)")
    parser.add_argument(
        "--coordinator", required=True, metavar="HOST:PORT", help="who serves bundles; it is not believed"
    )
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory of verifying keys (keys.directory)")
    roots_option(parser, "")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Audit round by round; 7 when a check fails."""
    from gradroll.commands.sessions import auditor

    chosen = settings(arguments, keys__srs=arguments.srs, keys__directory=arguments.keys)
    audit, console, failures = auditor(chosen, arguments.coordinator, arguments.tls_roots), Console(), 0
    opened = audit.view.task(arguments.task).rounds_opened
    rounds = range(opened) if arguments.round is None else [arguments.round]
    for number in rounds:
        for batch, report in audit.audit_round(arguments.task, number):
            identity = f"0x{batch.record.batch_id.hex()[:16]}, {len(batch.owners)} owners"
            name = f"round {number}, batch {batch.record.batch_index} ({identity})"
            if report.failed is None:
                console.line(f"{name}: passed {', '.join(report.passed)}", "green")
            else:
                failures += 1
                console.line(f"{name}: FAILED {report.failed}: {report.reason}", "red")
    return 7 if failures else 0
