"""`gradroll coordinator`: relay a committee's batches and settle them."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradroll.commands import health
from gradroll.commands.options import Subparsers, chain_options, group, leaf, settings


def add(parent: Subparsers) -> None:
    """Add the commands."""
    commands = group(parent, "coordinator", "Run a coordinator: collect headers, drive provers, settle on the chain")
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
        "--account", type=Path, metavar="FILE", help="key file that pays the fees (coordinator.account)"
    )
    parser.add_argument(
        "--log", metavar="URL", help="sqlite:///path, sqlite://relative or redis://host (coordinator.log)"
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="models, payloads, bundles (coordinator.state)")
    parser.add_argument("--srs", type=Path, metavar="FILE", help="SRS file (keys.srs)")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="directory of keys (keys.directory)")
    chain_options(parser)
    health.add_coordinator(commands)


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
