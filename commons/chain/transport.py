"""HTTP to a node: what is asked again after a wait, how much it may answer, and the name of every way to fail."""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from time import sleep
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, ProxyError, SSLError
from urllib3.exceptions import InvalidHeader, NameResolutionError, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry
from web3.exceptions import ContractLogicError
from web3.types import RPCResponse

from commons.chain.answers import OddAnswerError, checked, parsed, sorted_out
from commons.chain.nodetrouble import NodeTroubleError
from commons.runtime.exchange import PlainSession, TooMuchError, body_of, causes, over_within, reason_of
from commons.runtime.pieces import progressed
from commons.runtime.scrubbing import hide
from commons.runtime.urls import SecretUrl, without_secrets

_log = logging.getLogger(__name__)
_REPEATABLE = (
    "eth_accounts", "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "eth_getBalance",
    "eth_getBlockByNumber", "eth_getCode", "eth_getLogs", "eth_getTransactionByHash", "eth_getTransactionCount",
    "eth_getTransactionReceipt", "eth_syncing",
)  # fmt: skip
"""What is asked again when a connection breaks."""
_PAUSES = (0.125, 0.25, 0.5)
"""Seconds before a question is asked again over a new connection."""
_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
)  # fmt: skip
"""A node, or what stands before it, that says so is busy, and may answer later."""
_FIRST_WAIT = 0.5
_WORTH_A_WORD = 2.0
"""Seconds of a wait that an operator should know of."""
_CONNECTIONS = 64
"""Kept open to one node; more are opened when they are needed, and closed again."""
MOST_BYTES = 32 << 20
"""Of one answer: a hundred times what a block of events takes; the memory of a node's lies is bounded by it."""
MOST_TOGETHER = 64
"""Questions in one request: fewer than nodes of any kind take (a hundred at those that take fewest)."""
_TOO_MUCH = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.GATEWAY_TIMEOUT)
"""Statuses for an answer that is too long, or takes too long."""
_HEADERS = {"Content-Type": "application/json", "User-Agent": "gradroll"}
_CURE = "correct chain.url, or use another node"


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


class Node:
    """One node behind one URL.  Thread-safe.

    Args:
        url: where it is; neither shown nor kept where it could be.
        timeout: seconds that it has for one answer; no wait is longer either.
        waits: how often it is waited for when it says that it is busy.
    """

    def __init__(self, url: str, timeout: float, waits: int) -> None:
        self.url = SecretUrl(url)
        hide(url)
        self.timeout, self._busy = timeout, waits
        self._questions = itertools.count()
        self._session = PlainSession(_CONNECTIONS)

    def __repr__(self) -> str:
        return f"Node({self.url.shown})"

    def ask(self, method: str, params: Any, *, look: float | None = None) -> RPCResponse:
        """Its answer, made sure of.

        Statuses that pass are asked again for every method: the node did not take the question, and a transaction of
        ours is signed, so that it stays the same one.  After a broken connection only questions are repeated.

        Args:
            look: seconds for a look whether it is there: nothing is asked again.

        Raises:
            NodeTroubleError: it cannot be reached, or what it answers is no answer.
            ContractLogicError: a contract refused.
        """
        question = next(self._questions)
        body = self._exchanged(method, _question(question, method, params), look)
        try:
            return checked(method, params, question, parsed(body))
        except OddAnswerError as odd:
            raise self._odd(odd) from None

    def ask_all(self, method: str, each: Sequence[Any], *, look: float | None = None) -> list[RPCResponse]:
        """Its answers to questions of one method, in one request; a node that takes none such is asked one by one.

        Args:
            each: parameters of each question, ``MOST_TOGETHER`` at most.

        Returns:
            Answers in the order of the questions.

        Raises:
            NodeTroubleError: as ``ask``; also where it does not answer each of them once.
            ContractLogicError: a contract refused one of them, the first of those; all others were answered.
        """
        if len(each) < 2:
            return self._one_by_one(method, each, look)
        numbers = [next(self._questions) for _ in each]
        asked = [_question(number, method, params) for number, params in zip(numbers, each, strict=True)]
        body = self._exchanged(method, asked, look)
        try:
            found = sorted_out(body, method, numbers)
            if found is not None:
                return _all_checked(method, each, numbers, found)
        except OddAnswerError as odd:
            raise self._odd(odd) from None
        return self._one_by_one(method, each, look)

    def _one_by_one(self, method: str, each: Sequence[Any], look: float | None) -> list[RPCResponse]:
        answers = []
        for params in each:
            progressed()  # each has a limit of its own
            answers.append(self.ask(method, params, look=look))
        return answers

    def _odd(self, odd: OddAnswerError) -> NodeTroubleError:
        return NodeTroubleError(f"the node at {self.url.shown} {odd}; {_CURE}")

    def _exchanged(self, method: str, asked: Any, look: float | None) -> bytes:
        """The body that comes for what is asked.  Raises NodeTroubleError."""
        pauses = _PAUSES if method in _REPEATABLE and look is None else ()
        waits = _waits(self.timeout, 0 if look is not None else self._busy)
        try:
            return self._posted(json.dumps(asked).encode(), look or self.timeout, pauses, waits)
        except OSError as error:
            raise _transport_failure(self.url, look or self.timeout, error) from None  # what the library says has it
        except ValueError:  # a header that the library cannot read
            raise NodeTroubleError(
                f"the node at {self.url.shown} answers with no HTTP that can be read; {_CURE}"
            ) from None

    def _posted(self, asked: bytes, seconds: float, pauses: Sequence[float], waits: _Waits) -> bytes:
        until = time.monotonic() + seconds
        for pause in pauses:
            try:
                return self._once(asked, seconds, waits)
            except requests.ConnectionError:
                if time.monotonic() + pause >= until:
                    raise
                sleep(pause)
        return self._once(asked, seconds, waits)

    def _once(self, asked: bytes, seconds: float, waits: _Waits) -> bytes:
        while True:
            with (
                over_within(seconds),
                self._session.post(
                    self.url.reveal(), asked, headers=_HEADERS, timeout=seconds, stream=True, allow_redirects=False
                ) as response,
            ):
                if response.status_code not in _PASSING or not waits.status:
                    return self._read(response)
                waits = waits.increment("POST", response=response.raw)
            waits.sleep(response.raw)

    def _read(self, response: requests.Response) -> bytes:
        status = response.status_code
        if status == HTTPStatus.BAD_REQUEST:  # some say so of a question that they understood very well
            body = self._body(response)
            if _is_error(body):
                return body
        if response.is_redirect or not response.ok:
            raise NodeTroubleError(
                f"the node at {self.url.shown} {_refusal(response)}",
                too_much=status in _TOO_MUCH, reached=status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            )  # fmt: skip
        return self._body(response)

    def _body(self, response: requests.Response) -> bytes:
        try:
            return body_of(response, MOST_BYTES)
        except TooMuchError:
            raise NodeTroubleError(
                f"the node at {self.url.shown} answers with over {MOST_BYTES >> 20} MiB; {_CURE}", too_much=True
            ) from None


