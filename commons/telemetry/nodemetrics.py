"""Gauges that provers and coordinators have in common: the chain, disk, threads, certificate, watchdog."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography import x509

from commons.chain.pulse import ChainPulse
from commons.runtime.clock import Clock
from commons.runtime.watchdog import Watchdog
from commons.runtime.workpool import WorkPool
from commons.settings.values import TlsFiles
from commons.telemetry.metrics import Telemetry


def of_chain(telemetry: Telemetry, pulses: Mapping[str, ChainPulse], clock: Clock) -> None:
    """What looks at the chain find, each through the nodes of one setting."""

    def each(read: Mapping[str, float | None]) -> dict[str, float]:
        return {setting: value for setting, value in read.items() if value is not None}

    def silence(pulse: ChainPulse) -> float:
        since = pulse.last.silent_since
        return 0.0 if since is None else max(clock.time() - since, 0.0)

    def heads() -> dict[str, float]:
        return {name: float(p.last.head.number) for name, p in pulses.items() if p.last.head is not None}

    telemetry.gauge("chain_head_block", "Number of the latest block that was seen.", heads, "setting")
    telemetry.gauge(
        "chain_head_age_seconds", "From the latest block's time until now, by this machine's clock.",
        lambda: each({name: p.head_age() for name, p in pulses.items()}), "setting",
    )  # fmt: skip
    telemetry.gauge(
        "chain_clock_ahead_seconds", "By how much the latest block's time was ahead of this machine's clock.",
        lambda: each({name: p.ahead() for name, p in pulses.items()}), "setting",
    )  # fmt: skip
    telemetry.gauge(
        "chain_silent_seconds", "For how long the chain cannot be asked; 0 while it can.",
        lambda: {name: silence(p) for name, p in pulses.items()}, "setting",
    )  # fmt: skip
    telemetry.gauge(
        "chain_nodes_set_aside", "Nodes of the setting that are set aside.",
        lambda: {name: float(sum(p.set_aside)) for name, p in pulses.items()}, "setting",
    )  # fmt: skip
    telemetry.gauge(
        "chain_nodes", "Nodes that the setting names.",
        lambda: {name: float(len(p.set_aside)) for name, p in pulses.items()}, "setting",
    )  # fmt: skip


def of_disk(telemetry: Telemetry, directory: Path) -> None:
    """The disk that the state is on."""
    telemetry.gauge("disk_free_bytes", "Free on the disk of the state.", lambda: float(disk(directory)["free_bytes"]))
    telemetry.gauge("disk_size_bytes", "Size of the disk of the state.", lambda: float(disk(directory)["size_bytes"]))


def disk(directory: Path) -> dict[str, int]:
    """Bytes of the disk that a directory is on.  Raises OSError."""
    usage = shutil.disk_usage(directory)
    return {"free_bytes": usage.free, "size_bytes": usage.total}


def of_pools(telemetry: Telemetry, pools: Callable[[], Mapping[str, WorkPool]]) -> None:
    """Threads in use, and what waits for one."""
    telemetry.gauge(
        "pool_threads", "Threads that a pool may have.",
        lambda: {name: float(pool.threads) for name, pool in pools().items()}, "pool",
    )  # fmt: skip
    telemetry.gauge(
        "pool_busy", "Pieces of work under way in a pool.",
        lambda: {name: float(pool.pieces.count) for name, pool in pools().items()}, "pool",
    )  # fmt: skip
    telemetry.gauge(
        "pool_waiting", "Pieces of work that wait for a thread.",
        lambda: {name: float(pool.waiting) for name, pool in pools().items()}, "pool",
    )  # fmt: skip


def of_watchdog(telemetry: Telemetry, watchdog: Watchdog) -> None:
    """What is looked after."""
    telemetry.gauge(
        "thread_idle_seconds", "For how long a thread that has work makes no progress.",
        lambda: {name: watchdog.idle_for(name) for name in watchdog.names}, "thread",
    )  # fmt: skip

    def stuck() -> dict[str, float]:
        found = watchdog.stuck()
        return {name: float(name in found) for name in watchdog.names}

    telemetry.gauge("thread_stuck", "1 for a thread that is taken to be stuck.", stuck, "thread")


def of_certificate(telemetry: Telemetry, tls: TlsFiles | None) -> None:
    """Until when the certificate on disk is valid; a server shows the one that was there when it started."""

    def until() -> float | None:
        if tls is None:
            return None
        found = x509.load_pem_x509_certificates(tls.certificate.read_bytes())
        return min(one.not_valid_after_utc.timestamp() for one in found)

    telemetry.gauge(
        "certificate_expires_timestamp_seconds", "When the first certificate of the server's file expires.", until
    )
