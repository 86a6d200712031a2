"""Transactions at pay for improvement: of sponsors, and what anybody may do."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ChainError, UnknownError
from commons.chain import calldata
from commons.chain.account import SMALL, Creation
from commons.chain.calldata import IMPROVEMENT
from commons.chain.dataimprovementview import BudgetTerms, ImprovementView
from commons.chain.mined import Mined
from commons.chain.writer import ChainWriter

_SIGN = 1_500_000


class ImprovementAccount:
    """One account's transactions at pay for improvement.

    Every method waits and raises as those of ``ChainAccount`` do, whose object sends them.

    Attributes:
        budgets: as nodes show them.
        chain: the account.
    """

    def __init__(self, chain: ChainWriter, budgets: ImprovementView) -> None:
        self.chain, self.budgets = chain, budgets

    @property
    def address(self) -> bytes:
        """The account's 20-byte address."""
        return self.chain.address

    def open_budget(self, terms: BudgetTerms, nonce: int = 0) -> bytes:
        """Put up a budget; returns its identifier.

        Args:
            nonce: as of ``DataAccount.open_campaign``.
        """

        def named(at: int) -> bytes:
            return terms.budget_id(self.budgets.deployment, self.address, at)

        def data(at: int) -> bytes:
            return calldata.call(IMPROVEMENT, "open", *terms.words, at)

        place = self.budgets.place
        value = self.chain.value_of(terms.token, terms.amount, place)
        new = Creation(place, data, "BudgetExists", lambda at: self._there(named(at)), value)
        _, used = self.chain.create(new, nonce, SMALL)
        if not self._there(named(used)):
            raise ChainError(
                f"the node does not show the budget 0x{named(used).hex()} that was put up: run the command again, it "
                "pays once, or use another node"
            )
        return named(used)

    def submit_table(self, budget: bytes, root: bytes, total: int, words: Sequence[tuple[int, bytes]]) -> Mined:
        """Hand in what a quorum signed; any account may.

        Args:
            words: (index of a member, its 65-byte signature).
        """
        data = calldata.call(IMPROVEMENT, "sign", budget, root, total, calldata.signed(words))
        return self.chain.send(self.budgets.place, data, gas=_SIGN)

    def claim_part(self, budget: bytes, bundle: int, amount: int, proof: Sequence[bytes]) -> Mined:
        """Credit a bundle's part to its contributor; any account may."""
        data = calldata.call(IMPROVEMENT, "claim", budget, bundle, amount, list(proof))
        return self.chain.send(self.budgets.place, data)

    def give_back(self, budget: bytes) -> Mined:
        """Credit what was not signed or claimed in time to the sponsor; any account may."""
        return self.chain.send(self.budgets.place, calldata.call(IMPROVEMENT, "giveBack", budget))

    def collect_pay(self, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit paid out; returns the amount.  Nothing is sent where there is none."""
        amount = self.budgets.owed(token, self.address)
        if amount:
            data = calldata.call(IMPROVEMENT, "collect", token, self.address, to or self.address)
            self.chain.send(self.budgets.place, data, repeatable=True)
        return amount

    def _there(self, budget: bytes) -> bool:
        try:
            self.budgets.budget(budget)
        except UnknownError:
            return False
        return True
