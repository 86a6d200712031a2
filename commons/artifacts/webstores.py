"""Blocks over HTTP: how long a server has, how much it may answer, and the name of every way to fail."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import requests
from requests.exceptions import SSLError

from circuits.errors import GradrollError, ProofError, UnavailableError
from commons.artifacts.unixfs import MAX_BLOCK
from commons.runtime.exchange import PlainSession, TooMuchError, body_of, over_within, reason_of
from commons.runtime.pieces import progressed
from commons.runtime.scrubbing import hide
from commons.runtime.urls import SecretUrl

_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip
"""A server that says so is busy, and may answer later."""
_PAUSES = (0.5, 1.0, 2.0)
"""Seconds before a block is asked for again."""
_MOST = MAX_BLOCK + 1
"""Bytes of an answer: one more than a block may have tells that it has too many."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is spoken to.

    Attributes:
        timeout: seconds for one block, from the connection to the last byte.
        token: what stands behind "Bearer" in each request, if anything.
    """

    timeout: float = 60.0
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.  ``headers`` are beside those that every request has."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Web:
    """One server of blocks.  Thread-safe.

    A request is made again, some times, when the server is busy or the connection breaks: blocks are named by what is
    in them, so nothing is done twice.  Redirects are not followed, as they would take the token elsewhere.

    Args:
        url: base address; messages have scheme, host and port of it.
    """

    def __init__(self, url: str, access: Access) -> None:
        hide(url)
        self.url, self.shown = SecretUrl(url), f"the store at {SecretUrl(url).shown}"
        self._access, self._session = access, PlainSession()

    def ask(self, asked: Asked, understood: Collection[int] = (HTTPStatus.OK,)) -> tuple[int, bytes]:
        """Status, one of those that are understood, and body.

        Raises:
            UnavailableError: it cannot be reached, takes too long, or answers otherwise.
            ProofError: it answers more bytes than any block has.
        """
        for pause in (*_PAUSES, None):
            progressed()
            try:
                status, body = self._once(asked)
            except SSLError as error:
                raise self._trouble(f"and this machine do not agree on TLS: {reason_of(error)}") from None
            except requests.Timeout:
                raise self._trouble(
                    f"did not answer within {self._access.timeout:g} s; raise artifacts.timeout"
                ) from None
            except OSError as error:
                if pause is None:
                    raise self._trouble(f"cannot be reached: {reason_of(error)}") from None
            except ValueError:  # a header that the library cannot read
                raise self._trouble("answers with no HTTP that can be read") from None
            else:
                if status in understood:
                    return status, body
                if status not in _PASSING or pause is None:
                    raise self._refusal(status)
            time.sleep(pause or 0)
        raise AssertionError  # the last turn returns or raises

    def _once(self, asked: Asked) -> tuple[int, bytes]:
        headers = {"User-Agent": "gradroll", "Accept-Encoding": "identity", **asked.headers}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        with (
            over_within(self._access.timeout),
            self._session.request(
                asked.method, asked.url, data=asked.body or None, headers=headers, timeout=self._access.timeout,
                stream=True, allow_redirects=False, auth=_as_it_is if "Authorization" in headers else None,
            ) as response,
        ):  # fmt: skip
            try:
                return response.status_code, body_of(response, _MOST)
            except TooMuchError:
                raise ProofError(
                    f"{self.shown} answers more than {MAX_BLOCK} bytes for one block; use another"
                ) from None

    def _refusal(self, status: int) -> GradrollError:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._trouble(f"refuses the credentials (HTTP status {status})", "correct them")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return self._trouble(f"sends elsewhere (HTTP status {status})", "write the address itself")
        return self._trouble(f"answers with HTTP status {status}", "correct its address, or look at its log")

    def _trouble(self, what: str, cure: str = "or use another store") -> UnavailableError:
        separator = ", " if cure.startswith("or ") else "; "
        return UnavailableError(f"{self.shown} {what}{separator}{cure}")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps the library from replacing what says who asks by what is in ~/.netrc."""
    return request
