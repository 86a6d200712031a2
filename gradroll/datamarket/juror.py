"""The SDK of a juror: stake slots, look at the samples of own cases, vote, reveal, get the stake back, leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from circuits.errors import (
    ClosedError,
    ContractError,
    GradrollError,
    InvalidInputError,
    NotReadyError,
    UnknownError,
)
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import DisputeStage
from commons.chain.depth import HEAD
from commons.chain.drawncases import read_draws
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryfacts import CaseRecord, CaseStage, Verdict
from commons.chain.juryview import pool_of
from commons.runtime.amounts import utc
from commons.settings.values import Depth
from gradroll.datamarket.casesubjects import Subject, subject_at
from gradroll.datamarket.datastate import DataState
from gradroll.datamarket.votebook import KeptVote


@dataclass(frozen=True, slots=True)
class OwnSeat:
    """A seat of this juror.

    Attributes:
        case: the case.
        bundle, sample: what it is about.
        round, seat: where the juror sits.
        committed: whether it has voted.
        revealed: what it said; NONE before.
    """

    case: CaseRecord
    bundle: int
    sample: int
    round: int
    seat: int
    committed: bool
    revealed: Verdict
    released: bool


class Juror:
    """An account that sits on juries.  Every method raises ChainError when contract or node refuse.

    Args:
        account: sends this account's transactions.
        state: what it keeps: who loses its votes loses their stakes.
        depth: blocks that must vouch for a jury before its votes are committed to, and for the end of voting before
            they are revealed.
    """

    def __init__(self, account: DataAccount, state: DataState, depth: Depth = HEAD) -> None:
        self._data, self._state, self._depth = account.data, state, depth
        self._account, self._campaigns = JuryAccount(account.chain, account.data), account

    @property
    def address(self) -> bytes:
        """The juror's 20-byte address."""
        return self._account.address

    def join(self, campaign: bytes, slots: int) -> range:
        """Stake so many slots in the pool that decides a campaign's cases; returns their numbers.

        Raises:
            ClosedError: the owner decides them.
        """
        terms = self._data.terms(campaign)  # another committee's pool may have samples that nobody can read
        if not terms.jurors:
            raise ClosedError("the owner of this campaign decides, and no jury; look for another campaign")
        first = self._account.join(pool_of(terms), slots)
        return range(first, first + slots)

    def leave(self) -> list[int]:
        """Have every slot of this account leave that does not yet; returns their numbers."""
        staying = [each for each in self.slots if not self._data.jury.slot(each).leaves_at]
        for slot in staying:
            self._account.resign(slot)
        return staying

    def withdraw(self) -> list[int]:
        """Have the stakes of slots credited whose notice is over and that sit nowhere; returns their numbers."""
        now = self._data.chain.now()
        slots = [(each, self._data.jury.slot(each)) for each in self.slots]
        free = [each for each, slot in slots if slot.leaves_at and now >= slot.leaves_at and not slot.seated]
        for slot in free:
            self._account.withdraw_slot(slot)
        return free

    @property
    def slots(self) -> list[int]:
        """Slots of this account."""
        return self._data.jury.slots(self.address)

    def seats(self) -> list[OwnSeat]:
        """Every seat of this account, of cases that are over as well."""
        return [seat for case in self._cases() for seat in self._seats_in(case)]

    def vote(self, case: int, verdict: Verdict, about: tuple[int, int] | None = None) -> list[OwnSeat]:
        """Commit to a verdict in every seat of a case that is voted in now; returns them.

        The vote is kept before it is sent, with what it is about; the same call after an interruption goes on.

        Args:
            about: bundle and place of the sample that was looked at, if that is to be held against the case.

        Raises:
            UnknownError: no seat of this account is voted in.
            NotReadyError: most nodes do not show that the jury is final: another one may be drawn, and the number of
                the case be given to another sample.
            InvalidInputError: the case is about another sample than was looked at.
            ClosedError: a seat has committed to another verdict, or about another sample.
        """
        own = self._sitting(case, CaseStage.VOTING)
        subject = self._final_subject(own[0])
        if about is not None and about != (subject.bundle, subject.index):
            raise InvalidInputError(
                f"case {case} is about sample {subject.index} of bundle {subject.bundle}, and not the one that you "
                "looked at; look at that one"
            )
        for seat in own:
            place = (case, seat.round, seat.seat)
            vote = self._state.votes.decide(self._data.jury.deployment, place, self.address, verdict, subject)
            kept = self._data.jury.seat(*place).commitment
            if kept == vote.commitment:
                continue
            if any(kept):
                raise ClosedError(
                    f"seat {seat.seat} has committed to another verdict, or before a reorganisation about another "
                    "sample, for good; reveal that one"
                )
            self._account.commit_vote(*place, vote.commitment)
        return [seat for seat in self._seats_in(case) if (seat.round, seat.seat) in {(s.round, s.seat) for s in own}]

    def reveal(self, case: int) -> list[tuple[int, int]]:
        """Reveal the votes of a case that are to be revealed now; returns round and index of their seats.

        One that cannot be revealed keeps no other from it: the first error is raised at the end.

        Raises:
            NotReadyError: it is too early, or most nodes do not show that voting is over: others could copy a vote.
            UnknownError: nothing is to be revealed, or a vote is not kept here.
            ClosedError: the case is about another sample now than a seat has voted on.
        """
        record = self._data.jury.case(case)
        if record.stage is CaseStage.VOTING or (
            record.stage is CaseStage.REVEALING and not self._data.chain.most(lambda: self._is_revealing(case))
        ):
            raise NotReadyError(
                f"votes of case {case} are revealed from {utc(record.vote_end)} until {utc(record.reveal_end)}; come "
                "back then, or the stake is burnt"
            )
        hidden, failed = self._hidden(record), list[GradrollError]()
        if not hidden:
            raise UnknownError(f"this account has no vote to reveal in case {case}, which is {_named(record.stage)}")
        for round_, index in hidden:
            try:
                vote = self._state.votes.find(self._data.jury.seat(case, round_, index).commitment)
                self._require_same(vote)
                self._account.reveal_vote(case, round_, index, vote.verdict, vote.salt)
            except GradrollError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return hidden

    def to_reveal(self) -> list[int]:
        """Cases with votes of this account that are to be revealed now."""
        cases = [self._data.jury.case(number) for number in self._cases()]
        return [case.number for case in cases if self._hidden(case)]

    def release(self, case: int) -> list[OwnSeat]:
        """Get the stakes of a case that has ended back into their slots, and its fees credited.

        Anybody may release a seat, and settle the sample: what others did is not done again, and fees that were not
        credited are, whoever released their seats.  Returns the seats that were released.
        """
        if self._data.jury.case(case).stage is not CaseStage.ENDED:
            raise NotReadyError(f"case {case} has no final verdict yet; come back when its windows are over")
        seats = self._seats_in(case)
        release = self._account.release_seat
        released = [
            seat for seat in seats
            if not seat.released and _done("SeatReleased", partial(release, case, seat.round, seat.seat))
        ]  # fmt: skip
        self._claim_fees([seat for seat in seats if self._data.jury.is_coherent(case, seat.round, seat.seat)])
        return released

    def _claim_fees(self, seats: list[OwnSeat]) -> None:
        """Have the fees of votes credited that agree with the verdict; they are there once the sample is settled."""
        for seat in seats:
            if self._data.dispute(seat.bundle, seat.sample).stage is DisputeStage.CASE:
                _done("DisputeStageDiffers", partial(self._campaigns.settle_sample, seat.bundle, seat.sample))
            claim = partial(self._campaigns.claim_juror_fee, seat.bundle, seat.sample, seat.round, seat.seat)
            _done("NoJurorFee", claim)

    def collect(self, token: bytes) -> int:
        """Have stakes and fees that are credited to this account paid out; returns the amount."""
        return self._account.collect_stakes(token) + self._campaigns.collect(token)

    def _cases(self) -> list[int]:
        """Numbers of the cases for which slots of this account were drawn, ascending."""
        place = self._data.jury.deployment, self.address
        known = self._state.draws.known(*place)
        found, read = read_draws(self._data.jury, self.address, known)
        if read != known:
            self._state.draws.keep(*place, read)
        return sorted({each.case for each in found})

    def _is_revealing(self, case: int) -> bool | None:
        record = self._data.jury.case(case)
        over = self._data.chain.block(self._depth).timestamp > record.vote_end
        return True if record.stage is CaseStage.REVEALING and over else None

    def _final_subject(self, seat: OwnSeat) -> Subject:
        """What a seat's case is about, as most nodes show it.  Raises NotReadyError while its jury is not final."""
        case = seat.case

        def ask() -> Subject | None:
            if not self._data.jury.is_drawn(case.number, case.round, self._depth):
                return None
            return subject_at(self._data, case.number, seat.bundle, seat.sample)

        found = self._data.chain.most(ask)
        if found is None:
            raise NotReadyError(
                f"the jury of case {case.number} is not final: {self._depth} blocks must vouch for it "
                f"(data.confirmations), as most nodes show them; vote before {utc(case.vote_end)}"
            )
        return found

    def _require_same(self, vote: KeptVote) -> None:
        """Raise ClosedError where a case is about another sample now: nobody looked at it, so nothing is said of it."""
        subject = vote.subject
        if subject is None:
            return

        def ask() -> bool:
            return subject_at(self._data, vote.case, subject.bundle, subject.index) == subject

        if not self._data.chain.most(ask):  # one node that lies would have the seat keep silent, and lose its stake
            terms = self._data.campaign(subject.campaign).terms
            stake = self._data.chain.tokens.currency(terms.token).shown(terms.juror_stake)
            raise ClosedError(
                f"seat {vote.seat} of case {vote.case} voted on sample {subject.index} of bundle {subject.bundle}, and "
                f"the chain was reorganised: the case is about something else now. The vote is not revealed; its "
                f"stake of {stake} is lost, as it is for a vote that is not the verdict's"
            )

    def _hidden(self, case: CaseRecord) -> list[tuple[int, int]]:
        """Round and index of the seats whose votes are to be revealed now."""
        if case.stage is not CaseStage.REVEALING:
            return []
        places = [place for place in self._data.jury.seats(case, self.address) if place[0] == case.round]
        seats = [(place, self._data.jury.seat(case.number, *place)) for place in places]
        return [place for place, seat in seats if any(seat.commitment) and not seat.vote]

    def _sitting(self, case: int, stage: CaseStage) -> list[OwnSeat]:
        record = self._data.jury.case(case)
        own = [seat for seat in self._seats_in(case) if seat.round == record.round]
        if record.stage is not stage or not own:
            raise UnknownError(
                f"case {case} is {_named(record.stage)}, and this account has {len(own)} seats in it: nothing is "
                "to be done; look at your seats (gradroll data jury seats)"
            )
        return own

    def _seats_in(self, case: int) -> list[OwnSeat]:
        record, (bundle, sample) = self._data.jury.case(case), self._data.subject_of(case)
        made = []
        for round_, index in self._data.jury.seats(record, self.address):
            seat = self._data.jury.seat(case, round_, index)
            committed = any(seat.commitment)
            made.append(OwnSeat(record, bundle, sample, round_, index, committed, seat.vote, seat.released))
        return made


def _named(stage: CaseStage) -> str:
    return stage.name.lower()


def _done(before: str, do: Callable[[], object]) -> bool:
    """Do what anybody may do; False where somebody did ``before``, as the contract's error of that name says."""
    try:
        do()
    except ContractError as error:
        if error.error != before:
            raise
        return False
    return True
