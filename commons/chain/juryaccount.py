"""Transactions of jurors, and what anybody may do at the jury."""

from __future__ import annotations

from commons.chain import calldata
from commons.chain.account import SMALL, first_word
from commons.chain.calldata import JURY
from commons.chain.dataview import DataView
from commons.chain.juryfacts import PoolTerms, Verdict
from commons.chain.mined import Mined
from commons.chain.ownblocks import require_own_blocks
from commons.chain.writer import ChainWriter

_JOIN_SLOT, _DRAW = 150_000, 6_000_000


class JuryAccount:
    """One account's transactions at the jury.

    Every method waits and raises as those of ``ChainAccount`` do, whose object sends them.  On a chain whose contracts
    see another chain's blocks ``join`` and ``draw`` raise ChainError, and nothing is paid.

    Attributes:
        jury: as nodes show it.
        chain: the account.
    """

    def __init__(self, chain: ChainWriter, data: DataView) -> None:
        self.chain, self.jury = chain, data.jury

    @property
    def address(self) -> bytes:
        """The juror's 20-byte address."""
        return self.chain.address

    def join(self, terms: PoolTerms, slots: int) -> int:
        """Stake so many slots, 1 to 32, in a pool; returns the number of the first."""
        require_own_blocks(self.jury.chain.rpc)
        value = self.chain.value_of(terms.token, terms.unit * slots, self.jury.place)
        mined = self._jury("join", terms.words, slots, gas=SMALL + _JOIN_SLOT * slots, value=value)
        return first_word(mined, self.jury.place, JURY, "Joined")

    def resign(self, slot: int) -> Mined:
        """Say that a slot of this account leaves."""
        return self._jury("resign", slot)

    def withdraw_slot(self, slot: int) -> Mined:
        """Credit the stake of a slot whose notice is over; any account may."""
        return self._jury("withdraw", slot)

    def draw(self, case: int) -> Mined:
        """Draw the jury of a case, or have its anchor set anew; any account may."""
        require_own_blocks(self.jury.chain.rpc)
        return self._jury("draw", case, gas=_DRAW, repeatable=True)

    def commit_vote(self, case: int, round_: int, seat: int, commitment: bytes) -> Mined:
        """Commit to the vote of a seat of this account."""
        return self._jury("commitVote", case, round_, seat, commitment)

    def reveal_vote(self, case: int, round_: int, seat: int, verdict: Verdict, salt: bytes) -> Mined:
        """Reveal a vote."""
        return self._jury("revealVote", case, round_, seat, int(verdict), salt)

    def close_case(self, case: int) -> Mined:
        """Count the votes of a jury whose windows are over; any account may."""
        return self._jury("close", case, repeatable=True)

    def release_seat(self, case: int, round_: int, seat: int) -> Mined:
        """Give a seat's stake back to its slot, or burn it; any account may."""
        return self._jury("release", case, round_, seat)

    def collect_stakes(self, token: bytes, to: bytes | None = None) -> int:
        """Have this account's credit at the jury paid out; returns the amount.  Nothing is sent where there is none."""
        amount = self.jury.owed(token, self.address)
        if amount:
            self._jury("collect", token, self.address, to or self.address, repeatable=True)
        return amount

    def _jury(self, name: str, *arguments: object, gas: int = SMALL, value: int = 0, repeatable: bool = False) -> Mined:
        data = calldata.call(JURY, name, *arguments)
        return self.chain.send(self.jury.place, data, gas=gas, value=value, repeatable=repeatable)
