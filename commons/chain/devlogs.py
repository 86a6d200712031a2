"""The logs of the development chain, each read once.

eth-tester builds every block, transaction and receipt of a range anew for each question, in Python, and a market asks
about all of them several times a second: the chain would answer little else, and more slowly with each block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
_LATEST = (None, "latest")


class DevLogs:
    """What blocks have logged, from the first to the head.  Not thread-safe."""

    def __init__(
        self,
        read: Callable[[int, int], Sequence[Json]],
        head: Callable[[], int],
        hash_of: Callable[[int], bytes],
    ) -> None:
        """Of a chain.

        Args:
            read: the logs of two blocks and those between, in JSON-RPC's form, oldest first.
            head: the newest block's number.
            hash_of: a block's hash, by number: what was read counts while the last block of it stands.
        """
        self._read, self._head, self._hash_of = read, head, hash_of
        self._logs: list[tuple[int, Json]] = []
        self._next, self._last = 0, b""

    def find(self, params: Any) -> list[Json] | None:
        """The answer of `eth_getLogs`, to be left as it is; None where the chain itself is to answer."""
        wanted = params[0] if isinstance(params, list) and len(params) == 1 else None
        if not isinstance(wanted, Mapping) or not set(wanted) <= {"fromBlock", "toBlock", "address", "topics"}:
            return None
        head = self._head()
        first, last = (_number(wanted.get(bound), head) for bound in ("fromBlock", "toBlock"))
        address, topics = _choices(wanted.get("address")), _positions(wanted.get("topics"))
        if first is None or last is None or last > head or address is None or topics is None:
            return None
        self._catch_up(head)
        return [
            log for number, log in self._logs
            if first <= number <= last and _fits(log["address"], address) and _all_fit(log["topics"], topics)
        ]  # fmt: skip

    def _catch_up(self, head: int) -> None:
        if self._next and (head < self._next - 1 or self._hash_of(self._next - 1) != self._last):
            self._logs, self._next = [], 0
        if self._next <= head:
            self._logs += [(int(log["blockNumber"], 16), log) for log in self._read(self._next, head)]
            self._next, self._last = head + 1, self._hash_of(head)


def _number(bound: Any, head: int) -> int | None:
    """A bound's block; None where it is not of the usual form."""
    if bound in _LATEST:
        return head
    try:
        return int(bound, 16) if bound.startswith("0x") else None
    except (AttributeError, ValueError):
        return None


def _positions(topics: Any) -> list[frozenset[str]] | None:
    """What each position may be, empty for anything; None where it is not of the usual form."""
    if topics is None:
        return []
    if not isinstance(topics, list):
        return None
    found = [_choices(each) for each in topics]
    return None if None in found else [each for each in found if each is not None]


def _choices(value: Any) -> frozenset[str] | None:
    """What a field may be, in small letters; none for anything; None where it is not of the usual form."""
    if value is None:
        return frozenset()
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not several or not all(isinstance(each, str) for each in several):
        return None
    return frozenset(each.lower() for each in several)


def _fits(value: str, choices: frozenset[str]) -> bool:
    return not choices or value.lower() in choices


def _all_fit(topics: Sequence[str], wanted: Sequence[frozenset[str]]) -> bool:
    return len(topics) >= len(wanted) and all(map(_fits, topics, wanted))
