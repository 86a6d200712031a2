"""A state directory belongs to one deployment of the market: what it remembers means nothing at another.

A chain that is started anew may have the same number and the market the same address, so the deployment decides.  It
stands in a file beside the state, so that neither database nor log has another form for it; a directory of a release
that wrote no such file is bound when it is next used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from circuits.errors import StorageError
from circuits.terms import MarketId
from commons.protocol.codec import Codec
from commons.storage.files import LOCAL_DISK, Disk
from commons.storage.recordfiles import read_state, write_record

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
    bound = read_state(path, _CODEC, _VERSION, "names no market", "restore it from a backup")
    if bound is None:
        write_record(path, _CODEC, own, disk=disk)
    elif bound != own:
        raise StorageError(
            f"the state directory {directory} belongs to {_shown(bound)}; the node shows {_shown(own)}: another chain, "
            f"or one that was reset; {cure}"
        )


def _shown(bound: _Bound) -> str:
    return f"the market 0x{bound.market.hex()} on chain {bound.chain_id}, deployment 0x{bound.deployment.hex()}"
