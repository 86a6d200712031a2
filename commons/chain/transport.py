"""HTTP to a node: what is asked again after a wait, and the name of every way in which it fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from time import sleep
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, ProxyError, SSLError
from urllib3.exceptions import InvalidHeader, NameResolutionError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry
from web3 import HTTPProvider
from web3.providers.rpc.utils import ExceptionRetryConfiguration

from circuits.errors import ChainError
from commons.runtime.urls import without_secrets

_log = logging.getLogger(__name__)
_REPEATABLE = (
    "eth_accounts", "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "eth_getBalance",
    "eth_getBlockByNumber", "eth_getCode", "eth_getLogs", "eth_getTransactionByHash", "eth_getTransactionCount",
    "eth_getTransactionReceipt", "eth_maxPriorityFeePerGas", "eth_syncing",
)  # fmt: skip
"""What is asked again when a connection breaks."""
_TRIES = 4
_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip
"""A node, or what stands before it, that says so is busy, and may answer later."""
_WAITS = 5
_FIRST_WAIT = 0.5
_WORTH_A_WORD = 2.0
"""Seconds of a wait that an operator should know of."""
_CONNECTIONS = 64
"""Kept open to one node; more are opened when they are needed, and closed again."""


class _Waits(Retry):
    """Waits as long as the node asks, else longer each time; never longer than ``backoff_max`` seconds."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds that the node asks for; None when it says nothing that can be understood."""
        try:
            asked = super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None
        return None if asked is None else min(asked, self.backoff_max)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait before the question is asked again."""
        asked = None if response is None else self.get_retry_after(response)
        seconds = asked or self.get_backoff_time()
        if seconds > _WORTH_A_WORD:
            _log.warning("event=node-asks-to-wait seconds=%.1f", seconds)
        sleep(seconds)


def node_provider(url: str, timeout: float) -> HTTPProvider:
    """A provider that waits and asks again where that helps.

    Statuses that pass are asked again for every method: the node did not take the question, and a transaction of ours
    is signed, so that it stays the same one.  After a broken connection only questions are repeated.

    Args:
        timeout: seconds that the node has for one answer; no wait is longer either.
    """
    waits = _Waits(
        total=None, connect=0, read=False, other=0, status=_WAITS, status_forcelist=_PASSING, allowed_methods=None,
        backoff_factor=_FIRST_WAIT, backoff_jitter=_FIRST_WAIT, backoff_max=timeout, raise_on_status=False,
    )  # fmt: skip
    session = requests.Session()
    session.max_redirects = 0
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=waits))
    again = ExceptionRetryConfiguration((requests.ConnectionError,), retries=_TRIES, method_allowlist=_REPEATABLE)
    return HTTPProvider(url, request_kwargs={"timeout": timeout}, session=session, exception_retry_configuration=again)


def transport_failure(url: str, timeout: float, error: OSError) -> ChainError:
    """What a failed request means, with scheme and host of the URL at most."""
    node = f"the node at {without_secrets(url)}"
    if isinstance(error, MissingSchema | InvalidSchema | InvalidURL):
        return ChainError(
            "the node's URL needs http:// or https:// in front and a host after it, for instance "
            "http://127.0.0.1:8545; correct chain.url"
        )
    if isinstance(error, requests.HTTPError | requests.TooManyRedirects) and error.response is not None:
        return ChainError(f"{node} {_refusal(error.response)}")
    if isinstance(error, requests.Timeout):
        return ChainError(f"{node} did not answer within {timeout:g} s; raise chain.timeout, or use another node")
    if isinstance(error, SSLError):
        return ChainError(
            f"{node} and this machine do not agree on TLS: {_reason(error)}; check its certificate, and whether it is "
            "http:// or https://"
        )
    if isinstance(error, ProxyError):
        return ChainError(
            f"{node} cannot be reached through the proxy that the environment names; correct https_proxy and http_proxy"
        )
    return ChainError(f"{node} cannot be reached{_unreached(url, error)}")


def _unreached(url: str, error: OSError) -> str:
    causes = tuple(_causes(error))
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return f": the name {urlsplit(url).hostname} is not known; correct chain.url, or look at the name service"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "; is it running?"
    return f": {_reason(error)}; look at the network between here and there"


def _refusal(response: requests.Response) -> str:
    """What a node means by a status.  The body is not shown: it is anybody's text."""
    status = response.status_code
    if response.is_redirect:
        there = without_secrets(urljoin(response.url, response.headers["location"]))
        return f"sends elsewhere ({there}) with HTTP status {status}, which is not followed; write the address itself"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"refuses the credentials in the node's URL (HTTP status {status}); correct the key or password in it"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return f"has no JSON-RPC at this path (HTTP status {status}); correct the path of the URL"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "still asks to be left alone (HTTP status 429); wait, ask less often, or use another node"
    if status in _PASSING:
        return f"is still not ready (HTTP status {status}); try again later, or use another node"
    return f"answers with HTTP status {status} instead of JSON-RPC; look at its log"


def _reason(error: OSError) -> str:
    """The operating system's or TLS library's words; others may contain the URL."""
    for cause in _causes(error):
        # requests' own errors are OSErrors too, without these words.
        words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
        if words:
            return str(words)
    return "the connection broke off"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what lies behind it, as requests and urllib3 wrap them."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in seen:
            seen.append(cause)
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
