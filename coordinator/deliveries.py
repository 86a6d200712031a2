"""Hands owners' uploads on to the provers, again to those that are away, and enters headers that a quorum acknowledged.

Every prover has a few places of its own, so one that is slow, or says that it has nothing, holds up nobody else.  What
was acknowledged is not written down: a prover gives the same receipt again, in answer to the head alone.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from circuits.errors import GradrollError, UnknownError
from commons.chain.ports import MarketReader
from commons.protocol.receipts import verify_receipt
from commons.protocol.status import OfferStatus
from commons.runtime.clock import Clock
from commons.sharing.sealedbodies import Chunks, SealedChunk
from coordinator.admission import Admission
from coordinator.events import ShareDelivered
from coordinator.fleet import Fleets
from coordinator.journal import Journal
from coordinator.offers import Offer, Offers
from coordinator.roundstate import RoundKey, named
from coordinator.turns import told

AT_ONCE = 2
"""Uploads that are handed to one prover at the same time."""
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds after which a prover is tried again, the first time and at most."""
_GRACE = 5.0
"""Seconds for which a header waits for the other provers' receipts once a quorum has given theirs."""
_LOOK = 30.0
"""Seconds for which a look at a round serves."""
_log = logging.getLogger(__name__)
Place = tuple[int, int]
"""A committee and the index of a prover of it."""


@dataclass(slots=True)
class _Handing:
    """How far an upload is.

    Attributes:
        reasons: why a prover did not take it the last time.
        due: when it is tried again, on the monotonic clock.
        moved: chunks that were handed on.
        enter_at: when the header is entered without waiting for more receipts; None before a quorum has given theirs.
    """

    receipts: dict[int, bytes] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    failures: Counter[int] = field(default_factory=Counter)
    under_way: set[int] = field(default_factory=set)
    moved: int = 0
    enter_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Counted:
    """A body whose chunks are counted as they leave.  Implements ``commons.sharing.sealedbodies.Chunks``."""

    body: Chunks
    handing: _Handing

    @property
    def count(self) -> int:
        return self.body.count

    def chunk(self, index: int) -> SealedChunk:
        self.handing.moved += 1
        return self.body.chunk(index)


