"""What each event of the data market's demo costs and brings, by the terms, as the books have it."""

from __future__ import annotations

from collections.abc import Collection

from circuits.errors import ProofError
from commons.chain.datafacts import CampaignTerms
from commons.runtime.amounts import ether
from commons.samples.campaigneconomics import BPS
from gradroll.demo.books import Books

NOBODY = "nobody: burnt"


class Money:
    """A campaign's money.

    Args:
        owner: the name of the campaign's owner in the books.
    """

    def __init__(self, books: Books, terms: CampaignTerms, owner: str) -> None:
        self._books, self._terms, self._owner = books, terms, owner
        self._spent = 0

    def escrow(self, amount: int) -> None:
        """The owner puts up rewards and corrections."""
        self._spent -= amount
        self._books.note(self._owner, "escrow", -amount)

    def withdrawn(self) -> None:
        """What nobody earned goes back to the owner."""
        self._books.note(self._owner, "escrow that nobody earned", -self._spent)

    def commitment(self, who: str, samples: int) -> None:
        """Somebody commits to a bundle."""
        self._books.note(who, f"deposits of {samples} samples", -self._terms.deposit * samples)
        self._books.note(who, "fee of the receipts", -self._terms.receipt_fee)

    def receipts(self, signers: Collection[str]) -> None:
        """A bundle's receipts: members share the fee."""
        share, rest = divmod(self._terms.receipt_fee, len(signers))
        for each in signers:
            self._books.note(each, "receipt for a bundle", share)
        self._burn("what receipts' fees leave over", rest)

    def never_opened(self, who: str, samples: int) -> None:
        """A commitment that nobody could open."""
        self._burn(f"deposits and fee of {who}", self._terms.deposit * samples + self._terms.receipt_fee)

    def accepted(self, who: str, samples: int) -> None:
        """Samples that count."""
        self._books.note(who, f"deposits of {samples} accepted samples back", self._terms.deposit * samples)
        self._earn(who, f"rewards of {samples} samples", self._terms.reward * samples)

    def proven_copies(self, who: str, winner: str, samples: int) -> None:
        """Copies, by proof: the case's fee goes to who looked."""
        burnt = self._burnt
        self._books.note(winner, f"{samples} proofs", samples * (self._terms.deposit - burnt))
        self._burn(f"part of the deposits of {who}", samples * burnt)

    def conceded(self, who: str, winner: str, samples: int) -> None:
        """Bad samples whose contributor concedes, with corrections."""
        terms, burnt = self._terms, self._burnt
        self._books.note(who, f"fee of {samples} cases, saved by conceding", samples * terms.fee)
        self._books.note(winner, f"{samples} bad samples", samples * (terms.deposit - terms.fee - burnt))
        self._earn(winner, f"{samples} corrections", samples * terms.correction)
        self._burn(f"part of the deposits of {who}", samples * burnt)

    def contested(self, who: str, winner: str) -> None:
        """A bad sample whose contributor contests that, appeals, and loses both; the correction enters."""
        terms, burnt = self._terms, self._burnt
        self._books.note(who, "an appeal that was lost", -terms.appeal_fee)
        self._books.note(winner, "a bad sample before the jury", terms.deposit - terms.fee - burnt)
        self._earn(winner, "its correction", terms.correction)
        self._burn(f"part of the deposits of {who}", burnt)

    def upheld(self, who: str, challenger: str) -> None:
        """A good sample that was challenged: its contributor has the stake less the jury's fee."""
        self._books.note(who, f"stake of {challenger}, less the jury's fee", self._terms.stake - self._terms.fee)
        self.accepted(who, 1)

    def staked(self, who: str, challenges: int) -> None:
        """Somebody commits to challenges."""
        self._books.note(who, f"stakes of {challenges} challenges", -self._terms.stake * challenges)

    def unstaked(self, who: str, challenges: int) -> None:
        """Challenges that were right."""
        self._books.note(who, f"stakes of {challenges} right challenges back", self._terms.stake * challenges)

    def joined(self, who: str, slots: int) -> None:
        """A juror stakes slots."""
        self._books.note(who, f"stakes of {slots} slots", -self._terms.juror_stake * slots)

    def left(self, who: str, slots: int) -> None:
        """A juror that lost none of its slots leaves."""
        self._books.note(who, f"stakes of {slots} slots back", self._terms.juror_stake * slots)

    def jurors(self, seats: dict[str, int], *, appeal: bool) -> None:
        """The fee of a jury that agrees with the verdict, by seats of each juror."""
        fee, size = (self._terms.appeal_fee, 2 * self._terms.jurors + 1) if appeal else (
            self._terms.fee, self._terms.jurors
        )  # fmt: skip
        for name, count in seats.items():
            self._books.note(name, f"{count} seats of {'an appeal' if appeal else 'a jury'}", count * (fee // size))
        self._burn("what juries' fees leave over", fee % size)

    @property
    def _burnt(self) -> int:
        """Of a bad sample's deposit."""
        return (self._terms.deposit - self._terms.fee) * self._terms.burnt // BPS

    def _earn(self, who: str, what: str, amount: int) -> None:
        """Money out of the escrow."""
        self._spent += amount
        self._books.note(who, what, amount)

    def _burn(self, what: str, amount: int) -> None:
        if amount:
            self._books.note(NOBODY, what, amount)


def require_fair(books: Books, gaining: Collection[str], losing: Collection[str]) -> None:
    """Raise ProofError unless some accounts gained, others lost, and all together have what was there; gas apart."""
    for name in (*gaining, *losing):
        net = books.net(name)
        if net == 0 or (net > 0) != (name in gaining):
            raise ProofError(f"{name} ends with {'-' if net < 0 else ''}{ether(abs(net))}, which was not to be")
    left = sum(books.net(name) for name in books.names)
    if left:
        raise ProofError(f"all accounts together have {'-' if left < 0 else ''}{ether(abs(left))} more than they had")
