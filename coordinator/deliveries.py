"""Hands owners' uploads on to the provers, again to those that are away, and enters headers that a quorum acknowledged.

Every prover has a few places of its own, so one that is slow, or says that it has nothing, holds up nobody else.  What
was acknowledged is not written down: a prover gives the same receipt again, in answer to the head alone.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from circuits.errors import (
    ChainError,
    ClosedError,
    GradrollError,
    SignatureError,
    StorageError,
    UnknownError,
    WireError,
)
from commons.chain.facts import RoundRecord
from commons.chain.ports import MarketReader
from commons.protocol.receipts import verify_receipt
from commons.protocol.status import OfferStatus
from commons.runtime import spans
from commons.runtime.clock import Clock
from commons.runtime.memo import Memo
from commons.runtime.pieces import progressed
from commons.runtime.seldom import Seldom
from commons.sharing.sealedbodies import Chunks, SealedChunk
from commons.wire.pools import Places
from coordinator.admission import Admission
from coordinator.events import ShareDelivered
from coordinator.fleet import Fleets
from coordinator.handover import Handing, pause_behind
from coordinator.journal import Journal
from coordinator.offers import Offer, Offers
from coordinator.roundstate import RoundKey, named
from coordinator.vanished import Vanished

AT_ONCE = 2
"""Uploads that are handed to one prover at the same time."""
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds after which a prover is tried again, the first time and at most."""
_UNSOUND_PAUSE, _LONGEST_UNSOUND = 60.0, 3600.0
"""The same where a prover says that the share is not what the owner signed: it has all of it sent to say so again."""
PLACES = 128
"""Uploads that are handed on at the same time; a committee has no more of them than are free for others."""
_GRACE = 5.0
"""Seconds for which a header waits for the other provers' receipts once a quorum has given theirs."""
_LOOK = 30.0
"""Seconds for which a look at a round serves."""
_FRESH = 1.0
"""Seconds for which a round's state and the chain's time serve for what is handed over: provers look for themselves."""
_REFUSED, _LONGEST_REFUSED = 30.0, 3600.0
"""Seconds after which a header is entered again that was refused, the first time and at most."""
_CLOSED, _MISSED = "closed", "missed"
"""What a node says of a round that it does not show as open."""
_OVER = "the round takes no batches any more, so nobody needs the share"
_log = logging.getLogger(__name__)
_UNSOUND = (WireError, SignatureError)
Place = tuple[int, int]
"""A committee and the index of a prover of it."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A body whose chunks are counted as they leave, as long as there is a use for them.

    Implements ``commons.sharing.sealedbodies.Chunks``.
    """

    body: Chunks
    handing: Handing
    is_over: Callable[[], bool]

    @property
    def count(self) -> int:
        return self.body.count

    def chunk(self, index: int) -> SealedChunk:
        if self.is_over():
            raise ClosedError(_OVER)
        self.handing.moved += 1
        return self.body.chunk(index)


