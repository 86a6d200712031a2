"""`gradroll task list`, `show` and `status`: what the chain and the coordinator know of tasks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.manifestwords import blocks_in_words, machine_manifest
from gradroll.commands.options import (
    Subparsers,
    address,
    chain_options,
    leaf,
    natural,
    roots_option,
    settings,
    task_argument,
    the_task,
)
from gradroll.commands.termwords import (
    machine_task,
    model_in_words,
    norm,
    offer_in_words,
    pay_in_words,
    span,
    terms_in_words,
)
from gradroll.console import Console

if TYPE_CHECKING:
    from circuits.terms import TaskTerms
    from commons.chain.facts import RoundRecord, TaskRecord
    from commons.chain.ignored import PostedOwners
    from commons.chain.view import ChainView
    from commons.protocol.modelmanifests import ModelManifest
    from commons.protocol.status import RoundStatus, TaskStatus
    from commons.runtime.amounts import Currency
    from gradroll.model_owner.roundfees import RoundFees
    from gradroll.session import Session

_CHAIN_ONLY = "what follows is the chain's word only"


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
        "show",
        "Show a task to whoever may take part: its terms, what an owner earns and what it risks. Everything is read "
        "from the chain, and the verifier is compared with the code of this release.",
        "gradroll task show 0x3fa9 --config chain.toml",
        show,
    )
    task_argument(parser)
    chain_options(parser)
    parser = leaf(
        commands,
        "status",
        "Show a task, its escrow, its rounds, and what its coordinator says: what is waited for, who was rejected and "
        "why. Without the coordinator it shows what the chain knows.",
        "gradroll task status 0x3fa9 --config model-owner.toml",
        status,
    )
    task_argument(parser)
    parser.add_argument(
        "--coordinator", metavar="grpcs://HOST:PORT", help="the task's coordinator (model_owner.coordinator)"
    )
    roots_option(parser, "model_owner.tls_roots")
    chain_options(parser)


def listing(arguments: argparse.Namespace) -> int:
    """Print a line a task."""
    from gradroll.session import Session

    console: Console = arguments.console
    told: list[dict[str, object]] = []
    with Session(settings(arguments)) as session:
        view = session.view
        for record in _newest_first(view):
            if len(told) == arguments.limit:
                break
            if arguments.owner in (None, record.model_owner):
                told.append(machine_task(record))
                coin, levelled = view.tokens.currency(record.terms.pay.token), view.is_levelled(record.terms.verifier)
                console.line(_one_line(record, coin, levelled=levelled))
    if not told:
        console.line("no such task" if arguments.owner else "the market has no task yet")
    console.result(tasks=told)
    return 0


def _newest_first(view: ChainView) -> Iterator[TaskRecord]:
    for position in reversed(range(view.task_count())):
        for task in view.task_ids(position, position + 1):
            yield view.task(task)


def show(arguments: argparse.Namespace) -> int:
    """Print a task's terms, and what an owner earns and risks."""
    from gradroll.data_owner.offer import Offer
    from gradroll.session import Session

    console: Console = arguments.console
    with Session(settings(arguments)) as session:
        task = the_task(session.view, arguments.task)
        offer = Offer.of(session.view, task)
        coin = session.view.tokens.currency(offer.task.terms.pay.token)
    console.line(f"task {shown(task)} of {checksum(offer.task.model_owner)}")
    for line in terms_in_words(offer.task.terms, offer.committee.committee, coin, levelled=offer.levelled):
        console.line(f"  {line}")
    console.line("for a data owner:")
    for line in offer_in_words(offer, coin):
        console.line(f"  {line}")
    console.result(
        task=machine_task(offer.task), levelled=offer.levelled, floors=[str(offer.floor(level)) for level in range(4)],
        free_places=offer.free_places, rounds_in_escrow=offer.rounds_in_escrow, committee_ready=offer.committee.ready,
    )  # fmt: skip
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print what the chain and the coordinator know about a task."""
    from commons.chain.ignored import postings
    from gradroll.model_owner.roundfees import RoundFees
    from gradroll.session import Session

    console: Console = arguments.console
    chosen = settings(
        arguments, model_owner__coordinator=arguments.coordinator, model_owner__tls_roots=arguments.tls_roots
    )
    with Session(chosen) as session:
        view = session.view
        task = the_task(view, arguments.task)
        record = view.task(task)
        coin, levelled = view.tokens.currency(record.terms.pay.token), view.is_levelled(record.terms.verifier)
        rounds = [view.round(task, number) for number in range(record.rounds_opened)]
        fees = [RoundFees.of(view, record.terms, number) for number in range(record.rounds_opened)]
        posted = [postings(view, task, number) for number in range(record.rounds_opened)]
        now = view.now()
        said, manifest = _ask_coordinator(session, record.terms, console)
    for line in _terms(record, coin, levelled=levelled):
        console.line(line)
    for line in blocks_in_words(manifest) if manifest else ():
        console.line(f"  {line}")
    of_coordinator = {each.round: each for each in said.rounds} if said else {}
    for number, state in enumerate(rounds):
        console.line(f"  round {number}: {_round(state, coin, now)}")
        if state.batches and record.terms.pay.fees:
            console.line(f"    fees: {fees[number].in_words(coin)}")
        for line in (*_posting_lines(posted[number]), *_coordinator_lines(of_coordinator.get(number))):
            console.line(f"    {line}")
    for line in _rejection_lines(said):
        console.line(f"  {line}")
    console.result(
        task=machine_task(record),
        rounds=[_machine_round(n, state, fees[n], posted[n]) for n, state in enumerate(rounds)],
        rejections=_machine_rejections(said), model=machine_manifest(manifest) if manifest else None,
    )  # fmt: skip
    return 0


def _ask_coordinator(
    session: Session, terms: TaskTerms, console: Console
) -> tuple[TaskStatus | None, ModelManifest | None]:
    """What the coordinator says, and the task's model manifest, if it has one.

    None for each, with a warning, where there is no coordinator, or it does not answer.
    """
    from circuits.errors import GradrollError
    from commons.settings.sections import ModelOwnerSettings
    from commons.storage.manifestfiles import read_manifest
    from commons.storage.tlsfiles import read_roots
    from commons.wire.published import fetch_manifest

    said = None

    try:
        own = session.settings.section(ModelOwnerSettings, "coordinator")
        roots = read_roots(own.tls_roots, "model_owner.tls_roots")
        coordinator = session.coordinator(own.coordinator, roots)
        said = coordinator.task_status(terms.task_id)
        return said, fetch_manifest(terms, coordinator, read_manifest(own.manifest, "model_owner.manifest"))
    except GradrollError as error:
        console.warn(f"{'the model manifest is not shown' if said else _CHAIN_ONLY}: {error}")
        return said, None


def _terms(record: TaskRecord, coin: Currency, *, levelled: bool) -> list[str]:
    terms = record.terms
    windows = f"{span(terms.windows.submit)} to submit, {span(terms.windows.settle)} more to settle"
    offered = f", offered to {checksum(record.pending_owner)}" if record.pending_owner is not None else ""
    return [
        f"task {shown(terms.task_id)} of {checksum(record.model_owner)}{offered}: {terms.dimension} coordinates, norm "
        f"at most {norm(terms):.6g}, committee {shown(terms.committee_id)}",
        f"coordinator {checksum(record.coordinator)}, verifier {checksum(terms.verifier)}",
        *model_in_words(terms),
        f"{record.active_owners} of up to {terms.capacity} owners registered, {terms.min_owners} or more a batch; "
        f"pay: {pay_in_words(terms, coin, levelled=levelled)}",
        f"{record.rounds_opened} of {terms.rounds} rounds opened; {windows}",
        f"escrow {coin.shown(record.balance + record.reserved)}: {coin.shown(record.balance)} free, "
        f"{coin.shown(record.reserved)} reserved by rounds that are not finalized",
    ]


def _one_line(record: TaskRecord, coin: Currency, *, levelled: bool) -> str:
    terms = record.terms
    return (
        f"task {shown(terms.task_id)}: {terms.dimension} coordinates, {record.active_owners} owners, "
        f"{record.rounds_opened} of {terms.rounds} rounds, {pay_in_words(terms, coin, levelled=levelled)}, "
        f"{coin.shown(record.balance)} free, of {checksum(record.model_owner)}"
    )


def _round(state: RoundRecord, coin: Currency, now: int) -> str:
    batches = f"{state.batches} batch{'es' * (state.batches != 1)}"
    gradients = f"{state.owners} of {state.seats} gradients"
    return f"{gradients} in {batches}, {coin.shown(state.spent)} spent; {_phase(state, now)}"


def _phase(state: RoundRecord, now: int) -> str:
    """Where a round stands; ``now`` is the chain's time, which rules its deadlines."""
    if state.finalized:
        return "finalized"
    if state.owners >= state.seats > 0:
        return "full"
    if now <= state.submit_deadline:
        return f"takes submissions until {utc(state.submit_deadline)}, {span(state.submit_deadline - now)} from now"
    if now <= state.settle_deadline:
        return f"settles until {utc(state.settle_deadline)}, {span(state.settle_deadline - now)} from now"
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


