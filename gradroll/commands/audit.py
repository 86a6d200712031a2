"""`gradroll audit`: anybody re-checks what was published."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.options import (
    Subparsers,
    chain_options,
    endpoint,
    identifier,
    leaf,
    natural,
    roots_option,
    settings,
    the_task,
)
from gradroll.commands.taskrounds import of_a_user
from gradroll.commands.tasktraining import evidence_options, tell_training
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.chain.facts import AcceptedBatch
    from commons.protocol.evidence import Evidence
    from commons.settings.loading import Settings
    from gradroll.audit.auditing import RoundOutcome
    from gradroll.audit.auditor import Auditor
    from gradroll.audit.recheck import AuditReport
    from gradroll.session import Session


Told = dict[str, object]
"""For programs."""


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent,
        "audit",
        "Check a round again from public data, trusting nobody: proof, signatures, cohort, sign seed, projections, the "
        "opened row, attestations, aggregate. Names the first check that fails and exits with 7; so it does when a "
        "prover has signed what costs it its bond. Coordinator and provers delete rounds after their retention: "
        "--export keeps one in a file, which --from audits with nothing but a node of its chain.",
        "gradroll audit 0x3fa9 --round 2 --export round-2.archive --coordinator grpcs://coordinator.example.org:7100 "
        "--config auditor.toml",
        run,
    )
    parser.add_argument(
        "task", type=identifier, nargs="?", metavar="TASK",
        help="the task: 0x and its digits, at least the first four of them; with --from the one that the file has to "
        "be of",
    )  # fmt: skip
    parser.add_argument("--round", type=natural, help="only this round (default: all)")
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--export", type=Path, metavar="FILE",
        help="also write what was audited of --round to a new file, once the round takes no more batches",
    )  # fmt: skip
    files.add_argument(
        "--from", type=Path, metavar="FILE", dest="archive",
        help="audit the round in a file that --export wrote; no coordinator or prover is asked (gradroll audit --from "
        "round-2.archive --config auditor.toml)",
    )  # fmt: skip
    files.add_argument(
        "--training", action="store_true",
        help="compute the task's models again instead, from the first round's on, by its training rule and the rounds' "
        "sums; names the first round that was opened on another model (gradroll audit 0x3fa9 --training --config "
        "auditor.toml)",
    )  # fmt: skip
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="the task's model manifest, if nobody serves it")
    evidence_options(parser)
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
    from gradroll.session import Session

    _require_one_round(arguments)
    if arguments.training:
        return _training(arguments)
    chosen = settings(arguments, keys__srs=arguments.srs, keys__directory=arguments.keys)
    with Session(chosen) as session:
        found = [_of_file(arguments, session)] if arguments.archive else _of_rounds(arguments, session, chosen)
        outcomes, culprits, graded = list[Told](), list[Told](), list[Told]()
        for number, outcome in found:
            culprits += _accused(arguments, outcome.evidence)
            for batch, report in outcome.reports:
                _tell(arguments.console, number, batch, report)
                outcomes.append(_machine(number, batch, report))
            graded += _tell_grades(arguments.console, session, number, outcome)
    arguments.console.result(batches=outcomes, evidence=culprits, graded=graded)
    return 7 if culprits or any(each["failed"] for each in outcomes) else 0


def _training(arguments: argparse.Namespace) -> int:
    """Compute a task's models again; 7 when a round deviates."""
    from gradroll.audit.cardfacts import CardFacts
    from gradroll.commands.trainingfiles import coordinator_named, given_decisions, given_manifest, given_model
    from gradroll.session import Session

    chosen = settings(arguments, keys__srs=arguments.srs, keys__directory=arguments.keys)
    with Session(chosen) as session:
        task = the_task(session.view, arguments.task)
        reader = session.round_reader(*coordinator_named(arguments, chosen))
        facts = CardFacts(reader, task, given_model(arguments.initial, reader, task))
        decisions = given_decisions(arguments.decisions, chosen, task)
        replayed = facts.training(given_manifest(arguments.manifest, reader, task), decisions)
    tell_training(arguments.console, task, replayed)
    return 7 if replayed.deviation is not None else 0


