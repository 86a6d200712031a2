"""`gradroll data terms`: whether terms of a campaign make honesty pay, and terms that do."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from gradroll.commands.options import Subparsers, leaf, whole

if TYPE_CHECKING:
    from commons.samples.campaigneconomics import Beliefs, Inequality, SampleTerms
    from commons.samples.schemadocuments import SchemaDocument

_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")
_GIVEN = ("deposit", "stake", "correction", "fee")
_FEWEST_CLASSES = 2
"""With one class no label says anything: what is guessed is counted as with two."""


def add(parent: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        parent, "terms",
        "Suggest a campaign's deposit, stakes and fee for a reward and what you believe of others, with every "
        "condition under which honesty pays; or say which of them given terms break. Amounts are of the token, for one "
        "sample. Nothing is sent.",
        "gradroll data terms --reward 1 --cost 0.01 --gain 0.5 --work 0.3 --checked 0.3", run,
    )  # fmt: skip
    terms_options(parser)
    parser.add_argument("--schema", type=Path, metavar="FILE", help="what samples are; its classes say what is guessed")
    parser.add_argument("--decimals", type=whole(0, 36), default=18, metavar="N", help="of the token (default 18)")


def terms_options(parser: argparse.ArgumentParser) -> None:
    """Options for what is counted by the sample, and for beliefs."""
    belief_options(parser)
    parser.add_argument("--reward", type=_number, required=True, metavar="R", help="for an accepted sample")
    parser.add_argument(
        "--arbiter", choices=("owner", "jury", "model"), default="jury", help="who decides (default jury)"
    )
    parser.add_argument("--jurors", type=whole(3, 15), default=5, metavar="N", help="of a first jury, odd (default 5)")
    parser.add_argument("--burnt", type=whole(1, 9999), default=5000, metavar="BPS",
                        help="burnt share of what a bad sample costs, in basis points (default 5000)")  # fmt: skip
    for name in (*_GIVEN, "juror-stake"):
        parser.add_argument(f"--{name}", type=_number, metavar="AMOUNT", help=f"the {name}, to check given terms")
    parser.add_argument("--accept", action="append", default=[], metavar="NAME",
                        help="condition that may be broken (can be repeated)")  # fmt: skip


def belief_options(parser: argparse.ArgumentParser) -> None:
    """Options for what somebody believes of others."""
    for name, default, words in (
        ("cost", "0.01", "to check a sample"),
        ("gain", "0.5", "of whoever gets a bad sample through"),
        ("work", "0", "to make a good sample"),
    ):
        parser.add_argument(f"--{name}", type=_number, default=_number(default), metavar="AMOUNT",
                            help=f"what it is worth {words} (default {default})")  # fmt: skip
    for name, default, words in (
        ("checked", "0.3", "samples that the owner checks by itself"),
        ("tolerated", "0.02", "bad samples at which checking may stop to pay"),
        ("error", "0.05", "cases that the arbiter decides wrongly"),
        ("challenged", "0.1", "good samples that are challenged all the same"),
        ("common", "0.9", "cases that end with the more common verdict"),
    ):
        parser.add_argument(f"--{name}", type=_number, default=_number(default), metavar="SHARE",
                            help=f"share of {words} (default {default})")  # fmt: skip
    parser.add_argument("--guessed", type=_number, metavar="SHARE",
                        help="share of labels that are right by chance (default 1 of the schema's classes, and 0.5 "
                        "without a schema)")  # fmt: skip


def beliefs_of(arguments: argparse.Namespace, unit: int, document: SchemaDocument | None) -> Beliefs:
    """Beliefs out of the options; ``unit`` is one of the token in its smallest unit.

    What is guessed, if it is not said, is told: as many labels as the schema's classes leave to chance, or half.
    """
    from commons.samples.campaigneconomics import Beliefs

    guessed = arguments.guessed
    if guessed is None:
        classes = max(_FEWEST_CLASSES, document.schema.classes if document is not None else 0)
        guessed = Fraction(1, classes)
        hint = "" if document is not None else "; name a --schema, or --guessed"
        arguments.console.line(f"1 of {classes} labels is believed to be right by chance{hint}")
    amounts = {name: getattr(arguments, name) * unit for name in ("cost", "gain", "work")}
    shares = {name: getattr(arguments, name) for name in ("checked", "tolerated", "error", "challenged", "common")}
    return Beliefs(**amounts, **shares, guessed=guessed)


def _number(text: str) -> Fraction:
    """An argparse type: a decimal, exactly."""
    if _NUMBER.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text:.40} is no number, such as 0.25")
    return Fraction(text)


def run(arguments: argparse.Namespace) -> int:
    """Suggest or check."""
    from commons.artifacts.recordsources import load_document
    from commons.samples.campaigneconomics import inequalities, require_sound

    unit = 10**arguments.decimals
    beliefs = beliefs_of(arguments, unit, load_document(arguments.schema) if arguments.schema is not None else None)
    terms = sample_terms(arguments, unit, beliefs)
    show_terms(arguments, terms, inequalities(terms, beliefs), unit)
    require_sound(terms, beliefs, arguments.accept)
    return 0


def sample_terms(arguments: argparse.Namespace, unit: int, beliefs: Beliefs) -> SampleTerms:
    """Terms that were given, all of them; or that are suggested for what is believed, where none was."""
    from circuits.errors import InvalidInputError
    from commons.samples.campaigneconomics import Arbiter, SampleTerms
    from commons.samples.termsuggestions import suggest_terms

    arbiter = Arbiter(arguments.arbiter)
    wanted = [*_GIVEN] if arbiter is Arbiter.OWNER else [*_GIVEN, "juror_stake"]
    given = [name for name in (*_GIVEN, "juror_stake") if getattr(arguments, name) is not None]
    if not given:
        reward = _whole(arguments.reward, unit, "reward")
        return suggest_terms(reward, beliefs, arguments.jurors, arbiter, arguments.burnt)
    if given != wanted:
        raise InvalidInputError(f"terms to check have all of {', '.join(wanted).replace('_', '-')}, and no others")
    amounts = {name: _whole(getattr(arguments, name), unit, name) for name in (*wanted, "reward")}
    jury = arbiter is not Arbiter.OWNER
    stake = amounts.pop("juror_stake", 0)
    return SampleTerms(
        **amounts, burnt=arguments.burnt, arbiter=arbiter, jurors=arguments.jurors if jury else 0, juror_stake=stake
    )


def _whole(number: Fraction, unit: int, name: str) -> int:
    from circuits.errors import InvalidInputError

    exact = number * unit
    if exact.denominator != 1:
        raise InvalidInputError(f"the {name.replace('_', ' ')} has more decimals than the token; see --decimals")
    return int(exact)


def show_terms(arguments: argparse.Namespace, terms: SampleTerms, found: tuple[Inequality, ...], unit: int) -> None:
    """Tell terms, and both sides of every condition."""
    console = arguments.console
    names = ("reward", "deposit", "stake", "correction", "fee", "juror_stake")
    for name in names:
        console.line(f"{name.replace('_', ' ')}: {_shown(Fraction(getattr(terms, name), unit))}")
    for each in found:
        sides = f"{_shown(each.left / unit)} against {_shown(each.right / unit)}"
        console.line(f"{'holds' if each.holds else 'BROKEN'}  {each.name}: {each.formula}: {sides}. {each.meaning}",
                     "" if each.holds else "red")  # fmt: skip
    console.result(
        terms={name: str(getattr(terms, name)) for name in names} | {"burnt": terms.burnt, "jurors": terms.jurors},
        inequalities=[
            {"name": e.name, "holds": e.holds, "left": str(e.left), "right": str(e.right), "formula": e.formula,
             "enforced": e.enforced, "meaning": e.meaning} for e in found
        ],
    )  # fmt: skip


def _shown(value: Fraction) -> str:
    """At most six decimals, for people."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".")
