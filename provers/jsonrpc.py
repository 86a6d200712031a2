"""JSON-RPC over HTTP: one question, one answer; quantities and bytes in the node's hexadecimal."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import requests

from circuits.errors import ChainError

_TRIES = 5
_BACKOFF = 0.125
_BUSY = frozenset({429, 500, 502, 503, 504})
_ONCE = frozenset({"eth_sendTransaction"})
_REVERTED = 3


class UnreachableError(ChainError):
    """The node did not answer."""


class RefusedError(ChainError):
    """The node answered with an error."""

    def __init__(self, url: str, code: int, message: str, data: object = None) -> None:
        super().__init__(f"the node at {url} answered: {message} (code {code})")
        self.number = code
        self.message = message
        self.data = data

    @property
    def reverted(self) -> bool:
        """Whether a contract refused, not the node."""
        return self.number == _REVERTED or "revert" in self.message.lower() or self._text().startswith("Reverted")

    @property
    def revert_data(self) -> bytes:
        """What the contract said; empty when the node gives none."""
        text = self._text().removeprefix("Reverted").strip()
        try:
            return bytes.fromhex(text[2:]) if text.startswith("0x") else b""
        except ValueError:
            return b""

    def _text(self) -> str:
        data = self.data.get("data") if isinstance(self.data, dict) else self.data
        return data if isinstance(data, str) else ""


class JsonRpc:
    """One node.  Thread-safe; a thread keeps its connection."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self._timeout = timeout
        self._local = threading.local()
        self._ids = itertools.count(1)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a method.  What does no harm twice is asked again when the node does not answer.

        Raises:
            RefusedError: the node answered with an error.
            UnreachableError: it did not answer.
            ChainError: what it answered is no JSON-RPC.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}).encode()
        tries = 1 if method in _ONCE or not method.startswith("eth_") else _TRIES
        for attempt in range(tries):
            try:
                reply = self._session.post(self.url, data=body, timeout=self._timeout)
                if reply.status_code not in _BUSY or attempt + 1 == tries:
                    return self._result(reply)
            except (requests.RequestException, OSError) as error:
                if attempt + 1 == tries or isinstance(error, ValueError):
                    raise UnreachableError(f"the node at {self.url} cannot be reached; is it running?") from error
            time.sleep(_BACKOFF * 2**attempt)
        raise AssertionError("the last try returns or raises")

    @property
    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["Content-Type"] = "application/json"
            self._local.session = session
        return session

    def _result(self, reply: requests.Response) -> Any:
        try:
            answer = reply.json()
        except ValueError:
            answer = None
        if isinstance(answer, dict) and answer.get("error") is not None:
            raise self._refusal(answer["error"])
        if not isinstance(answer, dict) or "result" not in answer:
            raise ChainError(f"the node at {self.url} answered no JSON-RPC, but HTTP status {reply.status_code}")
        return answer["result"]

    def _refusal(self, error: Any) -> RefusedError:
        if not isinstance(error, dict):
            return RefusedError(self.url, 0, str(error))
        code: Sequence[Any] | Any = error.get("code")
        return RefusedError(
            self.url, code if isinstance(code, int) else 0, str(error.get("message") or "an error"), error.get("data")
        )


def quantity(value: Any) -> int:
    """The integer of a hexadecimal quantity; quantities that the node gives as numbers are taken as they are.

    Raises:
        ChainError: it is neither.
    """
    try:
        return value if isinstance(value, int) else int(str(value), 16)
    except ValueError as error:
        raise ChainError(f"the node answered {value!r} where a number belongs") from error


def data(value: Any) -> bytes:
    """The bytes of hexadecimal data.  Raises ChainError."""
    text = value if isinstance(value, str) else ""
    try:
        if text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise ChainError(f"the node answered {value!r} where bytes belong")
