"""`gradroll prover status` and `gradroll coordinator status`: whether a server does its work, for people and probes."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
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
        "Ask a coordinator whether it leads, or stands by and who leads then; with metrics.listen set, also what each "
        "round under way waits for and since when, the last batch, transactions, chain and disk. Ends with 5 when it "
        "does not answer, or is stuck. What it says of a task: gradroll task status.",
        "gradroll coordinator status --config coordinator.toml",
        coordinator,
    )
    _where(parser, "default: the server of these settings, on this machine")


def _where(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument("--endpoint", type=endpoint, metavar="grpcs://HOST:PORT", help=f"whom to ask ({otherwise})")
    roots_option(parser, "for an endpoint without a pin")


def prover(arguments: argparse.Namespace) -> int:
    """Print what a prover says of itself."""
    from circuits.errors import UnavailableError
    from commons.settings.sections import ProverSettings
    from commons.wire.health import is_serving
    from commons.wire.prover_client import ProverClient

    place = _place(arguments, ProverSettings, "keystore")
    with ProverClient(place.endpoint, timeout=10.0, tls_roots=place.roots) as client:
        status = client.status()
    serving = is_serving(place.endpoint, timeout=10.0, tls_roots=place.roots)
    _tell(arguments, place.endpoint, status, serving=serving)
    _tell_published(arguments, place)
    tell_state(arguments)
    if not serving:
        raise UnavailableError(f"the prover at {place.endpoint} {_NOT_SERVING}")
    return 0


def coordinator(arguments: argparse.Namespace) -> int:
    """Ask a coordinator's health service, and one that stands by who leads."""
    from circuits.errors import UnavailableError
    from commons.settings.sections import CoordinatorSettings
    from commons.wire.coordinator_client import SERVICE, CoordinatorClient
    from commons.wire.health import is_serving

    place = _place(arguments, CoordinatorSettings, "state")
    serving = is_serving(place.endpoint, timeout=10.0, tls_roots=place.roots)
    standing_by = ""
    if serving and not is_serving(place.endpoint, timeout=10.0, tls_roots=place.roots, service=SERVICE):
        with CoordinatorClient(place.endpoint, timeout=10.0, tls_roots=place.roots) as client:
            standing_by = client.standing_by()
    arguments.console.result(
        endpoint=place.endpoint, serving=serving and not standing_by, standing_by=standing_by
    )  # fmt: skip
    if serving:
        arguments.console.line(f"the coordinator at {place.endpoint} works: " + (standing_by or "it leads"))
    _tell_published(arguments, place)
    tell_state(arguments)
    if not serving:
        raise UnavailableError(f"the coordinator at {place.endpoint} {_NOT_SERVING}")
    return 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Whom to ask, which certificates to trust, and under which endpoint others are to know the server."""

    endpoint: str
    roots: bytes | None
    published: str = ""


def _place(
    arguments: argparse.Namespace, kind: type[ProverSettings] | type[CoordinatorSettings], key_directory: str
) -> _Place:
    from circuits.errors import ConfigError
    from commons.settings.hosts import join_address, reached_here
    from commons.settings.pins import with_pin
    from commons.settings.values import split_address
    from commons.storage.tlsfiles import read_roots
    from commons.wire.identity import announced, identity_of

    roots = read_roots(arguments.tls_roots, "--tls-roots")
    if arguments.endpoint is not None:
        return _Place(arguments.endpoint, roots)
    own = settings(arguments).section(kind, "listen", "endpoint", key_directory)
    host, port = split_address(own.listen, "listen")
    if port == 0:
        raise ConfigError("this server takes any free port, which its log names: pass --endpoint HOST:PORT")
    identity = identity_of(own, make=False)
    here = join_address(reached_here(host), port)
    if identity is None:
        return _Place(here, roots)
    published = "" if own.endpoint is None else announced(own.endpoint, identity)
    return _Place(with_pin(f"grpcs://{here}", identity.pin), roots, published)


def _tell_published(arguments: argparse.Namespace, place: _Place) -> None:
    if place.published:
        arguments.console.line(f"others know it as {place.published}")
        arguments.console.result(published=place.published)


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
