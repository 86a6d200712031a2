"""The rounds of a task: `gradroll task open`, `model` and `read`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.buying import (
    coordinator_options,
    manifest_option,
    paying,
    reading,
    sum_key_option,
    task_leaf,
)
from gradroll.commands.encrypting import opening
from gradroll.commands.options import Subparsers, chain_options, leaf, natural, task_argument, the_task, whole

if TYPE_CHECKING:
    from commons.protocol.replies import ProverVerdict
    from commons.settings.loading import Settings
    from commons.settings.sections import ModelOwnerSettings, OwnerSettings
    from commons.wire.coordinator_client import CoordinatorClient
    from gradroll.session import Session


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_open(commands)
    _add_model(commands)
    _add_manifest(commands)
    _add_read(commands)


def _add_model(commands: Subparsers) -> None:
    parser = leaf(
        commands, "model", "Download the model of a round; it is checked against the digest on the chain. Takes no "
        "account: a data owner's settings serve as well as a model owner's.",
        "gradroll task model 0x3fa9 --out model.npy --config owner.toml", model,
    )  # fmt: skip
    task_argument(parser)
    coordinator_options(parser)
    chain_options(parser)
    parser.add_argument("--round", type=natural, help="the round (default: the latest)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it, float64 (.npy)")
    manifest_option(parser)


def _add_manifest(commands: Subparsers) -> None:
    parser = leaf(
        commands, "manifest", "Download the model manifest of a task: blocks and their scales, and, where it has them, "
        "its training rule, or what owners must know of a hidden model. It is checked against the terms.",
        "gradroll task manifest 0x3fa9 --out manifest.json --config owner.toml", manifest,
    )  # fmt: skip
    task_argument(parser)
    coordinator_options(parser)
    chain_options(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it (JSON)")


def _add_read(commands: Subparsers) -> None:
    parser = task_leaf(
        commands, "read",
        "Read a round's aggregate. It is checked against the commitments on the chain before it is written.",
        "gradroll task read 0x3fa9 --round 0 --out sum.npy", read,
    )  # fmt: skip
    parser.add_argument("--round", type=natural, required=True)
    parser.add_argument(
        "--from-provers", action="store_true", help="ask the provers alone, for instance when the coordinator is gone"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to write the sum, float64 (.npy)"
    )
    sum_key_option(parser)
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory for derived bases (keys.directory)")
    manifest_option(parser)


def _add_open(commands: Subparsers) -> None:
    parser = task_leaf(
        commands,
        "open",
        "Publish a model and open the next round on it. Pay and fees for all seats of the round are set aside.",
        "gradroll task open 0x3fa9 --model model.npy",
        open_round,
    )
    parser.add_argument(
        "--model", type=Path, metavar="FILE",
        help="numpy file (.npy), float64 of shape (d,); after the first round of a task with a training rule none is "
        "needed, and only the rule's is taken",
    )  # fmt: skip
    parser.add_argument(
        "--secret", type=Path, metavar="FILE",
        help="where the model is hidden: --model is the true one, and the round is opened on its view by the secret in "
        "this file (gradroll model hide)",
    )  # fmt: skip
    parser.add_argument(
        "--view", type=Path, metavar="FILE",
        help="where the model is hidden: the view to open the round on, in place of --model and --secret",
    )  # fmt: skip
    parser.add_argument(
        "--reference", type=Path, metavar="FILE",
        help="where the task grades: your own gradient at this model, on the data that its terms name (.npy, floats of "
        "shape (d,)); interrupted, the same command goes on handing it in",
    )  # fmt: skip
    sum_key_option(parser)
    parser.add_argument(
        "--past-sums", type=natural, metavar="N",
        help="take the N newest sums of the task out of the reference, so that who repeats them earns nothing "
        "(default: 5 in an open task, 0 in a permissioned one)",
    )  # fmt: skip
    parser.add_argument(
        "--seats",
        type=whole(0, 2**16 - 1),
        help="most gradients (default: as many as the task holds owners); who is registered has a seat in any case",
    )
    parser.add_argument(
        "--no-compact",
        action="store_true",
        help="leave the owners in storage; by default they are copied into code (6,500 gas an owner, once) where that "
        "saves more than it costs (2,000 gas an owner and round)",
    )
    manifest_option(parser)


def open_round(arguments: argparse.Namespace) -> int:
    """Open the next round."""
    from gradroll.commands.arrayfiles import read_array
    from gradroll.commands.modelhiding import NamedModel, to_publish

    console = arguments.console
    model, view = (
        None if path is None else read_array(path, what)
        for path, what in ((arguments.model, "model"), (arguments.view, "view"))
    )
    reference = None if arguments.reference is None else read_array(arguments.reference, "reference")
    with paying(arguments) as session:
        buyer, task = session.model_owner, the_task(session.view, arguments.task)
        named = NamedModel(model, view, arguments.secret)
        parameters = to_publish(named, buyer.manifest(task), opening(session.settings))
        number = buyer.open_round(
            task, parameters, reference=reference, past_sums=arguments.past_sums, seats=arguments.seats,
            compact=not arguments.no_compact, warn=console.warn,
        )  # fmt: skip
        opened = session.view.round(task, number)
        console.line(
            f"round {number} of task {shown(task)} is open; it takes submissions of up to {opened.seats} owners until "
            f"{utc(opened.submit_deadline)}"
        )
        console.result(task=shown(task), round=number, seats=opened.seats, submit_deadline=opened.submit_deadline)
    return 0


def model(arguments: argparse.Namespace) -> int:
    """Write a round's model."""
    from commons.storage.manifestfiles import read_manifest
    from commons.wire.published import fetch_model
    from gradroll.commands.arrayfiles import write_array

    with reading(arguments) as session:
        task = the_task(session.view, arguments.task)
        at_hand = read_manifest(of_a_user(session.settings).manifest, "--manifest")
        number, parameters = fetch_model(session.view, _serving_coordinator(session), task, arguments.round, at_hand)
    write_array(arguments.out, parameters)
    arguments.console.line(f"{arguments.out}: the model of round {number}, {len(parameters)} coordinates")
    arguments.console.result(task=shown(task), round=number, file=arguments.out)
    return 0


