"""What runs beside the work of a server, for its operator: watchdog, looks at the chain, metrics, state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from commons import VERSION
from commons.chain.pulse import ChainPulse
from commons.runtime.clock import Clock
from commons.runtime.watchdog import Watchdog
from commons.settings.loading import Settings
from commons.settings.sections import MetricsSettings
from commons.settings.values import TlsFiles
from commons.settings.watchdogsettings import WatchdogSettings
from commons.telemetry import nodemetrics
from commons.telemetry.metrics import Telemetry
from commons.telemetry.operatorpage import OperatorPage

_log = logging.getLogger(__name__)
State = Callable[[], Mapping[str, object]]


class Operations:
    """One for each server.

    Args:
        role: "prover" or "coordinator".
        pulses: the chain through the nodes of each setting that names any.
        state: directory whose disk is looked at.

    Attributes:
        telemetry: the process's metrics.
        watchdog: looks after its threads.
    """

    def __init__(
        self,
        role: str,
        settings: Settings,
        pulses: Mapping[str, ChainPulse],
        clock: Clock,
        *,
        state: Path,
        tls: TlsFiles | None,
    ) -> None:
        """Raises ConfigError for a place to listen that is none, or that others would reach."""
        own, patience = settings.section(MetricsSettings), settings.section(WatchdogSettings)
        self._role, self._place, self._interval = role, own.place, own.interval
        self._pulses, self._clock, self._state = dict(pulses), clock, state
        self.telemetry = Telemetry(role)
        self.watchdog = Watchdog(patience.stuck_after, patience.end_after)
        self._page: OperatorPage | None = None
        self._stopping = threading.Event()
        nodemetrics.of_chain(self.telemetry, self._pulses, clock)
        nodemetrics.of_disk(self.telemetry, state)
        nodemetrics.of_watchdog(self.telemetry, self.watchdog)
        nodemetrics.of_certificate(self.telemetry, tls)

    @property
    def port(self) -> int | None:
        """Where metrics are served; None where they are not."""
        return None if self._page is None else self._page.port

    def balance(self) -> float | None:
        """Wei of the account that the first setting's looks are about; None before one was seen."""
        found = next(iter(self._pulses.values())).last.balance
        return None if found is None else float(found)

    def start(self, serving: Callable[[], bool], state: State) -> None:
        """Serve metrics, if that is set.

        Args:
            serving: what the health service says.
            state: what the role itself says in `/status`.

        Raises:
            ConfigError: the address cannot be used.
        """
        self.telemetry.gauge("serving", "1 while the health service says SERVING.", lambda: float(serving()))
        if self._place is None:
            return
        self._page = OperatorPage(self._place, self.telemetry.registry, lambda: {**self._told(serving()), **state()})
        self._page.start()
        self.watchdog.living(self._page.thread)
        looking = threading.Thread(target=self._look, name="chain-pulse", daemon=True)
        self._beat = self.watchdog.thread(looking, pause=self._interval)
        looking.start()

    def stop(self) -> None:
        """End what was started."""
        self._stopping.set()
        if self._page is not None:
            self._page.stop()

    def _look(self) -> None:
        while True:
            for pulse in self._pulses.values():
                try:
                    pulse.look()
                except Exception:  # it is for being shown alone: no reason to end what the server is for
                    _log.exception("event=chain-pulse-error")
            if self._stopping.wait(self._interval):
                return
            self._beat()

    def _told(self, serving: bool) -> dict[str, object]:
        """What both roles say of themselves.  Times are seconds."""
        return {
            "role": self._role,
            "version": VERSION,
            "serving": serving,
            "stuck": sorted(self.watchdog.stuck()),
            "chain": {name: self._of_chain(pulse) for name, pulse in self._pulses.items()},
            "disk": nodemetrics.disk(self._state),
        }

    def _of_chain(self, pulse: ChainPulse) -> dict[str, object]:
        last = pulse.last
        return {
            "block": None if last.head is None else last.head.number,
            "head_age": pulse.head_age(),
            "clock_ahead": pulse.ahead(),
            "silent_since": last.silent_since,
            "nodes": len(pulse.set_aside),
            "set_aside": sum(pulse.set_aside),
            "balance_wei": None if last.balance is None else str(last.balance),
        }
