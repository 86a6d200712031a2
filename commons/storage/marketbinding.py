"""A state directory belongs to one deployment of the market: what it remembers means nothing at another.

A chain that is started anew may have the same number and the market the same address, so the deployment decides.  It
stands in a file beside the state, so that neither database nor log has another form for it; a directory of a release
that wrote no such file is bound when it is next used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from circuits.atomicfile import storing
from circuits.errors import StorageError
from circuits.terms import MarketId
from commons.protocol.codec import Codec
from commons.storage.database import require_known
from commons.storage.files import LOCAL_DISK, Disk, write_durably

FILE = "market.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Bound:
    """What the file holds, in its order."""

    version: int
    chain_id: int
    market: bytes
    deployment: bytes


_CODEC: Codec[_Bound] = Codec(_Bound)


def bind(directory: Path, market: MarketId, cure: str, disk: Disk = LOCAL_DISK) -> None:
    """Bind a directory to a deployment of the market, or compare with the one that it is bound to.

    Args:
        directory: one that this process has locked.
        cure: what to do where they differ.

    Raises:
        StorageError: it belongs to another deployment, or the file is damaged or cannot be written.
    """
    path, own = directory / FILE, _Bound(_VERSION, market.chain_id, market.address, market.deployment)
    with storing(f"cannot read {path}"):
        raw = path.read_bytes() if path.exists() else None
    if raw is None:
        write_durably(path, json.dumps(_CODEC.encode(own), indent=1).encode() + b"\n", disk=disk)
    elif (bound := _decode(path, raw)) != own:
        raise StorageError(
            f"the state directory {directory} belongs to {_shown(bound)}; the node shows {_shown(own)}: another chain, "
            f"or one that was reset; {cure}"
        )


def _decode(path: Path, raw: bytes) -> _Bound:
    try:
        document = json.loads(raw)
        if isinstance(document, dict) and type(version := document.get("version")) is int:
            require_known(path, version, _VERSION)
        return _CODEC.decode(document)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} names no market: {error}; restore it from a backup") from error


def _shown(bound: _Bound) -> str:
    return f"the market 0x{bound.market.hex()} on chain {bound.chain_id}, deployment 0x{bound.deployment.hex()}"
