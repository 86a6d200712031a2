"""`gradroll prover`: run one member of a committee."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.commands import health, keyrotation, proversettle
from gradroll.commands.committee import bond_in_words
from gradroll.commands.confirming import DECLINED, confirmed, yes_option
from gradroll.commands.encrypting import encrypt_option, opening, sealing
from gradroll.commands.options import Subparsers, address, chain_options, group, leaf, settings, whole_identifier

if TYPE_CHECKING:
    from gradroll.session import Session


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "prover", "Run a prover: make its keys, join a committee, serve")
    parser = leaf(
        commands,
        "init",
        "Make the prover's keys: one signs, one opens sealed shares, one is the server's for TLS. They stay in files "
        "that only you can read; the printed address goes to whoever registers the committee.",
        "gradroll prover init --keystore prover/keys",
        init,
    )
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="new directory (prover.keystore)")
    encrypt_option(parser)
    parser = leaf(
        commands, "join",
        "Publish this prover's endpoint, with the pin of the server's own key, and its sealing key in the registry, "
        "where owners and the coordinator find it, and pay the committee's bond.",
        "gradroll prover join --committee 0x00000000000000c0 --endpoint grpcs://prover0.example.org:7101 --config "
        "prover.toml", join,
    )  # fmt: skip
    parser.add_argument("--endpoint", metavar="grpcs://HOST:PORT", help="where others reach it (prover.endpoint)")
    parser.add_argument(
        "--controller", type=address, metavar="0x...",
        help="cold account that may replace this prover's keys and gets the bond back; for good (default: its own key)",
    )  # fmt: skip
    yes_option(parser)
    _options(parser)
    parser = leaf(
        commands, "serve",
        "Serve until stopped. Every attempt is on disk before a share that depends on it leaves, so "
        "stopping it at any time "
        "loses nothing and leaks nothing.",
        "gradroll prover serve --config prover.toml", serve,
    )  # fmt: skip
    parser.set_defaults(serves=True)
    parser.add_argument("--listen", metavar="HOST:PORT", help="address to bind (prover.listen)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="ledger and shares (prover.state)")
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory of proving keys (keys.directory)")
    _options(parser)
    keyrotation.add(commands)
    proversettle.add(commands)
    health.add_prover(commands)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="the prover's keys (prover.keystore)")
    parser.add_argument("--committee", type=whole_identifier, metavar="0x...", help="the committee (prover.committee)")
    chain_options(parser)


def init(arguments: argparse.Namespace) -> int:
    """Make keys."""
    from commons.settings.pins import written_pin
    from commons.settings.sections import ProverSettings
    from commons.storage.tlskeys import TLS_FILE, open_server_key
    from commons.wire.identity import pin_of_key
    from provers.joining.keystore import Keystore

    chosen = settings(arguments, prover__keystore=arguments.keystore)
    directory = chosen.section(ProverSettings, "keystore").keystore
    made = Keystore.create(directory, sealing(arguments, chosen))
    pin = written_pin(pin_of_key(open_server_key(directory / TLS_FILE)))
    arguments.console.line(f"{directory}: address {checksum(made.address)}, sealing key 0x{made.hpke_public.hex()}")
    arguments.console.line(f"the server's own key for TLS: {pin}, which `gradroll prover join` publishes")
    arguments.console.result(directory=directory, address=checksum(made.address), sealing_key=made.hpke_public, pin=pin)
    return 0


def join(arguments: argparse.Namespace) -> int:
    """Publish endpoint and sealing key."""
    from commons.settings.sections import ProverSettings
    from commons.wire.identity import announced, identity_of
    from gradroll.commands.paying import paying_session
    from provers.joining.keyring import Keyring

    chosen = settings(
        arguments,
        prover__keystore=arguments.keystore,
        prover__committee=arguments.committee,
        prover__endpoint=arguments.endpoint,
    )
    own = chosen.section(ProverSettings, "keystore", "committee", "endpoint")
    ring = Keyring.load(own.keystore, opening(chosen))
    endpoint = announced(own.endpoint, identity_of(own))
    with paying_session(arguments, chosen) as session:
        keys = ring.seated(session.view.committee(own.committee))
        index, joined = _seat(session, own.committee, keys.address)
        name = f"prover {index} of committee {shown(own.committee)}"
        arguments.console.result(
            address=checksum(keys.address), committee=shown(own.committee), prover=index, endpoint=endpoint
        )
        chain, member = session.writer(keys.account_file), session.view.member(own.committee, index)
        if (member.signer, member.endpoint, member.hpke_key) == (keys.address, endpoint, keys.hpke_public):
            arguments.console.line(f"{name} is registered as {endpoint} already")
            return 0
        if not joined and not _agrees(session, own.committee, arguments):
            return DECLINED
        if joined and member.hpke_key == keys.hpke_public:
            chain.set_endpoint(own.committee, endpoint)
        else:
            chain.join(own.committee, endpoint, keys.hpke_public, controller=arguments.controller)
        arguments.console.line(f"{checksum(keys.address)} joined committee {shown(own.committee)} as {endpoint}")
    return 0


def _seat(session: Session, committee: int, signer: bytes) -> tuple[int, bool]:
    """The index of a member, or of who waits to replace one, and whether it has joined.

    Raises:
        InvalidInputError: it is neither.
    """
    from provers.prover import membership

    members = session.view.committee(committee)
    if signer not in members.members:
        for index in range(members.size):
            waiting = session.view.member(committee, index).pending
            if waiting is not None and waiting.signer == signer:
                return index, waiting.joined
    index = membership(members, signer).index
    return index, session.view.member(committee, index).joined


def _agrees(session: Session, committee: int, arguments: argparse.Namespace) -> bool:
    """Tell what is bonded, and ask."""
    terms = session.view.committee_terms(committee)
    coin = session.view.tokens.currency(terms.bond_token)
    arguments.console.line(f"committee {shown(committee)}: {bond_in_words(terms, coin)}")
    arguments.console.result(bond=str(terms.bond))
    return confirmed(arguments, f"join, and bond {coin.shown(terms.bond)}?")


def serve(arguments: argparse.Namespace) -> int:
    """Run the node until it is stopped."""
    from commons.settings.sections import LogSettings
    from commons.telemetry.loglines import use
    from provers.node import serve as run

    chosen = settings(
        arguments,
        prover__keystore=arguments.keystore,
        prover__committee=arguments.committee,
        prover__listen=arguments.listen,
        prover__state=arguments.state,
        keys__srs=arguments.srs,
        keys__directory=arguments.keys,
    )
    use(chosen.section(LogSettings).format)
    run(chosen)
    return 0