class Deliveries:
    """Hands uploads on; ``turn`` looks at all of them.

    Args:
        pool: where provers are handed their shares.
        stopping: once set, nothing more is begun.
    """

    def __init__(
        self,
        view: MarketReader,
        journal: Journal,
        offers: Offers,
        admission: Admission,
        fleets: Fleets,
        clock: Clock,
        pool: Executor,
        stopping: threading.Event,
    ) -> None:
        self._view = view
        self._journal = journal
        self._offers = offers
        self._admission = admission
        self._fleets = fleets
        self._clock = clock
        self._pool = pool
        self._stopping = stopping
        self._handing: dict[bytes, _Handing] = {}
        self._busy = Counter[Place]()
        self._looked: dict[RoundKey, float] = {}
        self._lock = threading.Lock()  # of all that is above
        self._starting = threading.Lock()
        self._again = False

    def turn(self) -> None:
        """Drop uploads of rounds that are over, enter headers that have waited, and start what is due."""
        for offer in self._offers.all():
            with self._told(offer):
                self._drop_if_over(offer)
                self._enter_if_due(offer)
        self.start()

    def status(self, submission: bytes) -> OfferStatus:
        """Where the uploads of a submission stand.  Raises UnknownError for none."""
        receipts: dict[int, bytes] = {}
        reasons: dict[int, str] = {}
        moved = 0
        for offer in self._offers.of(submission):
            with self._lock:
                handing = self._of(offer)
                receipts |= handing.receipts
                reasons |= {p: handing.reasons.get(p, "") for p in range(len(offer.head.parts))}
                moved += handing.moved
        return OfferStatus(receipts, {p: why for p, why in reasons.items() if p not in receipts}, moved)

    def start(self) -> None:
        """Begin every delivery that is due and has a place; whoever calls beside another leaves it to that one."""
        self._again = True
        while self._again and self._starting.acquire(blocking=False):
            try:
                self._again = False
                for offer in self._offers.all():
                    with self._told(offer):
                        self._start(offer)
            finally:
                self._starting.release()

    def _start(self, offer: Offer) -> None:
        if not offer.complete or self._stopping.is_set():
            return
        committee_id, now = self._view.terms(offer.key[0]).committee_id, self._clock.monotonic()
        with self._lock:
            handing = self._of(offer)
            chosen = [
                prover for prover in range(len(offer.head.parts)) if self._may(handing, committee_id, prover, now)
            ]
            for prover in chosen:
                handing.under_way.add(prover)
                self._busy[committee_id, prover] += 1
        for prover in chosen:
            try:
                self._pool.submit(self._work, offer, handing, committee_id, prover)
            except RuntimeError:  # the process stops
                self._release(handing, (committee_id, prover))

    def _may(self, handing: _Handing, committee_id: int, prover: int, now: float) -> bool:
        waits = prover in handing.receipts or prover in handing.under_way or handing.due.get(prover, now) > now
        return not waits and self._busy[committee_id, prover] < AT_ONCE

    def _work(self, offer: Offer, handing: _Handing, committee_id: int, prover: int) -> None:
        """One delivery; it never raises, but when the process dies."""
        try:
            receipt = self._hand_over(offer, handing, committee_id, prover)
        except GradrollError as error:
            self._failed(handing, prover, f"{error.code}: {error}")
        except Exception:
            _log.exception("event=delivery-unforeseen prover=%d", prover)
            self._failed(handing, prover, "its answer could not be read")
        else:
            with self._lock:
                handing.receipts[prover] = receipt
                handing.reasons.pop(prover, None)
        finally:
            self._release(handing, (committee_id, prover))
        with self._told(offer):
            self._enter_if_due(offer)
        self.start()

    def _hand_over(self, offer: Offer, handing: _Handing, committee_id: int, prover: int) -> bytes:
        """The receipt of one prover, which is its own."""
        record = self._view.round(*offer.key)
        fleet, head = self._fleets.of(committee_id, record.epoch), offer.head.share(prover)
        if self._view.now() > record.submit_deadline:
            with self._lock:
                head = replace(head, receipts=dict(handing.receipts))
        receipt = fleet.hand_over(prover, head, _Counted(offer.body(prover), handing), offer.submission)
        verify_receipt(self._view.market_id, offer.submission, receipt, fleet.committee.members[prover])
        return receipt

    def _failed(self, handing: _Handing, prover: int, reason: str) -> None:
        with self._lock:
            pause = min(_PAUSE * 2 ** handing.failures[prover], _LONGEST_PAUSE)
            handing.failures[prover] += 1
            handing.due[prover] = self._clock.monotonic() + pause * random.uniform(0.5, 1)
            handing.reasons[prover] = reason

    def _release(self, handing: _Handing, place: Place) -> None:
        with self._lock:
            handing.under_way.discard(place[1])
            self._busy[place] -= 1

    def _enter_if_due(self, offer: Offer) -> None:
        """Enter the header when enough have the share, or tell the journal who has it as well."""
        with self._lock:
            handing = self._of(offer)
            receipts, waits = dict(handing.receipts), bool(handing.under_way)
        if not receipts:
            return
        if self._is_entered(offer):
            self._tell(offer, receipts)
            return
        if len(receipts) < self._view.committee_of_round(*offer.key).quorum:
            return
        now = self._clock.monotonic()
        with self._lock:
            handing.enter_at = now + _GRACE if handing.enter_at is None else handing.enter_at
            due = now >= handing.enter_at or not waits
            if due:
                handing.enter_at = now + _LOOK  # if it is refused now, what refuses it may pass
        if due:
            self._admission.submit(offer.head.header, receipts)
            self._tell(offer, receipts)

    def _is_entered(self, offer: Offer) -> bool:
        with self._journal.reading() as state:
            return state.status_of(offer.submission) is not None

    def _tell(self, offer: Offer, receipts: Iterable[int]) -> None:
        """Write down who has the share beside those with whose receipts the header was entered."""
        with self._journal.reading() as state:
            entry = state.submissions.get(offer.submission)
            new = sorted(set(receipts) - set(entry.receipts)) if entry is not None else []
            if new:
                self._journal.record(*(ShareDelivered(offer.submission, prover) for prover in new))

    def _drop_if_over(self, offer: Offer) -> None:
        now = self._clock.monotonic()
        with self._lock:
            if now < self._looked.get(offer.key, now):
                return
        if self._is_over(offer.key):
            self._offers.drop(offer)
            with self._lock:
                self._handing.pop(offer.digest, None)
                self._looked.pop(offer.key, None)
            _log.info(
                "event=upload-deleted task=%s round=%d owner=%d", *named(offer.key), offer.head.header.owner_index
            )
        else:
            with self._lock:
                self._looked[offer.key] = now + _LOOK

    def _is_over(self, key: RoundKey) -> bool:
        try:
            record = self._view.round(*key)
        except UnknownError:  # a reorganisation took it back
            return True
        return record.closed or record.finalized or self._view.now() > record.settle_deadline

    def _of(self, offer: Offer) -> _Handing:
        return self._handing.setdefault(offer.digest, _Handing())

    @staticmethod
    def _told(offer: Offer) -> AbstractContextManager[None]:
        """Log what goes wrong with one upload, and go on with the others."""
        return told(_log, "deliveries", "task={} round={} ".format(*named(offer.key)))