def _posting_lines(posted: PostedOwners) -> list[str]:
    """What owners put on the chain because the coordinator had not taken it."""
    if not posted.posted:
        return []
    left = ", ".join(map(str, sorted(posted.ignored)))
    ignored = f"neither accepted nor excluded so far: {left}" if left else "all of them are accepted or excluded"
    return [f"owners that posted their submission on the chain: {len(posted.posted)}; {ignored}"]


def _rejection_lines(said: TaskStatus | None) -> list[str]:
    if said is None:
        return []
    counts = [f"refused or rejected for {cause}: {count}" for cause, count in sorted(said.rejections.items())]
    return counts + [f"round {each.round}, {checksum(each.owner)}: {each.reason}" for each in said.recent]


def _machine_rejections(said: TaskStatus | None) -> list[dict[str, object]]:
    recent = said.recent if said else ()
    return [{"owner": checksum(each.owner), "round": each.round, "reason": each.reason} for each in recent]


def _machine_round(number: int, state: RoundRecord, fees: RoundFees, posted: PostedOwners) -> dict[str, object]:
    return {
        "round": number, "gradients": state.owners, "seats": state.seats, "batches": state.batches,
        "spent": str(state.spent), "submit_deadline": state.submit_deadline, "settle_deadline": state.settle_deadline,
        "finalized": state.finalized, "fees": fees.machine, "posted": sorted(posted.posted),
        "ignored": sorted(posted.ignored),
    }  # fmt: skip
