"""`gradroll prover`: run one member of a committee."""

from __future__ import annotations

import argparse
from pathlib import Path

from commons.runtime.amounts import checksum
from gradroll.commands import health
from gradroll.commands.options import Subparsers, chain_options, group, leaf, natural, settings


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "prover", "Run a prover: make its keys, join a committee, serve")
    parser = leaf(
        commands,
        "init",
        "Make the prover's keys: one signs, one opens sealed shares. They stay in files that only "
        "you can read; the printed "
        "address goes to whoever registers the committee.",
        "gradroll prover init --keystore prover/keys",
        init,
    )
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="new directory (prover.keystore)")
    parser = leaf(
        commands, "join",
        "Publish this prover's endpoint and sealing key in the registry. Owners and the coordinator find it there.",
        "gradroll prover join --committee 0 --endpoint prover0.example.org:7101 --config prover.toml", join,
    )  # fmt: skip
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="where others reach it (prover.endpoint)")
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
    health.add_prover(commands)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keystore", type=Path, metavar="DIR", help="the prover's keys (prover.keystore)")
    parser.add_argument("--committee", type=natural, metavar="N", help="committee number (prover.committee)")
    chain_options(parser)


def init(arguments: argparse.Namespace) -> int:
    """Make keys."""
    from commons.settings.sections import ProverSettings
    from provers.joining.keystore import Keystore

    chosen = settings(arguments, prover__keystore=arguments.keystore)
    directory = chosen.section(ProverSettings, "keystore").keystore
    made = Keystore.create(directory)
    arguments.console.line(f"{directory}: address {checksum(made.address)}, sealing key 0x{made.hpke_public.hex()}")
    arguments.console.result(directory=directory, address=checksum(made.address), sealing_key=made.hpke_public)
    return 0


def join(arguments: argparse.Namespace) -> int:
    """Publish endpoint and sealing key."""
    from commons.settings.sections import ProverSettings
    from gradroll.commands.paying import paying_session
    from provers.joining.keystore import ACCOUNT_FILE, Keystore
    from provers.prover import membership

    chosen = settings(
        arguments,
        prover__keystore=arguments.keystore,
        prover__committee=arguments.committee,
        prover__endpoint=arguments.endpoint,
    )
    own = chosen.section(ProverSettings, "keystore", "committee", "endpoint")
    keys = Keystore.load(own.keystore)
    with paying_session(arguments, chosen) as session:
        record = session.view.committee_record(own.committee)
        index = membership(record.committee, keys.address).index
        arguments.console.result(
            address=checksum(keys.address), committee=own.committee, prover=index, endpoint=own.endpoint
        )
        if (record.endpoints[index], record.hpke_keys[index]) == (own.endpoint, keys.hpke_public):
            arguments.console.line(
                f"prover {index} of committee {own.committee} is registered as {own.endpoint} already"
            )
            return 0
        session.writer(own.keystore / ACCOUNT_FILE).join(own.committee, own.endpoint, keys.hpke_public)
        arguments.console.line(f"{checksum(keys.address)} joined committee {own.committee} as {own.endpoint}")
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Run the node until it is stopped."""
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
    run(chosen)
    return 0
