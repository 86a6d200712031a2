"""Transactions of data owners: they register, leave, are paid, and whoever sends that for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from circuits.errors import ContractError
from commons.chain import calldata
from commons.chain.account import SMALL, ChainAccount, data_words, first_word, logs
from commons.chain.calldata import MARKET, NO_PERMIT, Permit
from commons.chain.mined import Mined
from commons.protocol.consents import SignedClaim

_REGISTER = 600_000
_CLAIM, _PAID, _ORDER = 700_000, 130_000, 260_000
_ROUND, _OWNER_ROUND, _WORD = 3_000, 900, 4_400
"""Gas of a claim: whatever it is for, with what has to be there for the last payment or check; an owner that is paid,
or whose order is carried out, with a recipient that burns what it is given; a round that is walked over, an owner in
it, and each word of its bitmaps."""
_LAPSE = 64 * 8_000
"""Gas to look at the most rounds that terms may ask for."""
_WORD_OWNERS = 128
_OUT_OF_GAS = ("GasTooLow", "OutOfGas")
_SPAN = 1024
"""Most rounds that one claim walks over."""


@dataclass(frozen=True, slots=True)
class _Due:
    """Rounds that an owner is to be paid for: from ``start`` to, without, ``end``."""

    index: int
    start: int
    end: int


class OwnerAccount(ChainAccount):
    """An account of a data owner, or of anybody who has owners paid."""

    def register(
        self, task_id: int, signer: bytes | None = None, consent: bytes = b"", permit: Permit = NO_PERMIT
    ) -> int:
        """Register a data owner with this account, and pay the task's deposit; returns its registration index.

        Args:
            signer: 20-byte address of the key that signs its submissions, for good; this account's own, if None.
            consent: another signer's 65-byte signature over ``consents.registration_digest`` for this account.
            permit: for the deposit, if it is in a token; without one the market is given an allowance first.
        """
        pay = self.view.terms(task_id).pay
        value = self._allowed(pay.token, pay.deposit, permit)
        arguments = task_id, signer or self.address, consent, permit.words
        mined = self._market("register", *arguments, gas=_REGISTER, value=value)
        return first_word(mined, self.view.market, MARKET, "OwnerRegistered")

    def set_account(self, task_id: int, index: int, account: bytes) -> Mined:
        """Hand an owner of this account over to another account, which is paid and may leave from then on."""
        return self._market("setAccount", task_id, index, account)

    def resign(self, task_id: int, index: int) -> Mined:
        """Announce that an owner of this account takes no part in rounds that are opened later."""
        return self._market("resign", task_id, index)

    def lapse(self, task_id: int, index: int) -> Mined:
        """Announce it for an owner that was in no batch of the last rounds; any account may."""
        return self._market("lapse", task_id, index, gas=SMALL + _LAPSE)

    def exit(self, task_id: int, index: int) -> Mined:
        """Have the deposit of an owner that left paid back to its account, after ``claim``; any account may."""
        return self._market("exit", task_id, index)

    def claim(
        self, task_id: int, indices: Sequence[int], through: int | None = None, *, owed_only: bool = False
    ) -> int:
        """Have owners paid, to their accounts, for all their rounds before ``through``; any account may.

        As many transactions as are needed; nothing is sent for owners that nothing can be settled for now.

        Args:
            through: the first round that is not paid for; without, all rounds that were opened.
            owed_only: leave out owners whose rounds pay nothing, which only one that leaves has to have settled.

        Returns:
            what was paid in all, in the smallest unit of the task's token.
        """
        opened = self.view.task(task_id).rounds_opened
        end = opened if through is None else min(through, opened)
        due = [one for index in sorted(set(indices)) if (one := self._due(task_id, index, end, owed_only))]
        most, paid = self._sender.most_gas(), 0
        for part in _portions(due, most):
            paid += self._claim(task_id, part, most)
        return paid

    def _claim(self, task_id: int, part: Sequence[_Due], most: int) -> int:
        """One claim; several, where a token's transfers take more gas than any that we know."""
        packed, last = calldata.packed([one.index for one in part]), max(one.end for one in part)
        try:
            return self._paid(self._market("claim", task_id, last, packed, gas=min(_gas(part), most), repeatable=True))
        except ContractError as error:
            if error.error not in _OUT_OF_GAS or len(part) == 1:
                raise
        half = len(part) // 2
        return self._claim(task_id, part[:half], most) + self._claim(task_id, part[half:], most)

    def claim_to(self, orders: Sequence[SignedClaim]) -> int:
        """Carry out owners' orders to be paid elsewhere; the tips are this account's.

        Orders that are stale, expired or not signed by the owner's account are passed over; ContractError is raised
        for a transaction in which all are.

        Returns:
            what was paid in all, tips included, in the smallest units of the tasks' tokens.
        """
        most, paid = self._sender.most_gas(), 0
        for part in _order_portions(orders, most):
            raw = [one.order.words for one in part], [one.tip for one in part], [one.signature for one in part]
            mined = self._market("claimTo", *raw, gas=min(_CLAIM + sum(map(_order_gas, part)), most), repeatable=True)
            paid += self._paid(mined)
        return paid

    def collect(self, token: bytes, account: bytes | None = None, to: bytes | None = None) -> int:
        """Have a credit paid out: fees, and payments that an account did not take.

        Args:
            account: whose it is; this one's, if None.
            to: who gets it, where it is this account's; otherwise the account itself.

        Returns:
            the amount, in the token's smallest unit.
        """
        whose = account or self.address
        mined = self._market("collect", token, whose, to or whose, repeatable=True)
        (log,) = logs(mined, self.view.market, MARKET, "Collected")
        return data_words(log, 2)[1]

    def _allowed(self, token: bytes, amount: int, permit: Permit) -> int:
        """The ether to send along where the market takes an amount; a permit stands for an allowance."""
        return 0 if permit.deadline else self.value_of(token, amount, self.view.market)

    def _due(self, task_id: int, index: int, through: int, owed_only: bool) -> _Due | None:
        claimable = self.view.claimable(task_id, index, through)
        if owed_only and not claimable.amount:
            return None
        start = self.view.owner(task_id, index).next_claim
        return _Due(index, start, claimable.next_claim) if start < claimable.next_claim else None

    def _paid(self, mined: Mined) -> int:
        return sum(data_words(log, 4)[2] for log in logs(mined, self.view.market, MARKET, "OwnerPaid"))


