"""`gradroll data model`: the model that trains in its contract, on what a campaign accepted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands.dataoptions import campaign_argument, chain_leaf, data_settings, data_store_option, the_campaign
from gradroll.commands.encrypting import encrypt_option, sealing
from gradroll.commands.options import Run, Subparsers, group, leaf, settings, whole

if TYPE_CHECKING:
    from commons.chain.dataperceptronview import GroupRecord, PerceptronModel
    from gradroll.datamarket.modeltrainer import ModelTrainer, Training
    from gradroll.session import Session

_CAMPAIGN = "0x3fa9c1"
_MARGINS = 2**32 - 1


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "model", "The model that trains in its contract")
    _model_leaf(
        commands, "make",
        "Make a campaign's model, unless somebody did: a perceptron of at most 1,024 weights, for arrays of two "
        "classes or more. A campaign has one for each width of weights and each margin. Anybody may.",
        "--bits 16 --margin 5000", make,
    )  # fmt: skip
    parser = _model_leaf(
        commands, "train",
        "Train it on all that was decided, in the order of the log, as many samples a transaction as gas allows. "
        "Bundles are fetched that are not in the state directory; one that is nowhere is named. The contract's weights "
        "are held against the same training here, before and after each transaction. Run again after an interruption, "
        "it goes on where the contract is. Anybody may.",
        "--transactions 10", train,
    )  # fmt: skip
    parser.add_argument("--transactions", type=whole(1, 2**31), metavar="N", help="at most so many (default: all)")
    data_store_option(parser)
    _model_leaf(
        commands, "show",
        "Show a campaign's models, how far they are trained, and what they score. Nothing is sent.", "", show,
    )  # fmt: skip
    _add_tests(commands)
    _model_leaf(
        commands, "missing",
        "Report that nobody can show the sample that is next; seven days later, run again, have it passed over. "
        "Showing it in between takes the report back. Do it when the members of the committee have lost the bundle: "
        "their receipts said that they hold it.",
        "", missing,
    )  # fmt: skip
    parser = _model_leaf(
        commands, "predict",
        "Say which class the model gives each sample of a bundle, once it changes no more: its campaign is closed and "
        "decided, and all of that is trained on. Nothing is sent.",
        "--bundle new.bundle", predict,
    )  # fmt: skip
    parser.add_argument("--bundle", type=Path, required=True, metavar="FILE", help="samples of the campaign's schema")


def _add_tests(commands: Subparsers) -> None:
    parser = leaf(
        commands, "tests",
        "Choose salts for groups of hidden tests and say the commitment that opens a campaign with them (gradroll data "
        "open --tests). Keep the file: without it nobody can show them.",
        "gradroll data model tests first.bundle second.bundle --out tests.json", tests,
    )  # fmt: skip
    parser.add_argument("bundles", type=Path, nargs="+", metavar="FILE", help="a group's bundle, in their order")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file of the salts, to be written")
    encrypt_option(parser)
    parser = _model_leaf(
        commands, "reveal",
        "Show a group of hidden tests (owner), once the campaign is closed, decided and trained on. The first one that "
        "is shown ends the model's training, for good.",
        "0 --tests tests.json", reveal,
    )  # fmt: skip
    _group_argument(parser)
    parser.add_argument(
        "--tests", type=Path, required=True, metavar="FILE", help="what gradroll data model tests wrote"
    )
    data_store_option(parser)
    parser = _model_leaf(
        commands, "score",
        "Score a group that was shown, each test once, and say how many are right. Anybody may who has its bundle.",
        "0 --bundle first.bundle", score,
    )  # fmt: skip
    _group_argument(parser)
    parser.add_argument("--bundle", type=Path, required=True, metavar="FILE", help="the group's bundle")


def _model_leaf(
    commands: Subparsers, name: str, summary: str, example: str, run: Run
) -> argparse.ArgumentParser:  # fmt: skip
    """A command about one model of a campaign."""
    words = " ".join(filter(None, (f"model {name} {_CAMPAIGN}", example)))
    parser = chain_leaf(commands, name, summary, words, run)
    campaign_argument(parser)
    parser.add_argument("--bits", type=int, choices=(16, 32), default=32, help="of a weight (default 32)")
    parser.add_argument("--margin", type=whole(0, _MARGINS), default=0, metavar="N",
                        help="by which a label is to score more than its rival (default 0)")  # fmt: skip
    return parser


def _group_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", type=whole(0, 63), metavar="GROUP", help="its number, from 0")


def make(arguments: argparse.Namespace) -> int:
    """Make a model."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        made = session.data_models.perceptron_account.make(campaign, arguments.bits, arguments.margin)
        arguments.console.line(f"the model is at {checksum(made.place)}", "green")
        arguments.console.result(campaign=campaign, model=checksum(made.place), bits=made.bits, margin=made.margin)
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train a model."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        model = _model(arguments, session)

        def told(now: Training) -> None:
            arguments.console.line(
                f"{now.trained} samples are trained on; decision {now.cursor.position} of {now.decisions} is next"
            )

        done = _trainer(session, model).train(told, arguments.transactions)
        if done.complete:
            arguments.console.line(f"all that was decided is trained on: {done.trained} samples", "green")
        arguments.console.result(
            model=checksum(model.place), trained=done.trained, position=done.cursor.position,
            decisions=done.decisions, complete=done.complete,
        )  # fmt: skip
    return 0


