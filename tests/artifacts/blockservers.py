"""Servers that stores are tested against."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from circuits.errors import UnknownError
from commons.artifacts.blockstores import BlockStore
from commons.artifacts.cids import Cid
from tests.support.localserver import Answer, Asked, LocalServer


class Server(LocalServer):
    """Answers as a function says, and keeps what was asked."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self._answer, self.asked = answer, list[Asked]()
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def answered(self, asked: Asked) -> Answer:
        """See the class."""
        self.asked.append(asked)
        return self._answer(asked)


def gateway_over(store: BlockStore) -> Callable[[Asked], Answer]:
    """A trustless gateway as its specification says: raw blocks of a store by their path."""

    def answer(asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        wants_raw = parts.query == "format=raw" or asked.headers["Accept"] == "application/vnd.ipld.raw"
        if not parts.path.startswith("/ipfs/") or not wants_raw:
            return 406, {}, b""
        try:
            block = store.get(Cid.parse(parts.path.removeprefix("/ipfs/")))
        except UnknownError:
            return 404, {}, b""
        return 200, {"Content-Type": "application/vnd.ipld.raw", "X-Content-Type-Options": "nosniff"}, block

    return answer
