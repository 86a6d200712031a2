"""`gradroll coordinator`: relay a committee's batches and settle them."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands import health
from gradroll.commands.options import Subparsers, account_place, chain_options, group, leaf, settings


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "coordinator", "Run a coordinator: collect headers, drive provers, settle on the chain")
    parser = leaf(
        commands,
        "init",
        "Make the server's own key for TLS, and print the endpoint under which owners and model owners know it. "
        "Nothing is changed where there is a key already. Where an authority vouches for the server "
        "(coordinator.tls_certificate), nobody needs this.",
        "gradroll coordinator init --endpoint grpcs://coordinator.example.org:7100 --config coordinator.toml",
        init,
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="where the key is kept (coordinator.state)")
    parser.add_argument("--endpoint", metavar="grpcs://HOST:PORT", help="where others reach it (coordinator.endpoint)")
    parser = leaf(
        commands,
        "serve",
        "Serve until stopped. It never sees a share; it can delay a round but not bend it. Its state is an event log: "
        "started again, it goes on where it stopped.",
        "gradroll coordinator serve --config coordinator.toml",
        serve,
    )
    parser.set_defaults(serves=True)
    parser.add_argument("--listen", metavar="HOST:PORT", help="address to bind (coordinator.listen)")
    parser.add_argument(
        "--account", type=account_place, metavar="FILE", help="key file that pays the fees (coordinator.account)"
    )
    parser.add_argument(
        "--log", metavar="URL", help="sqlite:///path, sqlite://relative or redis://host (coordinator.log)"
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="models, payloads, bundles (coordinator.state)")
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory of keys (keys.directory)")
    chain_options(parser)
    health.add_coordinator(commands)
    parser = leaf(
        commands,
        "backup",
        "Copy what a coordinator cannot do without into a new folder, while it runs: the event log, models, sums, "
        "bundles, evidence, transactions under way. The keys are not in it: account file and tls.pem never change, so "
        "keep a copy of each elsewhere. Of a log in Redis its own backups are the copy.",
        "gradroll coordinator backup --out /backup/2026-11-26 --config coordinator.toml",
        backup,
    )
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="the folder to make")


def init(arguments: argparse.Namespace) -> int:
    """Make the server's key."""
    from circuits.errors import ConfigError
    from commons.settings.pins import written_pin
    from commons.settings.sections import CoordinatorSettings
    from commons.wire.identity import announced, identity_of

    chosen = settings(arguments, coordinator__state=arguments.state, coordinator__endpoint=arguments.endpoint)
    own = chosen.section(CoordinatorSettings, "state")
    identity = identity_of(own)
    if identity is None:
        raise ConfigError(f"{own.endpoint} is in the clear, which needs no key; write grpcs:// before it")
    pin = written_pin(identity.pin)
    endpoint = announced(own.endpoint, identity) if own.endpoint else f"grpcs://HOST:PORT#{pin}"
    arguments.console.line(f"others know the coordinator as {endpoint}")
    arguments.console.result(pin=pin, endpoint=endpoint if own.endpoint else None)
    return 0


def backup(arguments: argparse.Namespace) -> int:
    """Copy the coordinator's log and files."""
    from commons.settings.sections import CoordinatorSettings
    from coordinator.backups import back_up

    done = back_up(settings(arguments).section(CoordinatorSettings), arguments.out)
    told = f"a log of {done.rounds} rounds and {done.batches} batches" if done.has_log else "no log, which is in Redis"
    arguments.console.line(f"{arguments.out} has {told}, and {done.files} files: {done.size:,} bytes")
    if not done.has_log:
        arguments.console.warn(
            "the event log is in Redis: keep copies of its append-only file too; whether the models, sums and bundles "
            "that it speaks of are in this copy was not checked"
        )
    arguments.console.result(
        folder=str(arguments.out), checked=done.has_log, rounds=done.rounds,
        batches=done.batches, files=done.files, size=done.size,
    )  # fmt: skip
    return 0


def serve(arguments: argparse.Namespace) -> int:
    """Run the coordinator until it is stopped."""
    from commons.settings.sections import LogSettings
    from commons.telemetry.loglines import use
    from coordinator.service import serve as run

    chosen = settings(
        arguments,
        coordinator__listen=arguments.listen,
        coordinator__account=arguments.account,
        coordinator__log=arguments.log,
        coordinator__state=arguments.state,
        keys__srs=arguments.srs,
        keys__directory=arguments.keys,
    )
    use(chosen.section(LogSettings).format)
    run(chosen)
    return 0
