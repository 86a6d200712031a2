"""Blocks of an IPFS node, through the RPC of kubo (``/api/v0``)."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any

from circuits.errors import UnavailableError, UnknownError
from circuits.foreignjson import parse_json
from commons.artifacts.blockstores import checked, require_block
from commons.artifacts.cids import RAW, Cid
from commons.artifacts.webstores import Access, Asked, Web

_UNDERSTOOD = (HTTPStatus.OK, HTTPStatus.INTERNAL_SERVER_ERROR)
"""A command that fails is told with status 500, and why in the body."""
_NOT_FOUND = ("not found", "could not find", "deadline exceeded")
"""What kubo's words have when nobody whom the node knows has a block; it looks for one until the time is over."""


class KuboStore:
    """An IPFS node that whoever runs it lets us use.  Its RPC must not be reachable by strangers.

    Args:
        url: of the RPC, up to ``/api/v0``.
    """

    def __init__(self, url: str, access: Access) -> None:
        self._web, self._seconds = Web(url, access), max(access.timeout * 0.9, 0.5)

    @property
    def shown(self) -> str:
        """Scheme, host and port."""
        return self._web.shown

    def get(self, cid: Cid) -> bytes:
        """As of every store; the node asks the network for what it lacks.

        Raises:
            UnknownError, ProofError, UnavailableError: as of every store.
        """
        status, body = self._call("block/get", f"arg={cid}&timeout={self._seconds:g}s")
        if status != HTTPStatus.OK:
            self._require_absent(body)
            raise UnknownError(f"{self.shown} finds no block {cid}; name a store that has it")
        return checked(cid, body, self.shown)

    def put(self, cid: Cid, block: bytes) -> None:
        """As of every store.  Raises InvalidInputError, UnavailableError."""
        require_block(cid, block)
        codec = "raw" if cid.codec == RAW else "dag-pb"
        boundary = secrets.token_hex(16)  # of 128 bits, so it is not in the block
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="data"; filename="block"\r\n\r\n'
        status, body = self._call(
            "block/put", f"cid-codec={codec}&mhtype=sha2-256&pin=false&allow-big-block=true",
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            head.encode() + block + f"\r\n--{boundary}--\r\n".encode(),
        )  # fmt: skip
        if status != HTTPStatus.OK or _field(body, "Key") != str(cid):
            raise self._trouble("does not take a block", body)

    def has(self, cid: Cid) -> bool:
        """Whether the node itself has the block.  Raises UnavailableError."""
        status, body = self._call("block/stat", f"arg={cid}&offline=true")
        if status == HTTPStatus.OK:
            return True
        self._require_absent(body)
        return False

    def keep(self, root: Cid) -> None:
        """Pin a file, so that the node's garbage collection leaves it.  Raises UnavailableError."""
        status, body = self._call("pin/add", f"arg={root}&recursive=true&offline=true")
        if status != HTTPStatus.OK:
            raise self._trouble("does not pin the file", body)

    def _call(
        self, command: str, query: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        return self._web.ask(
            Asked("POST", f"{self._web.url.reveal()}/{command}?{query}", headers or {}, body), _UNDERSTOOD
        )

    def _require_absent(self, body: bytes) -> None:
        if not any(words in _said(body) for words in _NOT_FOUND):
            raise self._trouble("refuses", body)

    def _trouble(self, what: str, body: bytes) -> UnavailableError:
        said = self._web.url.hidden_in(ascii(_said(body)[:200]))
        return UnavailableError(f"{self.shown} {what}: it says {said}; look at its log")


def _said(body: bytes) -> str:
    return str(_field(body, "Message") or "nothing")


def _field(body: bytes, name: str) -> Any:
    try:
        document = parse_json(body)
    except ValueError:
        return None
    return document.get(name) if isinstance(document, dict) else None
