"""`gradroll committee`: who proves, and what each of them bonds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands import membership, report, voting
from gradroll.commands.options import (
    Subparsers,
    account_option,
    address,
    amount,
    chain_options,
    group,
    leaf,
    settings,
    whole,
    whole_identifier,
)
from gradroll.commands.termwords import span

if TYPE_CHECKING:
    from circuits.statement import Committee
    from circuits.terms import CommitteeTerms
    from commons.runtime.amounts import Currency
    from gradroll.session import Session

_BOND = "0.05ether"
_YEAR = 365 * 86_400


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "committee", "Register and show prover committees")
    parser = leaf(
        commands,
        "create",
        "Register a committee: N members of which any t may collude and learn nothing (N >= 2t+1; tasks that pay ask "
        "for N >= 3t+1, where a liar is found at once). Every member then runs `gradroll prover join` and pays the "
        "bond. Choose a bond of at least what a member earns in an unbonding period, and 1/(t+1) of the largest "
        "escrow of its tasks.",
        "gradroll committee create --threshold 1 --member 0xA... --member 0xB... --member 0xC... --member 0xD... "
        "--account operator.key",
        create,
    )
    parser.add_argument("--threshold", type=whole(1, 2**8 - 1), required=True, help="t, the provers that may collude")
    parser.add_argument("--member", type=address, action="append", required=True, metavar="0x...", dest="members",
                        help="a prover's address, in order (repeat)")  # fmt: skip
    parser.add_argument("--bond", type=amount(0), default=amount(0)(_BOND), metavar="AMOUNT",
                        help=f"of each member, held while it is one (default {_BOND})")  # fmt: skip
    parser.add_argument("--bond-token", type=address, metavar="0x...", help="ERC-20 of the bond (default: ether)")
    for name, what in (
        ("change-delay", "from the announcement of another member, or of another key, to its coming (default: a week)"),
        ("unbonding-delay", "from the end of a membership to the return of its bond (default: 120 days)"),
    ):
        parser.add_argument(f"--{name}", type=whole(1, _YEAR), metavar="SECONDS", help=f"time {what}")
    account_option(parser, "", "that pays the fees", required=True)
    chain_options(parser)
    parser = leaf(
        commands, "show", "Show a committee, its bond, who has joined, and which changes wait.",
        "gradroll committee show 0x00000000000000c0", show,
    )  # fmt: skip
    parser.add_argument(
        "committee", type=whole_identifier, nargs="?", metavar="COMMITTEE",
        help="0x and sixteen digits (default: task.committee)",
    )  # fmt: skip
    chain_options(parser)
    for part in (membership, voting, report):
        part.add(commands)


def create(arguments: argparse.Namespace) -> int:
    """Register a committee."""
    from circuits.statement import Committee
    from circuits.terms import CHANGE_DELAY, ETHER, UNBONDING_DELAY
    from gradroll.commands.paying import paying_session
    from gradroll.model_owner.precheck import ALL_NEEDED

    tolerance = spare(Committee(0, arguments.threshold, tuple(arguments.members)))
    if not tolerance:
        arguments.console.warn(ALL_NEEDED)
    with paying_session(arguments, settings(arguments)) as session:
        coin = session.view.tokens.currency(arguments.bond_token or ETHER)
        bond = arguments.bond.of(coin)
        committee = session.writer(arguments.account).create_committee(
            arguments.threshold, arguments.members, bond_token=coin.token, bond=bond,
            change_delay=arguments.change_delay or CHANGE_DELAY,
            unbonding_delay=arguments.unbonding_delay or UNBONDING_DELAY,
        )  # fmt: skip
        arguments.console.line(
            f"committee {shown(committee)} registered; a round ends while up to {tolerance} of its members are absent; "
            f"each of them now bonds {coin.shown(bond)} with: gradroll prover join --committee {shown(committee)}"
        )
        arguments.console.result(committee=shown(committee), may_be_absent=tolerance, bond=str(bond))
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print a committee."""
    from circuits.errors import ConfigError
    from commons.settings.sections import TaskDefaults
    from gradroll.model_owner.precheck import of_committee
    from gradroll.session import Session

    chosen = settings(arguments, task__committee=arguments.committee)
    named = chosen.section(TaskDefaults).committee
    if named is None:
        raise ConfigError("no committee is named: give its identifier, or put committee under [task] in the settings")
    with Session(chosen) as session:
        record, terms = session.view.committee_record(named), session.view.committee_terms(named)
        coin = session.view.tokens.currency(terms.bond_token)
        changes = _changes(session, record.committee)
    console, committee = arguments.console, record.committee
    console.line(
        f"committee {shown(committee.committee_id)}: N = {committee.size}, t = {committee.threshold}, "
        f"quorum {committee.quorum}, {'ready' if record.ready else 'not complete'}"
    )
    console.line(bond_in_words(terms, coin))
    for p, (member, endpoint) in enumerate(zip(committee.members, record.endpoints, strict=True)):
        console.line(f"  prover {p}  {checksum(member)}  {endpoint or 'has not joined'}{changes.get(p, '')}")
    for text in of_committee(record):
        console.warn(text)
    members = zip(map(checksum, committee.members), record.endpoints, strict=True)
    console.result(
        committee=shown(committee.committee_id), threshold=committee.threshold, quorum=committee.quorum,
        ready=record.ready, epoch=record.epoch, bond=str(terms.bond), bond_token=checksum(terms.bond_token),
        change_delay=terms.change_delay, unbonding_delay=terms.unbonding_delay,
        members=[{"address": member, "endpoint": endpoint} for member, endpoint in members],
    )  # fmt: skip
    return 0


def _changes(session: Session, committee: Committee) -> dict[int, str]:
    """What waits for a member, or is wrong with it, in words, by its index."""
    found: dict[int, str] = {}
    for index in range(committee.size):
        member = session.view.member(committee.committee_id, index)
        words = [
            *(["its key is revoked"] if member.revoked else []),
            *([f"it leaves, and its bond is free after {utc(member.free_at)}"] if member.free_at else []),
        ]
        if member.pending is not None:
            words.append(f"{checksum(member.pending.signer)} takes its place, not before {utc(member.pending.due)}")
        if words:
            found[index] = f" ({'; '.join(words)})"
    return found


def bond_in_words(terms: CommitteeTerms, coin: Currency) -> str:
    """What a member bonds, when it has it back, and how it loses it."""
    delay = f"a change of a member takes {span(terms.change_delay)}"
    loss = (
        "for signatures that no honest prover makes, by any key that it ever had (two messages for one step, two sets "
    )
    loss += "of owners that meet, a wrong sum, too few owners)"
    if not terms.bond:
        return f"its members bond nothing; a key counts no more {loss}; {delay}"
    return (
        f"each member bonds {coin.shown(terms.bond)}, and has it back {span(terms.unbonding_delay)} after it left; it "
        f"loses the bond and its key's word {loss}; {delay}"
    )


def spare(committee: Committee) -> int:
    """How many members may be absent while rounds still end: N - Q."""
    return committee.size - committee.quorum