def missing(arguments: argparse.Namespace) -> int:
    """Report a sample as missing, or have it passed over."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        model, account = _model(arguments, session), session.data_models.perceptron_account
        cursor, view = account.models.cursor(model), account.models
        until = view.reported_until(model)
        sample = f"sample {cursor.index} of bundle {cursor.bundle}"
        if until and session.view.now() > until:
            account.pass_over(model, cursor.position, cursor.index)
            arguments.console.line(f"{sample} is passed over", "green")
        elif not until:
            account.report_missing(model, cursor.position, cursor.index)
            until = view.reported_until(model)
        passed = view.cursor(model) != cursor
        if not passed:
            arguments.console.line(f"{sample} is reported, and may be passed over after {utc(until)}")
        arguments.console.result(
            model=checksum(model.place), bundle=cursor.bundle, sample=cursor.index, until=until, passed=passed
        )
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show models."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        campaign, view, told = the_campaign(arguments, session), session.data_models.perceptrons, []
        for model in view.models(campaign):
            cursor, trained = view.cursor(model), view.trained(model)
            groups = {number: view.tests(model, number) for number in view.test_files(model)}
            decisions = session.data.campaign(campaign).decisions
            arguments.console.line(
                f"{checksum(model.place)}, {model.bits} bits, margin {model.margin}: {trained} samples, decision "
                f"{cursor.position} of {decisions} is next"
            )
            for number, record in groups.items():
                arguments.console.line(f"  {_scored(number, record)}")
            told.append({
                "model": checksum(model.place), "bits": model.bits, "margin": model.margin, "trained": trained,
                "position": cursor.position, "bundle": cursor.bundle, "index": cursor.index, "decisions": decisions,
                "groups": [
                    {"group": number, "count": each.count, "scored": each.scored, "right": each.right}
                    for number, each in groups.items()
                ],
            })  # fmt: skip
        if not told:
            arguments.console.line("nobody made a model (gradroll data model make)")
        arguments.console.result(campaign=campaign, models=told)
    return 0


def tests(arguments: argparse.Namespace) -> int:
    """Commit to hidden tests."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.commands.destinations import require_free
    from gradroll.datamarket.hiddengroups import HiddenGroups

    require_free(arguments.out, force=False)
    made = HiddenGroups.of([load_bundle(path) for path in arguments.bundles])
    made.write(arguments.out, sealing(arguments, settings(arguments)))
    arguments.console.line(f"commitment 0x{made.commitment.hex()}", "green")
    arguments.console.note(f"keep {arguments.out} and the bundles to yourself until you show them")
    arguments.console.result(
        tests=made.commitment, groups=len(made.groups), count=[each.count for each in made.groups], file=arguments.out
    )
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Show a group of tests."""
    from gradroll.commands.encrypting import opening
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.hiddengroups import GroupScorer, HiddenGroups

    chosen = data_settings(arguments)
    groups = HiddenGroups.read(arguments.tests, opening(chosen))
    with paying_session(arguments, chosen) as session:
        model = _model(arguments, session)
        scorer = GroupScorer(session.data_models.perceptron_account, model, session.data_models.depth)
        record = scorer.show(groups, arguments.group, _trainer(session, model))
        _tell(arguments, model, record)
    return 0


def score(arguments: argparse.Namespace) -> int:
    """Score a group of tests."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.hiddengroups import GroupScorer

    bundle = load_bundle(arguments.bundle)
    with paying_session(arguments, data_settings(arguments)) as session:
        model = _model(arguments, session)
        scorer = GroupScorer(session.data_models.perceptron_account, model)
        record = scorer.score(arguments.group, bundle, lambda now: arguments.console.line(f"{now.scored} scored"))
        _tell(arguments, model, record)
    return 0


def predict(arguments: argparse.Namespace) -> int:
    """Predict classes."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.session import Session

    bundle = load_bundle(arguments.bundle)
    with Session(data_settings(arguments)) as session:
        model = _model(arguments, session)
        classes = [session.data_models.perceptrons.predict(model, sample) for sample in bundle.samples]
    for place, found in enumerate(classes):
        arguments.console.line(f"sample {place}: class {found}")
    arguments.console.result(model=checksum(model.place), classes=classes)
    return 0


def _model(arguments: argparse.Namespace, session: Session) -> PerceptronModel:
    return session.data_models.perceptrons.model(the_campaign(arguments, session), arguments.bits, arguments.margin)


def _trainer(session: Session, model: PerceptronModel) -> ModelTrainer:
    from gradroll.datamarket.modeltrainer import ModelTrainer

    return ModelTrainer(session.data_models.perceptron_account, model, session.data_models.samples_of(model.campaign))


def _tell(arguments: argparse.Namespace, model: PerceptronModel, record: GroupRecord) -> None:
    arguments.console.line(_scored(arguments.group, record), "green")
    arguments.console.result(
        model=checksum(model.place), group=arguments.group, count=record.count, scored=record.scored,
        right=record.right,
    )  # fmt: skip


def _scored(number: int, record: GroupRecord) -> str:
    return f"group {number}: {record.right} right of {record.scored} that are scored, of {record.count}"
