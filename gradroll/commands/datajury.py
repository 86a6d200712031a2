"""`gradroll data jury | case | vote | appeal`: staking as a juror, opening a case, voting, asking for another jury."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.amounts import utc
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.dataoptions import (
    campaign_argument,
    chain_leaf,
    currency_of,
    data_settings,
    number_argument,
    the_campaign,
)
from gradroll.commands.options import Subparsers, group, whole

if TYPE_CHECKING:
    from gradroll.datamarket.juror import OwnSeat


def add(commands: Subparsers) -> None:
    """Add the commands."""
    juries = group(commands, "jury", "Sit on juries that decide about samples")
    parser = chain_leaf(
        juries, "join",
        "Stake slots in the pool that decides a campaign's cases. Each may be drawn on its own; one that is drawn must "
        "vote and reveal, or loses its stake, as does one whose vote is another than the final verdict.",
        "jury join 0x3fa9c1 --slots 4", join,
    )  # fmt: skip
    campaign_argument(parser)
    parser.add_argument("--slots", type=whole(1, 32), default=1, metavar="N", help="how many (default 1)")
    yes_option(parser)
    chain_leaf(juries, "seats", "Show this account's slots, and its seats on juries. Nothing is sent.", "jury seats",
               seats)  # fmt: skip
    parser = chain_leaf(juries, "release", "Get the stakes of a case that has ended back into their slots.",
                        "jury release 5", release)  # fmt: skip
    number_argument(parser, "case", "its number")
    chain_leaf(
        juries, "leave",
        "Leave with all slots; run again after the notice, it has their stakes credited (gradroll data collect).",
        "jury leave", leave,
    )  # fmt: skip
    parser = chain_leaf(
        commands, "case",
        "Open the case of a challenged sample, which anybody may do once its contributor can concede no more. A model "
        "that is arbiter is shown the sample at once, from a bundle that was fetched; where it disagrees with the "
        "label, and where no model decides, a jury is drawn. Without a case the sample is accepted as it is.",
        "case 17 3", case,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    number_argument(parser, "sample", "its place in the bundle, from 0")
    parser = chain_leaf(
        commands, "vote",
        "Commit to a verdict about the sample of a case, with every seat of this account. The vote is kept in the "
        "state directory before it is sent: reveal it in time (gradroll data reveal), or the stake is burnt. A case's "
        "number may become another's until data.confirmations blocks vouch for it: name the sample that you looked at.",
        "vote 5 bad --about 17 3", vote,
    )  # fmt: skip
    number_argument(parser, "case", "its number")
    parser.add_argument("verdict", choices=("good", "bad", "corrected"),
                        help="corrected: it is bad, and the correction of the earliest challenge is right")  # fmt: skip
    parser.add_argument("--about", nargs=2, type=whole(0, 2**63 - 1), metavar=("BUNDLE", "SAMPLE"),
                        help="the sample that you looked at; no vote is sent in a case about another")  # fmt: skip
    parser = chain_leaf(
        commands, "appeal",
        "Have a larger jury decide anew about a sample. Who turns the verdict gets the fee back, from who lost.",
        "appeal 17 3", appeal,
    )  # fmt: skip
    number_argument(parser, "bundle", "its number")
    number_argument(parser, "sample", "its place in the bundle, from 0")
    yes_option(parser)


def join(arguments: argparse.Namespace) -> int:
    """Stake slots."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = the_campaign(arguments, session)
        coin, terms = currency_of(session, campaign), session.data.terms(campaign)
        stake = coin.shown(terms.juror_stake * arguments.slots)
        if not confirmed(arguments, f"stake {stake} as a juror?"):
            return DECLINED
        made = session.data_roles.juror.join(campaign, arguments.slots)
        arguments.console.line(f"slots {made[0]} to {made[-1]}, {stake} staked", "green")
        arguments.console.result(slots=list(made), notice=session.data.jury.notice)
    return 0


