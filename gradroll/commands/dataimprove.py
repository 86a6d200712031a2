"""`gradroll data improve`: pay for what bundles improve, by a table that everybody computes alike."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.dataoptions import campaign_argument, chain_leaf, data_settings, data_store_option, the_campaign
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.modeloptions import word
from gradroll.commands.options import Run, Subparsers, address, amount, group, natural, whole

if TYPE_CHECKING:
    from commons.runtime.amounts import Currency
    from commons.samples.improvementrules import ImprovementRule
    from commons.samples.improvements import ImprovementTable
    from gradroll.session import Session

_BUDGET = "0x" + "4d" * 32
_DAY = 86_400
_FILE_BYTES = 1 << 24


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "improve", "Pay for what bundles improve")
    parser = chain_leaf(
        commands, "open",
        "Put up a budget for a campaign, and name the rule: the perceptron that is trained, and the groups of hidden "
        "tests that it is scored on. What is not signed or claimed in time goes back. Anybody may.",
        "improve open 0x3fa9c1 1ether --groups 0 1 --sign-days 60", open_,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("amount", type=amount(1), metavar="AMOUNT")
    parser.add_argument("--token", type=address, metavar="0x...", help="ERC-20 (default: ether)")
    _rule_options(parser)
    parser.add_argument("--sign-days", type=whole(1, 365), default=90, metavar="DAYS",
                        help="to sign a table in: the campaign's time and some more (default 90)")  # fmt: skip
    parser.add_argument("--claim-days", type=whole(1, 365), default=90, metavar="DAYS",
                        help="in which parts are to be claimed then (default 90)")  # fmt: skip
    parser.add_argument("--nonce", type=natural, default=0, metavar="N", help="another one opens the same again")
    yes_option(parser)
    _add_tables(commands)
    _budget_leaf(commands, "show", "Show a budget. Nothing is sent.", "", show)
    parser = _budget_leaf(
        commands, "claim",
        "Have parts of the signed table credited to their contributors, those of all bundles if none is named. Anybody "
        "may; the table is held against the root that was signed.",
        "--table table.json --bundle 17", claim,
    )  # fmt: skip
    parser.add_argument("--table", type=Path, required=True, metavar="FILE", help="what gradroll data improve table "
                        "wrote")  # fmt: skip
    parser.add_argument("--bundle", type=whole(1, 2**63 - 1), action="append", metavar="BUNDLE",
                        help="its number (can be repeated)")  # fmt: skip
    _budget_leaf(
        commands, "return", "Have what was not signed or not claimed in time credited to the sponsor. Anybody may.", "",
        return_,
    )  # fmt: skip
    _budget_leaf(
        commands, "collect", "Have what budgets owe to this account in a budget's token paid out.", "", collect
    )


def _add_tables(commands: Subparsers) -> None:
    parser = _budget_leaf(
        commands, "table",
        "Compute a budget's table from the chain and the bundles, once the campaign is closed and decided and the "
        "groups are shown. Bundles are fetched that are not in the state directory. Everybody gets the same file.",
        "--groups 0 --tests 0=first.bundle --out table.json", table,
    )  # fmt: skip
    _table_options(parser)
    parser = _budget_leaf(
        commands, "sign",
        "Compute the table, and sign it as a member of the campaign's committee. No table of anybody else is believed. "
        "Writes a file and sends nothing.",
        "--groups 0 --tests 0=first.bundle --keystore keys --out vote-0.json", sign,
    )  # fmt: skip
    parser.add_argument("--keystore", type=Path, required=True, metavar="DIR", help="keys of the member that signs")
    _table_options(parser)
    parser = chain_leaf(
        commands, "submit", "Hand in the table that a quorum of the committee signed. Anybody may.",
        "improve submit vote-0.json vote-1.json vote-2.json", submit,
    )  # fmt: skip
    parser.add_argument("votes", type=Path, nargs="+", metavar="FILE", help="what gradroll data improve sign wrote")


def _budget_leaf(commands: Subparsers, name: str, summary: str, example: str, run: Run) -> argparse.ArgumentParser:
    """A command about one budget."""
    parser = chain_leaf(commands, name, summary, " ".join(filter(None, (f"improve {name} {_BUDGET}", example))), run)
    parser.add_argument("budget", type=word, metavar="BUDGET", help="its identifier")
    return parser


def _rule_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bits", type=int, choices=(16, 32), default=32, help="of a weight (default 32)")
    parser.add_argument("--margin", type=whole(0, 2**32 - 1), default=0, metavar="N",
                        help="by which a label is to score more than its rival (default 0)")  # fmt: skip
    parser.add_argument("--groups", type=whole(0, 63), nargs="+", default=[0], metavar="GROUP",
                        help="groups of tests that are scored (default 0)")  # fmt: skip


def _table_options(parser: argparse.ArgumentParser) -> None:
    _rule_options(parser)
    parser.add_argument("--tests", type=_group_file, nargs="+", required=True, metavar="GROUP=FILE",
                        help="bundle of each of these groups")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    data_store_option(parser)


def _group_file(text: str) -> tuple[int, Path]:
    """An argparse type: a group's number and its file."""
    number, _, path = text.partition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no group with its file: write 0=first.bundle")
    return whole(0, 63)(number), Path(path)


