"""The coordinator without its server: journal, stores, admission and the driver, put together."""

from __future__ import annotations

import threading
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from commons.chain.ports import BatchSender
from commons.protocol.status import TaskStatus
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.storage.blobs import Blobs
from commons.storage.eventlog import EventLog
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.parameters import PublicParameters
from coordinator.admission import Admission
from coordinator.batcher import Batcher
from coordinator.driver import Driver
from coordinator.fleet import Connect, Fleet, Fleets
from coordinator.journal import Journal
from coordinator.releases import Releases
from coordinator.settlement import Settlement


class Coordinator:
    """Takes headers and models in, and moves rounds forward, ``driver.turn`` by turn.

    Args:
        sender: transactions of ``account``.
        directory: of models, sums and bundles.
        connect: opens a connection to a prover's endpoint.
        rounds: where rounds are worked on.
        calls: where the provers of a step are asked at the same time.
        stopping: once set, cohorts under way are given up; they begin anew after a restart.
    """

    def __init__(
        self,
        settings: CoordinatorSettings,
        account: SigningKey,
        sender: BatchSender,
        log: EventLog,
        directory: Path,
        parameters: PublicParameters,
        connect: Connect,
        clock: Clock,
        rounds: Executor,
        calls: Executor,
        stopping: threading.Event,
        disk: Disk = LOCAL_DISK,
    ) -> None:
        """Raises StorageError for a damaged log."""
        view = sender.view
        self.journal = Journal(log)
        self.models = Blobs(directory / "models", max_bytes=settings.max_store_bytes, disk=disk)
        self.results = Blobs(directory / "results", max_bytes=settings.max_store_bytes, disk=disk)
        self.admission = Admission(
            view, self.journal, account.address, parameters,
            clock_skew=settings.clock_skew, counted=settings.counted_refusals,
        )  # fmt: skip
        self._fleets = Fleets(
            lambda committee_id: Fleet(
                view, committee_id, connect, clock, calls, status_timeout=settings.status_timeout
            )
        )
        self.driver = Driver(
            view,
            self.journal,
            Batcher(self.journal, self.results, step_timeout=settings.step_timeout, stopping=stopping),
            Settlement(sender, self.journal, self.results),
            Releases(sender, self.journal, self.results, step_timeout=settings.step_timeout),
            self._fleets,
            parameters,
            account.sign,
            settings,
            clock,
            rounds,
        )

    def task_status(self, task_id: int) -> TaskStatus:
        """A task's rounds, with what each of them waits for."""
        with self.journal.reading() as state:
            status = state.task_status(task_id)
        rounds = tuple(replace(one, waits=self.driver.waits((task_id, one.round))) for one in status.rounds)
        return replace(status, rounds=rounds)

    def close(self) -> None:
        """Close connections and log; nothing may be under way."""
        self._fleets.close()
        self.journal.close()
