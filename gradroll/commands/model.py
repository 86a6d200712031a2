"""`gradroll model`: how a model came about; hidden models (`modelhiding`), and models that are listed and sold."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commons.runtime.identifiers import shown
from gradroll.commands import modelhiding
from gradroll.commands.modelbuying import add_buying
from gradroll.commands.modelderiving import add_deriving
from gradroll.commands.modelselling import add_selling
from gradroll.commands.options import (
    Subparsers,
    chain_options,
    endpoint,
    group,
    leaf,
    roots_option,
    settings,
    task_argument,
    the_task,
)
from gradroll.commands.tasktraining import evidence_options, keys_options

if TYPE_CHECKING:
    import numpy.typing as npt

    from circuits.arrays import FloatArray
    from commons.settings.loading import Settings
    from gradroll.audit.cardchecks import CardVerdict
    from gradroll.audit.modelcards import ModelCard
    from gradroll.console import Console

_MODELS = {
    "recomputed": "the models were computed again from the first one and the rounds' sums",
    "no rule": "the task has no training rule, so nothing says how its models follow from each other",
    "private": "the sums are private: nobody but the model owner can compute the models, and the card names none",
    "": "the models were not computed again",
}


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "model", "Say how a model came about; hide a model; list, prove, sell and buy models")
    add_selling(commands)
    add_buying(commands)
    add_deriving(commands)
    parser = leaf(
        commands, "card",
        "Write a model card: card.json, which gradroll model verify checks, and card.html, a page for people. It "
        "states where the task is, its rounds as far as they take no more batches, how its owners were protected, and "
        "by which rule and decisions the models follow from each other; a training that is not as its rule says gets "
        "none.",
        "gradroll model card 0x3fa9 --out card --config model-owner.toml", card,
    )  # fmt: skip
    task_argument(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write the two files to")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="the task's model manifest, if nobody serves it")
    _sources(parser, "model_owner")
    parser = leaf(
        commands, "verify",
        "Hold a model card against the chain, field by field, and compute its models again from the first one and the "
        "sums on the chain. The card, and who made it, are not believed: the market and the reference string (--srs) "
        "are those that you name. Names every lie and exits with 7.",
        "gradroll model verify card.json --config auditor.toml", verify,
    )  # fmt: skip
    parser.add_argument("card", type=Path, metavar="CARD", help="the file card.json")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a model that is said to be the final one (.npy)")
    _sources(parser, "")
    modelhiding.add(commands)


def _sources(parser: argparse.ArgumentParser, section: str) -> None:
    evidence_options(parser)
    parser.add_argument(
        "--coordinator", type=endpoint, metavar="grpcs://HOST:PORT",
        help="who is asked for what is not on the chain; it is not believed (default: "
        + ("the coordinator that the settings name)" if section else "nobody but the provers)"),
    )  # fmt: skip
    roots_option(parser, "")
    keys_options(parser)
    chain_options(parser)


def card(arguments: argparse.Namespace) -> int:
    """Write a card."""
    from commons.storage.files import make_directory, write_durably
    from gradroll.audit.cardfacts import CardFacts
    from gradroll.audit.cardpages import page
    from gradroll.commands.trainingfiles import coordinator_named, given_decisions, given_manifest, given_model
    from gradroll.session import Session

    chosen = _settings(arguments)
    with Session(chosen) as session:
        task = the_task(session.view, arguments.task)
        reader = session.round_reader(*coordinator_named(arguments, chosen))
        facts = CardFacts(reader, task, given_model(arguments.initial, reader, task))
        manifest = given_manifest(arguments.manifest, reader, task)
        made = facts.card(manifest, given_decisions(arguments.decisions, chosen, task))
    make_directory(arguments.out, 0o755)
    write_durably(arguments.out / "card.json", made.encoded)
    write_durably(arguments.out / "card.html", page(made).encode("utf-8"))
    arguments.console.line(
        f"{arguments.out}: card.json and card.html of {len(made.rounds)} rounds of task {shown(task)}"
    )
    arguments.console.result(
        task=shown(task), rounds=len(made.rounds), final_model=made.final_model, file=arguments.out / "card.json"
    )
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check a card; 7 when it lies."""
    from gradroll.audit.cardchecks import check_card
    from gradroll.audit.cardfacts import CardFacts
    from gradroll.commands.arrayfiles import read_array
    from gradroll.commands.trainingfiles import given_model
    from gradroll.model_owner.decisionfiles import read_decisions
    from gradroll.session import Session

    stated = _read_card(arguments.card)
    model = None if arguments.model is None else _exactly(read_array(arguments.model, "model"))
    known = () if arguments.decisions is None else read_decisions(arguments.decisions)
    with Session(_settings(arguments)) as session:
        reader = session.round_reader(arguments.coordinator, arguments.tls_roots)
        facts = CardFacts(reader, stated.task, given_model(arguments.initial, reader, stated.task))
        verdict = check_card(stated, facts, model, known)
    _tell(arguments.console, stated, verdict)
    return 7 if verdict.lies else 0


def _read_card(path: Path) -> ModelCard:
    """The card in a file, as it states itself; InvalidInputError for anything else."""
    from circuits.errors import InvalidInputError
    from gradroll.audit.modelcards import MAX_CARD, ModelCard
    from gradroll.model_owner.decisionfiles import read_bounded

    try:
        return ModelCard.decode(read_bounded(path, "model card", MAX_CARD))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{path} is no model card: {error}; name the card.json that gradroll model card wrote"
        ) from error


def _exactly(values: npt.NDArray[Any]) -> FloatArray:
    """A model's numbers; InvalidInputError for what float64 would only come near to, or has no numbers in it."""
    from circuits.arrays import float_vector

    return float_vector(values, values.size, "model")


def _settings(arguments: argparse.Namespace) -> Settings:
    return settings(arguments, keys__srs=arguments.srs, keys__directory=arguments.keys)


def _tell(console: Console, stated: ModelCard, verdict: CardVerdict) -> None:
    console.line(f"card of task {shown(stated.task)}, {len(stated.rounds)} rounds")
    for lie in verdict.lies:
        console.line(f"FAILED {lie.field}: {lie.text}", "red")
    console.line(_MODELS[verdict.models])
    if verdict.later and not verdict.lies:
        console.line(f"the task has opened {verdict.later} rounds more, which are not in the card")
    if verdict.unsettled and not verdict.lies:
        console.line(
            "no round is opened on the final model yet, so the last rate is as the signed metrics say: name decisions "
            "that you have from elsewhere (--decisions)"
        )
    if not verdict.lies:
        console.line("everything in the card that can be checked is as the chain has it", "green")
    console.result(
        task=shown(stated.task), rounds=len(stated.rounds), models=verdict.models, later=verdict.later,
        unsettled=verdict.unsettled,
        final_model=stated.final_model, lies=[{"field": lie.field, "reason": lie.text} for lie in verdict.lies],
    )  # fmt: skip
