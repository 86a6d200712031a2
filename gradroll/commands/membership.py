"""`gradroll committee rotate`, `vote`, `replace` and the like: how members and their keys change."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from gradroll.commands.destinations import force_option, require_free
from gradroll.commands.encrypting import opening
from gradroll.commands.memberplaces import MemberPlace
from gradroll.commands.options import (
    Run,
    Subparsers,
    account_option,
    address,
    chain_options,
    leaf,
    natural,
    settings,
    whole,
    whole_identifier,
)

if TYPE_CHECKING:
    from commons.chain.writer import ChainWriter
    from commons.protocol.memberships import Rotation

_COMMITTEE = "0x00000000000000c0"
_SOMEONE = "0x1111111111111111111111111111111111111111"


def add(commands: Subparsers) -> None:
    """Add the commands."""
    _add_keys(commands)
    _add_others(commands)
    _add_leaving(commands)


def _add_keys(commands: Subparsers) -> None:
    parser = _leaf(
        commands, "rotate",
        "Give a member other keys, from the committee's change delay on. Its controller sends it; the "
        "new keys come from gradroll prover rotate-keys, which writes a proposal, or gradroll prover init. When the "
        "delay has passed, gradroll committee apply puts them in force.",
        "--keystore new-keys", rotate,
    )  # fmt: skip
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--keystore", type=Path, metavar="DIR", help="the new keys")
    given.add_argument("--proposal", type=Path, metavar="FILE", help="what gradroll prover rotate-keys wrote")
    _leaf(commands, "cancel", "Take back the rotation of a member that waits.", "", cancel)
    _leaf(
        commands, "apply",
        "Put in force the change of a member whose delay has passed. Anybody may.", "", apply
    )  # fmt: skip
    parser = _leaf(
        commands, "revoke", "Have the key of a member count no more, at once and for good, for instance when it was "
        "stolen: the controller, or the key itself. No round is opened until the member has rotated to another key.",
        "", revoke,
    )  # fmt: skip
    parser.add_argument(
        "--signer", type=address, metavar="0x...", help="a key that it had before (default: the present)"
    )


def _add_others(commands: Subparsers) -> None:
    parser = _leaf(
        commands, "vote",
        "Sign that another member is to sit at an index; a quorum of the present members has to. Writes "
        "a file and sends nothing. All who vote name the same --signer, --controller and --until.",
        f"--signer {_SOMEONE} --until 1800000000 --keystore keys --out vote-0.json", vote, sends=False,
    )  # fmt: skip
    parser.add_argument("--signer", type=address, required=True, metavar="0x...", help="the new member's signing key")
    parser.add_argument(
        "--controller", type=address, metavar="0x...", help="the new member's controller (default: its signing key)"
    )
    parser.add_argument(
        "--until",
        type=natural,
        required=True,
        metavar="SECONDS",
        help="the vote is good until then, seconds since 1970",
    )
    parser.add_argument("--keystore", type=Path, required=True, metavar="DIR", help="keys of the member that votes")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    force_option(parser)
    parser = leaf(
        commands, "replace",
        "Put another member at an index, with the votes of a quorum, from the committee's change delay "
        "on. The new one runs gradroll prover join meanwhile; then gradroll committee apply puts it in force.",
        "gradroll committee replace vote-0.json vote-1.json vote-2.json --account operator.key --config chain.toml",
        replace,
    )  # fmt: skip
    parser.add_argument("votes", type=Path, nargs="+", metavar="FILE", help="what gradroll committee vote wrote")
    _account_options(parser)


def _add_leaving(commands: Subparsers) -> None:
    _leaf(
        commands, "retire",
        "Leave a committee, for good: no round is opened until another member sits there, and the bond "
        "is free after the unbonding delay. The member's controller sends it.", "", retire,
    )  # fmt: skip
    parser = _leaf(
        commands, "bond", "Take the bond of a membership that ended, once it is free. Its controller sends it.",
        "", bond,
    )  # fmt: skip
    parser.add_argument(
        "--membership", type=natural, metavar="N", help="its number, as retire printed it (default: who sits there now)"
    )
    parser.add_argument("--to", type=address, metavar="0x...", help="who is paid (default: the account itself)")


def _leaf(
    commands: Subparsers, name: str, summary: str, more: str, run: Run, *, sends: bool = True
) -> argparse.ArgumentParser:
    account = " --account controller.key" if sends else ""
    parser = leaf(
        commands, name, summary,
        f"gradroll committee {name} {_COMMITTEE} --index 2 {more}{account} --config chain.toml".replace("  ", " "), run,
    )  # fmt: skip
    parser.add_argument("committee", type=whole_identifier, metavar="COMMITTEE", help="0x and sixteen digits")
    parser.add_argument("--index", type=whole(0, 31), required=True, metavar="N", help="of the member, from 0")
    if sends:
        _account_options(parser)
    else:
        chain_options(parser)
    return parser


def _account_options(parser: argparse.ArgumentParser) -> None:
    account_option(parser, "", "that sends it", required=True)
    chain_options(parser)


@contextmanager
def _place(
    arguments: argparse.Namespace, committee: int | None = None, index: int | None = None
) -> Iterator[tuple[MemberPlace, ChainWriter]]:
    """The place that the arguments name, or another one, and the account that sends."""
    from gradroll.commands.paying import paying_session

    with paying_session(arguments, settings(arguments)) as session:
        chain = session.writer(arguments.account)
        if committee is None or index is None:
            committee, index = arguments.committee, arguments.index
        yield MemberPlace(session, committee, index), chain


def rotate(arguments: argparse.Namespace) -> int:
    """Propose other keys."""
    with _place(arguments) as (place, chain):
        wanted, hpke_key, possession = _new_keys(arguments, place)
        arguments.console.line(f"new address {checksum(wanted.signer)}, new sealing key 0x{hpke_key.hex()}")
        pending = place.member.pending
        if pending is None or pending.signer != wanted.signer:
            chain.rotate(wanted, hpke_key, possession)
        place.tell_pending(arguments)
    return 0


def _new_keys(arguments: argparse.Namespace, place: MemberPlace) -> tuple[Rotation, bytes, bytes]:
    """The next keys of a member: who signs, the sealing key, and the new signer's proof that it is one."""
    from commons.protocol.memberships import Rotation, registry_domain
    from gradroll.commands.proposals import load_proposal
    from provers.joining.keystore import Keystore

    view = place.session.view
    if arguments.proposal is not None:
        proposal = load_proposal(arguments.proposal, view, place.committee, place.index)
        return proposal.wanted, proposal.hpke_key, proposal.possession
    keys = Keystore.load(arguments.keystore, opening(settings(arguments)))
    wanted = Rotation(place.committee, place.index, keys.address, place.member.controller)
    return wanted, keys.hpke_public, keys.sign(wanted.digest(registry_domain(view.chain_id, view.registry)))


