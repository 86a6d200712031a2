"""For which lists of members, at which markets, the keys of a keystore are still used.

Several provers may share one keystore: of a chain that was started anew and of the old one, which may come back, or of
two markets.  What one of them needs no more, another may.  So each leaves a file beside the keys that says that it
works with them, and says there when it does not any more.  The files are no secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import StorageError
from circuits.terms import MarketId
from commons.protocol.codec import Codec
from commons.storage.recordfiles import read_state, write_record

_VERSION = 1
_CURE = "restore it from a backup, or remove it once no prover at another market works with these keys"


@dataclass(frozen=True, slots=True)
class _Serving:
    """What a file holds, in its order."""

    version: int
    members: bytes
    chain_id: int
    market: bytes
    deployment: bytes
    over: bool


_CODEC: Codec[_Serving] = Codec(_Serving)


class Servings:
    """The files of one keystore."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def begin(self, members: bytes, market: MarketId) -> None:
        """Say that these keys are used for a list of members at a market; durable on return.

        Args:
            members: digest that names the list.

        Raises:
            StorageError: the file is damaged or cannot be written.
        """
        if not any(one == _serving(members, market, over=one.over) for one in self._all()):
            self._write(_serving(members, market, over=False))

    def end(self, members: bytes, market: MarketId) -> None:
        """Say that they are not used for it there any more, for good; durable on return.  Raises as ``begin``."""
        self._write(_serving(members, market, over=True))

    def others(self, members: bytes | None = None) -> list[str]:
        """Where the keys are used, in words, of one list or of all.  Raises StorageError for a damaged file."""
        return [
            f"market 0x{one.market.hex()} on chain {one.chain_id}, deployment 0x{one.deployment.hex()}"
            for one in self._all()
            if not one.over and members in (None, one.members)
        ]

    def _write(self, serving: _Serving) -> None:
        name = f"serving-{serving.members.hex()}-{serving.deployment.hex()}.json"
        write_record(self._directory / name, _CODEC, serving)

    def _all(self) -> Iterator[_Serving]:
        with storing(f"cannot read {self._directory}"):
            paths = sorted(self._directory.glob("serving-*.json"))
        for path in paths:
            found = read_state(path, _CODEC, _VERSION, "does not say who uses these keys", _CURE)
            if found is None:
                raise StorageError(f"{path} was removed meanwhile; try again")
            yield found


def _serving(members: bytes, market: MarketId, *, over: bool) -> _Serving:
    return _Serving(_VERSION, members, market.chain_id, market.address, market.deployment, over)
