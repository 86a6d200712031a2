"""Who leads: a lease in Redis, with a token that grows each time it is taken, so that who had it before is refused.

Redis ends a lease by its own clock.  Whoever holds it reckons from before the call that took or renewed it, on a clock
that never goes back, and gives up earlier than Redis does.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from circuits.errors import StandbyError, StorageError
from commons.runtime.clock import Clock
from commons.storage.redisplace import RedisPlace, UnansweredError

TRIES = 5
"""Renewals in the span of a lease."""
_KEPT = 0.8
"""Part of its span for which a lease that was not renewed is relied on; the rest is for ending what is under way."""
_PAUSE = 0.05
"""Seconds between tries of a script that Redis did not answer."""
_MOST_SHOWN = 300
_TAKE = """
local mark = redis.call('HGET', KEYS[1], 'mark')
if mark and string.sub(mark, -#ARGV[1]) ~= ARGV[1] then
  return {mark, redis.call('HGET', KEYS[1], 'endpoint') or '', redis.call('PTTL', KEYS[1])}
end
if not mark then
  mark = redis.call('INCR', KEYS[2]) .. '-' .. ARGV[1]
  redis.call('HSET', KEYS[1], 'mark', mark, 'endpoint', ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {mark, ARGV[3], ARGV[2]}
"""
_RENEW = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_STORE = """
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""
_LOAD = "return redis.call('GETRANGE', KEYS[1], 0, ARGV[1])"
_MOST_BYTES = 1 << 23
"""Of a value that is read."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who leads, as Redis says.

    Attributes:
        endpoint: where it is reached, empty if it did not say.
        left: seconds until its lease ends, unless it is renewed.
    """

    endpoint: str
    left: float


class Lease:
    """One time of leading: taken once and renewed; when it is lost, another one is made.

    Args:
        seconds: span of the lease.
        endpoint: where others are told that the holder is reached.
    """

    def __init__(self, place: RedisPlace, seconds: float, endpoint: str, clock: Clock) -> None:
        self.place = place
        self._span = seconds
        self._endpoint = endpoint
        self._clock = clock
        self._nonce = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._mark = ""
        self._until = clock.monotonic()
        self._lost = False

    @property
    def mark(self) -> str:
        """What Redis knows the holder by: the token, and what no other holder has drawn; empty before it is taken."""
        return self._mark

    @property
    def token(self) -> int:
        """The fencing token: larger than that of everybody who led before; 0 before it is taken."""
        return int(self._mark.partition("-")[0] or 0)

    @property
    def interval(self) -> float:
        """Seconds between renewals."""
        return self._span / TRIES

    def take(self) -> Holder | None:
        """Take the lease if nobody holds it; who else does, otherwise.  Raises StorageError."""
        began = self._clock.monotonic()
        mark, endpoint, left = self.place.run(
            _TAKE, (self.place.lease, self.place.fence), self._nonce, self._milliseconds, self._endpoint
        )  # fmt: skip
        shown = _text(mark)
        if not shown.endswith(self._nonce):
            return Holder(_text(endpoint)[:_MOST_SHOWN], max(int(left), 0) / 1000)
        with self._lock:
            self._mark = shown
            self._until = began + _KEPT * self._span
        return None

    def renew(self) -> bool:
        """Hold it for another span; False once it is lost.  Raises StorageError when Redis cannot say."""
        began = self._clock.monotonic()
        renewed = self.place.run(_RENEW, (self.place.lease,), self._mark, self._milliseconds) == 1
        with self._lock:
            if renewed and began < self._until:  # one that was let go of is not taken up again
                self._until = began + _KEPT * self._span
            else:
                self._lost = True
        return renewed and not self._lost

    def lose(self) -> None:
        """Rely on it no more: Redis has said, or may have done, something else."""
        with self._lock:
            self._lost = True

    @property
    def left(self) -> float:
        """Seconds for which it may still be relied on; 0 or less when it may not."""
        with self._lock:
            return 0.0 if self._lost or not self._mark else self._until - self._clock.monotonic()

    def require(self) -> None:
        """Raise StandbyError unless it may be relied on."""
        if self.left <= 0:
            raise self.lapsed()

    def lapsed(self) -> StandbyError:
        """What to say when another may lead."""
        return StandbyError("this coordinator does not lead at present; ask again in a while", self._span)

    def release(self) -> None:
        """Let another lead at once, when nothing is under way any more.  Raises StorageError."""
        self.lose()
        if self._mark:
            self.place.run(_RELEASE, (self.place.lease,), self._mark)

    def insisted(self, script: str, keys: tuple[str, ...], *arguments: str | bytes | int) -> Any:
        """Run a script that checks the mark, again and again until Redis answers, while the lease may be relied on.

        Raises:
            StandbyError: it may not, or not any more; if it was asked, nobody knows whether it happened.
            StorageError: Redis refused, and nothing was changed.
        """
        unsure = False
        while True:
            self.require()
            try:
                return self.place.run(script, keys, *arguments)
            except UnansweredError:
                unsure = True
                self._clock.sleep(_PAUSE)
            except StorageError:
                if not unsure:
                    raise
                self.lose()  # an earlier try may have happened: only who reads the log anew knows
                raise self.lapsed() from None

    @property
    def _milliseconds(self) -> int:
        return round(self._span * 1000)


class FencedValue:
    """A value in Redis that only the holder of a lease writes."""

    def __init__(self, lease: Lease, key: str, name: str) -> None:
        """``name``: what messages call it."""
        self.name = name
        self._lease = lease
        self._key = key

    def load(self) -> bytes | None:
        """The value, None where there is none.  Raises StorageError, StandbyError."""
        found: bytes = self._lease.insisted(_LOAD, (self._key,), _MOST_BYTES)
        return found or None

    def save(self, data: bytes) -> None:
        """Replace the value.

        Raises:
            StandbyError: another leads; the value is as it left it.
            StorageError: Redis refused, and nothing was changed.
        """
        if self._lease.insisted(_STORE, (self._lease.place.lease, self._key), self._lease.mark, data) != 1:
            self._lease.lose()
            raise self._lease.lapsed()

    def close(self) -> None:
        """Nothing to let go of: the lease is somebody else's."""


class Keeper:
    """Renews a lease in a thread of its own until it is lost or not wanted any more.

    Args:
        on_loss: called once, from that thread, when the lease may be relied on no more.
    """

    def __init__(self, lease: Lease, on_loss: Callable[[], None]) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def turn(self) -> bool:
        """Renew once; whether the lease may still be relied on.  Redis that does not answer is asked again."""
        with suppress(StorageError):  # how long is left tells
            self._lease.renew()
        return self._lease.left > 0

    def stop(self) -> None:
        """Renew it no more."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.wait(max(min(self._lease.interval, self._lease.left), 0.0)):
                if not self.turn():
                    return
        finally:
            if not self._ended.is_set():
                self._on_loss()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
