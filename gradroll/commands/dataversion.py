"""`gradroll data version`: versions of models, what each says of itself, and what that is worth."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands.dataoptions import campaign_argument, chain_leaf, data_settings, data_store_option, the_campaign
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.modeloptions import sha256_of, word
from gradroll.commands.options import Run, Subparsers, group, natural, whole

if TYPE_CHECKING:
    from commons.chain.dataversionview import VersionTerms
    from gradroll.session import Session

_DEEPEST = 40
"""Levels that are set in."""
_VERSION = "0x" + "7e" * 32
_CAMPAIGN = "0x" + "3f" * 32


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "version", "Versions of models, and what they were made from")
    _add_register(commands)
    parser = chain_leaf(
        commands, "perceptron",
        "Register the perceptron that a campaign's log gives at the end of an epoch: everybody can compute it again, "
        "once the model in its contract is trained that far, and so passes over nothing of it any more. "
        "With --out, writes its file, whose SHA-256 the version names.",
        f"version perceptron {_CAMPAIGN[:8]} 0 --bits 16 --margin 5000 --out model.json", perceptron,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("epoch", type=natural, metavar="EPOCH", help="its number, from 0")
    parser.add_argument("--bits", type=int, choices=(16, 32), default=32, help="of a weight (default 32)")
    parser.add_argument("--margin", type=whole(0, 2**32 - 1), default=0, metavar="N",
                        help="by which a label is to score more than its rival (default 0)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE")
    force_option(parser)
    data_store_option(parser)
    _version_leaf(commands, "show", "Show what a version says of itself. Nothing is sent.", show)
    parser = _version_leaf(
        commands, "verify",
        "Say of all that a version says whether the chain shows it, whether it was computed here again, or whether it "
        "is its author's word. Exits with 7 when something is false. Nothing is sent.", verify,
    )  # fmt: skip
    data_store_option(parser)
    _version_leaf(commands, "graph", "Show a version and all that it was made from. Nothing is sent.", graph)


def _add_register(commands: Subparsers) -> None:
    parser = chain_leaf(
        commands, "register",
        "Register a version of a model. That its epochs, rounds and listing exist, the contract checks; that the model "
        "was trained on them is your word, unless the listing's lineage proves it.",
        f"version register --model {_VERSION} --epoch {_CAMPAIGN}:0 --rule {_CAMPAIGN}", register,
    )  # fmt: skip
    parser.add_argument("--model", type=sha256_of, metavar="FILE", help="the model's file, or its SHA-256")
    parser.add_argument("--listing", type=word, metavar="0x...", help="its listing, yours and of this very model; then "
                        "the model is the committed one, and --model is left out")  # fmt: skip
    parser.add_argument("--parent", type=word, action="append", default=[], metavar="VERSION",
                        help="version that it was made from (can be repeated)")  # fmt: skip
    parser.add_argument("--epoch", type=_epoch, action="append", default=[], metavar="CAMPAIGN:EPOCH",
                        help="that it was trained on (can be repeated)")  # fmt: skip
    parser.add_argument("--round", nargs=3, type=natural, action="append", default=[],
                        metavar=("TASK", "FIRST", "COUNT"),
                        help="rounds of a task that it was trained by (can be repeated)")  # fmt: skip
    parser.add_argument("--rule", type=sha256_of, required=True, metavar="FILE",
                        help="how it was trained: a file, or its SHA-256")  # fmt: skip


def _epoch(text: str) -> tuple[bytes, int]:
    """An argparse type: a campaign and the number of an epoch of it."""
    campaign, _, epoch = text.partition(":")
    return word(campaign), natural(epoch)


def _version_leaf(commands: Subparsers, name: str, summary: str, run: Run) -> argparse.ArgumentParser:
    parser = chain_leaf(commands, name, summary, f"version {name} {_VERSION}", run)
    parser.add_argument("version", type=word, metavar="VERSION", help="its identifier")
    return parser


def register(arguments: argparse.Namespace) -> int:
    """Register a version."""
    from circuits.errors import InvalidInputError
    from circuits.hashing import keccak
    from commons.chain.dataversionview import NO_LISTING, VersionTerms
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.versionchecks import require_terms

    if (arguments.model is None) == (arguments.listing is None):
        raise InvalidInputError("name the model's file, or the listing of a committed one, and not both")
    with paying_session(arguments, data_settings(arguments)) as session:
        model = arguments.model
        if model is None:
            model = keccak(session.models.listing(arguments.listing).model)
        terms = VersionTerms(
            tuple(sorted(set(arguments.parent))), model, tuple(arguments.epoch), tuple(map(tuple, arguments.round)),
            arguments.rule, arguments.listing or NO_LISTING,
        )  # fmt: skip
        require_terms(terms)
        _registered(arguments, session, terms)
    return 0


def perceptron(arguments: argparse.Namespace) -> int:
    """Register a perceptron's version."""
    import hashlib

    from commons.chain.dataversionview import VersionTerms
    from commons.samples.improvementrules import PerceptronRule
    from commons.storage.files import write_durably
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.versionchecks import lasting_version

    if arguments.out is not None:
        require_free(arguments.out, force=arguments.force)
    rule = PerceptronRule(arguments.bits, arguments.margin)
    with paying_session(arguments, data_settings(arguments)) as session:
        campaign, made_of = the_campaign(arguments, session), session.data_models
        made = lasting_version(
            made_of.perceptrons, campaign, arguments.epoch, rule, made_of.samples_of(campaign)
        )  # fmt: skip
        if arguments.out is not None:
            write_durably(arguments.out, made.content, replace=arguments.force)
        model = hashlib.sha256(made.content).digest()
        _registered(arguments, session, VersionTerms((), model, made.epochs, (), rule.digest))
    return 0


