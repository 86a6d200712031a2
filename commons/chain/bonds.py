"""What the committee registry holds for members, and what it owes to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import UnknownError
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
    controller, amount, _ = view.call(view.registry, "bond(uint256,uint256)", [committee_id, membership], kinds)
    return Bond(membership, to_canonical_address(controller), amount)


def credit_of(view: ChainView, token: bytes, account: bytes) -> int:
    """What an account can collect at the registry of a token: shares of bonds that were lost."""
    return int(view.call(view.registry, "owed(address,address)", [token, account], ["uint256"])[0])


def _membership(view: ChainView, committee_id: int, signer: bytes) -> int:
    joined = view.registry_events.read(_joined, _JOINED, committee_id, None, signer)
    if joined:
        return joined[-1]
    rotated = view.registry_events.read(_began, _EPOCH, committee_id)  # a key that its controller rotated in
    for membership, member in rotated:
        if member == signer:
            return membership
    raise UnknownError(
        f"{checksum(signer)} has joined no membership of committee {shown(committee_id)}, as far as the node shows"
    )


def _joined(log: Any) -> int:
    return int(decode(["uint256"], bytes(log["data"])[:32])[0])


def _began(log: Any) -> tuple[int, bytes]:
    membership, member, _ = decode(["uint256", "address", "bytes32"], bytes(log["data"]))
    return int(membership), to_canonical_address(member)
