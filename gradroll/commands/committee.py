"""`gradroll committee`: who proves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from gradroll.commands.options import Subparsers, address, chain_options, group, leaf, natural, settings, whole

if TYPE_CHECKING:
    from circuits.statement import Committee


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "committee", "Register and show prover committees")
    parser = leaf(
        commands,
        "create",
        "Register a committee: N members of which any t may collude and learn nothing (N >= 2t+1; N >= 3t+1 is better: "
        "then a liar is found at once). Every member then runs `gradroll prover join`.",
        "gradroll committee create --threshold 1 --member 0xA... --member 0xB... --member 0xC... --member 0xD... "
        "--account operator.key",
        create,
    )
    parser.add_argument("--threshold", type=whole(1, 2**8 - 1), required=True, help="t, the provers that may collude")
    parser.add_argument("--member", type=address, action="append", required=True, metavar="0x...", dest="members",
                        help="a prover's address, in order (repeat)")  # fmt: skip
    parser.add_argument("--account", type=Path, required=True, metavar="FILE", help="key file that pays the fees")
    chain_options(parser)
    parser = leaf(commands, "show", "Show a committee and who has joined.", "gradroll committee show 0", show)
    parser.add_argument("committee", type=natural)
    chain_options(parser)


def create(arguments: argparse.Namespace) -> int:
    """Register a committee."""
    from circuits.statement import Committee
    from gradroll.commands.paying import paying_session
    from gradroll.model_owner.precheck import ALL_NEEDED

    tolerance = spare(Committee(0, arguments.threshold, tuple(arguments.members)))
    if not tolerance:
        arguments.console.warn(ALL_NEEDED)
    with paying_session(arguments, settings(arguments)) as session:
        chain = session.writer(arguments.account)
        committee = chain.create_committee(arguments.threshold, arguments.members)
        arguments.console.line(
            f"committee {committee} registered; a round ends while up to {tolerance} of its members are absent; they "
            f"now run: gradroll prover join --committee {committee}"
        )
        arguments.console.result(committee=committee, may_be_absent=tolerance)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print a committee."""
    from gradroll.model_owner.precheck import of_committee
    from gradroll.session import Session

    with Session(settings(arguments)) as session:
        record = session.view.committee_record(arguments.committee)
    console, committee = arguments.console, record.committee
    console.line(
        f"committee {committee.committee_id}: N = {committee.size}, t = {committee.threshold}, "
        f"quorum {committee.quorum}, "
        f"{'ready' if record.ready else 'waiting for members to join'}"
    )
    for p, (member, endpoint) in enumerate(zip(committee.members, record.endpoints, strict=True)):
        console.line(f"  prover {p}  {checksum(member)}  {endpoint or 'has not joined'}")
    for text in of_committee(record):
        console.warn(text)
    members = zip(map(checksum, committee.members), record.endpoints, strict=True)
    console.result(
        committee=committee.committee_id, threshold=committee.threshold, quorum=committee.quorum, ready=record.ready,
        members=[{"address": member, "endpoint": endpoint} for member, endpoint in members],
    )  # fmt: skip
    return 0


def spare(committee: Committee) -> int:
    """How many members may be absent while rounds still end: N - Q."""
    return committee.size - committee.quorum
