"""A node in front of another one that lies about some of what it is asked."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.support.httpnode import Answer, HttpNode

Lie = Callable[[str, Any, Any], Any]
"""What is said, made of method, parameters, and the true result."""


class LyingNode(HttpNode):
    """Says what ``lie`` makes of what the node at a URL says; errors are passed on."""

    def __init__(self, url: str, lie: Lie) -> None:
        self._behind, self._lie = url, lie
        super().__init__(self._said)

    def _said(self, method: str, params: Any) -> Answer:
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._behind, asked, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own node
            said = json.load(answer)
        if said.get("result") is None:
            return {key: value for key, value in said.items() if key not in ("jsonrpc", "id")}
        return {"result": self._lie(method, params, said["result"])}


def honest(method: str, params: Any, said: Any) -> Any:
    """No lie."""
    return said


def anothers_blocks(method: str, params: Any, said: Any) -> Any:
    """As on Arbitrum: contracts have the number and hashes of another chain's blocks."""
    if method != "eth_call" or "to" in params[0]:
        return said
    return "0x" + (20_000_000).to_bytes(32).hex() + bytes(range(32)).hex()
