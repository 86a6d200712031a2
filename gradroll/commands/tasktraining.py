"""Training by a rule: `gradroll task next` and `decide`, and what `gradroll audit --training` tells."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.identifiers import shown
from gradroll.commands.buying import manifest_option, paying, reading, task_leaf
from gradroll.commands.options import Subparsers, the_task
from gradroll.console import Console

if TYPE_CHECKING:
    from commons.protocol.trainingdecisions import Decision, SignedDecision
    from gradroll.training.replay import Replayed, ReplayedRound

_METRIC = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,6}))?")


def add(commands: Subparsers) -> None:
    """Add the commands."""
    parser = task_leaf(
        commands, "next",
        "Compute the model of a task's next round by its training rule, from the chain and the rounds' sums, and write "
        "it. gradroll task open does the same where it is given no model.",
        "gradroll task next 0x3fa9 --out model.npy", next_model,
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it, float64 (.npy)")
    manifest_option(parser)
    keys_options(parser)
    parser = task_leaf(
        commands, "decide",
        "Sign what a task's training rule leaves to the model owner, and keep it with what was decided before: the "
        "metric of the model after the last round, or that the training ends with that model. It cannot be taken back.",
        "gradroll task decide 0x3fa9 --metric 0.9731", decide,
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--metric", type=millionths, metavar="NUMBER", help="the metric on the rule's validation set, to six digits"
    )
    what.add_argument("--stop", action="store_true", help="end the training")
    manifest_option(parser)
    keys_options(parser)


def keys_options(parser: argparse.ArgumentParser) -> None:
    """Options for the public parameters that sums are checked by."""
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory for derived bases (keys.directory)")


def evidence_options(parser: argparse.ArgumentParser) -> None:
    """Options for what a training is computed from beside the chain."""
    parser.add_argument(
        "--initial", type=Path, metavar="FILE",
        help="the first round's model (.npy); zeros need no file, and a coordinator serves it while it keeps it",
    )  # fmt: skip
    parser.add_argument(
        "--decisions", type=Path, metavar="FILE", help="what the model owner signed of the training, if its rule asks"
    )


def millionths(text: str) -> int:
    """An argparse type: a number of at most six digits behind the point, in millionths."""
    found = _METRIC.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no number of at most six digits behind the point, such as 0.9731"
        )
    value = int(found[2]) * 10**6 + int((found[3] or "").ljust(6, "0"))
    return -value if found[1] else value


def next_model(arguments: argparse.Namespace) -> int:
    """Write the model of the next round."""
    from gradroll.commands.arrayfiles import write_array

    with reading(arguments) as session:
        task = the_task(session.view, arguments.task)
        number, model = session.model_owner.next_model(task)
    write_array(arguments.out, model)
    arguments.console.line(f"{arguments.out}: the model of round {number} by the rule, {len(model)} coordinates")
    arguments.console.result(task=shown(task), round=number, file=arguments.out)
    return 0


def decide(arguments: argparse.Namespace) -> int:
    """Sign a decision and keep it."""
    from commons.protocol.trainingdecisions import DecisionKind

    kind, value = (DecisionKind.STOP, 0) if arguments.stop else (DecisionKind.METRIC, arguments.metric)
    with paying(arguments) as session:
        task = the_task(session.view, arguments.task)
        signed = session.model_owner.decide(task, kind, value)
    arguments.console.line(f"{decision_in_words(signed.decision)}, about model 0x{signed.decision.model_digest.hex()}")
    arguments.console.result(decision=machine_decision(signed))
    return 0


def tell_training(console: Console, task: int, replayed: Replayed) -> None:
    """What came of a training that was computed again."""
    for each in replayed.rounds:
        console.line(f"round {each.number}: {_round(each)}", "green")
        for decision in each.decisions:
            console.line(f"  {decision_in_words(decision)}; that is its word, everything else is computed")
    deviation = replayed.deviation
    if deviation is not None:
        console.line(f"round {deviation.round}: FAILED {deviation.fault.value}: {deviation.text}", "red")
    else:
        console.line(f"task {shown(task)}: {len(replayed.rounds)} rounds are as the rule says")
        if replayed.blocked is not None:
            console.line(f"no further round may be opened: {replayed.blocked.text}")
    console.result(training=machine_training(replayed))


def machine_training(replayed: Replayed) -> dict[str, object]:
    """The same for programs."""
    deviation = replayed.deviation
    return {
        "rounds": [
            {
                "round": each.number, "model": each.model_digest, "weight": each.weight,
                "rate": None if each.rate is None else str(each.rate),
                "decisions": [decision_in_words(decision) for decision in each.decisions],
            }
            for each in replayed.rounds
        ],
        "deviation": None if deviation is None else {
            "fault": deviation.fault.value, "round": deviation.round, "reason": deviation.text,
            "expected": deviation.expected, "found": deviation.found,
        },
        "model": replayed.model_digest,
        "blocked": None if replayed.blocked is None else replayed.blocked.text,
    }  # fmt: skip


def decision_in_words(decision: Decision) -> str:
    """What a model owner decided."""
    from commons.protocol.trainingdecisions import DecisionKind

    if decision.kind is DecisionKind.STOP:
        return f"the model owner ended the training after round {decision.round}"
    return f"the model owner signed a metric of {decision.value / 10**6:.6f} after round {decision.round}"


def machine_decision(signed: SignedDecision) -> dict[str, object]:
    """A decision for programs."""
    own = signed.decision
    return {"kind": own.kind.name.lower(), "round": own.round, "value": own.value, "model": own.model_digest}


def _round(each: ReplayedRound) -> str:
    opened = f"opened on the rule's model 0x{each.model_digest.hex()[:16]}"
    return f"{opened}; nothing to apply" if each.rate is None else f"{opened}; weight {each.weight}, rate {each.rate}"
