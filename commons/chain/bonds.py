"""What the committee registry holds for members, and what it owes to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import UnknownError
from circuits.hashing import keccak
from commons.chain.view import ChainView
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown

_JOINED = "MemberJoined(uint256,uint256,address,uint256,address,string,bytes32)"
_EPOCH = "EpochBegan(uint256,uint256,uint256,uint256,address,bytes32)"


@dataclass(frozen=True, slots=True)
class Bond:
    """What is held for a membership.

    Attributes:
        controller: 20-byte address of whose it is; zeros while none is named.
        amount: in the smallest unit of the committee's token.
    """

    membership: int
    controller: bytes
    amount: int


def bond_of(view: ChainView, committee_id: int, signer: bytes) -> Bond:
    """The bond that answers for a signer, also for a key that was rotated away.

    Raises:
        UnknownError: it has joined no membership of the committee, as far as the node shows events.
    """
    return bond(view, committee_id, _membership(view, committee_id, signer))


def bond(view: ChainView, committee_id: int, membership: int) -> Bond:
    """The bond of a membership, also of one that waits or has ended."""
    kinds = ["address", "uint256", "uint256"]
    controller, amount, _ = view.rpc.call(view.registry, "bond(uint256,uint256)", [committee_id, membership], kinds)
    return Bond(membership, to_canonical_address(controller), amount)


def credit_of(view: ChainView, token: bytes, account: bytes) -> int:
    """What an account can collect at the registry of a token: shares of bonds that were lost."""
    return int(view.rpc.call(view.registry, "owed(address,address)", [token, account], ["uint256"])[0])


def _membership(view: ChainView, committee_id: int, signer: bytes) -> int:
    joined = _events(view, _JOINED, committee_id, None, signer.rjust(32, b"\0"))
    if joined:
        return int(decode(["uint256"], bytes(joined[-1]["data"])[:32])[0])
    for log in _events(view, _EPOCH, committee_id):  # a key that its controller rotated in
        number, member, _ = decode(["uint256", "address", "bytes32"], bytes(log["data"]))
        if to_canonical_address(member) == signer:
            return int(number)
    raise UnknownError(
        f"{checksum(signer)} has joined no membership of committee {shown(committee_id)}, as far as the node shows"
    )


def _events(view: ChainView, event: str, committee_id: int, *more: bytes | None) -> Sequence[Any]:
    """The registry's events of a committee, oldest first."""
    topics = [keccak(event.encode("ascii")), committee_id.to_bytes(32, "big"), *more]
    return view.rpc.logs(view.registry, topics, view.from_block)
