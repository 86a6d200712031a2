"""`gradroll prover status` and `gradroll coordinator status`: whether a server does its work, for people and probes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.identifiers import shown
from gradroll.commands.options import Subparsers, endpoint, leaf, roots_option, settings
from gradroll.commands.serverstate import tell_state

_NOT_SERVING = "is stopping, or stuck; wait until it has started again, and look into its log if it does not"

if TYPE_CHECKING:
    from commons.protocol.status import ProverStatus
    from commons.settings.sections import CoordinatorSettings, ProverSettings


def add_prover(commands: Subparsers) -> None:
    """Add `gradroll prover status`."""
    parser = leaf(
        commands,
        "status",
        "Ask a prover whether it works, who it is, and what it holds; with metrics.listen set, also how chain and disk "
        "are. Ends with 5 when it does not answer, or is stuck.",
        "gradroll prover status --config prover.toml",
        prover,
    )
    _where(parser, "default: the server of these settings, on this machine")


def add_coordinator(commands: Subparsers) -> None:
    """Add `gradroll coordinator status`."""
    parser = leaf(
        commands,
        "status",
        "Ask a coordinator whether it works; with metrics.listen set, also what each round under way waits for and "
        "since when, the last batch, transactions, chain and disk. Ends with 5 when it does not answer, or is stuck. "
        "What it says of a task: gradroll task status.",
        "gradroll coordinator status --config coordinator.toml",
        coordinator,
    )
    _where(parser, "default: the server of these settings, on this machine")


def _where(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument("--endpoint", type=endpoint, metavar="HOST:PORT", help=f"whom to ask ({otherwise})")
    roots_option(parser, "for an endpoint over TLS")


def prover(arguments: argparse.Namespace) -> int:
    """Print what a prover says of itself."""
    from circuits.errors import UnavailableError
    from commons.settings.sections import ProverSettings
    from commons.wire.health import is_serving
    from commons.wire.prover_client import ProverClient

    place, roots = _place(arguments, ProverSettings)
    with ProverClient(place, timeout=10.0, tls_roots=roots) as client:
        status = client.status()
    serving = is_serving(place, timeout=10.0, tls_roots=roots)
    _tell(arguments, place, status, serving=serving)
    tell_state(arguments)
    if not serving:
        raise UnavailableError(f"the prover at {place} {_NOT_SERVING}")
    return 0


def coordinator(arguments: argparse.Namespace) -> int:
    """Ask a coordinator's health service."""
    from circuits.errors import UnavailableError
    from commons.settings.sections import CoordinatorSettings
    from commons.wire.health import is_serving

    place, roots = _place(arguments, CoordinatorSettings)
    serving = is_serving(place, timeout=10.0, tls_roots=roots)
    arguments.console.result(endpoint=place, serving=serving)
    if serving:
        arguments.console.line(f"the coordinator at {place} works")
    tell_state(arguments)
    if not serving:
        raise UnavailableError(f"the coordinator at {place} {_NOT_SERVING}")
    return 0


def _place(
    arguments: argparse.Namespace, kind: type[ProverSettings] | type[CoordinatorSettings]
) -> tuple[str, bytes | None]:
    """Whom to ask, and which certificates to trust."""
    from circuits.errors import ConfigError
    from commons.settings.values import split_address
    from commons.wire.tls import read_roots

    roots = read_roots(arguments.tls_roots, "--tls-roots")
    if arguments.endpoint is not None:
        return arguments.endpoint, roots
    own = settings(arguments).section(kind, "listen")
    if own.tls is not None:
        raise ConfigError(
            "this server speaks TLS, and its certificate is not for this machine's loopback address: pass --endpoint "
            "grpcs://HOST:PORT with the name in the certificate"
        )
    host, port = split_address(own.listen, "listen")
    if port == 0:
        raise ConfigError("this server takes any free port, which its log names: pass --endpoint HOST:PORT")
    shown = f"[{host}]" if ":" in host else host
    return f"{_LOOPBACK.get(host, shown)}:{port}", roots


_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - who listens everywhere is asked on this machine


def _tell(arguments: argparse.Namespace, place: str, status: ProverStatus, *, serving: bool) -> None:
    from commons.runtime.amounts import checksum

    keys = "shared keys are set up" if status.keys_ready else "shared keys are set up when all members run"
    refused = ", ".join(f"{code} {count}" for code, count in sorted(status.refusals.items())) or "none"
    arguments.console.line(
        f"prover {status.prover} of committee {shown(status.committee_id)} at {place} "
        f"{'works' if serving else 'answers'}: version {status.version}, {checksum(status.address)}; {keys}"
    )
    arguments.console.line(
        f"holds shares of {status.submissions} submissions, {status.stored_bytes:,} bytes; refused calls: {refused}"
    )
    arguments.console.result(
        endpoint=place, serving=serving, prover=status.prover, committee=shown(status.committee_id),
        version=status.version, address=checksum(status.address), keys_ready=status.keys_ready,
        submissions=status.submissions, stored_bytes=status.stored_bytes, refusals=dict(status.refusals),
    )  # fmt: skip