def cancel(arguments: argparse.Namespace) -> int:
    """Take a rotation back."""
    with _place(arguments) as (place, chain):
        if place.member.pending is not None:
            chain.cancel_change(place.committee, place.index)
        arguments.console.line(f"no change of {place.name} waits")
        arguments.console.result(committee=shown(place.committee), index=place.index)
    return 0


def apply(arguments: argparse.Namespace) -> int:
    """Put a change in force."""
    from circuits.errors import NotReadyError

    with _place(arguments) as (place, chain):
        if place.member.pending is None:
            raise NotReadyError(f"no change of {place.name} waits; gradroll committee show says which do")
        chain.apply_change(place.committee, place.index)
        signer, epoch = place.member.signer, place.session.view.committee_record(place.committee).epoch
        arguments.console.line(
            f"{place.name} is {checksum(signer)} now; rounds opened from now on are of epoch {epoch}"
        )
        arguments.console.result(
            committee=shown(place.committee), index=place.index, signer=checksum(signer), epoch=epoch
        )
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Revoke a key."""
    with _place(arguments) as (place, chain):
        signer = arguments.signer or place.member.signer
        chain.revoke_key(place.committee, signer)
        arguments.console.line(f"{checksum(signer)} counts no more in committee {shown(place.committee)}")
        arguments.console.result(committee=shown(place.committee), index=place.index, revoked=checksum(signer))
    return 0


def vote(arguments: argparse.Namespace) -> int:
    """Sign a replacement and write the vote."""
    from commons.protocol.memberships import Replacement
    from gradroll.commands.votes import sign_vote
    from gradroll.session import Session
    from provers.joining.keyring import Keyring

    require_free(arguments.out, force=arguments.force)
    ring = Keyring.load(arguments.keystore, opening(settings(arguments)))
    with Session(settings(arguments)) as session:
        view = session.view
        wanted = Replacement(
            arguments.committee, arguments.index, view.member(arguments.committee, arguments.index).replacements,
            arguments.signer, arguments.controller or bytes(20), arguments.until,
        )  # fmt: skip
        own = sign_vote(arguments.out, view, wanted, arguments.committee, ring)
    arguments.console.line(
        f"{arguments.out}: prover {own} votes for {checksum(arguments.signer)} as prover {arguments.index} of "
        f"committee {shown(arguments.committee)}, until {utc(arguments.until)}"
    )
    arguments.console.result(
        committee=shown(arguments.committee), index=arguments.index, member=own, file=arguments.out
    )
    return 0


def replace(arguments: argparse.Namespace) -> int:
    """Put another member at an index."""
    from commons.protocol.memberships import Replacement
    from gradroll.commands.votes import load_votes

    wanted, votes = load_votes(arguments.votes, Replacement)
    with _place(arguments, wanted.committee_id, wanted.index) as (place, chain):
        pending = place.member.pending
        if pending is None or pending.signer != wanted.signer:
            chain.replace_member(wanted, votes)
        place.tell_pending(arguments)
    return 0


def retire(arguments: argparse.Namespace) -> int:
    """End a membership."""
    with _place(arguments) as (place, chain):
        number = place.member.membership
        chain.retire(place.committee, number)
        free_at = place.member.free_at
        when = "" if free_at is None else f" after {utc(free_at)}"
        arguments.console.line(
            f"{place.name} has retired; its bond can be had{when}: gradroll committee bond --membership {number}"
        )
        arguments.console.result(
            committee=shown(place.committee), index=place.index, membership=number, bond_free_at=free_at
        )
    return 0


def bond(arguments: argparse.Namespace) -> int:
    """Take a bond back."""
    with _place(arguments) as (place, chain):
        number = place.member.membership if arguments.membership is None else arguments.membership
        chain.withdraw_bond(place.committee, number, arguments.to)
        whom = checksum(arguments.to or chain.address)
        arguments.console.line(f"{whom} received the bond of membership {number} of committee {shown(place.committee)}")
        arguments.console.result(committee=shown(place.committee), membership=number, to=whom)
    return 0
