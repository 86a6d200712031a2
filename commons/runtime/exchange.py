"""One deadline for the whole of an HTTP exchange: every address of a name, TLS, what is sent, headers, body.

The libraries' timeouts are for one wait on a socket each.  A server that answers a byte at a time, or sends headers, or
`100 Continue`, without end keeps within them for ever, and with it a thread of ours.  Here every wait is as long as
what is left of the exchange.  What the system's resolver takes for a name is its own matter, and limited there.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.poolmanager import ProxyManager
from urllib3.util.connection import allowed_gai_family

_until: ContextVar[float] = ContextVar("until")
"""When this thread's exchange has to be over, on the monotonic clock."""
_PIECE = 1 << 14
"""Bytes that are sent at a time: as many as a record of TLS, for which there is one wait."""
READ = 1 << 16
"""Bytes that are read at a time."""


class TooMuchError(Exception):
    """An answer is longer than there is room for."""


@contextmanager
def over_within(seconds: float) -> Iterator[None]:
    """Have all exchanges in here be over within so many seconds, together; else they raise a library's timeout."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def left() -> float:
    """Seconds that are left.  Raises TimeoutError when none are."""
    seconds = _until.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the exchange took too long")
    return seconds


def body_of(response: requests.Response, most: int) -> bytes:
    """All of a streamed answer: no more bytes than that, also when it was packed, and in what time is left.

    Raises:
        TooMuchError: it has more.
        OSError: as the library raises it.
    """
    body = bytearray()
    try:
        while piece := response.raw.read1(READ, decode_content=True):
            body += piece
            if len(body) > most:
                raise TooMuchError
            left()
    except (ReadTimeoutError, TimeoutError):
        raise requests.ReadTimeout from None
    except HTTPError as error:
        raise requests.ConnectionError(error) from None
    return bytes(body)


class _Incoming(io.RawIOBase):
    """What comes from a socket, each piece waited for as long as is left."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The socket's."""
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        """Wait for some bytes.  Raises TimeoutError."""
        self._sock.settimeout(left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        super().close()
        self._raw.close()


class _Response(http.client.HTTPResponse):
    """Headers and body of an answer, read in what is left."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Incoming(raw, sock))


class _Limited(HTTPConnection):
    """A connection of which no wait is longer than what is left."""

    response_class = _Response

    def _new_conn(self) -> socket.socket:
        """Try the addresses of a name one after the other; the library would give each the whole of the time."""
        host = self._dns_host
        found = self._addresses(host)
        try:
            for rest, address in zip(reversed(range(len(found))), found, strict=True):
                self._dns_host, self.timeout = address, left()
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError):
                    if not rest:
                        raise
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"connection to {self.host} timed out") from error
        finally:
            self._dns_host = host
        raise NameResolutionError(self.host, self, socket.gaierror("no address"))

    def _addresses(self, host: str) -> list[str]:
        try:
            places = socket.getaddrinfo(host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        return list(dict.fromkeys(str(place[4][0]) for place in places))

    def send(self, data: Any) -> None:
        """Send a piece at a time, in what is left."""
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for first in range(0, len(view), _PIECE):
            self.sock.settimeout(left())
            super().send(view[first : first + _PIECE])


class _LimitedTls(_Limited, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Limited


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _LimitedTls


_POOLS = {"http": _Pool, "https": _TlsPool}


class LimitedAdapter(HTTPAdapter):
    """Has the library keep to ``over_within``, in which alone it may be used."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Connections to servers."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Connections to what the environment names as a proxy; one of SOCKS has classes of its own."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = _POOLS
        return manager


class PlainSession(requests.Session):
    """Keeps to ``over_within``, asks nothing a second time, and follows no redirect.

    It does not look where one leads either: the library would read all of its body for that.

    Args:
        connections: that are kept open to one server; more are opened when they are needed, and closed again.
    """

    def __init__(self, connections: int = DEFAULT_POOLSIZE) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, LimitedAdapter(pool_maxsize=connections, max_retries=0))
        self._environment: dict[tuple[Any, ...], dict[str, Any]] = {}

    def merge_environment_settings(self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any) -> dict[str, Any]:
        """As the library's, which goes through all of the environment for each request, once for each server."""
        if proxies:
            return super().merge_environment_settings(url, proxies, stream, verify, cert)
        place = urlsplit(url)
        key = place.scheme, place.hostname, place.port, self.trust_env, stream, verify, cert  # no word of a password
        if key not in self._environment:
            self._environment[key] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return dict(self._environment[key])

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, whatever the response says."""
        return None


def reason_of(error: OSError) -> str:
    """The operating system's or TLS library's words; others may contain the URL."""
    for cause in causes(error):
        # requests' own errors are OSErrors too, without these words.
        words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if words:
            return str(words)
    return "the connection broke off"


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what lies behind it, as requests and urllib3 wrap them."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