def _require_one_round(arguments: argparse.Namespace) -> None:
    """Raise ConfigError for arguments that do not say which round is meant."""
    from circuits.errors import ConfigError

    if arguments.archive is None and arguments.task is None:
        raise ConfigError("nothing says what to audit: name a TASK, or --from with a file that --export wrote")
    if arguments.training and (arguments.task is None or arguments.round is not None):
        raise ConfigError("--training computes all rounds of a task again: name the TASK, and no --round")
    if arguments.export is not None and arguments.round is None:
        raise ConfigError("--export writes one round: name it with --round")


def _of_file(arguments: argparse.Namespace, session: Session) -> tuple[int, RoundOutcome]:
    """Audit what is in a file."""
    from commons.runtime.identifiers import shown
    from commons.runtime.stages import stage

    task = None if arguments.task is None else the_task(session.view, arguments.task)
    with stage(f"auditing {arguments.archive}"):
        head, outcome = session.archive_auditor.audit(arguments.archive, task, arguments.round)
    arguments.console.line(f"{arguments.archive}: round {head.round} of task {shown(head.task_id)}")
    return head.round, outcome


def _of_rounds(arguments: argparse.Namespace, session: Session, chosen: Settings) -> Iterator[tuple[int, RoundOutcome]]:
    """Audit what coordinator and provers serve."""
    from circuits.errors import NotReadyError
    from commons.runtime.stages import stage

    coordinator, roots = arguments.coordinator, arguments.tls_roots
    if coordinator is None:
        own = of_a_user(chosen)
        coordinator, roots = own.coordinator, roots or own.tls_roots
    audit, task = session.auditor(coordinator, roots), the_task(session.view, arguments.task)
    opened = session.view.task(task).rounds_opened
    for number in range(opened) if arguments.round is None else [arguments.round]:
        try:
            with stage(f"auditing round {number}"):
                outcome = _of_round(arguments, audit, task, number)
        except NotReadyError as error:
            if arguments.round is not None:
                raise
            arguments.console.line(str(error))
        else:
            yield number, outcome


def _of_round(arguments: argparse.Namespace, audit: Auditor, task: int, number: int) -> RoundOutcome:
    from gradroll.audit.auditing import RoundOutcome

    if arguments.export is None:
        return RoundOutcome(audit.audit_round(task, number), audit.evidence(task, number))
    outcome = audit.export_round(task, number, arguments.export)
    arguments.console.line(f"{arguments.export}: what was audited of round {number}")
    return outcome


def _accused(arguments: argparse.Namespace, found: Sequence[Evidence]) -> list[Told]:
    """Keep evidence and tell of it."""
    from commons.protocol.evidence import in_words
    from commons.storage.evidencefiles import EvidenceFiles

    files, told = EvidenceFiles(arguments.evidence), list[Told]()
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
        private = "; the sum is private" if report.private else ""
        console.line(f"{name}: passed {', '.join(report.passed)}{private}", "green")
    else:
        console.line(f"{name}: FAILED {report.failed}: {report.reason}", "red")


def _tell_grades(console: Console, session: Session, number: int, outcome: RoundOutcome) -> list[Told]:
    """What each owner of a round was graded and earns, or has so far, once all of its batches are what they say."""
    from gradroll.audit.graderows import graded_round
    from gradroll.commands.gradingwords import grades_in_words, machine_grades

    statements = [report.statement for _, report in outcome.reports if report.statement is not None]
    task = outcome.reports[0][0].task_id
    terms = session.view.terms(task)
    if terms.grading_rule is None or len(statements) < len(outcome.reports):
        return []
    batches, coin = graded_round(statements, terms.pay), session.view.tokens.currency(terms.pay.token)
    final = session.view.round(task, number).ended_with(len(batches))
    for line in grades_in_words(batches, terms.grading_rule, coin, final=final):
        console.line(f"round {number}, {line}" if line.startswith("batch") else line)
    return [{"round": number, **each} for each in machine_grades(batches, final=final)]


def _machine(number: int, batch: AcceptedBatch, report: AuditReport) -> Told:
    return {
        "round": number, "batch": batch.record.batch_id, "passed": report.passed, "failed": report.failed,
        "reason": report.reason, "private": report.private,
    }  # fmt: skip
