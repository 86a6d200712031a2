"""Whether contracts see the numbers and hashes of the chain's own blocks.

What is drawn rests on the hash of a block to come, which contract and client name by its number.  On some rollups
(Arbitrum) ``block.number`` is another chain's: the two would mean different blocks.
"""

from __future__ import annotations

from circuits.errors import ChainError
from commons.chain.rpc import Rpc

_PROBE = bytes.fromhex("43600052600143034060205260406000f3")
"""Code that returns NUMBER and BLOCKHASH(NUMBER - 1), 32 bytes each."""


def require_own_blocks(rpc: Rpc) -> None:
    """Call it before anything is paid for what waits for a block.

    One node's word is enough that it is so; that it is not, most must say.

    Raises:
        ChainError: contracts see the blocks of another chain, or no node answers.
    """
    if _sees_own(rpc) or not rpc.most(lambda: None if _sees_own(rpc) else True):
        return
    raise ChainError(
        f"contracts on chain {rpc.chain_id} do not see its own blocks: their block.number is another chain's, as on "
        "Arbitrum, and draws that wait for a block could not be followed; nothing was sent; use the markets of models "
        "and data on another chain"
    )


def _sees_own(rpc: Rpc) -> bool:
    """Whether the block that a contract sees as the last one is this number's; asked of one node."""

    def ask(_: int) -> bool:
        returned: bytes = rpc.guarded(lambda: bytes(rpc.web3.eth.call({"data": _PROBE}, "latest")))
        number, last = int.from_bytes(returned[:32]), returned[32:]
        return number > 0 and rpc.block_hash(number - 1) == last

    return rpc.on_one_node(ask)