def _rule(arguments: argparse.Namespace) -> ImprovementRule:
    from commons.samples.improvementrules import ImprovementRule, PerceptronRule

    return ImprovementRule(PerceptronRule(arguments.bits, arguments.margin), tuple(sorted(set(arguments.groups))))


def open_(arguments: argparse.Namespace) -> int:
    """Put up a budget."""
    from circuits.errors import RuleViolationError
    from circuits.terms import ETHER
    from commons.chain.dataimprovementview import BudgetTerms
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        if not any(session.data.terms(campaign).tests):
            raise RuleViolationError(
                "the campaign commits to no hidden tests, so there can be no table, and the budget would lie until "
                "its deadline; choose a campaign that has tests"
            )
        coin = session.view.tokens.currency(arguments.token or ETHER)
        units, rule = arguments.amount.of(coin), _rule(arguments)
        windows = arguments.sign_days * _DAY, arguments.claim_days * _DAY
        if not confirmed(arguments, f"put up {coin.shown(units)}?"):
            return DECLINED
        terms = BudgetTerms(campaign, coin.token, units, rule.digest, *windows)
        made = session.data_models.improvement_account.open_budget(terms, arguments.nonce)
        arguments.console.line(f"budget 0x{made.hex()}", "green")
        arguments.console.result(budget=made, campaign=campaign, amount=str(units), rule=rule.digest)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a budget."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        view = session.data_models.improvement
        record = view.budget(arguments.budget)
        coin = session.view.tokens.currency(record.token)
        what = f"table 0x{record.root.hex()} is signed; claim" if record.signed else "no table is signed; sign one"
        arguments.console.line(f"campaign 0x{record.campaign.hex()}, of {checksum(record.sponsor)}")
        arguments.console.line(f"{coin.shown(record.left)} are left; {what} until {utc(record.deadline)}")
        arguments.console.result(
            budget=record.budget, campaign=record.campaign, sponsor=checksum(record.sponsor), left=str(record.left),
            signed=record.signed, root=record.root, rule=record.rule, deadline=record.deadline,
        )  # fmt: skip
    return 0


def table(arguments: argparse.Namespace) -> int:
    """Compute a table."""
    from commons.samples.improvementrules import encode_table
    from commons.storage.files import write_durably
    from gradroll.session import Session

    require_free(arguments.out, force=arguments.force)
    with Session(data_settings(arguments)) as session:
        made, coin = _computed(arguments, session)
        write_durably(arguments.out, encode_table(arguments.budget, made), replace=arguments.force)
        _tell(arguments, made, coin)
    return 0


def sign(arguments: argparse.Namespace) -> int:
    """Sign a table as a member."""
    from gradroll.commands.votes import sign_vote
    from gradroll.datamarket.improving import signed_table
    from gradroll.session import Session
    from provers.joining.keyring import Keyring

    require_free(arguments.out, force=arguments.force)
    chosen = data_settings(arguments)
    ring = Keyring.load(arguments.keystore, opening(chosen))
    with Session(chosen) as session:
        view = session.data_models.improvement
        made, coin = _computed(arguments, session)
        wanted = signed_table(view.budget(arguments.budget), made)
        committee = session.data.campaign(view.budget(arguments.budget).campaign).terms.committee_id
        own = sign_vote(arguments.out, session.view, wanted, committee, ring, wanted.digest(view.domain))
        _tell(arguments, made, coin)
        arguments.console.line(f"{arguments.out}: member {own} signs this table", "green")
        arguments.console.result(member=own)
    return 0


