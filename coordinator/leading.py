"""Who drives rounds: a coordinator whose log is its own always does, of those that share a log in Redis one at a time.

The others follow the log.  One takes the lease when nobody holds it any more, and then looks whether the log is the one
that it knows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from circuits.atomicfile import storing
from circuits.errors import GradrollError, StandbyError, StorageError
from commons.chain.outbox import Kept
from commons.runtime.clock import Clock
from commons.runtime.foreigntext import printable
from commons.runtime.watchdog import Watchdog
from commons.settings.sections import CoordinatorSettings
from commons.storage.logwitness import LostEventsError, Witness
from commons.storage.redislease import TRIES, FencedValue, Holder, Keeper, Lease
from commons.storage.redislog import RedisLog, ShortenedError
from commons.storage.redisplace import RedisPlace
from coordinator.coordinator import Coordinator
from coordinator.journal import VERSIONS, Journal
from coordinator.tenure import Tenure

OUTBOX = "outbox"
"""File of transactions under way, in the state directory of a coordinator whose log is not in Redis."""
_log = logging.getLogger(__name__)
_MOST_SHOWN = 300
_CALLS = 10
"""So many calls to Redis, one after the other, fit into a lease."""
Begin = Callable[[Journal, Kept], Tenure]


class Seat(Protocol):
    """Whether this process leads, and with what."""

    failure: GradrollError | None
    """Why it will never lead again, if that is so."""

    @property
    def is_leading(self) -> bool:
        """Whether it drives rounds and takes calls."""

    @property
    def tenure(self) -> Tenure | None:
        """What it leads with; None while it stands by."""

    def coordinator(self) -> Coordinator:
        """The coordinator, for one call.  Raises StandbyError while another one leads."""

    def start(self) -> None:
        """Begin."""

    def halt(self) -> None:
        """Have what is under way end, without waiting for it."""

    def stop(self) -> None:
        """End; then let another lead."""


class OnlySeat:
    """A coordinator that nobody stands in for leads from the start to the end."""

    is_leading = True
    failure: GradrollError | None = None

    def __init__(self, tenure: Tenure) -> None:
        self.tenure: Tenure | None = tenure
        self._coordinator = tenure.coordinator
        self.start, self.halt, self.stop = tenure.start, tenure.halt, tenure.stop

    def coordinator(self) -> Coordinator:
        """See ``Seat``."""
        return self._coordinator


class SharedSeat:
    """Stands by, leads, and stands by again: in one thread that does one after the other.

    Args:
        endpoint: where others find this coordinator, for callers of those that stand by.
        files: the folder of models, sums and bundles, which all coordinators of the log share.
        begin: begins to lead, with the log's state and the place of the outbox.
        watchdog: looks whether the thread lives that leads and stands by.
        on_failure: called once when there is no use in going on; ``failure`` says why.
    """

    def __init__(
        self,
        own: CoordinatorSettings,
        endpoint: str,
        files: Path,
        begin: Begin,
        clock: Clock,
        watchdog: Watchdog,
        on_failure: Callable[[], None],
    ) -> None:
        """Lead, if nobody does, or stand by.  Raises what keeps this process from ever leading, or from it now."""
        self.failure: GradrollError | None = None
        self._own, self._endpoint, self._begin, self._clock, self._on_failure = own, endpoint, begin, clock, on_failure
        self._watchdog = watchdog
        self._pause = min(own.poll_interval, own.lease / TRIES)
        self._files = files
        self._place = RedisPlace(own.log, timeout=own.lease / _CALLS)
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._lock = threading.Lock()  # guards what follows; callers look at it
        self._holder: Holder | None = None
        self._led: tuple[Tenure, Lease, Keeper] | None = None
        self._followed: tuple[RedisLog, Journal] | None = None
        self._thread = threading.Thread(target=self._run, name="leading")
        try:
            self._follow()
            with suppress(StandbyError):  # the log took so long to read that the lease went
                self._take()
        except BaseException:
            self._place.close()
            raise

    @property
    def is_leading(self) -> bool:
        """See ``Seat``."""
        return self.tenure is not None

    @property
    def tenure(self) -> Tenure | None:
        """See ``Seat``."""
        with self._lock:
            return self._led[0] if self._led is not None and self._led[1].left > 0 else None

    def coordinator(self) -> Coordinator:
        """See ``Seat``."""
        led = self.tenure
        if led is not None:
            return led.coordinator
        with self._lock:
            holder = self._holder
        left = self._own.lease if holder is None else holder.left
        where = printable(holder.endpoint, _MOST_SHOWN) if holder is not None else ""
        other = f"the one at {where} leads: ask that one" if where else "another one leads: ask that one"
        raise StandbyError(f"this coordinator stands by; {other}, or this one again in {left:.0f} seconds", left)

    def start(self) -> None:
        """See ``Seat``."""
        if self._led is not None:
            self._led[0].start()
        self._watchdog.living(self._thread)
        self._thread.start()

    def halt(self) -> None:
        """See ``Seat``."""
        self._stopping.set()
        self._wake.set()
        with self._lock:
            led = self._led
        if led is not None:
            led[0].halt()

    def stop(self) -> None:
        """See ``Seat``."""
        self.halt()
        if self._thread.is_alive():
            self._thread.join()
        self._give_up()
        self._place.close()

    def _run(self) -> None:
        self._take_turns()
        self._watchdog.leave(self._thread.name)  # it ends as it should; one that dies otherwise is found dead

    def _take_turns(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except LostEventsError as error:
                _log.error("event=log-lost-events reason=%r", str(error))
                self.failure = error
                self._on_failure()
                return
            except Exception as error:  # a thread that dies would leave a coordinator that never leads
                self._followed = None
                if isinstance(error, GradrollError):
                    _log.warning("event=cannot-lead code=%s reason=%r", error.code, str(error))
                else:
                    _log.exception("event=leading-error")
                self._stopping.wait(self._own.lease / TRIES)

    def _turn(self) -> None:
        if self._led is not None:
            self._wake.wait()
            if not self._stopping.is_set():
                _log.warning("event=lease-lost advice='another coordinator may lead; this one stands by'")
                self._give_up()
            return
        self._follow()
        if self._take() and self._led is not None:
            self._led[0].start()
            return
        self._stopping.wait(self._pause)

    def _follow(self) -> tuple[RedisLog, Journal]:
        """Take in what is new in the log."""
        if self._followed is None:
            log = RedisLog(self._place, Witness(self._files), VERSIONS)
            self._followed = log, Journal(log)
        else:
            log, journal = self._followed
            try:
                journal.take_in(log.news())
            except ShortenedError:
                self._followed = None
                return self._follow()
        return self._followed

    def _take(self) -> bool:
        """Lead, if nobody does."""
        lease = Lease(self._place, self._own.lease, self._endpoint, self._clock)
        holder = lease.take()
        with self._lock:
            before, self._holder = self._holder, holder
        if holder is not None:
            if before is None or before.endpoint != holder.endpoint:
                _log.info("event=standing-by leader=%r", holder.endpoint)
            return False
        self._wake.clear()
        keeper = Keeper(lease, self._wake.set)
        keeper.start()
        try:
            log, journal = self._follow()
            log.lead(lease)
            journal.take_in(log.news())
            tenure = self._begin(journal, self._outbox(lease))
        except BaseException:
            self._followed = None
            keeper.stop()
            _release(lease)
            raise
        _log.info("event=leading token=%d events=%d", lease.token, log.head.records)
        with self._lock:
            self._led = tenure, lease, keeper
        return True

    def _outbox(self, lease: Lease) -> FencedValue:
        """The account's transactions under way, with those that a coordinator without lease left in its directory."""
        kept, file = FencedValue(lease, self._place.outbox, "the outbox in Redis"), self._own.state / OUTBOX
        if file.exists():
            with storing(f"cannot read {file}"):
                if kept.load() is None:
                    kept.save(file.read_bytes())
                file.rename(file.with_name(f"{OUTBOX}-moved-to-redis"))
        return kept

    def _give_up(self) -> None:
        """Lead no more: refuse calls, end what is under way, then let another lead."""
        with self._lock:
            led, self._led, self._followed = self._led, None, None
        if led is not None:
            tenure, lease, keeper = led
            tenure.stop()
            keeper.stop()
            _release(lease)


def _release(lease: Lease) -> None:
    with suppress(StorageError):  # it ends by itself
        lease.release()
