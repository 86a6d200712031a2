"""Blocks of an IPFS gateway, which need not be trusted: what it serves is compared with what was asked for."""

from __future__ import annotations

from http import HTTPStatus

from circuits.errors import InvalidInputError, UnknownError
from commons.artifacts.blockstores import checked
from commons.artifacts.cids import Cid
from commons.artifacts.webstores import Access, Asked, Web

_HEADERS = {"Accept": "application/vnd.ipld.raw"}
_ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class GatewayStore:
    """Reads blocks as the specification of trustless gateways says: ``GET /ipfs/CID?format=raw``.  Takes none.

    Args:
        url: base address, without ``/ipfs``.
    """

    def __init__(self, url: str, access: Access) -> None:
        self._web = Web(url, access)

    @property
    def shown(self) -> str:
        """Scheme, host and port."""
        return self._web.shown

    def get(self, cid: Cid) -> bytes:
        """As of every store.  Raises UnknownError, ProofError, UnavailableError."""
        asked = Asked("GET", f"{self._web.url.reveal()}/ipfs/{cid}?format=raw", _HEADERS)
        status, block = self._web.ask(asked, (HTTPStatus.OK, *_ABSENT))
        if status in _ABSENT:
            raise UnknownError(
                f"{self.shown} has no block {cid}; name one that has it (the address of a kubo node ends in /api/v0)"
            )
        return checked(cid, block, self.shown)

    def put(self, cid: Cid, block: bytes) -> None:
        """Refused.  Raises InvalidInputError."""
        raise InvalidInputError(
            f"{self.shown} is a gateway, which only serves; put files into a kubo node (its address ends in /api/v0), "
            "an S3 bucket or a directory"
        )

    def has(self, cid: Cid) -> bool:
        """Whether it serves the block.  Raises ProofError, UnavailableError."""
        try:
            self.get(cid)
        except UnknownError:
            return False
        return True

    def keep(self, root: Cid) -> None:
        """Refused as ``put`` is."""
        self.put(root, b"")
