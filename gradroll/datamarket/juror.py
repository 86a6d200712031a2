"""The SDK of a juror: stake slots, look at the samples of own cases, vote, reveal, get the stake back, leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from circuits.errors import ClosedError, ContractError, GradrollError, NotReadyError, UnknownError
from commons.chain.dataaccount import DataAccount
from commons.chain.datafacts import DisputeStage
from commons.chain.juryaccount import JuryAccount
from commons.chain.juryfacts import CaseRecord, CaseStage, Verdict
from commons.chain.juryview import pool_of
from commons.runtime.amounts import utc
from gradroll.datamarket.datastate import DataState


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
    """

    def __init__(self, account: DataAccount, state: DataState) -> None:
        self._data, self._state = account.data, state
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
        terms = self._data.campaign(campaign).terms
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
        return [seat for case in self._data.jury.cases_of(self.address) for seat in self._seats_in(case)]

    def vote(self, case: int, verdict: Verdict) -> list[OwnSeat]:
        """Commit to a verdict in every seat of a case that is voted in now; returns them.

        The vote is kept before it is sent; the same call after an interruption goes on.

        Raises:
            UnknownError: no seat of this account is voted in.
            ClosedError: a seat has committed to another verdict.
        """
        own = self._sitting(case, CaseStage.VOTING)
        for seat in own:
            place = (case, seat.round, seat.seat)
            vote = self._state.votes.decide(self._data.jury.deployment, place, self.address, verdict)
            kept = self._data.jury.seat(*place).commitment
            if kept == vote.commitment:
                continue
            if any(kept):
                raise ClosedError(f"seat {seat.seat} has committed to another verdict, for good; reveal that one")
            self._account.commit_vote(*place, vote.commitment)
        return [seat for seat in self._seats_in(case) if (seat.round, seat.seat) in {(s.round, s.seat) for s in own}]

    def reveal(self, case: int) -> list[tuple[int, int]]:
        """Reveal the votes of a case that are to be revealed now; returns round and index of their seats.

        One that cannot be revealed keeps no other from it: the first error is raised at the end.

        Raises:
            NotReadyError: it is too early, or most nodes do not show that voting is over: others could copy a vote.
            UnknownError: nothing is to be revealed, or a vote is not kept here.
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
                self._account.reveal_vote(case, round_, index, vote.verdict, vote.salt)
            except GradrollError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return hidden

    def to_reveal(self) -> list[int]:
        """Cases with votes of this account that are to be revealed now."""
        cases = [self._data.jury.case(number) for number in self._data.jury.cases_of(self.address)]
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

    def _is_revealing(self, case: int) -> bool | None:
        return True if self._data.jury.case(case).stage is CaseStage.REVEALING else None

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