def _question(number: int, method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or []}


def _all_checked(
    method: str, each: Sequence[Any], numbers: Sequence[int], found: Sequence[Mapping[str, Any]]
) -> list[RPCResponse]:
    """Answers, each made sure of; a node that answers one of them oddly is the trouble, whatever a contract refused."""
    answers: list[RPCResponse] = []
    refused: list[ContractLogicError] = []
    for params, number, answer in zip(each, numbers, found, strict=True):
        try:
            answers.append(checked(method, params, number, answer))
        except ContractLogicError as refusal:
            refused.append(refusal)
    if refused:
        raise refused[0]
    return answers


def _waits(longest: float, count: int) -> _Waits:
    return _Waits(
        total=None, status=count, status_forcelist=_PASSING, allowed_methods=None, backoff_factor=_FIRST_WAIT,
        backoff_jitter=_FIRST_WAIT, backoff_max=longest,
    )  # fmt: skip


def _is_error(body: bytes) -> bool:
    try:
        return isinstance(parsed(body).get("error"), dict)
    except OddAnswerError:
        return False


def _transport_failure(url: SecretUrl, timeout: float, error: OSError) -> NodeTroubleError:
    """What a failed request means, with scheme and host of the URL at most."""
    node = f"the node at {url.shown}"
    if isinstance(error, MissingSchema | InvalidSchema | InvalidURL):
        return NodeTroubleError(
            "the node's URL needs http:// or https:// in front and a host after it, for instance "
            "http://127.0.0.1:8545; correct chain.url", reached=False,
        )  # fmt: skip
    if isinstance(error, requests.Timeout) or any(isinstance(cause, TimeoutError) for cause in causes(error)):
        reached = not isinstance(error, requests.ConnectTimeout)
        return NodeTroubleError(
            f"{node} did not answer within {timeout:g} s; raise chain.timeout, or use another node",
            too_much=reached, reached=reached,
        )  # fmt: skip
    if isinstance(error, SSLError):
        return NodeTroubleError(
            f"{node} and this machine do not agree on TLS: {reason_of(error)}; check its certificate, and whether it "
            "is http:// or https://"
        )
    if isinstance(error, ProxyError):
        return NodeTroubleError(
            f"{node} cannot be reached through the proxy that the environment names; correct https_proxy and http_proxy"
        )
    reached = not any(isinstance(cause, NewConnectionError) for cause in causes(error))
    return NodeTroubleError(f"{node} cannot be reached{_unreached(url, error)}", reached=reached)


def _unreached(url: SecretUrl, error: OSError) -> str:
    found = tuple(causes(error))
    if any(isinstance(cause, NameResolutionError) for cause in found):
        return f": the name {urlsplit(url.shown).hostname} is not known; correct chain.url, or look at the name service"
    if any(isinstance(cause, ConnectionRefusedError) for cause in found):
        return "; is it running?"
    return f": {reason_of(error)}; look at the network between here and there"


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