def _registered(arguments: argparse.Namespace, session: Session, terms: VersionTerms) -> None:
    version = session.data_models.version_account.register(terms)
    arguments.console.line(f"version 0x{version.hex()}", "green")
    arguments.console.result(version=version, model=terms.model, rule=terms.rule)


def show(arguments: argparse.Namespace) -> int:
    """Show a version."""
    from commons.runtime.identifiers import shown
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        view = session.data_models.versions
        record, terms = view.version(arguments.version), view.terms(arguments.version)
    console = arguments.console
    console.line(f"of {checksum(record.author)}, {utc(record.time)}, generation {record.generation}")
    console.line(f"model 0x{terms.model.hex()}, rule 0x{terms.rule.hex()}")
    for line in (
        *(f"parent 0x{each.hex()}" for each in terms.parents),
        *(f"epoch {epoch} of campaign 0x{campaign.hex()}" for campaign, epoch in terms.epochs),
        *(f"rounds {first} to {first + count - 1} of task {shown(task)}" for task, first, count in terms.rounds),
        *([f"listing 0x{terms.listing.hex()}"] if any(terms.listing) else []),
    ):
        console.line(f"  {line}")
    console.result(
        version=record.version, author=checksum(record.author), time=record.time, generation=record.generation,
        **_told(terms),
    )  # fmt: skip
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Verify a version."""
    from circuits.errors import ProofError
    from gradroll.datamarket.versionchecks import Standing, VersionChecker
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        made_of = session.data_models
        checker = VersionChecker(made_of.perceptrons, lambda: session.models, made_of.samples_of)
        claims = checker.check(made_of.versions.terms(arguments.version))
    words = {
        Standing.CHAIN: "shown by the chain", Standing.COMPUTED: "computed here", Standing.WORD: "its author's word",
        Standing.FALSE: "FALSE",
    }  # fmt: skip
    for claim in claims:
        colour = {Standing.WORD: "yellow", Standing.FALSE: "red"}.get(claim.standing, "green")
        arguments.console.line(f"{words[claim.standing]}: {claim.what}", colour)
    false = [claim.what for claim in claims if claim.standing is Standing.FALSE]
    if false:
        raise ProofError(f"what the version says is false: {false[0]}; do not use it for what it says it is")
    arguments.console.result(
        version=arguments.version,
        claims=[{"what": claim.what, "standing": claim.standing.value} for claim in claims],
    )  # fmt: skip
    return 0


def graph(arguments: argparse.Namespace) -> int:
    """Show the ancestors of a version."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        found = session.data_models.versions.ancestors(arguments.version)
    for line in _drawn(found, arguments.version):
        arguments.console.line(line)
    arguments.console.result(
        version=arguments.version, versions=[{"version": each, **_told(terms)} for each, terms in found.items()]
    )
    return 0


def _drawn(found: dict[bytes, VersionTerms], version: bytes) -> Iterator[str]:
    """A version, and below it what it was made from, each once in full."""
    waiting, drawn = [(0, version)], set[bytes]()
    while waiting:
        depth, each = waiting.pop()
        terms, again = found[each], each in drawn
        made_of = f"{len(terms.epochs)} epochs, {sum(count for _, _, count in terms.rounds)} rounds"
        yield f"{'  ' * min(depth, _DEEPEST)}0x{each.hex()[:16]}: {'above' if again else made_of}"
        drawn.add(each)
        waiting += [(depth + 1, parent) for parent in reversed(terms.parents) if not again]


def _told(terms: VersionTerms) -> dict[str, object]:
    return {
        "parents": ["0x" + each.hex() for each in terms.parents], "model": "0x" + terms.model.hex(),
        "epochs": [{"campaign": "0x" + campaign.hex(), "epoch": epoch} for campaign, epoch in terms.epochs],
        "rounds": [{"task": task, "first": first, "count": count} for task, first, count in terms.rounds],
        "rule": "0x" + terms.rule.hex(), "listing": "0x" + terms.listing.hex() if any(terms.listing) else None,
    }  # fmt: skip