class Deliveries:
    """Hands uploads on; ``turn`` looks at all of them.

    Args:
        pool: where provers are handed their shares.
        stopping: once set, nothing more is begun.
        vanished: since when rounds are missed of which there are uploads; nobody else's.
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
        vanished: Vanished,
    ) -> None:
        self._view = view
        self._journal = journal
        self._offers = offers
        self._admission = admission
        self._fleets = fleets
        self._clock = clock
        self._pool = pool
        self._stopping = stopping
        self._vanished = vanished
        self._handing: dict[bytes, Handing] = {}
        self._busy = Counter[Place]()
        self._places = Places(PLACES)
        self._looked: dict[RoundKey, float] = {}
        self._states = Memo[RoundKey, tuple[RoundRecord, int]](seconds=_FRESH, monotonic=clock.monotonic, together=True)
        self._lock = threading.Lock()  # of all that is above
        self._starting = threading.Lock()
        self._again = False
        self._seldom = Seldom(_log, clock.monotonic)

    def turn(self) -> None:
        """Drop uploads of rounds that are over, enter headers that have waited, and start what is due."""
        for key in dict.fromkeys(offer.key for offer in self._offers.all()):
            with self._told(key):
                self._drop_if_over(key)
        for offer in self._offers.all():
            with self._told(offer.key):
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

    def hand_again(self, prover: int, submissions: Collection[bytes]) -> bool:
        """A prover says that it has lost a share of these: hand it all of them again.

        It takes nothing of those that it has, which costs a call each; one that says so falsely, and takes them, is
        believed ever less often.

        Returns:
            whether uploads of all of them are here.
        """
        wanted, now = set(submissions), self._clock.monotonic()
        offers = [offer for offer in self._offers.all() if offer.submission in wanted]
        with self._lock:
            for offer in offers:
                self._of(offer).hand_again(prover, now, _UNSOUND_PAUSE, _LONGEST_UNSOUND)
        if offers:
            line = "event=handed-again prover=%d uploads=%d"
            self._seldom.say(logging.WARNING, ("handed-again", prover), line, prover, len(offers))
            self.start()
        return {offer.submission for offer in offers} == wanted

    def start(self) -> None:
        """Begin every delivery that is due and has a place; whoever calls beside another leaves it to that one."""
        self._again = True
        while self._again and self._starting.acquire(blocking=False):
            try:
                self._again = False
                for offer in self._offers.all():
                    with self._told(offer.key):
                        self._start(offer)
            finally:
                self._starting.release()

    def _start(self, offer: Offer) -> None:
        if self._stopping.is_set() or not self._is_checked(offer) or not offer.complete:
            return
        committee_id, now = self._view.terms(offer.key[0]).committee_id, self._clock.monotonic()
        with self._lock:
            handing = self._of(offer)
            chosen = [p for p in range(len(offer.head.parts)) if self._may(handing, (committee_id, p), now)]
            for prover in chosen:
                handing.under_way.add(prover)
                self._busy[committee_id, prover] += 1
        for prover in chosen:
            try:
                self._pool.submit(self._work, offer, handing, committee_id, prover)
            except RuntimeError:  # the process stops
                self._release(handing, (committee_id, prover))

    def _is_checked(self, offer: Offer) -> bool:
        """Whether this process has looked at an upload's files; if not, it begins to, beside the work on rounds."""
        if offer.checked:
            return True
        with self._lock:
            handing = self._of(offer)
            begins = not handing.looking and self._clock.monotonic() >= handing.look_at
            handing.looking |= begins
        if begins:
            try:
                self._pool.submit(self._check, offer, handing)
            except RuntimeError:  # the process stops
                handing.looking = False
        return False

    def _check(self, offer: Offer, handing: Handing) -> None:
        """Look at an upload's files; where that fails, it is due again after a while, and not at once."""
        with self._told(offer.key):
            offer.look()
        checked = offer.checked
        with self._lock:
            if not checked:
                handing.look_at = self._clock.monotonic() + pause_behind(handing.looks, _PAUSE, _LONGEST_PAUSE)
            handing.looks = 0 if checked else handing.looks + 1
            handing.looking = False
        if checked:
            self.start()

    def _may(self, handing: Handing, place: Place, now: float) -> bool:
        committee_id, prover = place
        free = not handing.waits(prover, now) and self._busy[place] < AT_ONCE
        return free and self._places.take(str(committee_id))

    def _work(self, offer: Offer, handing: Handing, committee_id: int, prover: int) -> None:
        """One delivery; it never raises, but when the process dies."""
        try:
            receipt = self._hand_over(offer, handing, committee_id, prover)
        except GradrollError as error:
            line = "event=not-delivered prover=%d code=%s reason=%r"
            self._seldom.say(logging.INFO, ("not-delivered", prover, error.code), line, prover, error.code, str(error))
            said = "the coordinator has trouble of its own" if error.own_machine else f"{error.code}: {error}"
            self._failed(handing, prover, said, unsound=isinstance(error, _UNSOUND))
        except Exception as error:
            cause = "delivery-unforeseen", prover, type(error).__name__
            self._seldom.say(logging.ERROR, cause, "event=delivery-unforeseen prover=%d", prover, error=error)
            self._failed(handing, prover, "its answer could not be read")
        else:
            with self._lock:
                handing.given(prover, receipt)
        finally:
            self._release(handing, (committee_id, prover))
        with self._told(offer.key):
            self._enter_if_due(offer)
        self.start()

    def _hand_over(self, offer: Offer, handing: Handing, committee_id: int, prover: int) -> bytes:
        """The receipt of one prover, which is its own."""
        record, now = self._states.get(offer.key, lambda: (self._view.round(*offer.key), self._view.now()))
        fleet, head = self._fleets.of(committee_id, record.epoch), offer.head.share(prover)
        handing.committee = fleet.committee
        if record.finalized or now > record.settle_deadline:
            raise ClosedError(_OVER)
        if now > record.submit_deadline:
            with self._lock:
                head = replace(head, receipts=dict(handing.receipts))
        until = self._clock.monotonic() + record.settle_deadline - now
        body = _Counted(offer.body(prover), handing, lambda: self._clock.monotonic() > until)
        task, number = named(offer.key)
        with spans.span("deliver", task=task, round=number, prover=prover, submission=f"0x{offer.submission.hex()}"):
            receipt = fleet.hand_over(prover, head, body, offer.submission)
        verify_receipt(self._view.market_id, offer.submission, receipt, fleet.committee.members[prover])
        return receipt

    def _failed(self, handing: Handing, prover: int, reason: str, *, unsound: bool = False) -> None:
        first, longest = (_UNSOUND_PAUSE, _LONGEST_UNSOUND) if unsound else (_PAUSE, _LONGEST_PAUSE)
        with self._lock:
            pause = pause_behind(handing.failures[prover], first, longest)
            handing.failures[prover] += 1
            (handing.unsound.add if unsound else handing.unsound.discard)(prover)
            handing.due[prover] = self._clock.monotonic() + pause * random.uniform(0.5, 1)
            handing.reasons[prover] = reason

    def _release(self, handing: Handing, place: Place) -> None:
        with self._lock:
            handing.under_way.discard(place[1])
            self._busy[place] -= 1
        self._places.give_back(str(place[0]))

    def _enter_if_due(self, offer: Offer) -> None:
        """Enter the header when enough have the share, or tell the journal who has it as well."""
        with self._lock:
            handing = self._of(offer)
            receipts, waits = dict(handing.receipts), handing.expects
            has_quorum = handing.has_quorum
        if not receipts:
            return
        if self._is_entered(offer):
            self._tell(offer, receipts)
            return
        if not has_quorum or not self._admission.has_place(offer.head.header):
            return
        now = self._clock.monotonic()
        with self._lock:
            handing.enter_at = now + _GRACE if handing.enter_at is None else handing.enter_at
            due = now >= handing.again_at and (now >= handing.enter_at or not waits)
            if due:
                handing.again_at = now + _REFUSED  # if it is refused now, what refuses it may pass
        if due:
            self._enter(offer, handing, receipts)
            self._tell(offer, receipts)

    def _enter(self, offer: Offer, handing: Handing, receipts: Mapping[int, bytes]) -> None:
        """Have the header entered; one that is refused again and again is looked at ever less often."""
        try:
            self._admission.submit(offer.head.header, receipts)
        except (ChainError, StorageError):  # it says nothing of the header
            raise
        except GradrollError:
            with self._lock:
                pause = pause_behind(handing.refused, _REFUSED, _LONGEST_REFUSED)
                handing.refused, handing.again_at = handing.refused + 1, self._clock.monotonic() + pause
            raise

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

    def _drop_if_over(self, key: RoundKey) -> None:
        """Delete a round's uploads once most nodes say that it is over: what is deleted here nobody brings again."""
        now = self._clock.monotonic()
        with self._lock:
            if now < self._looked.get(key, now):
                return
            self._looked[key] = now + _LOOK  # also where the nodes do not answer, or do not agree
        if not self._is_over(key):
            return
        self._vanished.forget(key)
        for offer in self._offers.all():
            if offer.key == key:
                self._drop(offer)
        with self._lock:
            self._looked.pop(key, None)

    def _is_over(self, key: RoundKey) -> bool:
        """Whether most nodes say so.  One whose opening was taken back may be opened again, and its owners be gone."""
        said = self._view.most(lambda: self._said(key))
        if said == _MISSED:
            return self._vanished.is_for_good(key, self._view.now())
        if said is None:
            self._vanished.is_there(key)
        return said == _CLOSED

    def _said(self, key: RoundKey) -> str | None:
        """What one node says of a round; None of one that takes batches."""
        try:
            record = self._view.round(*key)
        except UnknownError:  # a reorganisation took it back, or this node lags
            return _MISSED
        over = record.closed or record.finalized or self._view.now() > record.settle_deadline
        return _CLOSED if over else None

    def _drop(self, offer: Offer) -> None:
        self._offers.drop(offer)
        with self._lock:
            self._handing.pop(offer.digest, None)
        _log.info("event=upload-deleted task=%s round=%d owner=%d", *named(offer.key), offer.head.header.owner_index)

    def _of(self, offer: Offer) -> Handing:
        """How far an upload is; of one that was dropped meanwhile nothing is kept."""
        if not self._offers.holds(offer):
            return Handing()
        return self._handing.setdefault(offer.digest, Handing())

    @contextmanager
    def _told(self, key: RoundKey) -> Iterator[None]:
        """Log what goes wrong with an upload, of each cause once in a while, and go on with the others."""
        try:
            yield
        except GradrollError as error:
            line = "event=deliveries-trouble task=%s round=%d code=%s reason=%r"
            self._seldom.say(logging.WARNING, error.code, line, *named(key), error.code, str(error))
        except Exception as error:
            line = "event=deliveries-error task=%s round=%d"
            self._seldom.say(logging.ERROR, type(error).__name__, line, *named(key), error=error)
        progressed()