def _portions(due: Sequence[_Due], most: int) -> Iterator[list[_Due]]:
    """What goes into one claim after the other: few enough rounds of few enough owners for its gas."""
    left: Mapping[int, _Due] = {one.index: one for one in due}
    while left:
        begin = min(one.start for one in left.values())
        stop = begin + _SPAN
        now = [_Due(one.index, one.start, min(one.end, stop)) for one in left.values() if one.start < stop]
        while now:
            count = next(n for n in range(len(now), 0, -1) if n == 1 or _gas(now[:n]) <= most)
            yield now[:count]
            now = now[count:]
        later = (_Due(one.index, max(one.start, stop), one.end) for one in left.values())
        left = {one.index: one for one in later if one.start < one.end}


def _gas(due: Sequence[_Due]) -> int:
    """Gas limit of a claim."""
    rounds = max(one.end for one in due) - min(one.start for one in due)
    words = len({one.index // _WORD_OWNERS for one in due})
    walked = sum(one.end - one.start for one in due)
    return _CLAIM + len(due) * _PAID + rounds * (_ROUND + words * _WORD) + walked * _OWNER_ROUND


def _order_portions(orders: Sequence[SignedClaim], most: int) -> Iterator[list[SignedClaim]]:
    part: list[SignedClaim] = []
    for one in orders:
        if part and _CLAIM + sum(map(_order_gas, (*part, one))) > most:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _order_gas(one: SignedClaim) -> int:
    return _ORDER + (one.order.through - one.order.start) * (_ROUND + _OWNER_ROUND + _WORD)
