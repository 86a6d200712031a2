"""What a coordinator has while it leads: threads, its transactions, and the loop that moves rounds forward."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from commons.chain.outbox import Kept, Outbox
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.messages import MAX_PROVERS
from commons.runtime.clock import Clock
from commons.runtime.watchdog import Watchdog
from commons.runtime.workpool import WorkPool
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from coordinator import coordinator_start
from coordinator.coordinator import Coordinator, Equipment
from coordinator.deliveries import PLACES
from coordinator.fleet import Connect
from coordinator.journal import Journal
from coordinator.roundmetrics import RoundMetrics
from coordinator.roundwatch import RoundWatch
from coordinator.turns import KINDS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a coordinator has whether it leads or not.

    Attributes:
        patience: of transactions.
        connect: opens a connection to a prover's endpoint.
        watchdog: looks after threads while it leads.
        metrics: of rounds.
    """

    own: CoordinatorSettings
    account: SigningKey
    view: ChainView
    patience: Patience
    parameters: PublicParameters
    connect: Connect
    clock: Clock
    watchdog: Watchdog
    metrics: RoundMetrics

    @property
    def files(self) -> Path:
        """The folder of models, sums, bundles and evidence."""
        return self.own.shared or self.own.state


class Tenure:
    """One time of leading, from the journal's state on.

    Args:
        outbox: where transactions under way are remembered.

    Attributes:
        coordinator: what callers are let in to.
        sending: transactions under way.
    """

    def __init__(self, means: Means, journal: Journal, outbox: Path | Kept) -> None:
        """Raises StorageError, ChainError: the log is another deployment's, or files or node are trouble."""
        own, metrics = means.own, means.metrics
        self._poll, self._watchdog = own.poll_interval, means.watchdog
        self._stopping = threading.Event()
        self._rounds = WorkPool(own.parallel_rounds, "round")
        self._fleet = WorkPool(MAX_PROVERS * (own.parallel_rounds + 1), "fleet")  # fees are asked for beside the rounds
        self._accusing = WorkPool(MAX_PROVERS, "accusing")
        self._beside = WorkPool(KINDS, "beside")
        self._delivering = WorkPool(PLACES, "delivering")
        self._outbox = Outbox(outbox, standing=own.confirmations)
        try:
            coordinator_start.require_own_log(journal, means.view)  # in front of whatever goes by the log
            sender = ChainWriter(means.view, means.account, means.patience, self._stopping, outbox=self._outbox)
            equipment = Equipment(
                own, means.account, sender, journal, means.files, means.parameters, means.connect, means.clock,
                self._rounds, self._fleet, self._accusing, self._beside, self._delivering, self._stopping,
            )  # fmt: skip
            watch = RoundWatch(means.clock, metrics.stepped, metrics.troubled, metrics.taken_back)
            self.coordinator = Coordinator(equipment, watch)
            journal.listen(metrics.heard)
        except BaseException:
            self._outbox.close()
            raise
        self.sending = sender.under_way
        self._loop = threading.Thread(target=self._drive, name="driver")
        allowed = max(2 * own.step_timeout, 2 * means.patience.give_up)
        self._beat = means.watchdog.thread(self._loop, pause=own.poll_interval + allowed)
        self._look_after(allowed)

    @property
    def pools(self) -> dict[str, WorkPool]:
        """Where it works, by what on."""
        return {
            "rounds": self._rounds, "fleet": self._fleet, "accusing": self._accusing, "beside": self._beside,
            "delivering": self._delivering,
        }  # fmt: skip

    @property
    def waiting(self) -> int:
        """Pieces of rounds and of what is done beside them that wait for a thread."""
        return self._rounds.waiting + self._beside.waiting

    def _look_after(self, allowed: float) -> None:
        """Args:
        allowed: seconds that a step or a transaction may take by itself.
        """
        for name, pool in self.pools.items():
            if pool is not self._delivering:  # which is as slow as a prover's line
                self._watchdog.pieces(name, pool.pieces, allowed=allowed)

    def start(self) -> None:
        """Begin to drive rounds."""
        self._loop.start()

    def halt(self) -> None:
        """Have what is under way end, without waiting for it."""
        self._stopping.set()

    def stop(self) -> None:
        """End what is under way, then let go of journal and outbox."""
        self._watchdog.leave(self._loop.name)  # which is about to end; what hangs in the pools is still noticed
        self.halt()
        if self._loop.is_alive():
            self._loop.join()
        for pool in (self._rounds, self._beside):
            pool.shutdown(wait=True, cancel_futures=True)
        for pool in (self._fleet, self._accusing, self._delivering):
            pool.shutdown(wait=False, cancel_futures=True)
        self._watchdog.leave(*self.pools)
        self.coordinator.close()
        self._outbox.close()

    def _drive(self) -> None:
        while not self._stopping.is_set():
            try:
                self.coordinator.turn()
            except Exception:  # a thread that dies would leave a coordinator that takes headers and does nothing
                _log.exception("event=driver-error")
            self._beat()
            self._stopping.wait(self._poll)