def seats(arguments: argparse.Namespace) -> int:
    """Show slots and seats."""
    from gradroll.session import Session

    with Session(data_settings(arguments)) as session:
        juror = session.data_roles.juror
        slots, own = juror.slots, juror.seats()
    arguments.console.line(f"slots: {', '.join(map(str, slots)) or 'none'}")
    for seat in own:
        arguments.console.line(_seat_line(seat))
    arguments.console.result(slots=slots, seats=[_seat(each) for each in own])
    return 0


def _seat(seat: OwnSeat) -> dict[str, object]:
    return {
        "case": seat.case.number, "stage": seat.case.stage.name.lower(), "bundle": seat.bundle, "sample": seat.sample,
        "round": seat.round, "seat": seat.seat, "committed": seat.committed, "vote": seat.revealed.name.lower(),
        "released": seat.released,
    }  # fmt: skip


def _seat_line(seat: OwnSeat) -> str:
    from commons.chain.juryfacts import CaseStage

    case = seat.case
    until = {CaseStage.VOTING: case.vote_end, CaseStage.REVEALING: case.reveal_end}
    when = f", until {utc(until[case.stage])}" if case.stage in until and seat.round == case.round else ""
    said = seat.revealed.name.lower() if seat.revealed else "committed" if seat.committed else "no vote"
    return (
        f"case {case.number}, {case.stage.name.lower()}{when}: sample {seat.sample} of bundle {seat.bundle}, seat "
        f"{seat.seat} of jury {seat.round}: {said}"
    )


def release(arguments: argparse.Namespace) -> int:
    """Release seats."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        own = session.data_roles.juror.release(arguments.case)
        arguments.console.line(f"{len(own)} seats of case {arguments.case} are released")
        arguments.console.result(case=arguments.case, released=len(own))
    return 0


def leave(arguments: argparse.Namespace) -> int:
    """Leave."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        juror = session.data_roles.juror
        leaving, withdrawn = juror.leave(), juror.withdraw()
        arguments.console.line(f"{len(leaving)} slots leave, the stakes of {len(withdrawn)} are credited")
        arguments.console.result(leaving=leaving, withdrawn=withdrawn, notice=session.data.jury.notice)
    return 0


def case(arguments: argparse.Namespace) -> int:
    """Open a case."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        dispute = session.data_roles.cases.open(arguments.bundle, arguments.sample)
        what = f"sample {arguments.sample} of bundle {arguments.bundle}"
        if dispute.case:
            arguments.console.line(f"case {dispute.case} is before the jury: {what}")
        else:
            arguments.console.line(f"{what}: {dispute.outcome.name.lower()}, without a jury", "green")
        arguments.console.result(
            bundle=arguments.bundle, sample=arguments.sample, case=dispute.case or None,
            outcome=dispute.outcome.name.lower(),
        )  # fmt: skip
    return 0


def vote(arguments: argparse.Namespace) -> int:
    """Commit to a vote."""
    from commons.chain.juryfacts import Verdict
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        about = tuple(arguments.about) if arguments.about else None
        own = session.data_roles.juror.vote(arguments.case, Verdict[arguments.verdict.upper()], about)
        for seat in own:
            arguments.console.line(_seat_line(seat))
        arguments.console.note("reveal it when voting is over (gradroll data reveal), and keep the state directory")
        arguments.console.result(case=arguments.case, seats=[_seat(each) for each in own])
    return 0


def appeal(arguments: argparse.Namespace) -> int:
    """Appeal."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, data_settings(arguments)) as session:
        campaign = session.data.bundle(arguments.bundle).campaign
        fee = session.data.terms(campaign).appeal_fee
        shown = currency_of(session, campaign).shown(fee)
        first = session.data_roles.cases.appealable(arguments.bundle, arguments.sample)
        arguments.console.line(f"the first jury says {first.verdict.name.lower()}: {first.good} votes for good, "
                               f"{first.bad} for bad, {first.corrected} for corrected")  # fmt: skip
        if not confirmed(arguments, f"appeal for {shown}?"):
            return DECLINED
        session.data_roles.account.appeal(arguments.bundle, arguments.sample)
        arguments.console.line(f"another jury decides about sample {arguments.sample}; {shown} are held for it")
        arguments.console.result(
            bundle=arguments.bundle, sample=arguments.sample, fee=str(fee), verdict=first.verdict.name.lower()
        )
    return 0
