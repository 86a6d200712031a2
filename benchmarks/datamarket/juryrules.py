"""What an arbiter says of a sample, and the rules of juries: verdicts, lost stakes, fees.

docs/protocol-data.md, as contracts/src/data/Jury.sol and DataCases.sol have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What somebody says of a sample."""

    GOOD = "good"
    BAD = "bad"
    BAD_CORRECTED = "bad, and the correction is right"


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of a jury, and how it voted; None for one that was silent."""

    juror: str
    vote: Verdict | None

    def agrees(self, verdict: Verdict | None) -> bool:
        """Whether it said the same on GOOD or BAD; who says nothing agrees with nobody."""
        return _agree(self.vote, verdict)


Seats = Sequence[Seat]


@dataclass(frozen=True, slots=True)
class Ruling:
    """How a sample was decided that no proof decides.

    Attributes:
        said: word of the owner or of the model; None where neither said anything.
        first: the first jury; empty where there was none.
        appellant: who appealed; empty where nobody did.
        second: the jury of the appeal; empty where nobody could be drawn.
    """

    said: Verdict | None = None
    first: Seats = ()
    appellant: str = ""
    second: Seats = ()

    @property
    def verdict(self) -> Verdict | None:
        """The second jury's, or the first's if that has none; None is no decision."""
        return self.said or verdict_of(self.second) or verdict_of(self.first)

    @property
    def overturned(self) -> bool:
        """Whether the appeal turned the first verdict."""
        second = verdict_of(self.second)
        return second is not None and not _agree(verdict_of(self.first), second)

    def fees(self, fee: int, appeal_fee: int) -> dict[str, int]:
        """What jurors get of F and F2; the rest of both is burnt."""
        paid: dict[str, int] = {}
        for seats, whole in ((self.first, fee), (self.second, appeal_fee)):
            for seat in seats:
                if seat.agrees(self.verdict):
                    paid[seat.juror] = paid.get(seat.juror, 0) + whole // len(seats)
        return paid

    def lost(self) -> list[tuple[Seat, list[str]]]:
        """Seats that lose their unit, each with the jurors among whom it is divided; nobody: it is burnt."""
        found = []
        for seats in (self.first, self.second):
            right = [seat.juror for seat in seats if seat.agrees(self.verdict)]
            found += [(seat, right) for seat in seats if not self._keeps(seat)]
        return found

    def _keeps(self, seat: Seat) -> bool:
        return seat.vote is not None if self.verdict is None else seat.agrees(self.verdict)


def verdict_of(seats: Seats) -> Verdict | None:
    """What a jury says: nothing where half of it is silent, or as many say GOOD as BAD."""
    votes = [seat.vote for seat in seats if seat.vote is not None]
    good, corrected = votes.count(Verdict.GOOD), votes.count(Verdict.BAD_CORRECTED)
    bad = len(votes) - good
    if 2 * len(votes) <= len(seats) or good == bad:
        return None
    if good > bad:
        return Verdict.GOOD
    return Verdict.BAD_CORRECTED if 2 * corrected > len(votes) else Verdict.BAD


def _agree(one: Verdict | None, other: Verdict | None) -> bool:
    return None not in (one, other) and (one is Verdict.GOOD) == (other is Verdict.GOOD)
