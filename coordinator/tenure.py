"""What a coordinator has while it leads: threads, its transactions, and the loop that moves rounds forward."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commons.chain.outbox import Kept, Outbox
from commons.chain.patience import Patience
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.messages import MAX_PROVERS
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.storage.accounts import SigningKey
from commons.storage.parameters import PublicParameters
from coordinator import coordinator_start
from coordinator.coordinator import Coordinator
from coordinator.fleet import Connect
from coordinator.journal import Journal
from coordinator.turns import KINDS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a coordinator has whether it leads or not.

    Attributes:
        patience: of transactions.
        connect: opens a connection to a prover's endpoint.
    """

    own: CoordinatorSettings
    account: SigningKey
    view: ChainView
    patience: Patience
    parameters: PublicParameters
    connect: Connect
    clock: Clock

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
    """

    def __init__(self, means: Means, journal: Journal, outbox: Path | Kept) -> None:
        """Raises StorageError, ChainError: the log is another deployment's, or files or node are trouble."""
        own = means.own
        self._poll = own.poll_interval
        self._stopping = threading.Event()
        self._rounds = ThreadPoolExecutor(own.parallel_rounds, thread_name_prefix="round")
        self._calls = ThreadPoolExecutor(
            MAX_PROVERS * (own.parallel_rounds + 1), thread_name_prefix="fleet"
        )  # for fees they are asked beside the rounds
        self._accusing = ThreadPoolExecutor(MAX_PROVERS, thread_name_prefix="accusing")
        self._beside = ThreadPoolExecutor(KINDS, thread_name_prefix="beside")
        self._outbox = Outbox(outbox, standing=own.confirmations)
        try:
            sender = ChainWriter(means.view, means.account, means.patience, self._stopping, outbox=self._outbox)
            self.coordinator = Coordinator(
                own, means.account, sender, journal, means.files, means.parameters, means.connect, means.clock,
                self._rounds, self._calls, self._accusing, self._beside, self._stopping,
            )  # fmt: skip
            coordinator_start.require_own_log(journal, means.view)
        except BaseException:
            self._outbox.close()
            raise
        self._loop = threading.Thread(target=self._drive, name="driver")

    def start(self) -> None:
        """Begin to drive rounds."""
        self._loop.start()

    def halt(self) -> None:
        """Have what is under way end, without waiting for it."""
        self._stopping.set()

    def stop(self) -> None:
        """End what is under way, then let go of journal and outbox."""
        self.halt()
        if self._loop.is_alive():
            self._loop.join()
        for pool in (self._rounds, self._beside):
            pool.shutdown(wait=True, cancel_futures=True)
        for pool in (self._calls, self._accusing):
            pool.shutdown(wait=False, cancel_futures=True)
        self.coordinator.close()
        self._outbox.close()

    def _drive(self) -> None:
        while not self._stopping.is_set():
            try:
                self.coordinator.turn()
            except Exception:  # a thread that dies would leave a coordinator that takes headers and does nothing
                _log.exception("event=driver-error")
            self._stopping.wait(self._poll)