def manifest(arguments: argparse.Namespace) -> int:
    """Write a task's model manifest."""
    from circuits.errors import UnknownError
    from commons.storage.manifestfiles import write_manifest
    from commons.wire.published import fetch_manifest
    from gradroll.commands.manifestwords import blocks_in_words, machine_manifest

    console = arguments.console
    with reading(arguments) as session:
        task = the_task(session.view, arguments.task)
        found = fetch_manifest(session.view.terms(task), _serving_coordinator(session))
    if found is None:
        raise UnknownError(f"the terms of task {shown(task)} name no model manifest: its vectors have one scale")
    write_manifest(arguments.out, found)
    console.line(f"{arguments.out}: the model manifest of task {shown(task)}, digest 0x{found.digest.hex()}")
    for line in blocks_in_words(found):
        console.line(f"  {line}")
    console.result(task=shown(task), file=arguments.out, manifest=machine_manifest(found))
    return 0


def _serving_coordinator(session: Session) -> CoordinatorClient:
    from commons.settings.describing import section_name
    from commons.storage.tlsfiles import read_roots

    own = of_a_user(session.settings)
    roots = read_roots(own.tls_roots, f"{section_name(type(own))}.tls_roots")
    return session.coordinator(own.coordinator, roots, own.stall_timeout)


def of_a_user(chosen: Settings) -> OwnerSettings | ModelOwnerSettings:
    """Where settings name a coordinator: [model_owner], or [owner] where only that does."""
    from commons.settings.sections import ModelOwnerSettings, OwnerSettings

    if chosen.get("model_owner.coordinator") is None and chosen.get("owner.coordinator") is not None:
        return chosen.section(OwnerSettings, "coordinator")
    return chosen.section(ModelOwnerSettings, "coordinator")


def read(arguments: argparse.Namespace) -> int:
    """Write a round's checked aggregate."""
    from gradroll.commands.arrayfiles import write_array

    with reading(arguments) as session:
        buyer, task = session.model_owner, the_task(session.view, arguments.task)
        aggregate = buyer.read_aggregate(task, arguments.round, from_provers=arguments.from_provers)
    write_array(arguments.out, aggregate.total)
    console, gradients = arguments.console, len(aggregate.owners)
    weighed = f", each by its weight, {sum(aggregate.weights)} in all" if aggregate.graded else ""
    console.line(f"{arguments.out}: sum of {gradients} gradients{weighed}; it opens the commitments on the chain")
    for verdict in aggregate.verdicts:
        console.warn(f"prover {verdict.prover}: {verdict.reason}; {_held(verdict)[1]}the sum was found without it")
    for number, batch in enumerate(aggregate.graded):
        if batch.grades.fallback:
            console.warn(
                f"nobody in batch {number} had a weight, so all count once, whatever they handed in: where that is all "
                "there is, go on with your own gradient"
            )
    owners = [checksum(owner) for owner in aggregate.owners]
    console.result(
        task=shown(task), round=arguments.round, file=arguments.out, owners=owners, weights=list(aggregate.weights),
        provers=[{"prover": v.prover, "reason": v.reason, "proven": _held(v)[0]} for v in aggregate.verdicts],
    )  # fmt: skip
    return 0


def _held(verdict: ProverVerdict) -> tuple[bool, str]:
    """Whether a prover's own signature is on what is said of it; and in words, where it is not and it is named."""
    from commons.protocol.replies import ProverNamed

    if not isinstance(verdict, ProverNamed):
        return False, ""
    unsigned = "no signature of its own is on that, so whoever served it may have changed it; "
    return verdict.proven, "" if verdict.proven else unsigned
