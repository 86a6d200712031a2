"""Budgets for what bundles improve, as nodes show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from circuits.hashing import keccak, tag, words
from circuits.terms import MarketId
from commons.chain.calldata import IMPROVEMENT
from commons.chain.codechecks import require_code
from commons.chain.contractevents import Events
from commons.chain.dataview import DataView
from commons.runtime.amounts import checksum

BUDGET = "(bytes32,bytes32,bytes32,address,uint40,uint32,address,uint128)"
BUDGET_OPENED = "BudgetOpened(bytes32,bytes32,address,address,uint256,bytes32,uint256,uint256)"


@dataclass(frozen=True, slots=True)
class BudgetTerms:
    """What a sponsor puts up.

    Attributes:
        campaign: 32 bytes.
        token: 20 bytes, zeros for ether.
        amount: in its smallest unit.
        rule: 32 bytes, digest of the rule.
        sign_window, claim_window: seconds.
    """

    campaign: bytes
    token: bytes
    amount: int
    rule: bytes
    sign_window: int
    claim_window: int

    @property
    def words(self) -> tuple[int | bytes, ...]:
        """The first arguments of ``open``."""
        return self.campaign, self.token, self.amount, self.rule, self.sign_window, self.claim_window

    def budget_id(self, deployment: bytes, sponsor: bytes, nonce: int) -> bytes:
        """The identifier of a budget on these terms; ``deployment`` is that of the contract."""
        campaign, *rest = self.words
        return keccak(words(tag("gradroll/v1/data-budget"), deployment, campaign, sponsor, *rest, nonce))


@dataclass(frozen=True, slots=True)
class BudgetRecord:
    """A budget as its contract holds it.

    Attributes:
        campaign, rule: 32 bytes each.
        root: 32 bytes of the table that was signed, zeros before.
        sponsor: 20 bytes.
        deadline: last second to sign a table; then to claim.
        claim_window: seconds.
        token: 20 bytes, zeros for ether.
        left: what is not paid: of the budget, then of the table's total.
    """

    budget: bytes
    campaign: bytes
    rule: bytes
    root: bytes
    sponsor: bytes
    deadline: int
    claim_window: int
    token: bytes
    left: int

    @property
    def signed(self) -> bool:
        """Whether a quorum signed a table."""
        return any(self.root)


class ImprovementView:
    """Pay for improvement.  Every method raises ChainError, UnknownError as those of ``DataView``.

    Args:
        data: the campaigns.
        place: 20-byte address of the contract, as settings name it.

    Raises:
        ContractError: another contract is there.

    Attributes:
        deployment: of the contract, 32 bytes.
    """

    def __init__(self, data: DataView, place: bytes) -> None:
        self.data, self.place = data, place
        self.deployment = bytes(self._ask("deployment()", [], ["bytes32"]))
        market = data.place.rjust(32, b"\0")
        require_code(data.chain.rpc, IMPROVEMENT, place, [market, self.deployment], "data.improvement")
        found = to_canonical_address(self._ask("data()", [], ["address"]))
        if found != data.place:
            raise ChainError(
                f"the budgets at {checksum(place)} are for the campaigns at {checksum(found)} and not for "
                f"{checksum(data.place)}; name contracts of one deployment (data.improvement, data.campaigns)"
            )
        own = data.events
        self.events = Events(own.rpc, place, own.look, own.from_block)

    @property
    def domain(self) -> bytes:
        """EIP-712 domain separator under which members sign tables."""
        return MarketId(self.data.chain.chain_id, self.place, self.deployment).domain

    def budget(self, budget: bytes) -> BudgetRecord:
        """A budget."""
        raw = self._ask("budgetOf(bytes32)", [budget], [BUDGET])
        campaign, rule, root, sponsor, deadline, window, token, left = raw
        return BudgetRecord(
            budget, bytes(campaign), bytes(rule), bytes(root), to_canonical_address(sponsor), deadline, window,
            to_canonical_address(token), left,
        )  # fmt: skip

    def budgets(self, campaign: bytes | None = None) -> list[bytes]:
        """Identifiers of budgets, oldest first; of one campaign."""
        return self.events.read(lambda log: bytes(log["topics"][1]), BUDGET_OPENED, None, campaign)

    def amount(self, budget: bytes) -> int:
        """What was put up, as the event tells; before a table is signed, as the contract has it.

        Raises:
            ChainError: the node does not show the event, or shows another than the contract allows.
        """
        record = self.budget(budget)
        told = self.events.read(_opened, BUDGET_OPENED, budget)
        if len(told) != 1 or told[0] < record.left or (not record.signed and record.left not in (0, told[0])):
            raise ChainError("the node does not show how the budget was put up; does it keep old events?")
        return told[0]

    def is_paid(self, budget: bytes, bundle: int) -> bool:
        """Whether a bundle's part was credited."""
        return bool(self._ask("isPaid(bytes32,uint256)", [budget, bundle], ["bool"]))

    def owed(self, token: bytes, account: bytes) -> int:
        """What an account can collect."""
        return int(self._ask("owed(address,address)", [token, account], ["uint256"]))

    def _ask(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> Any:
        return self.data.chain.call(self.place, signature, arguments, returns)[0]


def _opened(log: Any) -> int:
    """The amount that ``BudgetOpened`` tells."""
    return int(decode(["address", "uint256", "bytes32", "uint256", "uint256"], bytes(log["data"]))[1])
