"""Claim orders: an account signs whom an owner's pay goes to, and anybody carries the order out for a tip.

An order is a file that can travel by any way: it says all that it allows, and does nothing for whoever changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from circuits.errors import ClosedError, GradrollError, InvalidInputError, SignatureError, UnknownError
from circuits.terms import MarketId
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.codec import Codec
from commons.protocol.consents import ClaimOrder, SignedClaim
from commons.protocol.signing import signs
from commons.runtime.amounts import checksum, utc
from commons.runtime.identifiers import shown
from commons.storage.recordfiles import no_record, read_record, write_record

VERSION = 1
_WHAT = "claim order"
_ALWAYS = 2**64 - 1
"""Deadline of an order that its own account sends: nobody else can use it, and a command run again sends the same."""


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An order as it travels.

    Attributes:
        market: the deployment that it is for.
        signature: 65 bytes of the account's key, or whatever a contract takes for one (ERC-1271).
    """

    market: MarketId
    order: ClaimOrder
    signature: bytes
    version: int = VERSION


_CODEC: Codec[OrderFile] = Codec(OrderFile)


def save_order(path: Path, signed: OrderFile) -> None:
    """Write an order to a file.  Raises StorageError."""
    write_record(path, _CODEC, signed)


def load_order(path: Path) -> OrderFile:
    """Read an order that somebody else may have written.

    Raises:
        UnknownError: there is no such file.
        InvalidInputError: it is no order of this version.
    """
    read = read_record(path, _CODEC, _WHAT)
    if read.version != VERSION or not _is_sound(read):
        raise no_record(path, _WHAT)
    return read


def sign_order(
    chain: ChainWriter, task_id: int, index: int, recipient: bytes, *, max_tip: int, deadline: int
) -> OrderFile:
    """Have an account sign an order for all that one owner of its is owed now; costs nothing.

    Args:
        deadline: last second, since 1970, in which it can be carried out.

    Raises:
        InvalidInputError: the account is not the owner's.
    """
    order = _order(chain, task_id, index, recipient, max_tip, deadline)
    return OrderFile(chain.view.market_id, order, chain.sign_message(order.message(chain.view.market_id)))


def claim_elsewhere(chain: ChainWriter, task_id: int, index: int, recipient: bytes) -> int:
    """Have what an owner of the account is owed now paid to somebody else, at once; returns the amount.

    Raises:
        InvalidInputError: the account is not the owner's.
        ChainError: the market refused.
    """
    order = _order(chain, task_id, index, recipient, 0, _ALWAYS)
    amount = chain.view.claimable(task_id, index, order.through).amount
    if amount:
        chain.claim_to([SignedClaim(order)])
    return amount


def _order(chain: ChainWriter, task_id: int, index: int, recipient: bytes, max_tip: int, deadline: int) -> ClaimOrder:
    owner = chain.view.owner(task_id, index)
    if owner.account != chain.address:
        raise InvalidInputError(
            f"the account of owner {index} of task {shown(task_id)} is {checksum(owner.account)}, which alone says "
            "where its pay goes; use its key file"
        )
    through = chain.view.task(task_id).rounds_opened
    return ClaimOrder(task_id, index, owner.next_claim, through, recipient, max_tip, deadline)


def require_possible(view: ChainView, signed: OrderFile) -> int:
    """Raise unless an order can be carried out now; returns the pay, of which the tip is a part.

    Raises:
        InvalidInputError: it is for another market.
        ClosedError: its deadline has passed, it was carried out, or somebody claimed meanwhile.
        UnknownError: nothing is owed, or there is no such owner.
        SignatureError: it is not signed by the owner's account.
    """
    order = signed.order
    name = f"the order of owner {order.index} of task {shown(order.task_id)}"
    if signed.market != view.market_id:
        raise InvalidInputError(f"{name} is for another market, or another deployment of this one")
    if view.now() > order.deadline:
        raise ClosedError(f"{name} was good until {utc(order.deadline)}; have it signed again")
    owner = view.owner(order.task_id, order.index)
    if owner.next_claim != order.start:
        raise ClosedError(f"{name} was carried out, or somebody claimed meanwhile; nothing is left to do")
    if not view.rpc.code(owner.account) and not signs(owner.account, order.digest(view.market_id), signed.signature):
        raise SignatureError(f"{name} is not signed by its account {checksum(owner.account)}")
    amount = view.claimable(order.task_id, order.index, order.through).amount
    if not amount:
        raise UnknownError(f"{name} finds nothing that is owed; a gradient has to be accepted first")
    return amount


def carry_out(chain: ChainWriter, orders: Sequence[OrderFile]) -> dict[int, GradrollError]:
    """Carry out orders in one transaction, each for its largest tip; those that cannot be are left out.

    Returns:
        Why an order, by its place in ``orders``, was left out.

    Raises:
        ChainError: the market refused, or the node is the trouble.
    """
    possible: list[SignedClaim] = []
    refused: dict[int, GradrollError] = {}
    for place, signed in enumerate(orders):
        try:
            tip = min(signed.order.max_tip, require_possible(chain.view, signed))
        except GradrollError as error:
            refused[place] = error
        else:
            possible.append(SignedClaim(signed.order, signed.signature, tip))
    if possible:
        chain.claim_to(possible)
    return refused


def _is_sound(read: OrderFile) -> bool:
    """Whether all fields have the sizes that the contract gives them."""
    sizes = (len(read.market.address), len(read.market.deployment), len(read.order.recipient))
    numbers = (read.market.chain_id, *(word for word in read.order.words if isinstance(word, int)))
    return sizes == (20, 32, 20) and all(0 <= number < 1 << 256 for number in numbers) and len(read.signature) > 0
