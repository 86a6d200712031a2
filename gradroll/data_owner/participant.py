"""What a data owner does with its key alone: look at an offer, register, leave, be paid.

An owner is two: a *signer*, the key that signs gradients and is registered for good, and an *account*, which pays the
deposit and gets it back, is paid, and may leave.  Mostly they are one key; the account may be any other, also a
contract.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import ClosedError, ContractError, InvalidInputError, UnknownError
from circuits.terms import DAY, ETHER
from commons.chain.writer import ChainWriter
from commons.protocol.consents import registration_digest
from commons.runtime.amounts import checksum
from commons.runtime.identifiers import shown
from gradroll.data_owner.claims import claim_all
from gradroll.data_owner.offer import Offer
from gradroll.data_owner.orders import OrderFile, claim_elsewhere, sign_order


@dataclass(frozen=True, slots=True)
class Handover:
    """An owner that passes from one account to another, and what passes with it.

    Attributes:
        signer: the key that signs its gradients, before and afterwards.
        to: the account that is to have it, 20 bytes.
        done: whether it has it already.
        token: what it is paid in.
        owed: what could be claimed now; who has the owner then is paid it.
        deposit: what is returned when it has left; nothing where it was excluded.
        unused: whether the other account has neither code nor ether, as one would whose address was mistyped.
    """

    task_id: int
    index: int
    signer: bytes
    to: bytes
    done: bool
    token: bytes
    owed: int
    deposit: int
    unused: bool


class Participant:
    """A data owner's key at one market.  Every method raises ChainError when the market or the node refuses.

    Args:
        chain: signs for this key and sends its transactions.
    """

    def __init__(self, chain: ChainWriter) -> None:
        self._chain = chain
        self._view = chain.view

    @property
    def address(self) -> bytes:
        """The owner's 20-byte address."""
        return self._chain.address

    def offer(self, task_id: int) -> Offer:
        """What an owner of a task would earn and risk; to be looked at before ``register``.

        Raises:
            UnknownError: no such task.
            ChainError: its verifier is not this release's code.
        """
        return Offer.of(self._view, task_id)

    def register(self, task_id: int) -> int:
        """Register this key, unless it is, with itself as the account; pays the task's deposit.

        For another account to be paid, and to pay, see ``consent``.

        Returns:
            Its registration index.

        Raises:
            UnknownError: no such task.
            ContractError: the task admits owners and this one is not, or it is full.
            ChainError: the account cannot pay.
        """
        known = self._view.owner_index(task_id, self.address)
        return self._chain.register(task_id) if known is None else known

    def register_for(self, task_id: int, signer: bytes, consent: bytes) -> int:
        """Register another key, which signs submissions, with this account, which pays, is paid, and may leave.

        Args:
            consent: what that key's ``consent`` for this account returned.

        Raises:
            ContractError: the consent is not for this task and account, and as for ``register``.
        """
        known = self._view.owner_index(task_id, signer)
        return self._chain.register(task_id, signer, consent) if known is None else known

    def consent(self, task_id: int, account: bytes) -> bytes:
        """Let an account register this key for a task; returns 65 bytes for its ``register_for``.

        The account, which may be a contract, pays the deposit and gets it back, is paid, and may leave; this key signs
        gradients, and can do nothing else.
        """
        terms = self._view.terms(task_id)
        return self._chain.sign(registration_digest(terms.market, task_id, terms.terms_hash, account))

    def resign(self, task_id: int, index: int | None = None) -> None:
        """Take no part in rounds that are opened from now on; only an owner's account can say so.

        Args:
            index: of an owner of this account that has another signer; by default this key's own.
        """
        self._chain.resign(task_id, self.index(task_id) if index is None else index)

    def handover(self, task_id: int, to: bytes, index: int | None = None) -> Handover:
        """What would pass to another account with an owner; to be looked at before ``hand_over``.

        Args:
            to: 20-byte address.
            index: of an owner of this account that has another signer; by default this key's own.

        Raises:
            InvalidInputError: the zero address.
            ContractError: the owner is another account's.
            ClosedError: it has left.
        """
        chosen = self.index(task_id) if index is None else index
        owner, record = self._view.owner(task_id, chosen), self._view.task(task_id)
        name, pay = f"owner {chosen} of task {shown(task_id)}", record.terms.pay
        if not any(to):
            raise InvalidInputError(f"nobody has the zero address, so {name} would be lost; name another account")
        if owner.account not in (self.address, to):
            raise ContractError(
                f"only {checksum(owner.account)}, the account of {name}, may hand it over; use its key file "
                "[NotTheAccount]",
                "NotTheAccount",
            )
        if owner.exited:
            raise ClosedError(f"{name} has left, so there is nothing to hand over")
        owed = self._view.claimable(task_id, chosen, record.rounds_opened).amount
        unused = not self._view.rpc.code(to) and not self._view.balance(to)
        deposit = owner.returned(pay.deposit)
        return Handover(task_id, chosen, owner.signer, to, owner.account == to, pay.token, owed, deposit, unused)

    def hand_over(self, wanted: Handover) -> None:
        """Hand an owner over, at once and for good: the other account does not have to agree."""
        if not wanted.done:
            self._chain.set_account(wanted.task_id, wanted.index, wanted.to)

    def lapse(self, task_id: int, index: int) -> None:
        """Announce the same for an owner that was in no batch of the task's last rounds; any account may."""
        self._chain.lapse(task_id, index)

    def exit(self, task_id: int, index: int | None = None) -> int:
        """Have the deposit of an owner that left paid back to its account, by default of this key's own.

        The market returns it when all of the owner's rounds are settled, so they are claimed first.

        Returns:
            the pay that this claimed.

        Raises:
            ContractError: it does not leave, or a round that it may be in is not closed for long enough.
        """
        chosen = self.index(task_id) if index is None else index
        owner = self._view.owner(task_id, chosen)
        unsettled = owner.leaves_at is not None and not owner.exited and owner.next_claim < owner.leaves_at
        paid = self._chain.claim(task_id, [chosen], owner.leaves_at) if unsettled else 0
        self._chain.exit(task_id, chosen)
        return paid

    def claim(self, task_id: int, through: int | None = None) -> int:
        """Have this owner's account paid for its accepted gradients; returns the amount in the task's token.

        Claiming again pays nothing twice.

        Args:
            through: only of rounds before this one, by default of all.

        Raises:
            ChainError: the market refused, or the account cannot pay the fees.
        """
        index = self._view.owner_index(task_id, self.address)
        return 0 if index is None else claim_all(self._chain, task_id, [index], through)

    def claim_to(self, task_id: int, recipient: bytes) -> int:
        """Have what is owed paid to somebody else than this owner's account, which has to be this one."""
        return claim_elsewhere(self._chain, task_id, self.index(task_id), recipient)

    def sign_claim(self, task_id: int, recipient: bytes, *, max_tip: int = 0, valid_for: int = 30 * DAY) -> OrderFile:
        """An order with which anybody has what is owed paid to a recipient, and keeps a tip of it; costs nothing.

        This owner's account has to be this one.  An order works once, and only while nobody claims in between.

        Args:
            recipient: 20-byte address.
            max_tip: most of the pay that whoever carries it out keeps.
            valid_for: seconds for which it is good.
        """
        index = self.index(task_id)
        end = self._view.now() + valid_for
        return sign_order(self._chain, task_id, index, recipient, max_tip=max_tip, deadline=end)

    def collect(self, token: bytes = ETHER, to: bytes | None = None) -> int:
        """Have a credit of this account paid out: fees, and payments that it did not take; returns the amount.

        Args:
            token: 20-byte address, ``ETHER`` by default.
            to: who gets it instead of this account.
        """
        return self._chain.collect(token, to=to) if self._view.owed(token, self.address) else 0

    def index(self, task_id: int) -> int:
        """Registration index of this key.  Raises UnknownError where it has none."""
        index = self._view.owner_index(task_id, self.address)
        if index is None:
            raise UnknownError(
                f"{checksum(self.address)} is not registered for task {shown(task_id)}; register it first (gradroll "
                "submit --register)"
            )
        return index
