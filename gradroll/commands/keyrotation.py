"""`gradroll prover rotate-keys`: a prover gets other keys, and what was sealed to the old ones still arrives."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.encrypting import opening
from gradroll.commands.memberplaces import MemberPlace
from gradroll.commands.options import Subparsers, chain_options, leaf, settings, whole_identifier

if TYPE_CHECKING:
    from commons.chain.facts import PendingMember
    from commons.settings.sections import ProverSettings
    from provers.joining.keyring import Keyring
    from provers.joining.keystore import Keystore


def add(commands: Subparsers) -> None:
    """Add the command."""
    parser = leaf(
        commands, "rotate-keys",
        "Give this prover other keys for signing and sealing, from the committee's change delay on. They are made "
        "beside the present ones, in the same directory, before anybody is told of them; run the command again after "
        "an interruption, and it goes on. Where the prover is its own controller it sends the rotation, otherwise it "
        "writes a proposal for the controller (gradroll committee rotate). When the delay has passed: gradroll "
        "committee apply, then start every prover of the committee anew. Rounds that were opened before keep the old "
        "keys, which are destroyed once none of them takes anything any more.",
        "gradroll prover rotate-keys --config prover.toml", run,
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("rotation.json"), metavar="FILE",
        help="where a proposal for the controller is written (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--now",
        action="store_true",
        help="destroy all sealing keys but the newest at once, because one was stolen; the prover has to be stopped",
    )
    parser.add_argument("--force", action="store_true", help="with --now: shares sealed to those keys are lost")
    yes_option(parser)
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="the prover's keys (prover.keystore)")
    parser.add_argument("--committee", type=whole_identifier, metavar="0x...", help="the committee (prover.committee)")
    chain_options(parser)


@dataclass(frozen=True, slots=True)
class _Rotation:
    """Keys that are to be, and the place that they are for."""

    place: MemberPlace
    ring: Keyring
    present: Keystore


def run(arguments: argparse.Namespace) -> int:
    """Make other keys, propose them, or go on with that."""
    from commons.settings.sections import ProverSettings
    from gradroll.commands.paying import paying_session
    from provers.joining.keyring import Keyring
    from provers.prover import membership

    chosen = settings(arguments, prover__keystore=arguments.keystore, prover__committee=arguments.committee)
    own = chosen.section(ProverSettings, "keystore", "committee", *(("state",) if arguments.now else ()))
    if arguments.now:
        _require_forced(arguments)
    with paying_session(arguments, chosen) as session:
        ring, committee = Keyring.load(own.keystore, opening(chosen)), session.view.committee(own.committee)
        present = ring.seated(committee)
        place = MemberPlace(session, own.committee, membership(committee, present.address).index)
        rotation = _Rotation(place, ring, present)
        only_destroys = arguments.now and any(keys.opens_shares for keys in ring.before(present))
        if ring.newest is present and not only_destroys and not _begun(arguments, rotation):
            return DECLINED
        if ring.newest is not present:
            _propose(arguments, rotation)
        if arguments.now:
            _destroy(arguments, rotation, own)
    return 0


def _begun(arguments: argparse.Namespace, rotation: _Rotation) -> bool:
    """Draw the next keys, if they are wanted."""
    _require_no_other(rotation.place.member.pending, rotation)
    if not confirmed(arguments, f"give {rotation.place.name} other keys?"):
        return False
    rotation.ring.make_next()
    return True


def _propose(arguments: argparse.Namespace, rotation: _Rotation) -> None:
    """Have the newest keys wait for the change delay, if they do not yet."""
    from commons.protocol.memberships import Rotation, registry_domain
    from gradroll.commands.proposals import write_proposal

    place, new = rotation.place, rotation.ring.newest
    member, view = place.member, place.session.view
    console = arguments.console
    console.line(f"{place.name}: new address {checksum(new.address)}, new sealing key 0x{new.hpke_public.hex()}")
    console.result(
        committee=shown(place.committee), index=place.index, signer=checksum(new.address),
        sealing_key=new.hpke_public, due=None, proposal=None,
    )  # fmt: skip
    if member.pending is None or member.pending.signer != new.address:
        _require_no_other(member.pending, rotation)
        wanted = Rotation(place.committee, place.index, new.address, member.controller)
        domain = registry_domain(view.chain_id, view.registry)
        sender = rotation.ring.with_address(member.controller)
        if sender is None:
            write_proposal(arguments.out, domain, wanted, new, rotation.present)
            console.line(
                f"{arguments.out}: for the controller, {checksum(member.controller)}, which sends it with: gradroll "
                f"committee rotate {shown(place.committee)} --index {place.index} --proposal {arguments.out} "
                "--account FILE; compare the address and the sealing key there"
            )
            console.result(proposal=arguments.out)
            return
        writer = place.session.writer(sender.account_file)
        writer.rotate(wanted, new.hpke_public, new.sign(wanted.digest(domain)))
    place.tell_pending(arguments)


def _require_no_other(pending: PendingMember | None, rotation: _Rotation) -> None:
    """Refuse where a change waits that these keys are not part of."""
    from circuits.errors import ClosedError

    if pending is not None and pending.signer not in [keys.address for keys in rotation.ring.keystores]:
        raise ClosedError(
            f"another change of {rotation.place.name} waits, to {checksum(pending.signer)}; have it applied (gradroll "
            "committee apply), or its controller take it back (gradroll committee cancel), if it is a rotation"
        )


def _require_forced(arguments: argparse.Namespace) -> None:
    from circuits.errors import InvalidInputError

    if not arguments.force:
        raise InvalidInputError(
            "--now: shares that are sealed to the present key and have not come yet are lost, and this prover takes "
            "none before the new key is in force; pass --force if that is what you want"
        )


def _destroy(arguments: argparse.Namespace, rotation: _Rotation, own: ProverSettings) -> None:
    """Destroy all sealing keys but the newest one."""
    from commons.storage.files import DirectoryLock

    lock = DirectoryLock(own.state)
    try:
        old = [keys for keys in rotation.ring.before(rotation.ring.newest) if keys.opens_shares]
        for keys in old:
            keys.destroy_sealing_key()
            arguments.console.line(f"destroyed the sealing key 0x{keys.hpke_public.hex()}")
    finally:
        lock.release()
    arguments.console.result(destroyed=[keys.hpke_public for keys in old])
