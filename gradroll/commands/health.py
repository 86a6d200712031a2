"""`gradroll prover status` and `gradroll coordinator status`: whether a server does its work, for people and probes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from commons.runtime.identifiers import shown
from gradroll.commands.options import Subparsers, endpoint, leaf, roots_option, settings

if TYPE_CHECKING:
    from commons.protocol.status import ProverStatus
    from commons.settings.sections import CoordinatorSettings, ProverSettings


def add_prover(commands: Subparsers) -> None:
    """Add `gradroll prover status`."""
    parser = leaf(
        commands,
        "status",
        "Ask a prover whether it works, who it is, and what it holds. Ends with 5 when it does not answer.",
        "gradroll prover status --config prover.toml",
        prover,
    )
    _where(parser, "default: the server of these settings, on this machine")


def add_coordinator(commands: Subparsers) -> None:
    """Add `gradroll coordinator status`."""
    parser = leaf(
        commands,
        "status",
        "Ask a coordinator whether it leads or stands by, and which other one leads then. Ends with 5 when it does not "
        "answer. What it says of a task: gradroll task status.",
        "gradroll coordinator status --config coordinator.toml",
        coordinator,
    )
    _where(parser, "default: the server of these settings, on this machine")


def _where(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument("--endpoint", type=endpoint, metavar="HOST:PORT", help=f"whom to ask ({otherwise})")
    roots_option(parser, "for an endpoint over TLS")


def prover(arguments: argparse.Namespace) -> int:
    """Print what a prover says of itself."""
    from commons.settings.sections import ProverSettings
    from commons.wire.prover_client import ProverClient

    place, roots = _place(arguments, ProverSettings)
    with ProverClient(place, timeout=10.0, tls_roots=roots) as client:
        status = client.status()
    _tell(arguments, place, status)
    return 0


def coordinator(arguments: argparse.Namespace) -> int:
    """Ask a coordinator's health service, and one that stands by who leads."""
    from circuits.errors import UnavailableError
    from commons.settings.sections import CoordinatorSettings
    from commons.wire.coordinator_client import SERVICE, CoordinatorClient
    from commons.wire.health import is_serving

    place, roots = _place(arguments, CoordinatorSettings)
    if not is_serving(place, timeout=10.0, tls_roots=roots):
        raise UnavailableError(f"the coordinator at {place} is stopping; wait until it has started again")
    standing_by = ""
    if not is_serving(place, timeout=10.0, tls_roots=roots, service=SERVICE):
        with CoordinatorClient(place, timeout=10.0, tls_roots=roots) as client:
            standing_by = client.standing_by()
    arguments.console.line(f"the coordinator at {place} works: " + (standing_by or "it leads"))
    arguments.console.result(endpoint=place, serving=not standing_by, standing_by=standing_by)
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


def _tell(arguments: argparse.Namespace, place: str, status: ProverStatus) -> None:
    from commons.runtime.amounts import checksum

    keys = "shared keys are set up" if status.keys_ready else "shared keys are set up when all members run"
    refused = ", ".join(f"{code} {count}" for code, count in sorted(status.refusals.items())) or "none"
    arguments.console.line(
        f"prover {status.prover} of committee {shown(status.committee_id)} at {place} works: version {status.version}, "
        f"{checksum(status.address)}; {keys}"
    )
    arguments.console.line(
        f"holds shares of {status.submissions} submissions, {status.stored_bytes:,} bytes; refused calls: {refused}"
    )
    arguments.console.result(
        endpoint=place, serving=True, prover=status.prover, committee=shown(status.committee_id),
        version=status.version, address=checksum(status.address), keys_ready=status.keys_ready,
        submissions=status.submissions, stored_bytes=status.stored_bytes, refusals=dict(status.refusals),
    )  # fmt: skip
