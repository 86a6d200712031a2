"""`gradroll task list` and `gradroll task status`: what the chain and the coordinator know of tasks."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, ether, utc
from gradroll.commands.options import Subparsers, address, chain_options, leaf, natural, roots_option, settings
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.chain.facts import RoundRecord, TaskRecord
    from commons.protocol.status import RoundStatus, TaskStatus
    from gradroll.session import Session


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = leaf(
        commands,
        "list",
        "List the tasks of the market, newest first.",
        "gradroll task list --config chain.toml",
        listing,
    )
    parser.add_argument("--owner", type=address, metavar="0x...", help="only tasks of this model owner")
    parser.add_argument("--limit", type=natural, default=20, metavar="N", help="at most so many (default 20)")
    chain_options(parser)
    parser = leaf(
        commands,
        "status",
        "Show a task, its escrow, its rounds, and what its coordinator says: what is waited for, who was rejected and "
        "why. Without the coordinator it shows what the chain knows.",
        "gradroll task status 0 --config model-owner.toml",
        status,
    )
    parser.add_argument("task", type=natural, help="the task's number")
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="the task's coordinator (model_owner.coordinator)")
    roots_option(parser, "model_owner.tls_roots")
    chain_options(parser)


def listing(arguments: argparse.Namespace) -> int:
    """Print a line a task."""
    from gradroll.session import Session

    console: Console = arguments.console
    shown: list[dict[str, object]] = []
    with Session(settings(arguments)) as session:
        for number in reversed(range(session.view.task_count())):
            if len(shown) == arguments.limit:
                break
            record = session.view.task(number)
            if arguments.owner in (None, record.model_owner):
                shown.append(_machine(record))
                console.line(_one_line(record))
    if not shown:
        console.line("no such task" if arguments.owner else "the market has no task yet")
    console.result(tasks=shown)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print what the chain and the coordinator know about a task."""
    from gradroll.session import Session

    console: Console = arguments.console
    chosen = settings(
        arguments, model_owner__coordinator=arguments.coordinator, model_owner__tls_roots=arguments.tls_roots
    )
    with Session(chosen) as session:
        view = session.view
        record = view.task(arguments.task)
        rounds = [view.round(arguments.task, number) for number in range(record.rounds_opened)]
        said = _ask_coordinator(session, arguments.task, console)
    for line in _terms(record):
        console.line(line)
    of_coordinator = {each.round: each for each in said.rounds} if said else {}
    for number, state in enumerate(rounds):
        console.line(f"  round {number}: {_round(state, record.terms.max_owners_per_round)}")
        for line in _coordinator_lines(of_coordinator.get(number)):
            console.line(f"    {line}")
    for line in _rejection_lines(said):
        console.line(f"  {line}")
    console.result(
        task=_machine(record), rounds=[_machine_round(n, state) for n, state in enumerate(rounds)],
        rejections=_machine_rejections(said),
    )  # fmt: skip
    return 0


def _ask_coordinator(session: Session, task: int, console: Console) -> TaskStatus | None:
    """What the coordinator says; None, with a warning, where there is none or it does not answer."""
    from circuits.errors import GradrollError
    from commons.settings.sections import ModelOwnerSettings
    from commons.wire.tls import read_roots

    try:
        own = session.settings.section(ModelOwnerSettings, "coordinator")
        roots = read_roots(own.tls_roots, "model_owner.tls_roots")
        return session.coordinator(own.coordinator, roots).task_status(task)
    except GradrollError as error:
        console.warn(f"what follows is the chain's word only: {error}")
        return None


