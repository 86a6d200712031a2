"""The coordinator without its server: journal, stores, admission and the driver, put together."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from commons.chain.ports import BatchSender, MarketReader
from commons.protocol.status import SubmissionStatus, TaskStatus
from commons.protocol.streamheads import OfferHead
from commons.runtime.clock import Clock
from commons.settings.sections import CoordinatorSettings
from commons.sharing.sealedbodies import SealedChunk
from commons.storage.accounts import SigningKey
from commons.storage.blobs import Blobs
from commons.storage.evidencefiles import FOLDER, EvidenceFiles, Watch
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.parameters import PublicParameters
from coordinator.accusations import Accusations
from coordinator.admission import Admission
from coordinator.adoption import Adoption
from coordinator.batcher import Batcher
from coordinator.catchingup import CatchingUp
from coordinator.cohorts import Cohorts
from coordinator.deliveries import Deliveries
from coordinator.driver import Driver
from coordinator.exclusionturns import Exclusions
from coordinator.feesettlement import FeeSettlement
from coordinator.feeturns import FeeTurns
from coordinator.fleet import Connect, Fleet, Fleets
from coordinator.journal import Journal
from coordinator.keeping import Keeping
from coordinator.offers import Offers
from coordinator.postings import Postings
from coordinator.reinstating import Reinstating
from coordinator.releases import Releases
from coordinator.roundstate import RoundKey
from coordinator.roundwatch import RoundWatch
from coordinator.settlement import Settlement
from coordinator.vanished import Vanished

MODELS, RESULTS, UPLOADS = "models", "results", "uploads"
"""Folders beside the log."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a coordinator works with.

    Attributes:
        sender: transactions of ``account``.
        directory: of models, sums, bundles, and evidence against provers.
        connect: opens a connection to a prover's endpoint.
        rounds: where rounds are worked on.
        calls: where the provers of a step are asked at the same time.
        accusing: where provers are asked to exclude owners; one that does not answer keeps its thread for a while.
        beside: where rounds that the log lacks, postings, fees, exclusions, deletions and what was taken back are
            worked on (``turns.KINDS`` at a time): these have deadlines too, and do not wait until rounds that take long
            leave a thread to them.
        delivering: where provers are handed what owners uploaded.
        stopping: once set, cohorts under way are given up; they begin anew after a restart.
    """

    settings: CoordinatorSettings
    account: SigningKey
    sender: BatchSender
    journal: Journal
    directory: Path
    parameters: PublicParameters
    connect: Connect
    clock: Clock
    rounds: Executor
    calls: Executor
    accusing: Executor
    beside: Executor
    delivering: Executor
    stopping: threading.Event
    disk: Disk = LOCAL_DISK

    @property
    def view(self) -> MarketReader:
        """The market, as the sender's nodes show it."""
        return self.sender.view

    def blobs(self, folder: Path, what: str) -> Blobs:
        """The files of a folder; ``what`` they are, for messages."""
        return Blobs(folder, max_bytes=self.settings.max_store_bytes, what=what, disk=self.disk)

    def fleet(self, committee_id: int, epoch: int) -> Fleet:
        """Connections to a committee's members of an epoch."""
        return Fleet(
            self.view, committee_id, epoch, self.connect, self.clock, self.calls,
            status_timeout=self.settings.status_timeout,
        )  # fmt: skip


