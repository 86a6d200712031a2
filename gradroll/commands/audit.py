"""`gradroll audit`: anybody re-checks what was published."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.options import (
    Subparsers,
    chain_options,
    endpoint,
    leaf,
    natural,
    roots_option,
    settings,
    task_argument,
    the_task,
)
from gradroll.commands.taskrounds import of_a_user
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.chain.facts import AcceptedBatch
    from commons.protocol.evidence import Evidence
    from gradroll.audit.recheck import AuditReport


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "audit",
        "Check a round again from public data, trusting nobody: proof, signatures, cohort, sign seed, projections, the "
        "opened row, attestations, aggregate. Names the first check that fails and exits with 7; so it does when a "
        "prover has signed what costs it its bond.",
        "gradroll audit 0x3fa9 --round 2 --coordinator grpcs://coordinator.example.org:7100 --config auditor.toml",
        run,
    )
    task_argument(parser)
    parser.add_argument("--round", type=natural, help="only this round (default: all)")
    parser.add_argument(
        "--coordinator",
        type=endpoint,
        metavar="grpcs://HOST:PORT",
        help="who serves bundles; it is not believed (default: the coordinator that the settings name)",
    )
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory of verifying keys (keys.directory)")
    parser.add_argument(
        "--evidence", type=Path, metavar="DIR", default=Path("evidence"),
        help="where evidence against provers is written, if there is any, for gradroll committee report (default: "
        "evidence)",
    )  # fmt: skip
    roots_option(parser, "")
    chain_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Audit round by round; 7 when a check fails."""
    from circuits.errors import NotReadyError
    from commons.runtime.stages import stage
    from gradroll.session import Session

    chosen = settings(arguments, keys__srs=arguments.srs, keys__directory=arguments.keys)
    console, outcomes, culprits = arguments.console, [], []
    coordinator, roots = arguments.coordinator, arguments.tls_roots
    if coordinator is None:
        own = of_a_user(chosen)
        coordinator, roots = own.coordinator, roots or own.tls_roots
    with Session(chosen) as session:
        audit, task = session.auditor(coordinator, roots), the_task(session.view, arguments.task)
        opened = session.view.task(task).rounds_opened
        rounds = range(opened) if arguments.round is None else [arguments.round]
        for number in rounds:
            try:
                with stage(f"auditing round {number}"):
                    reports = audit.audit_round(task, number)
                    culprits += _accused(arguments, audit.evidence(task, number))
            except NotReadyError as error:
                if arguments.round is not None:
                    raise
                console.line(str(error))
                continue
            for batch, report in reports:
                _tell(console, number, batch, report)
                outcomes.append(_machine(number, batch, report))
    console.result(batches=outcomes, evidence=culprits)
    return 7 if culprits or any(each["failed"] for each in outcomes) else 0


def _accused(arguments: argparse.Namespace, found: Sequence[Evidence]) -> list[dict[str, object]]:
    """Keep evidence and tell of it."""
    from commons.protocol.evidence import in_words
    from commons.storage.evidencefiles import EvidenceFiles

    files, told = EvidenceFiles(arguments.evidence), list[dict[str, object]]()
    for evidence in found:
        prover, path = checksum(evidence.culprit()), files.keep(evidence)
        how = f"report it: gradroll committee report {path}" if path else f"{arguments.evidence} is full; use another"
        arguments.console.line(f"prover {prover} {in_words(evidence)}; {how}", "red")
        told.append({"prover": prover, "what": evidence.kind, "file": path})
    return told


def _tell(console: Console, number: int, batch: AcceptedBatch, report: AuditReport) -> None:
    identity = f"0x{batch.record.batch_id.hex()[:16]}, {len(batch.owners)} owners"
    name = f"round {number}, batch {batch.record.batch_index} ({identity})"
    if report.failed is None:
        console.line(f"{name}: passed {', '.join(report.passed)}", "green")
    else:
        console.line(f"{name}: FAILED {report.failed}: {report.reason}", "red")


def _machine(number: int, batch: AcceptedBatch, report: AuditReport) -> dict[str, object]:
    return {
        "round": number, "batch": batch.record.batch_id, "passed": report.passed, "failed": report.failed,
        "reason": report.reason,
    }  # fmt: skip
