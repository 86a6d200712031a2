"""The coordinator without its server: journal, stores, admission and the driver, put together."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from commons.chain.ports import BatchSender
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
from coordinator.releases import Releases
from coordinator.roundwatch import RoundWatch
from coordinator.settlement import Settlement


class Coordinator:
    """Takes headers and models in, and moves rounds forward, turn by turn.

    Args:
        sender: transactions of ``account``.
        directory: of models, sums, bundles, and evidence against provers.
        connect: opens a connection to a prover's endpoint.
        rounds: where rounds are worked on.
        calls: where the provers of a step are asked at the same time.
        accusing: where provers are asked to exclude owners; one that does not answer keeps its thread for a while.
        beside: where rounds that the log lacks, postings, fees, exclusions and deletions are worked on (``turns.KINDS``
            at a time): these have deadlines too, and do not wait until rounds that take long leave a thread to them.
        delivering: where provers are handed what owners uploaded.
        stopping: once set, cohorts under way are given up; they begin anew after a restart.
        watch: told how rounds go; one is made if it is not given.
    """

    def __init__(
        self,
        settings: CoordinatorSettings,
        account: SigningKey,
        sender: BatchSender,
        journal: Journal,
        directory: Path,
        parameters: PublicParameters,
        connect: Connect,
        clock: Clock,
        rounds: Executor,
        calls: Executor,
        accusing: Executor,
        beside: Executor,
        delivering: Executor,
        stopping: threading.Event,
        disk: Disk = LOCAL_DISK,
        watch: RoundWatch | None = None,
    ) -> None:
        view = sender.view
        self.journal = journal
        self.watch = watch or RoundWatch(clock)
        journal.listen(self.watch.heard)
        self.models = Blobs(directory / "models", max_bytes=settings.max_store_bytes, disk=disk)
        self.results = Blobs(
            directory / "results", max_bytes=settings.max_store_bytes, what="sums and bundles", disk=disk
        )
        self.admission = Admission(
            view, journal, account.address, parameters, counted=settings.counted_refusals,
            most=settings.max_headers,
        )  # fmt: skip
        self._fleets = Fleets(
            lambda committee_id, epoch: Fleet(
                view, committee_id, epoch, connect, clock, calls, status_timeout=settings.status_timeout
            )
        )
        self.offers = Offers(directory / "uploads", max_bytes=settings.max_upload_bytes, disk=disk)
        self.deliveries = Deliveries(
            view, journal, self.offers, self.admission, self._fleets, clock, delivering, stopping
        )  # fmt: skip
        results, timeout = self.results, settings.step_timeout
        evidence = Watch(EvidenceFiles(directory / FOLDER, disk))
        accusations = Accusations(journal, accusing, timeout=timeout, stopping=stopping)
        batcher = Batcher(
            journal, results, evidence, accusations, self.watch, step_timeout=timeout, stopping=stopping
        )  # fmt: skip
        payee = settings.payee or account.address
        fees = FeeSettlement(sender, journal, results, timeout=timeout)
        self.fee_turns = FeeTurns(view, journal, fees, self._fleets, clock, beside, interval=settings.fee_interval)
        self.postings = Postings(
            view, journal, self.admission, account.address, clock, beside, interval=settings.posting_interval
        )  # fmt: skip
        self.exclusions = Exclusions(
            sender, journal, clock, beside, interval=settings.posting_interval, least=settings.exclude_from
        )  # fmt: skip
        adoption = Adoption(view, journal, results, parameters, evidence, timeout=timeout)
        self.catching_up = CatchingUp(
            view, journal, adoption, self._fleets, parameters, account.address, settings, clock, beside, stopping
        )  # fmt: skip
        self.keeping = Keeping(view, journal, self.models, results, self.admission, settings, clock, beside)
        self.driver = Driver(
            view,
            journal,
            Cohorts(view, journal, batcher, self._fleets, parameters, account.sign, payee, settings.confirmations),
            Settlement(sender, journal, results, settings.confirmations),
            Releases(sender, fees, journal, results, step_timeout=timeout),
            adoption,
            self.postings,
            self._fleets,
            parameters,
            account.address,
            settings,
            clock,
            rounds,
            self.watch,
        )

    def turn(self) -> None:
        """Take over what the log lacks, hand shares on, take in what was posted, move rounds forward, have owners
        excluded, settle fees, delete what is over.
        """
        self.catching_up.turn()
        self.deliveries.turn()
        self.postings.turn()
        self.driver.turn()
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