class Coordinator:
    """Takes headers and models in, and moves rounds forward, turn by turn.

    Args:
        watch: told how rounds go; one is made if it is not given.
    """

    def __init__(self, given: Equipment, watch: RoundWatch | None = None) -> None:
        own, view, clock, beside = given.settings, given.view, given.clock, given.beside
        self.journal, address = given.journal, given.account.address
        self.watch = watch or RoundWatch(clock)
        self.journal.listen(self.watch.heard)
        self.models = given.blobs(given.directory / MODELS, "models")
        self.results = given.blobs(given.directory / RESULTS, "sums and bundles")
        self._fleets = Fleets(given.fleet)
        self.admission = Admission(
            view, self.journal, address, given.parameters, counted=own.counted_refusals, most=own.max_headers
        )  # fmt: skip
        self.offers = Offers(given.directory / UPLOADS, max_bytes=own.max_upload_bytes, disk=given.disk)
        self.deliveries = Deliveries(
            view, self.journal, self.offers, self.admission, self._fleets, clock, given.delivering, given.stopping,
            Vanished(view, own, clock),
        )  # fmt: skip
        self.postings = Postings(
            view, self.journal, self.admission, address, clock, beside, interval=own.posting_interval
        )  # fmt: skip
        self.exclusions = Exclusions(
            given.sender, self.journal, clock, beside, interval=own.posting_interval, least=own.exclude_from
        )  # fmt: skip
        fees = FeeSettlement(given.sender, self.journal, self.results, timeout=own.step_timeout)
        self.fee_turns = FeeTurns(view, self.journal, fees, self._fleets, clock, beside, interval=own.fee_interval)
        settlement = Settlement(given.sender, self.journal, self.results, own.confirmations)
        evidence = Watch(EvidenceFiles(given.directory / FOLDER, given.disk))
        adoption = Adoption(
            view, self.journal, self.results, given.parameters, evidence, clock, given.stopping,
            timeout=own.step_timeout,
        )  # fmt: skip

        def adopt(key: RoundKey) -> None:
            adoption.adopt(key, self._fleets.of(view.terms(key[0]).committee_id, view.round(*key).epoch))

        self.reinstating = Reinstating(
            given.sender, self.journal, self.results, clock, beside, depth=own.confirmations,
            interval=own.posting_interval, taken_back=self.watch.taken_back, adopt=adopt,
        )  # fmt: skip
        self.catching_up = CatchingUp(
            view, self.journal, adopt, given.parameters, address, own, clock, beside, given.stopping
        )  # fmt: skip
        self.keeping = Keeping(view, self.journal, self.models, self.results, self.admission, own, clock, beside)
        self.driver = self._driver(given, settlement, fees, adoption, evidence)

    def _driver(
        self, given: Equipment, settlement: Settlement, fees: FeeSettlement, adoption: Adoption, evidence: Watch
    ) -> Driver:
        """What moves rounds, with all that it moves them by."""
        own, view, journal, results = given.settings, given.view, self.journal, self.results
        parameters, account, timeout = given.parameters, given.account, own.step_timeout
        hand_again = self.deliveries.hand_again
        accusations = Accusations(journal, given.accusing, timeout=timeout, stopping=given.stopping)
        batcher = Batcher(
            journal, results, evidence, accusations, self.watch, step_timeout=timeout, stopping=given.stopping,
            hand_again=hand_again,
        )  # fmt: skip
        payee = own.payee or account.address
        return Driver(
            view,
            journal,
            Cohorts(
                view,
                journal,
                batcher,
                self._fleets,
                parameters,
                account.sign,
                payee,
                own.confirmations,
                secrets.SystemRandom().shuffle,
            ),
            settlement,
            Releases(given.sender, fees, journal, results, step_timeout=timeout, hand_again=hand_again),
            adoption,
            self.postings,
            self._fleets,
            parameters,
            account.address,
            own,
            given.clock,
            given.rounds,
            self.watch,
        )

    def turn(self) -> None:
        """Take over what the log lacks, hand shares on, take in what was posted, move rounds forward, hand in again
        what was taken back, have owners excluded, settle fees, delete what is over.
        """
        self.catching_up.turn()
        self.deliveries.turn()
        self.postings.turn()
        self.driver.turn()
        self.reinstating.turn()
        self.exclusions.turn()  # in front of fees: who is excluded does not cut them
        self.fee_turns.turn()
        self.keeping.turn()

    def take(self, head: OfferHead, chunks: Iterator[SealedChunk]) -> Generator[int]:
        """Take an owner's upload in, from where it broke off, and begin to hand it on.

        Yields:
            How many chunks are here, before the first is read and after each.

        Raises:
            as ``Admission.check_offer``, ``Offers.begin`` and ``Offers.take``.
        """
        offer = self.offers.begin(*self.admission.check_offer(head), head)
        yield from self.offers.take(offer, chunks)
        self.deliveries.start()

    def task_status(self, task_id: int) -> TaskStatus:
        """A task's rounds, with what each of them waits for."""
        with self.journal.reading() as state:
            status = state.task_status(task_id)
        rounds = tuple(replace(one, waits=self.watch.waits((task_id, one.round))) for one in status.rounds)
        return replace(status, rounds=rounds)

    def submission_status(self, submission: bytes) -> SubmissionStatus | None:
        """What became of a submission, or why it has no end yet; None for one that was never entered."""
        with self.journal.reading() as state:
            status, entry = state.status_of(submission), state.submissions.get(submission)
            if status is None or entry is None:
                return status
            key = (entry.header.task_id, entry.header.round)
            trouble = state.rounds[key].trouble
        return self.watch.explained(status, key, trouble)

    def silent_provers(self) -> int:
        """How many provers did not answer when they were last asked for their status."""
        return self._fleets.silent()

    def close(self) -> None:
        """Close connections and journal; no round may be worked on any more."""
        self._fleets.close()
        self.journal.close()
