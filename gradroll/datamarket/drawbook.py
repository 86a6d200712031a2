"""Where a juror was drawn, as far as it was read: so that not all blocks are read with every command.  No secret."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

from circuits.errors import StorageError
from circuits.foreignjson import parse_json
from commons.chain.drawncases import NOTHING, Draw, DrawsRead
from commons.storage.files import write_durably

_MOST = 1 << 24
"""Bytes of a file."""


class DrawBook:
    """Draws in a state directory, a file for each jury and juror.  One that is damaged is as if there were none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "draws"

    def known(self, deployment: bytes, juror: bytes) -> DrawsRead:
        """What was kept.

        Args:
            deployment: of the jury, 32 bytes.
            juror: 20-byte address.
        """
        path = self._path(deployment, juror)
        try:
            if path.stat().st_size > _MOST:
                return NOTHING
            raw = parse_json(path.read_bytes())
            draws = tuple(Draw(*map(_number, each)) for each in raw["draws"])
            return DrawsRead(_number(raw["block"]), bytes.fromhex(raw["hash"]), draws)
        except (OSError, KeyError, TypeError, ValueError):
            return NOTHING

    def keep(self, deployment: bytes, juror: bytes, read: DrawsRead) -> None:
        """Keep what was read.  A disk that is full or broken keeps nobody from voting: then it is read again."""
        content = {"block": read.block, "hash": read.hash.hex(), "draws": [astuple(each) for each in read.draws]}
        try:
            write_durably(self._path(deployment, juror), json.dumps(content).encode("ascii"))
        except StorageError:
            return

    def _path(self, deployment: bytes, juror: bytes) -> Path:
        return self._directory / f"{deployment.hex()[:32]}-{juror.hex()}.json"


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no number")
    return value