def _terms(record: TaskRecord) -> list[str]:
    terms = record.terms
    windows = f"{_span(terms.submit_window)} to submit, {_span(terms.settle_window)} more to settle"
    return [
        f"task {terms.task_id} of {checksum(record.model_owner)}: {terms.dimension} coordinates, norm at most "
        f"{_norm(record):.6g}, committee {terms.committee_id}",
        f"coordinator {checksum(terms.coordinator)}, verifier {checksum(terms.verifier)}",
        f"{record.owners} owners registered; {terms.min_owners} to {terms.max_owners_per_round} gradients a round, "
        f"{ether(terms.reward_per_gradient)} each",
        f"{record.rounds_opened} of {terms.rounds} rounds opened; {windows}",
        f"escrow {ether(record.balance + record.reserved)}: {ether(record.balance)} free, {ether(record.reserved)} "
        f"reserved by rounds that are not finalized",
    ]


def _one_line(record: TaskRecord) -> str:
    terms = record.terms
    return (
        f"task {terms.task_id}: {terms.dimension} coordinates, {record.owners} owners, {record.rounds_opened} of "
        f"{terms.rounds} rounds, {ether(terms.reward_per_gradient)} a gradient, {ether(record.balance)} free, "
        f"of {checksum(record.model_owner)}"
    )


def _round(state: RoundRecord, room: int) -> str:
    batches = f"{state.batches} batch{'es' * (state.batches != 1)}"
    gradients = f"{state.owners} gradient{'s' * (state.owners != 1)}"
    return f"{gradients} in {batches}, {ether(state.spent)} earned; {_phase(state, room, int(time.time()))}"


def _phase(state: RoundRecord, room: int, now: int) -> str:
    if state.finalized:
        return "finalized"
    if state.owners >= room:
        return "full"
    if now <= state.submit_deadline:
        return f"takes submissions until {utc(state.submit_deadline)}, {_span(state.submit_deadline - now)} from now"
    if now <= state.settle_deadline:
        return f"settles until {utc(state.settle_deadline)}, {_span(state.settle_deadline - now)} from now"
    return f"over since {utc(state.settle_deadline)}; gradroll task finalize ends it"


def _coordinator_lines(each: RoundStatus | None) -> list[str]:
    if each is None:
        return []
    lines = [f"coordinator: {each.pending} waiting or being proven, {each.rejected} rejected, {each.attempts} attempts"]
    if each.waits:
        lines.append(f"waits: {each.waits}")
    if each.trouble:
        lines.append(f"trouble: {each.trouble}")
    return [*lines, *(f"prover {named.prover} in {named.step}: {named.reason}" for named in each.named)]


def _rejection_lines(said: TaskStatus | None) -> list[str]:
    if said is None:
        return []
    counts = [f"refused or rejected for {cause}: {count}" for cause, count in sorted(said.rejections.items())]
    return counts + [f"round {each.round}, {checksum(each.owner)}: {each.reason}" for each in said.recent]


def _machine_rejections(said: TaskStatus | None) -> list[dict[str, object]]:
    recent = said.recent if said else ()
    return [{"owner": checksum(each.owner), "round": each.round, "reason": each.reason} for each in recent]


def _norm(record: TaskRecord) -> float:
    return float(record.terms.bound**0.5 / 2**record.terms.fraction_bits)


def _span(seconds: int) -> str:
    """A time span in its two largest units."""
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def _machine(record: TaskRecord) -> dict[str, object]:
    terms = record.terms
    return {
        "task": terms.task_id, "model_owner": checksum(record.model_owner), "committee": terms.committee_id,
        "coordinator": checksum(terms.coordinator), "verifier": checksum(terms.verifier), "dimension": terms.dimension,
        "norm": _norm(record), "owners": record.owners, "rounds": terms.rounds, "rounds_opened": record.rounds_opened,
        "min_owners": terms.min_owners, "max_owners": terms.max_owners_per_round,
        "reward": str(terms.reward_per_gradient), "free": str(record.balance), "reserved": str(record.reserved),
    }  # fmt: skip


def _machine_round(number: int, state: RoundRecord) -> dict[str, object]:
    return {
        "round": number, "gradients": state.owners, "batches": state.batches, "earned": str(state.spent),
        "submit_deadline": state.submit_deadline, "settle_deadline": state.settle_deadline,
        "finalized": state.finalized,
    }  # fmt: skip