def submit(arguments: argparse.Namespace) -> int:
    """Hand a table in."""
    from commons.samples.improvementrules import SignedTable
    from gradroll.commands.paying import paying_session
    from gradroll.commands.votes import load_votes
    from gradroll.datamarket.improving import ImprovementPayer

    wanted, votes = load_votes(arguments.votes, SignedTable)
    with paying_session(arguments, data_settings(arguments)) as session:
        record = ImprovementPayer(session.data_models.improvement_account).submit(wanted, votes)
        coin = session.view.tokens.currency(record.token)
        arguments.console.line(f"the table is signed, and pays {coin.shown(wanted.total)}; claim its parts", "green")
        arguments.console.result(
            budget=wanted.budget, root=record.root, total=str(wanted.total), deadline=record.deadline
        )
    return 0


def claim(arguments: argparse.Namespace) -> int:
    """Claim parts."""
    from circuits.errors import InvalidInputError
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.improving import ImprovementPayer

    budget, made = _table_of(arguments.table)
    if budget != arguments.budget:
        raise InvalidInputError(f"{arguments.table} is the table of another budget; compute this one's")
    with paying_session(arguments, data_settings(arguments)) as session:
        view = session.data_models.improvement
        coin = session.view.tokens.currency(view.budget(budget).token)
        payer = ImprovementPayer(session.data_models.improvement_account)
        done = payer.claim(
            budget, made, arguments.bundle,
            lambda part: arguments.console.line(f"bundle {part.bundle}: {coin.shown(part.amount)}"),
        )  # fmt: skip
        if not done:
            arguments.console.line("all of these were credited before")
        arguments.console.result(
            budget=budget, credited=[{"bundle": each.bundle, "amount": str(each.amount)} for each in done]
        )
    return 0


def _table_of(path: Path) -> tuple[bytes, ImprovementTable]:
    """Budget and table of a file.  Raises InvalidInputError, UnknownError."""
    from circuits.errors import InvalidInputError
    from commons.artifacts.tensorfiles import read_file
    from commons.samples.improvementrules import decode_table

    try:
        return decode_table(read_file(path, "a table", _FILE_BYTES))
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}; compute it again (gradroll data improve table)") from None


def return_(arguments: argparse.Namespace) -> int:
    """Give a budget back."""
    from gradroll.commands.paying import paying_session
    from gradroll.datamarket.improving import ImprovementPayer

    with paying_session(arguments, data_settings(arguments)) as session:
        coin = _coin(arguments, session)
        left = ImprovementPayer(session.data_models.improvement_account).give_back(arguments.budget)
        arguments.console.line(f"{coin.shown(left)} are credited to the sponsor" if left else "nothing is left")
        arguments.console.result(budget=arguments.budget, credited=str(left))
    return 0


def collect(arguments: argparse.Namespace) -> int:
    """Collect credits."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        coin = _coin(arguments, session)
        units = session.data_models.improvement_account.collect_pay(coin.token)
        arguments.console.line(f"collected {coin.shown(units)}" if units else "nothing is owed")
        arguments.console.result(collected=str(units), token=checksum(coin.token))
    return 0


def _coin(arguments: argparse.Namespace, session: Session) -> Currency:
    return session.view.tokens.currency(session.data_models.improvement.budget(arguments.budget).token)


def _computed(arguments: argparse.Namespace, session: Session) -> tuple[ImprovementTable, Currency]:
    """The table, and what its amounts are of."""
    from commons.artifacts.bundlefiles import load_bundle
    from gradroll.datamarket.improving import compute_table

    tests = {number: load_bundle(path) for number, path in arguments.tests}
    made_of = session.data_models
    campaign = made_of.improvement.budget(arguments.budget).campaign
    made = compute_table(
        made_of.improvement,
        made_of.perceptrons,
        arguments.budget,
        _rule(arguments),
        made_of.samples_of(campaign),
        tests,
        made_of.depth,
    )
    return made, _coin(arguments, session)


def _tell(arguments: argparse.Namespace, made: ImprovementTable, coin: Currency) -> None:
    from gradroll.datamarket.improving import total_of

    console = arguments.console
    console.line(f"{made.base} of {made.tests} tests are right before the first bundle")
    for part in made.parts:
        console.line(f"bundle {part.bundle}: {part.right} right, {coin.shown(part.amount)}")
    console.line(f"{coin.shown(total_of(made))} in all, root 0x{made.root.hex()}", "green")
    console.result(
        budget=arguments.budget, base=made.base, tests=made.tests, root=made.root, total=str(total_of(made)),
        parts=[{"bundle": each.bundle, "right": each.right, "amount": str(each.amount)} for each in made.parts],
        file=arguments.out,
    )  # fmt: skip
